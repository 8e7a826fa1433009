#!/usr/bin/env python3
"""Measures what tracking costs, as ratios to the same command untracked.

    cargo build --release -p vt-tracker --example track && tests/bench/tracker.py

    --rounds N          how often each is run (11)
    --only NAME,...     workloads, see tracker_workloads/workloads.py
    --trackers A,...    of plain, track, strace, vp (all)
    --track PATH        the example to measure (below target/release)
    --track-options X   handed to it, separated by spaces
    --work DIR          where the workloads are made and kept (below the temporary directory)
    --json FILE         every single figure

Every round takes the workloads in random order, and each with all trackers side by side, in random
order again. CPU is user and system time of the command, of all it waited for and of the tracker.
What a tracker adds is the difference to the same without tracking: for `track` and `strace` the
command alone; for `vp run` (from the package `vite-plus`, with an emptied cache) `vp run` of the
same task with its cache off, which does not track. A ratio is 1 + what is added / the command
alone: the median of what the rounds give, and that of the fastest runs. On a busy machine trust the
latter, and CPU rather than wall time.
"""

import argparse
import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from tracker_workloads import workloads  # noqa: E402

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", workloads.ROOT / "target"))
STRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=%file,getdents,getdents64,fchdir", "-o", "/dev/null"]
REPORT = "track-report.json"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default=",".join(workloads.WORKLOADS))
    parser.add_argument("--trackers", default="plain,track,strace,vp")
    parser.add_argument("--track", type=Path, default=TARGET / "release/examples/track")
    parser.add_argument("--track-options", default="")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "vt-bench-tracker")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def say(text):
    print(text, file=sys.stderr, flush=True)


class Run:
    """One way to run one workload."""

    def __init__(self, workload, tracker, base, command, directory, reset):
        self.workload, self.tracker, self.base = workload, tracker, base
        self.command, self.directory, self.reset = command, directory, reset
        self.rows = []

    def once(self):
        """Wall and CPU time in milliseconds."""
        for reset in (self.workload.reset, self.reset):
            if reset:
                reset()
        with tempfile.TemporaryFile() as errors:
            start = time.perf_counter()
            process = subprocess.Popen(
                self.command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            # So that it does not wait for what is gone.
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                errors.seek(0)
                text = errors.read().decode(errors="replace").strip()[-400:]
                raise workloads.Missing(f"`{shlex.join(self.command)}` ended with {process.returncode}: {text}")
        return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000

    def column(self, index):
        return [row[index] for row in self.rows]


def vp_runs(workload, work):
    """The workload as a task of a project of its own, tracked and not."""
    vp = workloads.tools(work) / "node_modules/.bin/vp"
    project = work / "vp" / workload.name
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    (project / "package.json").write_text('{"name": "bench", "version": "0.0.0", "private": true, "type": "module"}')
    (project / "run.sh").write_text(f"cd {shlex.quote(str(workload.directory))} && exec {shlex.join(workload.command)}\n")
    task = '{ command: "sh run.sh", cache: %s }'
    (project / "vite.config.ts").write_text(
        "export default { run: { tasks: { tracked: %s, plain: %s } } };\n" % (task % "true", task % "false")
    )
    os.symlink(workloads.tools(work) / "node_modules", project / "node_modules")
    cache = workloads.tools(work) / "node_modules/.vite"

    def forget():
        shutil.rmtree(cache, ignore_errors=True)

    command = lambda name: [str(vp), "run", name]  # noqa: E731
    return [
        Run(workload, "vp-off", "vp-off", command("plain"), project, forget),
        Run(workload, "vp", "vp-off", command("tracked"), project, forget),
    ]


def runs_of(workload, options):
    directory, command = workload.directory, workload.command
    runs = []
    for tracker in options.trackers.split(","):
        try:
            if tracker == "plain":
                runs.append(Run(workload, "plain", "plain", command, directory, None))
            elif tracker == "track":
                if not options.track.exists():
                    raise workloads.Missing(f"`{options.track}` is not built")
                report = ["--json", "--report", str(options.work / REPORT), *options.track_options.split()]
                runs.append(Run(workload, tracker, "plain", [str(options.track), *report, "--", *command], directory, None))
            elif tracker == "strace":
                if shutil.which("strace") is None:
                    raise workloads.Missing("no strace")
                runs.append(Run(workload, tracker, "plain", [*STRACE, *command], directory, None))
            elif tracker == "vp":
                runs.extend(vp_runs(workload, options.work))
            else:
                sys.exit(f"no tracker is called `{tracker}`")
        except workloads.Missing as reason:
            say(f"SKIPPED: {workload.name} with {tracker}: {reason}")
    return runs


def prepare(options):
    runs = []
    for name in options.only.split(","):
        if name not in workloads.WORKLOADS:
            sys.exit(f"no workload is called `{name}`")
        try:
            workload = workloads.WORKLOADS[name](options.work)
        except workloads.Missing as reason:
            say(f"SKIPPED: {name}: {reason}")
            continue
        for run in runs_of(workload, options):
            try:
                # Files come into memory, and what can't work says so now.
                run.once()
                runs.append(run)
            except workloads.Missing as reason:
                say(f"SKIPPED: {name} with {run.tracker}: {reason}")
                continue
            if run.tracker == "track":
                run.report = json.loads((options.work / REPORT).read_text())
                for reason in run.report["reasons"]:
                    say(f"NOT COMPLETE: {name}: {reason['text']}")
    return runs


def instructions(command, directory=None):
    """How many instructions a command takes, in millions, where the machine counts them."""
    if shutil.which("perf") is None:
        return None
    counted = ["perf", "stat", "-x,", "-e", "instructions", "--", *command]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(counted, cwd=directory, capture_output=True, text=True, env=environment)
    for line in done.stderr.splitlines():
        count, _, event, *_ = line.split(",") + [""] * 3
        if event.startswith("instructions") and count.isdigit():
            return int(count) / 1e6
    return None


def instructions_of(run):
    for reset in (run.workload.reset, run.reset):
        if reset:
            reset()
    return instructions(run.command, run.directory)


def each(milliseconds, workload):
    """Time for one of what a workload does many of, or for the whole."""
    if not workload.operations:
        return f"{milliseconds:.0f} ms"
    micro = milliseconds * 1000 / workload.operations
    return f"{micro / 1000:.1f} ms per {workload.operation}" if micro >= 1000 else f"{micro:.1f} us per {workload.operation}"


def compared(run, base, plain):
    """Ratios and added time of a run, CPU first: the median over the rounds, and of the minima."""
    if base in (None, run):
        return [[""] * 3] * 2
    found = []
    for index in (1, 0):
        added = [row - other for row, other in zip(run.column(index), base.column(index))]
        ratio, of_minima = "", ""
        if plain:
            ratio = f"{1 + statistics.median(a / whole for a, whole in zip(added, plain.column(index))):.2f}"
            of_minima = f"{1 + (min(run.column(index)) - min(base.column(index))) / min(plain.column(index)):.2f}"
        found.append([ratio, of_minima, each(statistics.median(added), run.workload)])
    return found


def table(runs):
    has_counts = instructions(["true"]) is not None
    counted = {id(run): instructions_of(run) for run in runs} if has_counts else {}
    if not has_counts:
        say("SKIPPED: instructions: `perf stat` does not count them here")
    head = ["workload", "tracker", "CPU ms", "CPU ratio", "of minima", "added CPU"]
    head += ["wall ms", "wall ratio", "of minima", "added wall", "calls seen"]
    head += ["instructions, millions"] if has_counts else []
    lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    named = {(run.workload.name, run.tracker): run for run in runs}
    for run in runs:
        name = run.workload.name
        cpu, wall = compared(run, named.get((name, run.base)), named.get((name, "plain")))
        medians = [f"{statistics.median(run.column(index)):.1f}" for index in (1, 0)]
        report = getattr(run, "report", None)
        seen = str(report["calls_seen"]) if report else ""
        cells = [name, run.tracker, medians[0], *cpu, medians[1], *wall, seen]
        if has_counts:
            count = counted[id(run)]
            cells.append("" if count is None else f"{count:.0f}")
        lines.append(cells)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main():
    options = parse()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    options.track = options.track.resolve()
    os.environ.update(VITE_TELEMETRY_DISABLED="1", DO_NOT_TRACK="1", NO_COLOR="1")
    runs = prepare(options)
    if not runs:
        sys.exit("nothing to measure")
    say(f"{len(runs)} runs a round, load {os.getloadavg()[0]:.1f}")
    for number in range(options.rounds):
        # What is compared runs side by side, so that both meet the same machine.
        names = list(dict.fromkeys(run.workload.name for run in runs))
        for name in random.sample(names, len(names)):
            side_by_side = [run for run in runs if run.workload.name == name]
            for run in random.sample(side_by_side, len(side_by_side)):
                run.rows.append(run.once())
        say(f"round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}")
    print(table(runs))
    if options.json:
        rows = [{"workload": r.workload.name, "tracker": r.tracker, "wall_cpu_ms": r.rows} for r in runs]
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
