#!/usr/bin/env python3
"""What rule plugins cost.

    cargo build --release --workspace --bins && tests/bench/plugins.py

What a warm run pays for plugins that are configured: one step that hits, with ten components from files,
pinned, against none: where none, one or all of them speak for the step, and with a policy besides that
limits what they say. And what the first use of a component pays, in a cache that has seen other steps: of
one from a file, whose code is compiled, or is there already, and of a built-in one, whose code may travel
in the program.

The ten are the component for Vitest under ten ids, so each is looked at, held against the lock and judged.
All cases take turns in each round, another one first each time. Figures are medians over the rounds of CPU
time (user and system, of `vt` and what it started) and wall time in milliseconds, with the files in the page
cache, and of memory, and the ratio of the sums of CPU time. Of the first use, the same.
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
    """Runs `vt`; its CPU time and wall time in milliseconds, and the most memory it had in MiB."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME")}
    environment["VT_CACHE_DIR"] = str(cache or root.parent / f"{root.name}-cache")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    said = [(os.POSIX_SPAWN_OPEN, 1, str(root.parent / "said"), flags, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
    began = time.perf_counter()
    # Not a fork: what that copies of this interpreter would count as CPU of `vt`.
    child = os.posix_spawn(VT, [str(VT), "-C", str(root), *words], environment, file_actions=said)
    _, status, usage = os.wait4(child, 0)
    took = (time.perf_counter() - began) * 1000
    said = (root.parent / "said").read_text()
    assert status == 0, f"vt {' '.join(words)}: {said}"
    return (usage.ru_utime + usage.ru_stime) * 1000, took, usage.ru_maxrss / 1024


def take_turns(rounds, cases):
    """What each case took, all of them in each round."""
    names = list(cases)
    took = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            took[name].append(cases[name]())
    return took


def table(took):
    """Against the first of them."""
    print("| | CPU, ms | wall, ms | memory, MiB | CPU, ratio |")
    print("|---|---|---|---|---|")
    total = {name: sum(one[0] for one in all_of_it) for name, all_of_it in took.items()}
    base = next(iter(total.values()))
    for name, all_of_it in took.items():
        cpu, wall, memory = (statistics.median(column) for column in zip(*all_of_it))
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {memory:.1f} | {total[name] / base:.3f} |")
    print()


def warm(place, rounds):
    policy = {"directives": ["opt-out-is-noise", "ignore-input", "ignore-output", "track-env", "output"],
              "paths": ["**"], "env": ["*"], "requireLock": True}
    cases = {}
    for name, plugins, speaking in (
        ("no plugin", 0, 0),
        ("ten plugins, none speaks for the step", COUNT, 0),
        ("ten plugins, one speaks", COUNT, 1),
        ("ten plugins, all speak, 170 directives", COUNT, COUNT),
        ("the same, and a policy", COUNT, COUNT),
    ):
        root = place / f"warm-{len(cases)}"
        workspace(root, plugins, speaking)
        if name.endswith("policy"):
            (root / "vt-policy.json").write_text(json.dumps(policy))
        for _ in range(4):
            call(root, "run", "test")
        cases[name] = lambda root=root: call(root, "run", "test")
    table(take_turns(rounds, cases))


def first_use(place, rounds):
    root, built_in = place / "first", place / "built-in"
    workspace(root, 1)
    workspace(built_in, 0)
    config = {"plugins": ["vitest"], "tasks": {"test": "vitest run"}}
    (built_in / "vite-task.json").write_text(json.dumps(config))
    none = place / "without"
    workspace(none, 0)
    fresh, there, kept = place / "fresh", place / "there", place / "kept"
    count = iter(range(10**6))

    def ask(root, cache):
        """Another argument is another question."""
        return call(root, "run", "test", f"--{next(count)}", cache=cache)

    # The second of these sweeps the cache, which is done once an hour.
    for _ in range(3):
        ask(none, there)
    shutil.copytree(there, kept)
    ask(root, kept)

    def copied(cache, root):
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(cache, fresh)
        return ask(root, fresh)

    cases = {
        "no plugin": lambda: copied(there, none),
        "one from a file, compiled": lambda: copied(there, root),
        "one from a file, compiled earlier": lambda: copied(kept, root),
        "a built-in one": lambda: copied(there, built_in),
    }
    table(take_turns(rounds, cases))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--vt", type=pathlib.Path, default=VT, help="the program to measure")
    options = parser.parse_args()
    globals()["VT"] = options.vt
    base = pathlib.Path("/var/tmp")
    with tempfile.TemporaryDirectory(dir=base, prefix="vt-plugins-") as place:
        print("A step that hits:\n")
        warm(pathlib.Path(place), options.rounds)
        print("A step that runs, `cat` in a shell, with a question that was never asked:\n")
        first_use(pathlib.Path(place), max(options.rounds // 5, 5))
        done = subprocess.run(
            [VT, "plugin", "inspect", "vitest"], cwd=pathlib.Path(place) / "built-in",
            capture_output=True, text=True, check=True,
        )
        code = next(line for line in done.stdout.splitlines() if line.startswith("  code: "))
        print(f"The built-in one is {code.removeprefix('  code: ')}.")


if __name__ == "__main__":
    main()
