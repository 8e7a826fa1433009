#!/usr/bin/env python3
"""What it costs to read a large workspace and to plan a task of all its packages.

    cargo build --release -p vt && tests/bench/planning.py
    cargo build --release -p vt-plan --example planning && tests/bench/planning.py --part

The workspace has 1,000 packages with three tasks each, two of them scripts and one with a
configuration of its own in every fourth package; each package depends on up to three before it.
Figures are CPU times, user and system, of the whole process: medians over interleaved rounds, with
the files in the page cache. Without `--part` the command itself is measured; with it, only the
crates that read and plan.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def generate(root, packages):
    """Writes the workspace; the same one every time."""
    chance = random.Random(1)
    (root / "package.json").write_text(json.dumps({"name": "root", "workspaces": ["packages/*"]}))
    (root / "node_modules").mkdir()
    for number in range(packages):
        folder = root / "packages" / f"p{number:04}"
        (folder / "src").mkdir(parents=True)
        (folder / "src/index.ts").write_text("export {}\n")
        before = chance.sample(range(number), min(number, 3))
        dependencies = {f"@bench/p{one:04}": "workspace:*" for one in before}
        dependencies |= {f"outside-{one}": "^1.2.3" for one in range(10)}
        scripts = {"build": "tsc -b", "test": "vitest run"}
        if number % 4:
            scripts["lint"] = "eslint ."
        else:
            tasks = {"lint": {"command": "eslint .", "dependsOn": ["build"]}}
            (folder / "vite-task.json").write_text(json.dumps({"tasks": tasks}))
        manifest = {
            "name": f"@bench/p{number:04}",
            "version": "1.0.0",
            "scripts": scripts,
            "dependencies": dependencies,
            "devDependencies": {f"tool-{one}": "^4.5.6" for one in range(10)},
            "exports": {f"./{one}": f"./dist/{one}.js" for one in range(5)},
        }
        (folder / "package.json").write_text(json.dumps(manifest, indent=2))


def cost(command, directory):
    """User and system time of a command, in milliseconds."""
    child = os.fork()
    if child == 0:
        os.chdir(directory)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.execv(command[0], command)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{command} failed: {status}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", action="store_true", help="measure the example of vt-plan")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--packages", type=int, default=1000)
    parser.add_argument("--keep", metavar="DIR", help="write the workspace here and leave it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(args.keep or temporary) / "workspace"
        root.mkdir(parents=True)
        generate(root, args.packages)
        if args.part:
            example = str(TARGET / "release/examples/planning")
            commands = {
                "read": [example, str(root)],
                "read and plan build": [example, str(root), "build"],
            }
        else:
            vt = str(TARGET / "release/vt")
            commands = {
                "vt --version": [vt, "--version"],
                "vt list": [vt, "list"],
                "vt graph -r build": [vt, "graph", "-r", "build"],
                "vt graph -F 'p0999...' build": [vt, "graph", "-F", "p0999...", "build"],
            }
        figures = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, command in commands.items():
                figures[name].append(cost(command, root))
        for name, times in figures.items():
            print(f"{name:32} {statistics.median(times):6.1f} ms CPU")


if __name__ == "__main__":
    main()
