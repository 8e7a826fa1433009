#!/usr/bin/env python3
"""Measures the cache: what a hit costs beside a look at the same files, and what packing, bringing
back and keeping results cost beside `cp -r`.

    cargo build --release -p vt && tests/bench/cache.py

    --rounds N          how often each is run (9)
    --only NAME,...     hit, listed, archive, growth (all)
    --vt PATH           the program to measure (below target/release)
    --work DIR          where the trees are made (a directory of its own below the temporary one)
    --inputs N,...      how many inputs a step has (10,1000,50000)
    --runs N            how many runs the cache grows over (1000)

`hit`: one step that read N files, against a C program that calls `lstat` for the same N files from
a list. `listed`: the step found them by listing directories, and so does the C program. `archive`:
a step that leaves 5,000 files of 200 MB, against `cp -r` of them. Of a step that runs, only what
`vt` itself adds is its own: of the tracked one the step as an uncached task is taken off, of the
packed one the tracked one. An ext4 without a journal takes seconds to pass over the inodes of what
was removed a minute ago: use another `--work` there. `growth`: what the cache weighs after N runs
with ever new inputs.

CPU is user and system time of the command and of all it waited for; the median, and the smallest of
the rounds. On a busy machine trust the latter. Memory is the largest resident set of `vt`.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
LOOK = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static long found;

static void walk(const char *directory) {
    char path[4096];
    DIR *open = opendir(directory);
    struct dirent *entry;
    struct stat row;
    while (open && (entry = readdir(open))) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_type == DT_DIR) walk(path);
        else found += lstat(path, &row) == 0;
    }
    if (open) closedir(open);
}

int main(int count, char **words) {
    char line[4096];
    struct stat row;
    if (strcmp(words[1], "walk") == 0) {
        walk(words[2]);
    } else {
        FILE *list = fopen(words[2], "r");
        while (fgets(line, sizeof line, list)) {
            line[strcspn(line, "\n")] = 0;
            found += lstat(line, &row) == 0;
        }
    }
    printf("%ld\n", found);
    return 0;
}
"""
READ = """
import os, sys
if sys.argv[1] == "list":
    names = open("list.txt").read().split()
else:
    names = [os.path.join(at, name) for at, _, names in os.walk("src") for name in names]
for name in names:
    with open(name, "rb") as file:
        file.read()
print(len(names))
"""
WRITE = """
import os, shutil
seed = open("seed.txt").read()
shutil.copytree("made", "dist")
with open("dist/seed.txt", "w") as file:
    file.write(seed)
"""


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="hit,listed,archive,growth")
    parser.add_argument("--vt", type=Path, default=TARGET / "release/vt")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--inputs", default="10,1000,50000")
    parser.add_argument("--runs", type=int, default=1000)
    return parser.parse_args()


class Figures:
    """What several runs of one thing took."""

    def __init__(self):
        self.wall, self.cpu, self.memory = [], [], []

    def add(self, command, directory):
        with tempfile.TemporaryFile() as errors:
            start = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
            )
            _, status, usage = os.wait4(process.pid, 0)
            self.wall.append((time.perf_counter() - start) * 1000)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                errors.seek(0)
                sys.exit(f"`{command}` ended with {process.returncode}: {errors.read().decode(errors='replace')[-400:]}")
        self.cpu.append((usage.ru_utime + usage.ru_stime) * 1000)
        self.memory.append(usage.ru_maxrss / 1024)


def row(name, figures, base=None, own=None):
    """A line of the table; `own` is taken off before the ratio to `base`."""
    cells = [name]
    for pick in (statistics.median, min):
        cpu = pick(figures.cpu) - (pick(own.cpu) if own else 0)
        cells.append(f"{cpu:.1f}")
        cells.append(f"{cpu / pick(base.cpu):.2f}" if base else "")
    cells += [f"{statistics.median(figures.wall):.1f}", f"{max(figures.memory):.0f}"]
    print("| " + " | ".join(cells) + " |", flush=True)


def head(title, base):
    print(f"\n{title}\n")
    print(f"| | CPU ms | / {base} | least CPU ms | / {base} | wall ms | MB |")
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)


def project(directory, tasks, script):
    directory.mkdir(parents=True)
    (directory / "package.json").write_text('{"name": "bench", "private": true}')
    (directory / "vite-task.json").write_text(json.dumps({"tasks": tasks}))
    (directory / "step.py").write_text(script)


def summary(vt, directory, task):
    """What became of the step in a run."""
    with tempfile.NamedTemporaryFile() as file:
        command = [vt, "run", "--summary-json", file.name, task]
        subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return json.loads(Path(file.name).read_text())["steps"][-1]


def settle(vt, directory, task):
    """Runs until the step hits: what is too young to be trusted by its times is read once more."""
    for _ in range(4):
        last = summary(vt, directory, task)
        if last["status"] == "hit":
            return
        time.sleep(0.1)
    sys.exit(f"`{task}` never hits: {json.dumps(last)[:600]}")


def hits(options, work, way):
    listed = way == "walk"
    head("A hit, its inputs found by listing" if listed else "A hit", "looking")
    look = work / "look"
    if not look.exists():
        (work / "look.c").write_text(LOOK)
        subprocess.run(["cc", "-O2", "-o", look, work / "look.c"], check=True)
    for count in map(int, options.inputs.split(",")):
        tree = work / f"hit-{way}-{count}"
        project(tree, {"read": {"command": f"python3 step.py {way}"}}, READ)
        names = []
        for number in range(count):
            name = f"src/part-{number // 100:03}/module-{number:05}.ts"
            path = tree / name
            if number % 100 == 0:
                path.parent.mkdir(parents=True)
            path.write_text(f"export const value{number} = {number};\n" * 20)
            names.append(name)
        (tree / "list.txt").write_text("\n".join(names) + "\n")
        # What was just written could change again under the same times.
        time.sleep(0.1)
        settle(options.vt, tree, "read")
        looking, hitting = Figures(), Figures()
        for _ in range(options.rounds):
            looking.add([look, way, "src" if listed else "list.txt"], tree)
            hitting.add([options.vt, "run", "read"], tree)
        row(f"looking at {count}", looking)
        row(f"`vt`, hit of {count}", hitting, looking)
        shutil.rmtree(tree)


def fill(directory, files, size, seed):
    """Text as bundlers write it, nine tenths; and bytes that no compression shortens."""
    chance = random.Random(seed)
    words = [f"{chance.choice('abcdefgh')}{chance.randrange(4000):x}" for _ in range(3000)]
    text = "".join(f"const {chance.choice(words)}={chance.choice(words)}({chance.randrange(99)});" for _ in range(80000))
    for number in range(files):
        path = directory / f"part-{number % 50:02}" / f"chunk-{number:04}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 10 == 0:
            path.write_bytes(chance.randbytes(size))
        else:
            start = chance.randrange(len(text) - size)
            path.write_text(text[start : start + size])


def archive(options, work):
    tree = work / "archive"
    command = "python3 step.py"
    tasks = {
        "make": {"command": command},
        "tracked": {"command": command, "output": []},
        "plain": {"command": command, "cache": False},
    }
    project(tree, tasks, WRITE)
    fill(tree / "made", 5000, 40_000, 7)
    figures = {name: Figures() for name in ("cp", "plain", "tracked", "pack", "restore", "in place")}
    for number in range(options.rounds):
        seed = f"{number}-{time.time_ns()}"
        copy = work / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        figures["cp"].add(["cp", "-r", tree / "made", copy], work)
        (tree / "seed.txt").write_text(seed)
        for name, task in (("plain", "plain"), ("tracked", "tracked"), ("pack", "make")):
            figures[name].add([options.vt, "run", task], tree)
            if task != "make":
                shutil.rmtree(tree / "dist")
        settle(options.vt, tree, "make")
        figures["in place"].add([options.vt, "run", "make"], tree)
        shutil.rmtree(tree / "dist")
        figures["restore"].add([options.vt, "run", "make"], tree)
        assert len(list((tree / "dist").rglob("*.js"))) == 5000
        shutil.rmtree(tree / "dist")
    head("5,000 files of 200 MB", "`cp -r`")
    row("`cp -r`", figures["cp"])
    row("the step, uncached", figures["plain"])
    row("the step, tracked: what is added", figures["tracked"], figures["cp"], figures["plain"])
    row("and packed: what is added to that", figures["pack"], figures["cp"], figures["tracked"])
    row("brought back", figures["restore"], figures["cp"])
    row("in place already", figures["in place"], figures["cp"])
    shutil.rmtree(tree)


def weight(directory):
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 1e6


def growth(options, work):
    tree = work / "growth"
    project(tree, {"make": {"command": "python3 step.py"}}, WRITE)
    fill(tree / "made", 20, 20_000, 8)
    cache = tree / "node_modules/.vt"
    print(f"\nGrowth over {options.runs} runs with ever new inputs, each leaving 21 files of 0.4 MB\n")
    print("| runs | cache MB | index MB |\n|---:|---:|---:|", flush=True)
    marks = {options.runs * part // 10 for part in (1, 2, 5, 10)}
    for number in range(1, options.runs + 1):
        (tree / "seed.txt").write_text(f"{number}")
        shutil.rmtree(tree / "dist", ignore_errors=True)
        subprocess.run([options.vt, "run", "make"], cwd=tree, check=True, capture_output=True)
        if number in marks:
            index = next(iter(tree.rglob("index.redb")), None)
            found = weight(index.parent) if index else 0
            print(f"| {number} | {found:.1f} | {index.stat().st_size / 1e6 if index else 0:.1f} |", flush=True)
    shutil.rmtree(tree)


def main():
    options = parse()
    options.vt = options.vt.resolve()
    os.environ["NO_COLOR"] = "1"
    wanted = options.only.split(",")
    with tempfile.TemporaryDirectory(dir=options.work, prefix="vt-bench-cache-") as scratch:
        work = Path(scratch)
        parts = {
            "hit": lambda: hits(options, work, "list"),
            "listed": lambda: hits(options, work, "walk"),
            "archive": lambda: archive(options, work),
            "growth": lambda: growth(options, work),
        }
        for name, part in parts.items():
            if name in wanted:
                part()
        print(f"\n{options.rounds} rounds, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
