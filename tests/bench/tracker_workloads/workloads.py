"""What the tracker is measured with: each workload is made once, below one directory.

A workload is repeatable: it leaves nothing behind that makes its next run shorter, or `reset`
puts that right. What a machine lacks (a package, a program) makes a workload missing, with the
reason, and not wrong.
"""

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DIRECTORIES, FILES = 200, 100


class Missing(Exception):
    """Something that a workload needs is not here."""


@dataclasses.dataclass
class Workload:
    name: str
    command: list
    directory: Path
    # What the extra cost is divided by, and what one of these is called.
    operations: int = 0
    operation: str = ""
    reset: object = None


def call(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"`{command[0]}` failed: {done.stderr.strip()[-300:]}")


def once(directory, make):
    """Makes a directory's content, unless an earlier run finished that."""
    done = directory.with_name(directory.name + ".done")
    if not done.exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        make(directory)
        done.touch()
    return directory


def program(work, name, *flags):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Missing("no C compiler")
    target = work / (name + "".join(flags))
    call(compiler, "-O2", *flags, "-o", target, HERE / f"{name}.c", cwd=work)
    return str(target)


def tree(work):
    def make(directory):
        for outer in range(DIRECTORIES):
            inside = directory / f"d{outer:03}"
            inside.mkdir()
            for inner in range(FILES):
                (inside / f"f{inner:03}").write_text(f"{outer} {inner}\n" * 4)

    return once(work / "tree", make)


def repository(work):
    def make(directory):
        shutil.copytree(tree(work), directory / "files")
        git = ["git", "-c", "user.name=bench", "-c", "user.email=bench", "-c", "core.fsmonitor=false"]
        call(*git, "init", "-q", cwd=directory)
        call(*git, "add", ".", cwd=directory)
        call(*git, "commit", "-qm", "files", cwd=directory)

    return once(work / "repository", make)


def vite_app(work):
    """Vite and TypeScript, as the example pins them."""

    def make(directory):
        for name in ["package.json", "package-lock.json"]:
            shutil.copy(ROOT / "examples/vite-app" / name, directory)
        call("npm", "ci", "--silent", cwd=directory)

    return once(work / "vite-app", make)


def tools(work):
    def make(directory):
        for name in ["package.json", "package-lock.json"]:
            shutil.copy(HERE / name, directory)
        call("npm", "ci", "--silent", cwd=directory)

    return once(work / "tools", make)


def modules(directory, count):
    """Modules that import one another three at a time, so that all hang on the first."""
    source = directory / "src"
    source.mkdir(parents=True)
    for number in range(count):
        below = [child for child in range(3 * number + 1, 3 * number + 4) if child < count]
        imports = "".join(f'import {{ m{n} }} from "./m{n}";\n' for n in below)
        total = " + ".join(["value.length"] + [f"m{n}()" for n in below])
        (source / f"m{number}.ts").write_text(
            f"{imports}const value: string = {'x' * (number % 40)!r};\n"
            f"export interface Shape{number} {{ name: string; size: number }}\n"
            f"export function m{number}(): number {{ return {total}; }}\n"
        )
    (source / "main.ts").write_text('import { m0 } from "./m0";\nconsole.log(m0());\n')
    (directory / "index.html").write_text('<script type="module" src="/src/main.ts"></script>\n')
    (directory / "tsconfig.json").write_text(
        '{"compilerOptions": {"target": "es2022", "module": "esnext", "moduleResolution": "bundler",'
        ' "strict": true, "noEmit": true, "types": []}, "include": ["src"]}\n'
    )


def project(work, count):
    def make(directory):
        modules(directory, count)
        os.symlink(vite_app(work) / "node_modules", directory / "node_modules")

    return once(work / f"modules-{count}", make)


def stat(work, *flags):
    name = "stat-static" if flags else "stat-dynamic"
    return Workload(name, [program(work, "stats", *flags), "200000"], tree(work), 200_000, "stat")


def node_read(work):
    if shutil.which("node") is None:
        raise Missing("no node")
    count = DIRECTORIES * FILES
    return Workload("node-read", ["node", str(HERE / "reads.mjs"), str(tree(work))], work, count, "file")


def vite(work):
    directory = project(work, 1000)
    command = ["node", "node_modules/vite/bin/vite.js", "build", "--logLevel", "error"]
    return Workload("vite", command, directory, reset=lambda: shutil.rmtree(directory / "dist", ignore_errors=True))


def tsc(work):
    return Workload("tsc", ["node", "node_modules/typescript/lib/tsc.js", "-p", "."], project(work, 200))


def esbuild(work):
    binary = tools(work) / "node_modules/@esbuild/linux-x64/bin/esbuild"
    command = [str(binary), "src/main.ts", "--bundle", "--outfile=out.js", "--log-level=error"]
    return Workload("esbuild", command, project(work, 1000))


def make_c(work):
    def make(directory):
        objects = " ".join(f"f{number}.o" for number in range(30))
        (directory / "Makefile").write_text(f"all: {objects}\n%.o: %.c\n\t$(CC) -c -o $@ $<\n")
        for number in range(30):
            (directory / f"f{number}.c").write_text(
                "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
                f'int f{number}(const char *text) {{ return printf("%s %zu\\n", text, strlen(text)); }}\n'
            )

    return Workload("make", ["make", "-sB"], once(work / "make", make), 30, "compile")


def git_status(work):
    directory = repository(work)
    command = ["git", "--no-optional-locks", "-c", "core.untrackedCache=false", "status", "--porcelain"]
    call(*command, cwd=directory)
    return Workload("git-status", command, directory, DIRECTORIES * FILES, "file")


def spawns(work):
    return Workload("exec", [program(work, "spawns"), "500"], work, 500, "exec")


WORKLOADS = {
    "stat-dynamic": stat,
    "stat-static": lambda work: stat(work, "-static"),
    "node-read": node_read,
    "vite": vite,
    "tsc": tsc,
    "esbuild": esbuild,
    "make": make_c,
    "git-status": git_status,
    "exec": spawns,
}
