#!/usr/bin/env python3
"""What a rule component costs where its answer is not remembered yet.

    cargo build --release --workspace --example ask && tests/bench/rule_engine.py

A warm run asks nobody, so this is the first run of a step, or the one after a change of what the rule
was shown. Each round starts a process for each component: it reads the file, makes the engine, compiles
the component and asks it, then asks it 200 times more. Medians over interleaved rounds, files in the
page cache. The size is that of the example program without that of an empty one, both stripped.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ASK = TARGET / "release/examples/ask"

# Component, tool and dependency of the question.
COMPONENTS = {
    "built-in, vitest": ["plugins/components/vitest.wasm", "vitest"],
    "third-party, made-up": [
        "examples/framework-plugin/framework/made-up.wasm",
        "made-up",
        "made-up",
    ],
}


def ask(arguments):
    """What the program measured, with the most memory it had and its CPU time."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.chdir(ROOT)
        os.dup2(write, 1)
        os.execv(ASK, [str(ASK), *arguments])
    os.close(write)
    with os.fdopen(read) as output:
        text = output.read()
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{ASK} {arguments} failed: {status}")
    figures = json.loads(text)
    figures["rss"] = usage.ru_maxrss / 1024
    figures["cpu"] = (usage.ru_utime + usage.ru_stime) * 1000
    return figures


def added_size():
    """Of the engine, its compiler and its WASI, in MiB."""
    with tempfile.TemporaryDirectory() as temporary:
        source = pathlib.Path(temporary) / "empty.rs"
        source.write_text("fn main() {}\n")
        empty = source.with_suffix("")
        options = ["-O", "-C", "strip=symbols", "-C", "lto=thin", "-C", "codegen-units=1"]
        subprocess.run(["rustc", *options, "-o", empty, source], check=True)
        return (ASK.stat().st_size - empty.stat().st_size) / (1 << 20)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=21)
    args = parser.parse_args()
    if not ASK.exists():
        raise SystemExit("build it first: cargo build --release --workspace --example ask")
    rounds = {name: [] for name in COMPONENTS}
    for _ in range(args.rounds):
        for name, arguments in COMPONENTS.items():
            rounds[name].append(ask(arguments))
    print("| | " + " | ".join(COMPONENTS) + " |")
    print("|---" * (len(COMPONENTS) + 1) + "|")
    for title, value, unit in [
        ("size of the component", lambda one: one["size"] / 1024, "KiB"),
        ("read and checked", lambda one: one["read"] / 1000, "ms"),
        ("engine made", lambda one: one["engine"] / 1000, "ms"),
        ("compiled and asked", lambda one: one["first"] / 1000, "ms"),
        ("asked when loaded", lambda one: one["again"] / 1000, "ms"),
        ("fuel of an answer", lambda one: one["fuel"], ""),
        ("most memory of the process", lambda one: one["rss"], "MiB"),
    ]:
        figures = [statistics.median(map(value, rounds[name])) for name in COMPONENTS]
        precision = 0 if title.startswith("fuel") else 2
        cells = (f"{figure:.{precision}f} {unit}".strip() for figure in figures)
        print(f"| {title} | " + " | ".join(cells) + " |")
    print(f"\nadded to a program: {added_size():.1f} MiB")


if __name__ == "__main__":
    main()
