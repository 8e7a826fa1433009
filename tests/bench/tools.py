#!/usr/bin/env python3
"""Writes docs/reference/tools.md from the stories of the frameworks: each takes its steps, and says
how long a first build takes without vt and with it, and how long a hit.

    cargo build --release --workspace
    VT_BIN=target/release/vt tests/bench/tools.py

    --only NAME,...     folders of tests/fixtures/frameworks (all)
    --rows DIR          where the rows are kept: those that are there already are not measured again
    --rounds N          how many first builds are timed, without vt and with it in turns (2); the
                        fastest counts. On a busy machine they say little.
    --note TEXT         what is to be known about the machine; no overhead is worked out then
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/tools.md"
HEAD = """# Frameworks

Each of these was installed from npm, built by a plain script such as `"build": "nuxt build"`, and cached by `vt run --cache build` with nothing declared. Each
test makes it run once, hit (no process, nothing touched), come back byte for byte after its results were deleted, run again for an edited source, hit after the edit was
undone and after something else changed, and run again for a variable that was set and changed. What a rule says, and why, stands in the README of the rule.

| framework | version | first build, plain | with vt | a hit | ratio | rules |
| --- | --- | --- | --- | --- | --- | --- |
"""
TAIL = """
Made by `tests/bench/tools.py` on {cores} cores, with the `{profile}` build of vt; a page of figures, not a promise.{note} The tests:
`VT_TOOLS=all cargo test --test real_frameworks`; without the variable one framework has its turn each day, and the others say that they are skipped.

## What is said by rules

| rule | variables that are passed and tracked | neither input nor output | else |
| --- | --- | --- | --- |
{rules}
A step shows what is said about it with `vt why`.

## Known limits

| framework | limit |
| --- | --- |
{limits}
Rules for tools that have no test with the tool itself: see [`env-prefixes`](../../plugins/env-prefixes/README.md). Vite from 8.3 on and Vitest are in
`tests/suites/tests/real_vite.rs` and `real_vitest.rs`.
"""


def measure(rows: Path, only: str, rounds: int) -> None:
    """Runs the stories that have no row yet."""
    names = only.split(",") if only else sorted(os.listdir(ROOT / "tests/fixtures/frameworks"))
    missing = [name for name in names if not (rows / f"{name}.json").exists()]
    if not missing:
        return
    call = ["cargo", "test", "--workspace", "--test", "real_frameworks", "--", "takes_its_steps", "--test-threads=1"]
    environment = dict(os.environ, VT_TOOLS=",".join(missing), VT_TOOLS_ROWS=str(rows),
                       VT_TOOLS_ROUNDS=str(rounds))
    subprocess.run(call, cwd=ROOT, env=environment, check=True)


def seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"


def rules_of(rows: list[dict]) -> dict[str, dict[str, set[str]]]:
    """What each rule said, by statement."""
    said: dict[str, dict[str, set[str]]] = {}
    for row in rows:
        for line in row["directives"]:
            rule, statement = line.split(": ", 1)
            name, text = statement.split(" ", 1)
            said.setdefault(rule, {}).setdefault(name, set()).add(text)
    return said


def listed(texts: set[str]) -> str:
    return ", ".join(f"`{text}`" for text in sorted(texts)) or "-"


def rule_line(rule: str, said: dict[str, set[str]]) -> str:
    prefixes = {f"{prefix}*" for line in said.get("env-default-prefixes", ()) for prefix in line.split()}
    both = said.get("ignore-input", set()) & said.get("ignore-output", set())
    rest = [f"{listed({text})} is no result" for text in sorted(said.get("ignore-output", set()) - both)]
    rest += ["the opt-out is noise"] if "opt-out-is-noise" in said else []
    variables = listed(said.get("track-env", set()) | prefixes)
    return f"| [`{rule}`](../../plugins/{rule}/README.md) | {variables} | {listed(both)} | {'; '.join(rest) or '-'} |\n"


def page(rows: list[dict], note: str) -> str:
    text = HEAD
    for row in rows:
        overhead = (row["coldMs"] - row["plainMs"]) / row["plainMs"]
        shown = "" if note else f" ({overhead:+.0%})"
        spoke = sorted({line.split(": ", 1)[0] for line in row["directives"]})
        text += (
            f"| `{row['tool']}` ({row['name']}) | {row['version']} | {seconds(row['plainMs'])} "
            f"| {seconds(row['coldMs'])}{shown} | {row['warmMs']} ms "
            f"| {row['plainMs'] / max(row['warmMs'], 1):.0f} | {', '.join(spoke)} |\n"
        )
    said = rules_of(rows)
    rules = "".join(rule_line(rule, said[rule]) for rule in sorted(said))
    limits = "".join(f"| {row['name']} | {row['limits']} |\n" for row in rows)
    profile = Path(os.environ.get("VT_BIN", "debug/vt")).parent.name
    return text + TAIL.format(cores=os.cpu_count(), profile=profile, note=f" {note}" if note else "", rules=rules, limits=limits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--note", default="")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        rows = (arguments.rows or Path(fresh)).resolve()
        rows.mkdir(parents=True, exist_ok=True)
        measure(rows, arguments.only, arguments.rounds)
        found = [json.loads(path.read_text()) for path in sorted(rows.glob("*.json"))]
    PAGE.write_text(page(found, arguments.note))


if __name__ == "__main__":
    main()
