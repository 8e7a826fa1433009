#!/usr/bin/env python3
"""Measures the channel between a tool and the runner.

    cargo build --release -p vt-ipc --example endpoint && \\
    cargo build --release -p vt-client --example round_trip && \\
    cargo build --release -p vt && tests/bench/ipc.py [target folder] [calls]

For each client: the time until it has its first answer, and the median of a `get-env` after that.
`addon` is the Node client that steps are given; `worker` and `process` are what it could be without
native code. Then what an endpoint costs that nobody uses. `VT_BIN` names another `vt`.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


# Stands for the path of the Node client in a command.
ADDON = object()


def measure(endpoint, command, env):
    """Runs a client with an endpoint of its own, since a step may send 100,000 messages and no more."""
    server = subprocess.Popen([endpoint, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told = json.loads(server.stdout.readline())
    words = [told["client"] if word is ADDON else str(word) for word in command]
    env = {**env, "VT_IPC": told["endpoint"]}
    said = subprocess.run(words, env=env, check=True, stdout=subprocess.PIPE).stdout
    reported = json.loads(server.communicate()[0])
    assert reported["failure"] is None, reported
    return json.loads(said)


def main():
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release").resolve()
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    endpoint = target / "examples/endpoint"
    env = {**os.environ, "VT_BIN": os.environ.get("VT_BIN", str(target / "vt"))}
    # An addon is known by its name.
    script = HERE / "ipc_clients/round_trip.cjs"
    clients = {
        "Rust": [target / "examples/round_trip", calls],
        "Node, addon": ["node", script, ADDON, calls],
        "Node, worker": ["node", script, HERE / "ipc_clients/worker.cjs", calls],
    }
    if Path(env["VT_BIN"]).exists():
        clients["Node, process"] = ["node", script, HERE / "ipc_clients/process.cjs", min(calls, 200)]
    else:
        print("SKIPPED: `Node, process`, since there is no vt", file=sys.stderr)
    for folder in os.environ.get("NODES", "").split(":"):
        if folder:
            clients[f"{Path(folder).parts[-2]}, addon"] = [Path(folder) / "node", script, ADDON, calls]
    if shutil.which("bun"):
        clients["Bun, addon"] = ["bun", script, ADDON, calls]
    print(f"{'client':<16} {'first answer':>14} {'get-env':>10}   (microseconds, medians of 5 runs)")
    for name, command in clients.items():
        runs = [measure(endpoint, command, env) for _ in range(5)]
        middle = lambda key: statistics.median(run[key] for run in runs)
        print(f"{name:<16} {middle('load'):>14.0f} {middle('median'):>10.1f}")
    idle = json.loads(subprocess.run([endpoint, "idle", "1000"], check=True, capture_output=True).stdout)
    print(f"an endpoint that nobody uses: start {idle['start']} and end {idle['finish']} microseconds")


main()
