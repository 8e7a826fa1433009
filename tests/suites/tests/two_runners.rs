//! Several `vt` in one workspace at once.

use std::fs;

use serde_json::json;
use vt_harness::{Sandbox, Status};

#[test]
fn the_second_of_the_same_step_waits_and_then_hits() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    // Below the user's cache folder, where writes and looks are nobody's business.
    let (count, go) = (
        sandbox.home().join(".cache/count"),
        sandbox.home().join(".cache/go"),
    );
    let command = format!(
        "vtt seq cat a.txt then append {} x then wait-for {} then write -p dist/out made",
        count.display(),
        go.display()
    );
    sandbox.write(
        "vite-task.json",
        serde_json::json!({ "tasks": { "build": command } }).to_string(),
    );
    let first = sandbox.call("vt run build").start();
    sandbox.wait_for(&count);
    let second = sandbox.call("vt run build").start();
    fs::write(&go, "").unwrap();
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(
        first.summary().only().status,
        Status::Ran,
        "{}",
        first.said()
    );
    assert!(
        first.summary().only().stored,
        "{:?}",
        first.summary().only().not_stored
    );
    assert_eq!(
        second.summary().only().status,
        Status::Hit,
        "{}",
        second.said()
    );
    assert_eq!(fs::read(&count).unwrap(), b"x");
}

#[test]
fn different_steps_at_once_are_all_stored() {
    let tasks: serde_json::Map<String, serde_json::Value> = (0..8)
        .map(|number| {
            (
                format!("t{number}"),
                format!("vtt concat -p out{number}/file a.txt").into(),
            )
        })
        .collect();
    let sandbox = Sandbox::with_tasks(&serde_json::Value::from(tasks));
    for status in [Status::Ran, Status::Hit] {
        let running: Vec<_> = (0..8)
            .map(|number| sandbox.call(&format!("vt run t{number}")).start())
            .collect();
        for one in running {
            let outcome = one.finish();
            let step = outcome.summary().only();
            assert_eq!(
                (outcome.exit_code, step.status),
                (0, status),
                "{:?}\n{}",
                step.why,
                outcome.said()
            );
            assert_eq!(step.stored, status == Status::Ran, "{:?}", step.not_stored);
        }
    }
}

#[test]
fn many_of_the_same_step_at_once_leave_one_whole_result() {
    let sandbox = Sandbox::with_tasks(&json!({ "build": "vtt concat -p dist/out a.txt" }));
    for round in ["one\n", "two\n", "one\n"] {
        sandbox.write("a.txt", round);
        let running: Vec<_> = (0..6)
            .map(|_| sandbox.call("vt run build").start())
            .collect();
        for one in running {
            let outcome = one.finish();
            assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        }
        assert_eq!(sandbox.read("dist/out"), round.as_bytes());
        let after = sandbox.call("vt run build").run();
        assert_eq!(
            after.summary().only().status,
            Status::Hit,
            "{}",
            after.said()
        );
    }
}

#[test]
fn a_killed_runner_leaves_no_lock_behind() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let (mark, go) = (
        sandbox.home().join(".cache/mark"),
        sandbox.home().join(".cache/go"),
    );
    let command = format!(
        "vtt seq cat a.txt then append {} x then wait-for {} then write -p dist/out made",
        mark.display(),
        go.display()
    );
    sandbox.write(
        "vite-task.json",
        serde_json::json!({ "tasks": { "build": command } }).to_string(),
    );
    let first = sandbox.call("vt run build").start();
    sandbox.wait_for(&mark);
    first.kill();
    fs::write(&go, "").unwrap();
    let second = sandbox.call("vt run build").run();
    assert_eq!(
        (second.exit_code, second.summary().only().status),
        (0, Status::Ran),
        "{}",
        second.said()
    );
}
