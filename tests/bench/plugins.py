#!/usr/bin/env python3
"""What rule plugins cost.

    cargo build --release -p vt && tests/bench/plugins.py

Two questions. What a warm run pays for plugins that are configured: one step that hits, with ten
components from files, pinned, against none: where none, one or all of them speak for the step, and with
a policy besides that limits what they say. And
what the first use of a component pays: a question that no memo answers, with the component to be
compiled and with the compiled code kept from an earlier question.

The ten are the component for Vitest under ten ids, so each is read, held against the lock and judged.
Half of each pair of runs comes first in every round; figures are medians of wall times in milliseconds
over interleaved rounds, and of the ratio of each pair, with the files in the page cache.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
COMPONENT = ROOT / "plugins/components/vitest.wasm"
COUNT = 10
VT = TARGET / "release/vt"


def renamed(number, speaks):
    """The component for Vitest under an id of the same length, and for another tool if it is not
    to speak."""
    found = COMPONENT.read_bytes()
    old, new = b'"id":"vitest"', b'"id":"vites%d"' % number
    assert old in found, "the manifest is written differently now"
    found = found.replace(old, new)
    if speaks:
        return found
    old, new = b'"programs":["vitest"', b'"programs":["vites%d"' % number
    assert old in found, "the manifest is written differently now"
    return found.replace(old, new)


def workspace(root, plugins, speaking=COUNT):
    """A package whose one step is run by something that is called `vitest`."""
    (root / "node_modules/.bin").mkdir(parents=True)
    tool = root / "node_modules/.bin/vitest"
    tool.write_text("#!/bin/sh\ncat a.txt\n")
    tool.chmod(0o755)
    (root / "a.txt").write_text("one\n")
    (root / "package.json").write_text(
        json.dumps({"name": "app", "private": True, "devDependencies": {"vitest": "*"}})
    )
    names = []
    for number in range(plugins):
        (root / f"p{number}.wasm").write_bytes(renamed(number, number < speaking))
        names.append(f"./p{number}.wasm")
    config = {"plugins": names, "tasks": {"test": "vitest run"}}
    (root / "vite-task.json").write_text(json.dumps(config))
    if plugins:
        call(root, "plugin", "add")


def call(root, *words, cache=None):
    """Runs `vt`; wall time in milliseconds."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME")}
    environment["VT_CACHE_DIR"] = str(cache or root.parent / f"{root.name}-cache")
    began = time.perf_counter()
    done = subprocess.run(
        [VT, *words], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    took = (time.perf_counter() - began) * 1000
    assert done.returncode == 0, f"vt {' '.join(words)}: {done.stderr}"
    return took


def compare(rounds, left, right):
    """Medians of both, and of their ratio, right over left."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            later = right()
            pairs.append((left(), later))
        else:
            pairs.append((left(), right()))
    middle = statistics.median
    return (
        middle(pair[0] for pair in pairs),
        middle(pair[1] for pair in pairs),
        middle(pair[1] / pair[0] for pair in pairs),
    )


def warm(place, rounds):
    none, silent, one, ten, limited = (
        place / name for name in ("none", "silent", "one", "ten", "limited")
    )
    workspace(none, 0)
    for root, speaking in ((silent, 0), (one, 1), (ten, COUNT), (limited, COUNT)):
        workspace(root, COUNT, speaking)
    policy = {"directives": ["opt-out-is-noise", "ignore-input", "ignore-output", "track-env", "output"],
              "paths": ["**"], "env": ["*"], "requireLock": True}
    (limited / "vt-policy.json").write_text(json.dumps(policy))
    for root in (none, silent, one, ten, limited):
        for _ in range(3):
            call(root, "run", "test")
    cases = (
        ("ten plugins, none speaks for the step", silent),
        ("ten plugins, one speaks", one),
        ("ten plugins, all speak", ten),
        ("ten plugins, all speak, and a policy", limited),
    )
    for label, other in cases:
        without, with_them, ratio = compare(
            rounds, lambda: call(none, "run", "test"), lambda: call(other, "run", "test")
        )
        print(f"warm run, {label}: {with_them:.2f} ms, without {without:.2f} ms, ratio {ratio:.3f}")


def first_use(place, rounds):
    root = place / "first"
    workspace(root, 1)
    kept, fresh = place / "kept", place / "fresh"
    call(root, "run", "test", cache=kept)
    count = iter(range(10**6))

    def cold():
        shutil.rmtree(fresh / "precompiled", ignore_errors=True)
        return call(root, "run", "test", f"--{next(count)}", cache=fresh)

    def precompiled():
        return call(root, "run", "test", f"--{next(count)}", cache=kept)

    cold()
    compiled, loaded, ratio = compare(rounds, cold, precompiled)
    print(f"first question, compiled: {compiled:.2f} ms, precompiled: {loaded:.2f} ms, ratio {ratio:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--vt", type=pathlib.Path, default=VT, help="the program to measure")
    options = parser.parse_args()
    globals()["VT"] = options.vt
    base = pathlib.Path("/var/tmp")
    with tempfile.TemporaryDirectory(dir=base, prefix="vt-plugins-") as place:
        warm(pathlib.Path(place), options.rounds)
        first_use(pathlib.Path(place), max(options.rounds // 3, 5))


if __name__ == "__main__":
    main()
