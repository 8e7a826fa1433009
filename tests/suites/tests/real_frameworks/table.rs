//! A row of `docs/reference/tools.md` for each framework that took its steps, for `tests/bench/tools.py`, which sets
//! `VT_TOOLS_ROWS` to a folder and `VT_TOOLS_ROUNDS`. Nothing is measured without it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vt_harness::Outcome;
use vt_suites::repository;

use crate::story::{Framework, build, package, ran};

/// Writes down how a framework did.
pub(crate) fn keep(framework: &Framework<'_>, first: &Outcome, cold: Duration, warm: Duration) {
    let Some(rows) = std::env::var_os("VT_TOOLS_ROWS") else {
        return;
    };
    let mut plain = plainly(framework);
    let mut cold = cold;
    for _ in 1..rounds() {
        cold = cold.min(cached(framework));
        plain = plain.min(plainly(framework));
    }
    let row = json!({
        "name": framework.name,
        "tool": framework.tool,
        "version": version(framework),
        "plainMs": millis(plain),
        "coldMs": millis(cold),
        "warmMs": millis(warm),
        "directives": Value::Array(first.summary().only().directives.clone()),
        "limits": framework.limits,
    });
    let path = Path::new(&rows).join(format!("{}.json", framework.name));
    std::fs::write(&path, row.to_string())
        .unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()));
}

/// How many first builds are timed, of each kind.
fn rounds() -> u32 {
    let rounds = std::env::var("VT_TOOLS_ROUNDS").unwrap_or_default();
    rounds.parse().unwrap_or(1)
}

/// A first build without `vt`.
fn plainly(framework: &Framework<'_>) -> Duration {
    let sandbox = package(framework.name);
    let path = std::env::var("PATH").unwrap_or_default();
    let line = format!("node_modules/.bin/{}", framework.tool);
    let own = sandbox.path("node_modules/.bin");
    let start = Instant::now();
    let outcome = sandbox
        .call(&line)
        .env("PATH", format!("{}:{path}", own.display()))
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    start.elapsed()
}

/// A first build with `vt`.
fn cached(framework: &Framework<'_>) -> Duration {
    let sandbox = package(framework.name);
    let start = Instant::now();
    ran(&build(&sandbox), &["first-run"]);
    start.elapsed()
}

fn version(framework: &Framework<'_>) -> String {
    let manifest = repository()
        .join("tests/fixtures/frameworks")
        .join(framework.name)
        .join("package.json");
    let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let asked = |list: &str| {
        manifest[list][framework.package]
            .as_str()
            .map(str::to_owned)
    };
    asked("dependencies")
        .or_else(|| asked("devDependencies"))
        .expect("the package depends on its framework")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("less than an age")
}
