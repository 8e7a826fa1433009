//! What does not come to its own end: interrupts, failures beside it, and things in the way.

use std::fs;
use std::process::Command;

use serde_json::json;
use vt_harness::{Outcome, Sandbox, Status};

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

fn statuses(outcome: &Outcome) -> Vec<(String, Status)> {
    let steps = &outcome.summary().steps;
    steps
        .iter()
        .map(|step| (step.id.clone(), step.status))
        .collect()
}

#[test]
fn an_interrupt_stops_everything_and_stores_nothing() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let (mark, never) = (
        sandbox.home().join(".cache/mark"),
        sandbox.home().join(".cache/never"),
    );
    let slow = format!(
        "vtt seq cat a.txt then write -p dist/half x then append {} x then wait-for {}",
        mark.display(),
        never.display()
    );
    let tasks =
        json!({ "slow": slow, "after": { "command": "vtt cat a.txt", "dependsOn": ["slow"] } });
    sandbox.write("vite-task.json", json!({ "tasks": tasks }).to_string());
    let running = sandbox.call("vt run after").start();
    sandbox.wait_for(&mark);
    signal("INT", running.id());
    let outcome = running.finish();
    assert_eq!(outcome.exit_code, 130, "{}", outcome.said());
    assert_eq!(
        statuses(&outcome),
        [
            ("app#slow/0".to_owned(), Status::Cancelled),
            ("app#after/0".to_owned(), Status::Skipped)
        ]
    );
    let slow = &outcome.summary().steps[0];
    let kinds: Vec<&str> = slow
        .not_stored
        .iter()
        .map(|reason| reason.kind.as_str())
        .collect();
    assert!(!slow.stored && kinds.contains(&"cancelled"), "{kinds:?}");
}

#[test]
fn a_failure_stops_what_runs_beside_it_and_gives_its_exit_code() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let (mark, never) = (
        sandbox.home().join(".cache/mark"),
        sandbox.home().join(".cache/never"),
    );
    let tasks = json!({
        "endless": format!("vtt seq cat a.txt then append {} x then wait-for {}", mark.display(), never.display()),
        "failing": format!("vtt seq cat a.txt then wait-for {} then exit 7", mark.display()),
        "both": { "command": "vtt cat a.txt", "dependsOn": ["endless", "failing"] },
    });
    sandbox.write("vite-task.json", json!({ "tasks": tasks }).to_string());
    let outcome = sandbox.call("vt run both").run();
    assert_eq!(outcome.exit_code, 7, "{}", outcome.said());
    let mut statuses = statuses(&outcome);
    statuses.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(
        statuses,
        [
            ("app#both/0".to_owned(), Status::Skipped),
            ("app#endless/0".to_owned(), Status::Cancelled),
            ("app#failing/0".to_owned(), Status::Failed),
        ]
    );
}

#[test]
fn secrets_in_env_files_travel_only_if_declared() {
    let sandbox = Sandbox::with_tasks(&json!({
        "auto": "vtt seq cat a.txt then write -p auto/.env.local KEY=1 then write -p auto/out x",
        "declared": {
            "command": "vtt seq cat a.txt then write -p declared/.env KEY=1",
            "output": ["declared/**"],
        },
    }));
    let again = |task: &str| {
        assert_eq!(sandbox.call(&format!("vt run {task}")).run().exit_code, 0);
        fs::remove_dir_all(sandbox.path(task)).unwrap();
        let outcome = sandbox.call(&format!("vt run {task}")).run();
        let step = outcome.summary().only().clone();
        let why: Vec<String> = step.why.iter().map(ToString::to_string).collect();
        (step.status, why)
    };
    // Where it is gone only the command can make it again.
    let missing = vec!["output-missing auto/.env.local".to_owned()];
    assert_eq!(again("auto"), (Status::Ran, missing));
    assert!(sandbox.path("auto/.env.local").exists());
    assert_eq!(again("declared"), (Status::Hit, Vec::new()));
    assert!(sandbox.path("declared/.env").exists());
}

#[test]
fn what_somebody_put_in_the_place_of_a_result_is_never_lost() {
    let sandbox = Sandbox::with_tasks(&json!({ "build": "vtt concat -p dist/out a.txt" }));
    let build = || sandbox.call("vt run build").run();
    assert_eq!(build().exit_code, 0);

    // A directory where a result was: the command itself fails on it, and so nothing is hidden.
    sandbox.remove("dist/out");
    sandbox.write("dist/out/mine", "mine");
    let outcome = build();
    assert_ne!(
        outcome.summary().only().status,
        Status::Hit,
        "{}",
        outcome.said()
    );
    assert_eq!(sandbox.read("dist/out/mine"), b"mine");

    // A link where the directory was: nothing is written through it.
    fs::remove_dir_all(sandbox.path("dist")).unwrap();
    let elsewhere = sandbox.home().join(".cache/elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("out"), "mine").unwrap();
    std::os::unix::fs::symlink(&elsewhere, sandbox.path("dist")).unwrap();
    let outcome = build();
    assert_ne!(
        outcome.summary().only().status,
        Status::Hit,
        "{}",
        outcome.said()
    );
}

#[test]
fn two_steps_that_write_the_same_path_at_once_are_not_both_stored() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let (one, two) = (
        sandbox.home().join(".cache/one"),
        sandbox.home().join(".cache/two"),
    );
    let writer = |mine: &std::path::Path, other: &std::path::Path, text: &str| {
        format!(
            "vtt seq cat a.txt then append {} x then wait-for {} then write -p dist/out {text}",
            mine.display(),
            other.display()
        )
    };
    let tasks = json!({
        "one": writer(&one, &two, "1"),
        "two": writer(&two, &one, "2"),
        "both": { "command": "vtt cat a.txt", "dependsOn": ["one", "two"] },
    });
    sandbox.write("vite-task.json", json!({ "tasks": tasks }).to_string());
    let outcome = sandbox.call("vt run both").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let shared = outcome.summary().steps.iter().filter(|step| {
        step.not_stored
            .iter()
            .any(|reason| reason.kind == "shared-output")
    });
    assert!(shared.count() >= 1, "{}", outcome.said());
}
