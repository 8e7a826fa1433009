//! What every framework must do: run once, be brought back, run again for what matters and for nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use vt_harness::{Content, Outcome, Sandbox, Snapshot, Status, Watched, install};
use vt_suites::repository;

use crate::table;

/// A framework, and what matters to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framework<'a> {
    /// Folder of `tests/fixtures/frameworks`.
    pub(crate) name: &'a str,
    /// The package that brings it.
    pub(crate) package: &'a str,
    /// What the script runs.
    pub(crate) tool: &'a str,
    /// Folders it makes.
    pub(crate) outputs: &'a [&'a str],
    /// What the framework keeps for itself inside of them, relative to them: not brought back.
    pub(crate) private: &'a [&'a str],
    /// A source, and what an edit appends to it.
    pub(crate) edit: (&'a str, &'a str),
    /// A variable that is inlined.
    pub(crate) variable: &'a str,
    /// Whether a variable that nobody names counts.
    pub(crate) other_variables: OtherVariables,
    /// What it cannot do, for the table.
    pub(crate) limits: &'a str,
}

/// What a variable does that no source names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtherVariables {
    /// Nothing.
    DoNotCount,
    /// The tool asks for all of them, and may inline any.
    Count,
}

/// A copy of a framework's package with its `node_modules`.
pub(crate) fn package(name: &str) -> Sandbox {
    let folder = repository().join("tests/fixtures/frameworks").join(name);
    let sandbox = Sandbox::copy_of(&folder);
    install(&sandbox);
    // Tools that keep something for the user make this folder themselves.
    std::fs::create_dir_all(sandbox.home().join(".cache")).unwrap();
    sandbox
}

/// `vt run --cache build`.
pub(crate) fn build(sandbox: &Sandbox) -> Outcome {
    build_with(sandbox, &[])
}

/// `vt run --cache build` with variables.
pub(crate) fn build_with(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Outcome {
    let call = sandbox.call("vt run --cache build");
    let call = variables
        .iter()
        .fold(call, |call, (name, value)| call.env(name, value));
    call.run()
}

/// Replaces a text that is there.
pub(crate) fn replace(sandbox: &Sandbox, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(sandbox.read(path)).unwrap();
    assert!(text.contains(from), "`{path}` has no `{from}`");
    sandbox.write(path, text.replace(from, to));
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

/// The step ran and was not stored, for this reason among others.
#[track_caller]
pub(crate) fn not_stored(outcome: &Outcome, reason: &str) {
    let step = outcome.summary().only();
    let said: Vec<&str> = step
        .not_stored
        .iter()
        .map(|why| why.kind.as_str())
        .collect();
    assert!(!step.stored, "{}", outcome.said());
    assert!(said.contains(&reason), "{said:?}\n{}", outcome.said());
}

/// The rules that said something about the step.
pub(crate) fn rules(outcome: &Outcome) -> String {
    serde_json::to_string(&outcome.summary().only().directives).unwrap()
}

/// Takes a framework through its story. It has not run in this sandbox, and its outputs are as after the first build in
/// the end.
#[track_caller]
pub(crate) fn takes_its_steps(sandbox: &Sandbox, framework: &Framework<'_>) {
    let before = Instant::now();
    let first = build(sandbox);
    let cold = before.elapsed();
    ran(&first, &["first-run"]);
    let made = taken(sandbox, framework);
    assert!(
        made.iter().all(|content| !content.is_empty()),
        "{}",
        first.said()
    );

    let warm = starts_and_touches_nothing(sandbox, &first);

    for output in framework.outputs {
        sandbox.remove(output);
    }
    let restored = build(sandbox);
    hit(&restored);
    same(sandbox, framework, &made, "after they were deleted");

    let (source, text) = framework.edit;
    let before = sandbox.read(source);
    sandbox.write(source, [before.as_slice(), text.as_bytes()].concat());
    ran(&build(sandbox), &[&format!("input-modified {source}")]);
    hit(&build(sandbox));
    sandbox.write(source, before);
    hit(&build(sandbox));
    same(sandbox, framework, &made, "after the edit was undone");

    sandbox.write("notes.txt", "Nobody reads this either.\n");
    hit(&build(sandbox));

    variables_count(sandbox, framework);
    hit(&build(sandbox));
    same(
        sandbox,
        framework,
        &made,
        "after the variable was taken away",
    );
    table::keep(framework, &first, cold, warm);
}

/// The first build of a configuration that puts its results elsewhere is stored, and comes back once they are deleted.
#[track_caller]
pub(crate) fn comes_back(sandbox: &Sandbox, output: &str) {
    ran(&build(sandbox), &["first-run"]);
    hit(&build(sandbox));
    let made = Content::take(&sandbox.path(output)).unwrap();
    assert!(!made.is_empty(), "there is no `{output}`");
    sandbox.remove(output);
    hit(&build(sandbox));
    let changes = made.changes(&Content::take(&sandbox.path(output)).unwrap());
    assert!(changes.is_empty(), "{changes:?}");
}

/// Turns all rules off, to show what they are for.
pub(crate) fn without_rules(sandbox: &Sandbox) {
    sandbox.write("vite-task.json", r#"{ "plugins": [] }"#);
}

#[track_caller]
fn variables_count(sandbox: &Sandbox, framework: &Framework<'_>) {
    let variable = framework.variable;
    ran(
        &build_with(sandbox, &[(variable, "somebody")]),
        &[&format!("env-added {variable}")],
    );
    let set = [(variable, "a-greeting-from-outside")];
    ran(
        &build_with(sandbox, &set),
        &[&format!("env-changed {variable}")],
    );
    let greets = framework.outputs.iter().any(|output| {
        let content = Content::take(&sandbox.path(output)).unwrap();
        content.mentions("a-greeting-from-outside")
    });
    assert!(greets, "{variable} is in no output");
    hit(&build_with(sandbox, &set));
    match framework.other_variables {
        OtherVariables::DoNotCount => {
            hit(&build_with(sandbox, &[("UNRELATED", "x")]));
        }
        OtherVariables::Count => {
            let step = sandbox.call("vt run --cache --dry-run build");
            let said = step.env("UNRELATED", "x").run().said();
            assert!(said.contains("UNRELATED"), "{said}");
        }
    }
}

/// How long it took.
#[track_caller]
fn starts_and_touches_nothing(sandbox: &Sandbox, first: &Outcome) -> Duration {
    let before = Snapshot::take(&sandbox.root()).unwrap();
    let outcome = sandbox
        .call("vt run --cache build")
        .watched(Watched::ForProcesses)
        .run();
    hit(&outcome);
    assert_eq!(outcome.processes, Some(Vec::new()));
    assert_eq!(outcome.summary().only().restored, Some(0));
    let replayed = |outcome: &Outcome| {
        let out = outcome.out();
        out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(replayed(&outcome), replayed(first), "the replay differs");
    let changes = before.changes(&Snapshot::take(&sandbox.root()).unwrap());
    assert!(changes.is_empty(), "{changes:?}");
    let before = Instant::now();
    hit(&build(sandbox));
    before.elapsed()
}

fn taken(sandbox: &Sandbox, framework: &Framework<'_>) -> Vec<Content> {
    let outputs = framework.outputs.iter();
    outputs
        .map(|output| Content::take(&sandbox.path(output)).unwrap())
        .collect()
}

/// Every byte of the outputs is the same, but for what is private.
#[track_caller]
fn same(sandbox: &Sandbox, framework: &Framework<'_>, made: &[Content], when: &str) {
    let now = taken(sandbox, framework);
    for (output, (before, after)) in framework.outputs.iter().zip(made.iter().zip(&now)) {
        let mut changes = before.changes(after);
        changes.retain(|line| {
            let path = Path::new(line.split_once(' ').map_or("", |(_, path)| path));
            !framework
                .private
                .iter()
                .any(|private| path.starts_with(private))
        });
        assert!(changes.is_empty(), "`{output}` {when}: {changes:?}");
    }
}
