#!/usr/bin/env python3
"""Measures a warm run of the same generated workspace by `vt` and by its peers.

    cargo build --release --workspace --bins && tests/bench/peers.py

    --rounds N          how often each is run (9)
    --packages N,...    how many packages the workspaces have (1,10,100,1000)
    --tools NAME,...    vt and the peers to measure (all)
    --vt PATH           the program to measure (below target/release)
    --peers DIR         where the peers are, or are to be installed from npm (a directory of its own)
    --keep DIR          make the workspaces here, and leave them

A package has three source files and a script `build` that joins two of them and the time into
`dist/out.txt`; it depends on up to two packages before it, which are built first. Each tool has a
copy with the files that it wants, in a git repository, and is asked for the build of all packages:

`hit`       nothing changed since the run before, and the outputs are in place;
`restore`   as above, but every `dist` was removed.

Each run is checked: every output must hold the time at which it was first made, so whatever built
it anew is no hit, and is told. Tools are interleaved. A native program is started as such, without
the script that npm puts in front of it, and without its daemon, whose work would be nobody's.

CPU is user and system time of the command and of all it waited for; memory is the largest resident
set of any of its processes. Medians, and beside them their ratio to the best peer in that figure.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PEERS = {
    "vp": "vite-plus@1.0.0",
    "turbo": "turbo@2.11.11",
    "nx": "nx@24.0.6",
    "moon": "@moonrepo/cli@2.5.5",
    "wireit": "wireit@0.14.13",
}
BUILD = """mkdir -p dist
{ cat src/a.txt src/b.txt; date +%s%N; } > dist/out.txt
"""
QUIET = {
    "CI": "1",
    "DO_NOT_TRACK": "1",
    "MOON_TOOLCHAIN_FORCE_GLOBALS": "true",
    "NO_COLOR": "1",
    "NX_DAEMON": "false",
    "NX_NO_CLOUD": "true",
    "TURBO_TELEMETRY_DISABLED": "1",
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--packages", default="1,10,100,1000")
    parser.add_argument("--tools", default="vt," + ",".join(PEERS))
    parser.add_argument("--vt", type=Path, default=TARGET / "release/vt")
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--keep", type=Path)
    return parser.parse_args()


def install(directory, tools):
    """Gets the peers that npm can install; the others are told and left out."""
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "package.json").exists():
        (directory / "package.json").write_text('{"private": true}')
    found = []
    for tool in tools:
        if not (directory / "node_modules/.bin" / tool).exists():
            command = ["npm", "install", "--no-audit", "--no-fund", "--save-exact", PEERS[tool]]
            done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"SKIPPED: {tool} cannot be installed: {done.stderr.strip()[-300:]}", file=sys.stderr)
                continue
        found.append(tool)
    return found


def native(peers, tool):
    """The program itself."""
    modules = peers / "node_modules"
    places = {"turbo": "@turbo/*/bin/turbo", "moon": "@moonrepo/core-*/moon"}
    found = modules.glob(places[tool]) if tool in places else iter(())
    return next(found, modules / ".bin" / tool)


def name(number):
    return f"@bench/p{number:04}"


def before(number):
    return [one for one in (number - 1, number // 2) if 0 <= one < number][: 2 if number > 1 else 1]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2) + "\n")


def generate(root, tool, count, peers):
    """Writes the workspace with the files of one tool."""
    manifest = {"name": "bench", "private": True, "packageManager": "npm@11.0.0", "workspaces": ["packages/*"]}
    write(root / ".gitignore", "node_modules\ndist\n.turbo\n.nx\n.moon/cache\n.wireit\n")
    (root / "node_modules/@bench").mkdir(parents=True)
    lock = {"": {"name": "bench", "workspaces": ["packages/*"]}}
    for number in range(count):
        folder = root / f"packages/p{number:04}"
        dependencies = sorted({name(one) for one in before(number)})
        package = {"name": name(number), "version": "1.0.0", "scripts": {"build": "sh build.sh"}}
        package["dependencies"] = {one: "*" for one in dependencies}
        if tool == "wireit":
            package["scripts"]["build"] = "wireit"
            package["wireit"] = {
                "build": {
                    "command": "sh build.sh",
                    "dependencies": [f"../{one.removeprefix('@bench/')}:build" for one in dependencies],
                    "files": ["src/**", "build.sh"],
                    "output": ["dist/**"],
                }
            }
        if tool == "moon":
            lines = "\n".join(f"  - '{one.removeprefix('@bench/')}'" for one in dependencies)
            write(folder / "moon.yml", f"dependsOn:\n{lines}\n" if dependencies else "{}\n")
        write(folder / "package.json", package)
        write(folder / "build.sh", BUILD)
        for letter in "abc":
            write(folder / f"src/{letter}.txt", f"{letter} of {number}\n" * 40)
        (root / "node_modules" / name(number)).symlink_to(f"../../packages/p{number:04}")
        lock[f"packages/p{number:04}"] = {"name": name(number), "version": "1.0.0", "dependencies": package["dependencies"]}
        lock[f"node_modules/{name(number)}"] = {"resolved": f"packages/p{number:04}", "link": True}
    if tool == "vt":
        write(root / "vite-task.json", {"cache": True})
    if tool == "vp":
        write(root / "vite.config.mjs", "export default { run: { cache: true } };\n")
    if tool == "turbo":
        write(root / "turbo.json", {"tasks": {"build": {"dependsOn": ["^build"], "outputs": ["dist/**"]}}})
    if tool == "nx":
        target = {"dependsOn": ["^build"], "cache": True, "outputs": ["{projectRoot}/dist"]}
        write(root / "nx.json", {"targetDefaults": {"build": target}, "analytics": False})
    if tool == "moon":
        write(root / ".moon/workspace.yml", "projects:\n  - 'packages/*'\ntelemetry: false\n")
        task = "tasks:\n  build:\n    command: 'sh build.sh'\n    deps: ['^:build']\n"
        write(root / ".moon/tasks/all.yml", task + "    inputs: ['src/**/*', 'build.sh']\n    outputs: ['dist']\n")
    if tool == "wireit":
        manifest["scripts"] = {"build": "wireit"}
        packages = [f"./packages/p{number:04}:build" for number in range(count)]
        manifest["wireit"] = {"build": {"dependencies": packages}}
    write(root / "package.json", manifest)
    write(root / "package-lock.json", {"name": "bench", "lockfileVersion": 3, "requires": True, "packages": lock})
    if tool in ("vp", "nx", "wireit"):
        for entry in (peers / "node_modules").iterdir():
            if entry.name not in ("@bench", ".package-lock.json"):
                (root / "node_modules" / entry.name).symlink_to(entry)
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for command in (["init", "--quiet"], ["add", "--all"], [*identity, "commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def command(tool, vt, peers):
    """How to build all packages."""
    if tool == "vt":
        return [str(vt), "run", "-r", "build"]
    if tool == "wireit":
        return ["npm", "run", "build"]
    arguments = {
        "vp": ["run", "-r", "build"],
        "turbo": ["run", "build"],
        "nx": ["run-many", "--target=build", "--parallel=4"],
        "moon": ["run", ":build"],
    }
    return [str(native(peers, tool)), *arguments[tool]]


class Run:
    """A run and what it took: wall and CPU time in ms, memory in MB."""

    def __init__(self, words, directory):
        with tempfile.TemporaryFile() as said:
            start = time.perf_counter()
            process = subprocess.Popen(words, cwd=directory, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            _, status, usage = os.wait4(process.pid, 0)
            self.wall = (time.perf_counter() - start) * 1000
            process.returncode = self.code = os.waitstatus_to_exitcode(status)
            said.seek(0)
            self.said = said.read().decode(errors="replace")
        self.cpu = (usage.ru_utime + usage.ru_stime) * 1000
        self.memory = usage.ru_maxrss / 1024


def outputs(root):
    return {path.parent.parent.name: path.read_text() for path in root.glob("packages/*/dist/out.txt")}


def prime(words, root, count):
    """Runs until a run builds nothing; says why not otherwise."""
    last = None
    for _ in range(4):
        done = Run(words, root)
        made = outputs(root)
        if done.code != 0 or len(made) != count:
            return f"ended with {done.code} and {len(made)} outputs: {done.said[-600:]}"
        if made == last:
            return None
        last = made
        time.sleep(0.1)
    return "never hits"


def remove_outputs(root):
    for path in root.glob("packages/*/dist"):
        shutil.rmtree(path)


def table(mode, count, figures):
    print(f"\n{count} packages, `{mode}`\n")
    print("| | wall ms | / best peer | CPU ms | / best peer | MB | / best peer |")
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
    medians = {
        tool: [statistics.median(getattr(run, of) for run in runs) for of in ("wall", "cpu", "memory")]
        for tool, runs in figures.items()
    }
    of_peers = [row for tool, row in medians.items() if tool != "vt"] or list(medians.values())
    best = [min(column) for column in zip(*of_peers)]
    for tool, row in medians.items():
        cells = [f"{value:.0f} | {value / least:.3f}" if value >= 100 else f"{value:.1f} | {value / least:.3f}" for value, least in zip(row, best)]
        print(f"| {tool} | " + " | ".join(cells) + " |", flush=True)


def measure(options, work, peers, tools, count):
    roots, commands = {}, {}
    for tool in tools:
        root = work / f"{tool}-{count}"
        generate(root, tool, count, peers)
        words = command(tool, options.vt, peers)
        trouble = prime(words, root, count)
        if trouble:
            print(f"SKIPPED: {tool} with {count} packages {trouble}", file=sys.stderr, flush=True)
            continue
        roots[tool], commands[tool] = root, words
    for mode in ("hit", "restore"):
        figures = {tool: [] for tool in roots}
        for _ in range(options.rounds):
            for tool, root in roots.items():
                made = outputs(root)
                if mode == "restore":
                    remove_outputs(root)
                run = Run(commands[tool], root)
                if run.code != 0 or outputs(root) != made:
                    print(f"SKIPPED: a run of {tool} was no hit: {run.said[-300:]}", file=sys.stderr, flush=True)
                    continue
                figures[tool].append(run)
        table(mode, count, {tool: runs for tool, runs in figures.items() if runs})
    if not options.keep:
        for root in roots.values():
            shutil.rmtree(root)


def main():
    options = parse()
    options.vt = options.vt.resolve()
    os.environ.update(QUIET)
    with tempfile.TemporaryDirectory(prefix="vt-bench-peers-") as scratch:
        work = (options.keep or Path(scratch)).resolve()
        peers = (options.peers or work / "peers").resolve()
        wanted = options.tools.split(",")
        installed = install(peers, [tool for tool in wanted if tool in PEERS])
        tools = [tool for tool in wanted if tool == "vt" or tool in installed]
        for count in map(int, options.packages.split(",")):
            measure(options, work, peers, tools, count)
        print(f"\n{options.rounds} rounds, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
