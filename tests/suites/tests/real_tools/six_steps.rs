//! What every tool must do: run once, be brought back, run again for what matters and for nothing else.

use std::io::Write as _;

use vt_harness::{Content, Outcome, Sandbox, Snapshot, Status, Watched, install};
use vt_suites::repository;

/// One script of a package, and what matters to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script<'a> {
    /// Name of the script, or of the task.
    pub(crate) name: &'a str,
    /// Files and folders it makes. A script that makes none has none.
    pub(crate) outputs: &'a [&'a str],
    /// A source, and what an edit appends to it.
    pub(crate) edit: (&'a str, &'a str),
    /// What the tool says each time on either stream, so that a replay can be told from silence.
    pub(crate) says: &'a str,
}

/// Tools that are used less. Each has stories of its own, and a run tells those of two of them.
const RARER: [&str; 11] = [
    "esbuild",
    "jest",
    "native",
    "node-24",
    "packagers",
    "playwright",
    "prettier",
    "rollup",
    "tailwind",
    "tsdown",
    "yarn-4",
];

/// How many of [`RARER`] have their turn.
const AT_ONCE: usize = 2;

/// As [`package`], for one of the [`RARER`] tools: none if it is not its turn. `VT_TOOLS=all` is everybody's turn,
/// and `VT_TOOLS=jest,rollup` that of two.
pub(crate) fn rarer(name: &str) -> Option<Sandbox> {
    let is_on = match std::env::var("VT_TOOLS") {
        Ok(wished) => wished == "all" || wished.split(',').any(|tool| tool == name),
        Err(_) => has_its_turn(name, commit()),
    };
    if is_on {
        return Some(package(name));
    }
    // Not by a macro, which says nothing of tests that pass.
    let text = format!("SKIPPED: {name} has not its turn, `VT_TOOLS=all` is everybody's\n");
    let _ = std::io::stderr().write_all(text.as_bytes());
    None
}

/// Whose turn it is depends on the commit, so that a failure can be seen again.
fn has_its_turn(name: &str, commit: u32) -> bool {
    let position = RARER.iter().position(|rarer| *rarer == name);
    let position = position.expect("a tool that is not among the rarer ones has always its turn");
    position / AT_ONCE == commit as usize % RARER.len().div_ceil(AT_ONCE)
}

/// A number that differs from commit to commit; 0 outside of a repository.
fn commit() -> u32 {
    let said = std::process::Command::new("git")
        .args(["rev-parse", "--short=7", "HEAD"])
        .current_dir(repository())
        .output();
    let name = said.map(|said| said.stdout).unwrap_or_default();
    let name = String::from_utf8_lossy(&name);
    u32::from_str_radix(name.trim(), 16).unwrap_or(0)
}

#[test]
fn each_of_the_rarer_tools_has_its_turn() {
    for name in RARER {
        let turns = (0..18).filter(|commit| has_its_turn(name, *commit)).count();
        assert_eq!(turns, 3, "{name}");
    }
}

/// A copy of a package of `tests/fixtures/tools` with its `node_modules`.
pub(crate) fn package(name: &str) -> Sandbox {
    let sandbox = Sandbox::copy_of(&repository().join("tests/fixtures/tools").join(name));
    install(&sandbox);
    // Tools that keep something for the user make this folder themselves.
    std::fs::create_dir_all(sandbox.home().join(".cache")).unwrap();
    sandbox
}

/// `vt run --cache NAME`.
pub(crate) fn run(sandbox: &Sandbox, name: &str) -> Outcome {
    sandbox.call(&format!("vt run --cache {name}")).run()
}

/// `vt run --cache NAME` with variables.
pub(crate) fn run_with(sandbox: &Sandbox, name: &str, variables: &[(&str, &str)]) -> Outcome {
    let call = sandbox.call(&format!("vt run --cache {name}"));
    let call = variables
        .iter()
        .fold(call, |call, (name, value)| call.env(name, value));
    call.run()
}

/// The tool itself, without `vt`, as somebody starts it by hand.
pub(crate) fn by_hand(sandbox: &Sandbox, line: &str) {
    by_hand_with(sandbox, line, &[]);
}

/// As [`by_hand`], with variables.
pub(crate) fn by_hand_with(sandbox: &Sandbox, line: &str, variables: &[(&str, &str)]) {
    let call = sandbox.call(&format!("node_modules/.bin/{line}"));
    let call = variables
        .iter()
        .fold(call, |call, (name, value)| call.env(name, value));
    let outcome = call.run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
}

/// Replaces a text that is there.
#[track_caller]
pub(crate) fn replace(sandbox: &Sandbox, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(sandbox.read(path)).unwrap();
    assert!(text.contains(from), "`{path}` has no `{from}`");
    sandbox.write(path, text.replace(from, to));
}

/// Appends to a file.
pub(crate) fn append(sandbox: &Sandbox, path: &str, text: &str) {
    let before = sandbox.read(path);
    sandbox.write(path, [before.as_slice(), text.as_bytes()].concat());
}

/// The step ran, for exactly these reasons, and was stored.
#[track_caller]
pub(crate) fn ran(outcome: &Outcome, why: &[&str]) {
    let step = outcome.summary().only();
    let reasons: Vec<String> = step.why.iter().map(ToString::to_string).collect();
    assert_eq!(step.status, Status::Ran, "{reasons:?}\n{}", outcome.said());
    assert_eq!(reasons, why, "{}", outcome.said());
    assert!(step.stored, "{:?}\n{}", step.not_stored, outcome.said());
}

/// The step was brought back.
#[track_caller]
pub(crate) fn hit(outcome: &Outcome) {
    let step = outcome.summary().only();
    let reasons: Vec<String> = step.why.iter().map(ToString::to_string).collect();
    assert_eq!(step.status, Status::Hit, "{reasons:?}\n{}", outcome.said());
}

/// A variable counts that is set and changed, and is named. The script was stored without it.
#[track_caller]
pub(crate) fn counts(sandbox: &Sandbox, name: &str, variable: &str, values: [&str; 2]) {
    let with = |value: &str| run_with(sandbox, name, &[(variable, value)]);
    hit(&run(sandbox, name));
    ran(&with(values[0]), &[&format!("env-added {variable}")]);
    ran(&with(values[1]), &[&format!("env-changed {variable}")]);
    hit(&with(values[0]));
    hit(&run(sandbox, name));
}

/// Everything at these places.
pub(crate) fn contents(sandbox: &Sandbox, places: &[&str]) -> Vec<Content> {
    let take = |place: &&str| Content::take(&sandbox.path(place)).unwrap();
    places.iter().map(take).collect()
}

/// Takes a script through the steps. It has not run in this sandbox.
#[track_caller]
pub(crate) fn six_steps(sandbox: &Sandbox, script: &Script<'_>) {
    let Script {
        name,
        outputs,
        edit: (source, text),
        says,
    } = *script;

    let first = run(sandbox, name);
    ran(&first, &["first-run"]);
    assert!(first.said().contains(says), "{}", first.said());
    let made = contents(sandbox, outputs);
    assert!(
        made.iter().all(|content| !content.is_empty()),
        "{outputs:?}\n{}",
        first.said()
    );

    starts_and_touches_nothing(sandbox, script);

    for output in outputs {
        sandbox.remove(output);
    }
    hit(&run(sandbox, name));
    assert_eq!(contents(sandbox, outputs), made, "after they were deleted");

    let before = sandbox.read(source);
    append(sandbox, source, text);
    ran(&run(sandbox, name), &[&format!("input-modified {source}")]);
    let edited = contents(sandbox, outputs);
    hit(&run(sandbox, name));
    for output in outputs {
        sandbox.remove(output);
    }
    hit(&run(sandbox, name));
    assert_eq!(
        contents(sandbox, outputs),
        edited,
        "of the edit, after they were deleted"
    );
    sandbox.write(source, before);
    hit(&run(sandbox, name));
    assert_eq!(
        contents(sandbox, outputs),
        made,
        "after the edit was undone"
    );

    append(sandbox, "notes.txt", "Nobody reads this.\n");
    hit(&run(sandbox, name));
    hit(&run_with(sandbox, name, &[("UNRELATED", "x")]));
}

#[track_caller]
fn starts_and_touches_nothing(sandbox: &Sandbox, script: &Script<'_>) {
    let before = Snapshot::take(&sandbox.root()).unwrap();
    let outcome = sandbox
        .call(&format!("vt run --cache {}", script.name))
        .watched(Watched::ForProcesses)
        .run();
    hit(&outcome);
    assert_eq!(outcome.processes, Some(Vec::new()));
    assert_eq!(outcome.summary().only().restored, Some(0));
    assert!(outcome.said().contains(script.says), "{}", outcome.said());
    let changes = before.changes(&Snapshot::take(&sandbox.root()).unwrap());
    assert!(changes.is_empty(), "{changes:?}");
}
