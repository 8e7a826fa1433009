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

/// How a tool treats what it left earlier, which a hit does as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It overwrites that without a look.
    Overwrites,
    /// As before, and what it does not make any more stays.
    Leaves,
    /// It compares, and writes what differs: once it was seen to make the same of it, a hit may.
    Compares,
    /// As before, and it does not look at results that it takes for good: where they are missing nobody but the
    /// tool can make them again.
    Carries,
    /// It goes on from state that is another one after each run: no hit may replace that.
    Remembers,
}

/// Takes a script through the steps. It has not run in this sandbox.
#[track_caller]
pub(crate) fn six_steps(sandbox: &Sandbox, script: &Script<'_>) {
    take_steps(sandbox, script, Manner::Overwrites);
}

/// As [`six_steps`], for a tool whose results have other names each time, and that removes none.
#[track_caller]
pub(crate) fn six_steps_of_leaving(sandbox: &Sandbox, script: &Script<'_>) {
    take_steps(sandbox, script, Manner::Leaves);
}

/// As [`six_steps`], for a tool that looks at its results before it writes them.
#[track_caller]
pub(crate) fn six_steps_of_comparing(sandbox: &Sandbox, script: &Script<'_>) {
    take_steps(sandbox, script, Manner::Compares);
}

/// As [`six_steps_of_comparing`], for a tool that remembers what it made.
#[track_caller]
pub(crate) fn six_steps_of_carrying(sandbox: &Sandbox, script: &Script<'_>) {
    take_steps(sandbox, script, Manner::Carries);
}

/// As [`six_steps`], for a tool with state that no run leaves as another one did.
#[track_caller]
pub(crate) fn six_steps_of_remembering(sandbox: &Sandbox, script: &Script<'_>) {
    take_steps(sandbox, script, Manner::Remembers);
}

/// The step ran since nothing shows yet what it does to what it left earlier, and was stored.
#[track_caller]
fn found_its_own(outcome: &Outcome) {
    let step = outcome.summary().only();
    let said = outcome.said();
    assert_eq!(step.status, Status::Ran, "{said}");
    assert!(
        step.why
            .iter()
            .all(|why| ["output-differs", "output-missing"].contains(&why.kind.as_str())),
        "{said}"
    );
    assert!(step.stored, "{:?}\n{said}", step.not_stored);
}

#[track_caller]
fn take_steps(sandbox: &Sandbox, script: &Script<'_>, manner: Manner) {
    let Script {
        name,
        outputs,
        edit: (source, text),
        says,
    } = *script;

    // What a tool notes beside its results depends on how it came to them.
    let has_notes = matches!(manner, Manner::Carries | Manner::Remembers);
    let is_result = |path: &&str| !(has_notes && path.ends_with(".tsbuildinfo"));
    let results: Vec<&str> = outputs.iter().copied().filter(is_result).collect();
    let is_there = |expected: &[Content], says: &str| {
        let found = contents(sandbox, &results);
        if manner == Manner::Leaves {
            let mut pairs = expected.iter().zip(&found);
            assert!(
                pairs.all(|(one, other)| one.shares_names_with(other)),
                "{says}"
            );
        } else {
            assert_eq!(found, expected, "{says}");
        }
    };

    let first = run(sandbox, name);
    ran(&first, &["first-run"]);
    assert!(first.said().contains(says), "{}", first.said());
    let made = contents(sandbox, &results);
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
    assert_eq!(contents(sandbox, &results), made, "after they were deleted");

    let before = sandbox.read(source);
    append(sandbox, source, text);
    ran(&run(sandbox, name), &[&format!("input-modified {source}")]);
    let edited = contents(sandbox, &results);
    hit(&run(sandbox, name));
    for output in outputs {
        sandbox.remove(output);
    }
    if manner == Manner::Carries {
        found_its_own(&run(sandbox, name));
    } else {
        hit(&run(sandbox, name));
    }
    is_there(&edited, "of the edit, after they were deleted");
    sandbox.write(source, &before);
    if matches!(manner, Manner::Overwrites | Manner::Leaves) {
        hit(&run(sandbox, name));
    } else {
        found_its_own(&run(sandbox, name));
    }
    if matches!(manner, Manner::Compares | Manner::Carries) {
        // Once it was seen to come to the same from both sides, both are brought back.
        let there_and_back = || {
            append(sandbox, source, text);
            let there = run(sandbox, name);
            sandbox.write(source, &before);
            [there, run(sandbox, name)]
        };
        for outcome in there_and_back() {
            if outcome.summary().only().status != Status::Hit {
                found_its_own(&outcome);
            }
        }
        for outcome in there_and_back() {
            hit(&outcome);
        }
    }
    if manner != Manner::Remembers {
        is_there(&made, "after the edit was undone");
    }

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
