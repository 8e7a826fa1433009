#!/usr/bin/env python3
"""Writes docs/reference/tools.md from the stories of frameworks and tools: each takes its steps, and says
how long a first run takes without vt and with it, in turns, and how long a hit.

    cargo build --release --workspace
    VT_BIN=target/release/vt tests/bench/tools.py --rounds 5

    --only NAME,...     folders of tests/fixtures/frameworks and tests/fixtures/tools (all)
    --rows DIR          where the rows are kept: those that are there already are not measured again
    --rounds N          how many first runs are timed, without vt and with it in turns (2); the fastest counts
    --profile WORD      which build of vt it is: `release`, `debug` (the folder that VT_BIN lies in)
    --note TEXT         what is to be known about the machine
"""

import argparse
import datetime
import json
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/tools.md"
FIXTURES = ROOT / "tests/fixtures"
# Fixtures of stories that have no row: what is cached there is not a script of npm's.
WITHOUT_ROW = {"cargo", "yarn-4"}
HEAD = """# Frameworks and tools

Each of these was installed from npm, started by a plain script such as `"build": "nuxt build"`, and cached by `vt run --cache build` with nothing declared. Each
test makes it run once, hit (no process, nothing touched), come back byte for byte after its results were deleted, run again for an edited source, hit after the edit was
undone and after something else changed, and, where variables decide something, run again for one that was set and changed. What a rule says, and why, stands in the README of the rule; `-` means that nothing
has to be said.

## Frameworks

{frameworks}
## Tools

{tools}
Yarn 4 and Cargo, which has a directory with a `CACHEDIR.TAG`, have stories without a row.

Made by `tests/bench/tools.py` {date} with Node {node} on {cores} cores, with the `{profile}` build of vt: the fastest of some first runs of each kind, taken in turns, each in a fresh copy of
the package, where vt makes its cache first. A page of figures, not a promise.{note} The tests: `VT_TOOLS=all cargo test --test real_frameworks` and `--test real_tools`; without the
variable some have their turn, and the others say that they are skipped.

## What is said by rules

| rule | variables that are passed and tracked | neither input nor output | else |
| --- | --- | --- | --- |
{rules}
Besides, [`registries`](../../plugins/registries/README.md) says of steps that install or publish packages that they are not cached.
A step shows what is said about it with `vt why`.

## Known limits

| | limit |
| --- | --- |
{limits}
Rules for tools that have no test with the tool itself: see [`env-prefixes`](../../plugins/env-prefixes/README.md). More stories of Vite from 8.3 on and of Vitest are in
`tests/suites/tests/real_vite.rs` and `real_vitest.rs`.
"""
COLUMNS = """| {what} | version | first run, plain | with vt | a hit | ratio | rules |
| --- | --- | --- | --- | --- | --- | --- |
"""


def fixtures(group: str) -> list[str]:
    return sorted(set(os.listdir(FIXTURES / group)) - WITHOUT_ROW)


def measure(rows: Path, only: str, rounds: int) -> None:
    """Runs the stories that have no row yet."""
    wished = only.split(",") if only else fixtures("frameworks") + fixtures("tools")
    frameworks = [name for name in fixtures("frameworks") if name in wished and not (rows / f"{name}.json").exists()]
    tools = [name for name in fixtures("tools") if name in wished and not list(rows.glob(f"tool-{name}-*.json"))]
    base = ["cargo", "test", "--workspace", "--test"]
    for names, words in (
        (frameworks, ["real_frameworks", "--", "takes_its_steps"]),
        (tools, ["real_tools", "--", "--ignored", "measures_what_each_tool_takes"]),
    ):
        if names:
            environment = dict(os.environ, VT_TOOLS=",".join(names), VT_TOOLS_ROWS=str(rows), VT_TOOLS_ROUNDS=str(rounds))
            subprocess.run([*base, *words, "--test-threads=1"], cwd=ROOT, env=environment, check=True)


def read(rows: Path) -> list[dict]:
    """All rows, each with the day on which it was measured."""
    found = []
    for path in sorted(rows.glob("*.json")):
        day = datetime.date.fromtimestamp(path.stat().st_mtime).isoformat()
        found.append({"group": "frameworks", "day": day, **json.loads(path.read_text())})
    return found


def seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds} ms"


def rule(line: str) -> str:
    """The name of the rule that says this: `next 0.1.0 (0123456789ab): track-env NODE_ENV`."""
    return line.split(" ", 1)[0]


def rules_of(rows: list[dict]) -> dict[str, dict[str, set[str]]]:
    """What each rule said, by statement."""
    said: dict[str, dict[str, set[str]]] = {}
    for row in rows:
        for line in row["directives"]:
            name, text = line.split(": ", 1)[1].split(" ", 1)
            said.setdefault(rule(line), {}).setdefault(name, set()).add(text)
    return said


def listed(texts: set[str]) -> str:
    return ", ".join(f"`{text}`" for text in sorted(texts)) or "-"


def linked(name: str) -> str:
    return f"[`{name}`](../../plugins/{name}/README.md)"


def rule_line(name: str, said: dict[str, set[str]]) -> str:
    prefixes = {f"{prefix}*" for line in said.get("env-default-prefixes", ()) for prefix in line.split()}
    both = said.get("ignore-input", set()) & said.get("ignore-output", set())
    rest = [f"{listed({text})} is no result" for text in sorted(said.get("ignore-output", set()) - both)]
    rest += [f"{listed({text})} is a result" for text in sorted(said.get("output", set()))]
    rest += ["the opt-out is noise"] if "opt-out-is-noise" in said else []
    rest += ["of documents, pictures and the like only the existence counts"] if "existence-only" in said else []
    variables = listed(said.get("track-env", set()) | prefixes)
    return f"| {linked(name)} | {variables} | {listed(both)} | {'; '.join(rest) or '-'} |\n"


def overhead(row: dict) -> str:
    """What vt adds to a first run: a share of a second and more, of less only how much."""
    added = row["coldMs"] - row["plainMs"]
    return f"{added / row['plainMs']:+.0%}" if row["plainMs"] >= 1000 else f"{added:+} ms"


def table(rows: list[dict], what: str) -> str:
    text = COLUMNS.format(what=what)
    for row in rows:
        spoke = sorted({rule(line) for line in row["directives"]})
        text += (
            f"| `{row['tool']}` ({row['name']}) | {row['version']} | {seconds(row['plainMs'])} "
            f"| {seconds(row['coldMs'])} ({overhead(row)}) | {row['warmMs']} ms "
            f"| {row['plainMs'] / max(row['warmMs'], 1):.0f} | {', '.join(map(linked, spoke)) or '-'} |\n"
        )
    return text


def limits_of(rows: list[dict]) -> str:
    """One line for the rows that have the same limit."""
    by_limit: dict[str, list[str]] = {}
    for row in rows:
        names = by_limit.setdefault(row["limits"], [])
        name = row["name"] if row["group"] == "frameworks" else f"`{row['tool']}`"
        if name not in names:
            names.append(name)
    return "".join(f"| {', '.join(names)} | {limit} |\n" for limit, names in by_limit.items())


def page(rows: list[dict], profile: str, note: str) -> str:
    groups = {group: [row for row in rows if row["group"] == group] for group in ("frameworks", "tools")}
    days = sorted({row["day"] for row in rows})
    said = rules_of(rows)
    return HEAD.format(
        frameworks=table(groups["frameworks"], "framework"),
        tools=table(groups["tools"], "tool"),
        date=f"on {days[0]}" if days[0] == days[-1] else f"from {days[0]} to {days[-1]}",
        node=subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip().lstrip("v"),
        cores=os.cpu_count(),
        profile=profile,
        note=f" {note}" if note else "",
        rules="".join(rule_line(name, said[name]) for name in sorted(said)),
        limits=limits_of(rows),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--note", default="")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--profile", default=Path(os.environ.get("VT_BIN", "debug/vt")).parent.name)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        rows = (arguments.rows or Path(fresh)).resolve()
        rows.mkdir(parents=True, exist_ok=True)
        measure(rows, arguments.only, arguments.rounds)
        found = read(rows)
    PAGE.write_text(page(found, arguments.profile, arguments.note))


if __name__ == "__main__":
    main()
