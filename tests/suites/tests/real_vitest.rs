//! An unmodified Vitest from npm: it opts out by making a server, and keeps a file of durations that it rewrites each
//! time, and is cached all the same.

use vt_harness::{Outcome, Sandbox, Snapshot, Status, Watched, install};
use vt_suites::example;

fn library() -> Sandbox {
    let sandbox = Sandbox::copy_of(&example("vitest-lib"));
    install(&sandbox);
    sandbox
}

#[track_caller]
fn ran(outcome: &Outcome, why: &[&str]) {
    let step = outcome.summary().only();
    let reasons: Vec<String> = step.why.iter().map(ToString::to_string).collect();
    assert_eq!(step.status, Status::Ran, "{reasons:?}\n{}", outcome.said());
    assert_eq!(reasons, why, "{}", outcome.said());
    assert!(step.stored, "{:?}\n{}", step.not_stored, outcome.said());
}

#[track_caller]
fn hit(outcome: &Outcome) {
    let step = outcome.summary().only();
    assert_eq!(
        step.status,
        Status::Hit,
        "{:?}\n{}",
        step.why,
        outcome.said()
    );
}

#[test]
fn the_second_run_of_the_tests_says_what_the_first_said_and_does_nothing() {
    let sandbox = library();
    let first = sandbox.call("vt run test").run();
    ran(&first, &["first-run"]);
    assert!(first.out().contains("9 passed"), "{}", first.said());
    let before = Snapshot::take(&sandbox.root()).unwrap();
    let second = sandbox
        .call("vt run test")
        .watched(Watched::ForProcesses)
        .run();
    hit(&second);
    assert_eq!(second.processes, Some(Vec::new()));
    assert!(second.out().contains("9 passed"), "{}", second.said());
    let changes = before.changes(&Snapshot::take(&sandbox.root()).unwrap());
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn an_edited_source_or_test_runs_again_also_with_the_durations_of_the_last_run_there() {
    let sandbox = library();
    ran(&sandbox.call("vt run test").run(), &["first-run"]);
    for path in ["src/compare.ts", "test/range.test.ts"] {
        let text = String::from_utf8(sandbox.read(path)).unwrap();
        sandbox.write(path, format!("{text}\n// edited\n"));
        ran(
            &sandbox.call("vt run test").run(),
            &[&format!("input-modified {path}")],
        );
        sandbox.write(path, text);
        hit(&sandbox.call("vt run test").run());
    }
}

#[test]
fn a_failing_test_keeps_its_exit_code_and_is_not_stored() {
    let sandbox = library();
    ran(&sandbox.call("vt run test").run(), &["first-run"]);
    let text = String::from_utf8(sandbox.read("src/range.ts")).unwrap();
    sandbox.write("src/range.ts", text.replace("order === 0", "order !== 0"));
    for _ in ["first", "second"] {
        let outcome = sandbox.call("vt run test").run();
        assert_eq!(outcome.exit_code, 1, "{}", outcome.said());
        assert_eq!(outcome.summary().only().status, Status::Failed);
    }
    sandbox.write("src/range.ts", text);
    hit(&sandbox.call("vt run test").run());
}

#[test]
fn a_new_test_file_is_found() {
    let sandbox = library();
    ran(&sandbox.call("vt run test").run(), &["first-run"]);
    sandbox.write(
        "test/more.test.ts",
        "import { test } from \"vitest\";\ntest(\"more\", () => {});\n",
    );
    let outcome = sandbox.call("vt run test").run();
    let step = outcome.summary().only();
    assert_eq!(step.status, Status::Ran, "{}", outcome.said());
    assert!(
        step.says_why("listing-changed test more.test.ts"),
        "{:?}",
        step.why
    );
    assert!(outcome.out().contains("10 passed"), "{}", outcome.said());
}

#[test]
fn what_is_drawn_on_a_terminal_while_tests_run_is_no_part_of_the_result() {
    let sandbox = library();
    let first = sandbox.call("vt run test").on_terminal().finish();
    assert_eq!(first.exit_code, 0, "{}", first.said());
    // The summary is drawn anew while tests run, by going up to where it begins.
    assert!(first.err().contains("\u{1b}[1A"), "{:?}", first.err());
    let second = sandbox.call("vt run test").run();
    hit(&second);
    let lines_with = |text: &str| {
        second
            .out()
            .lines()
            .filter(|line| line.contains(text))
            .count()
    };
    assert_eq!(lines_with("9 passed"), 1, "{}", second.said());
    assert_eq!(lines_with("Test Files"), 1, "{}", second.said());
    assert!(
        !second.out().contains(['\u{1b}', '\r']),
        "{:?}",
        second.out()
    );
}
