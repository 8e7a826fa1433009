#!/usr/bin/env python3
"""Measures the main job on a copy of examples/vite-app, as ratios within one run.

    cargo build --release -p vt && tests/bench/main_job.py [path of vt] [rounds]

Modes are interleaved. For each: median wall time and median CPU time (user and system, of the
command and everything it waited for). `turbo` is fetched from npm into the copy.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TURBO = "turbo@2.11.11"


def measure(command, directory, before=None):
    if before:
        before()
    start_usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime - start_usage.ru_utime - start_usage.ru_stime
    return wall * 1000, cpu * 1000


def main():
    vt = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/vt").resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    with tempfile.TemporaryDirectory() as scratch:
        app = Path(scratch) / "app"
        shutil.copytree(ROOT / "examples/vite-app", app, ignore=shutil.ignore_patterns("node_modules", "dist"))
        run = lambda *command: subprocess.run(command, cwd=app, check=True, stdout=subprocess.DEVNULL)
        run("npm", "ci", "--silent")
        run("npm", "install", "--silent", "--no-save", TURBO)
        manifest = json.loads((app / "package.json").read_text())
        manifest["packageManager"] = "npm@11.0.0"
        manifest.setdefault("scripts", {})["turbo-build"] = "vite build"
        (app / "package.json").write_text(json.dumps(manifest, indent=2))
        (app / "turbo.json").write_text(json.dumps({"tasks": {"turbo-build": {"outputs": ["dist/**"]}}}))
        os.environ.update(TURBO_TELEMETRY_DISABLED="1", DO_NOT_TRACK="1")
        clean = lambda: shutil.rmtree(app / "dist", ignore_errors=True)
        turbo = ["npx", "turbo", "run", "turbo-build"]
        modes = {
            "node -e 0": (["node", "-e", "0"], None),
            "vt, hit": ([vt, "run", "build"], None),
            "vt, hit, dist removed": ([vt, "run", "build"], clean),
            "npx turbo, hit": (turbo, None),
            "vite build": (["node_modules/.bin/vite", "build"], clean),
            "vt run --force": ([vt, "run", "--force", "build"], clean),
        }
        for command, _ in modes.values():
            measure(command, app)
        results = {name: [] for name in modes}
        for _ in range(rounds):
            for name, (command, before) in modes.items():
                if name.startswith("vt, hit") or name.startswith("npx"):
                    # What ran in between changed the state of dist: settle it first.
                    measure(command, app)
                results[name].append(measure(command, app, before))
        base_wall = statistics.median(wall for wall, _ in results["node -e 0"])
        print(f"{'mode':24} {'wall ms':>9} {'cpu ms':>9} {'wall / node -e 0':>18}")
        for name, rows in results.items():
            wall = statistics.median(wall for wall, _ in rows)
            cpu = statistics.median(cpu for _, cpu in rows)
            print(f"{name:24} {wall:9.1f} {cpu:9.1f} {wall / base_wall:18.2f}")


main()
