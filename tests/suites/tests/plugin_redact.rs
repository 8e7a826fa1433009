//! Parts of a JSON file that do not count where it is an input.

#[expect(dead_code, reason = "this suite signs and installs nothing")]
mod plugin_guest;

use plugin_guest::Guest;
use serde_json::{Value, json};
use vt_harness::{Outcome, Sandbox, Status};

/// Says of a file that two of its parts do not count.
const REDACTS: Guest<'static> = Guest {
    id: "guest",
    version: "1.0.0",
    env: &[],
    says: &[("redact", "build.json /buildId /built/at")],
};

/// A workspace where `stamp` writes `build.json` anew in each run, from `stamp.json`, and `use` reads
/// that.
fn stamped(settings: Value) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({}));
    configure(&sandbox, settings);
    stamp(
        &sandbox,
        "one",
        r#"{ "buildId": "1", "built": { "at": 1 }, "of": ["a"] }"#,
    );
    sandbox
}

fn configure(sandbox: &Sandbox, mut settings: Value) {
    settings["tasks"] = json!({
        "stamp": { "command": "vtt cp stamp.json build.json", "cache": false },
        "use": { "command": "vtt concat out.txt build.json a.txt", "dependsOn": ["stamp"] },
        "declared": {
            "command": "vtt concat other.txt build.json", "dependsOn": ["stamp"],
            "input": [{ "auto": true }, "*.json"],
        },
    });
    sandbox.write("vite-task.json", settings.to_string());
}

fn stamp(sandbox: &Sandbox, text: &str, json: &str) {
    sandbox.write("a.txt", text);
    sandbox.write("stamp.json", json);
}

fn rule(directives: &Value) -> Value {
    json!({ "plugins": [], "rules": [
        { "name": "ids", "match": { "programs": ["vtt"] }, "directives": directives },
    ] })
}

fn outcome_of(sandbox: &Sandbox, task: &str) -> Outcome {
    let outcome = sandbox.call("vt run").word(task).run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    outcome
}

fn run(sandbox: &Sandbox, task: &str) {
    drop(outcome_of(sandbox, task));
}

/// How the task fares after `stamp.json` was written like this.
#[track_caller]
fn after(sandbox: &Sandbox, json: &str, task: &str, expected: Status) {
    drop(seen_after(sandbox, json, task, expected));
}

#[track_caller]
fn seen_after(sandbox: &Sandbox, json: &str, task: &str, expected: Status) -> Outcome {
    sandbox.write("stamp.json", json);
    let outcome = outcome_of(sandbox, task);
    let summary = outcome.summary();
    let step = summary.steps.last().unwrap();
    assert_eq!(step.status, expected, "{json}: {}", outcome.said());
    assert!(step.not_stored.is_empty(), "{}", outcome.said());
    outcome
}

/// Whether the reason why the last step of a run ran is a change of `build.json`.
fn is_for_the_file(outcome: &Outcome) -> bool {
    let summary = outcome.summary();
    let mut whys = summary.steps.last().unwrap().why.iter();
    whys.any(|why| why.kind == "input-modified" && why.details["path"] == "build.json")
}

/// Every change of `build.json` but for the two parts is seen, by whoever the parts are named.
fn only_the_parts_do_not_count(sandbox: &Sandbox) {
    run(sandbox, "use");
    for same in [
        r#"{ "buildId": "2", "built": { "at": 1 }, "of": ["a"] }"#,
        r#"{ "buildId": {"x": []}, "built": { "at": "then, \"}" }, "of": ["a"] }"#,
    ] {
        after(sandbox, same, "use", Status::Hit);
        // Nor does it matter the next time.
        after(sandbox, same, "use", Status::Hit);
    }
    for other in [
        r#"{ "buildId": "1", "built": { "at": 1 }, "of": ["b"] }"#,
        r#"{ "buildId": "1", "built": { "at": 1, "by": 1 }, "of": ["b"] }"#,
        r#"{ "buildId": "1", "built": { "at": 1, "by": 1 }, "of":  ["b"] }"#,
        r#"{ "built": { "at": 1, "by": 1 }, "of": ["b"] }"#,
        r#"{ "buildId": "1", "buildId": "2" }"#,
        r#"{ "buildId": "1", "buildId": "3" }"#,
        "no JSON",
        "no JSON 2",
    ] {
        let outcome = seen_after(sandbox, other, "use", Status::Ran);
        assert!(is_for_the_file(&outcome), "{}", outcome.said());
        after(sandbox, other, "use", Status::Hit);
    }
    // Back where it was.
    after(
        sandbox,
        r#"{ "buildId": "9", "built": { "at": 9 }, "of": ["a"] }"#,
        "use",
        Status::Hit,
    );
    sandbox.remove("stamp.json");
    sandbox.write("a.txt", "two");
    sandbox.write("stamp.json", "{}");
    let outcome = outcome_of(sandbox, "use");
    assert_eq!(outcome.summary().steps.last().unwrap().status, Status::Ran);
}

#[test]
fn parts_that_a_rule_of_the_configuration_names_do_not_count() {
    let sandbox = stamped(rule(&json!({
        "redact": { "build.json": ["/buildId", "/built/at"] },
    })));
    only_the_parts_do_not_count(&sandbox);
    let why = sandbox.call("vt why use").run();
    assert!(
        why.out().contains("redact build.json /buildId /built/at"),
        "{}",
        why.said()
    );
}

#[test]
fn parts_that_a_component_names_do_not_count() {
    let sandbox = stamped(json!({ "plugins": ["./rules.wasm"] }));
    sandbox.write("rules.wasm", REDACTS.bytes());
    let pinned = sandbox.call("vt plugin add").run();
    assert_eq!(pinned.exit_code, 0, "{}", pinned.said());
    only_the_parts_do_not_count(&sandbox);
    let why = sandbox.call("vt why use").run();
    assert!(
        why.out().contains("guest 1.0.0")
            && why.out().contains("redact build.json /buildId /built/at"),
        "{}",
        why.said()
    );
}

#[test]
fn a_file_that_the_task_declares_counts_whole() {
    let sandbox = stamped(rule(&json!({ "redact": { "build.json": ["/buildId"] } })));
    run(&sandbox, "declared");
    let other = r#"{ "buildId": "2", "built": { "at": 1 }, "of": ["a"] }"#;
    let outcome = seen_after(&sandbox, other, "declared", Status::Ran);
    assert!(is_for_the_file(&outcome), "{}", outcome.said());
}

#[test]
fn other_steps_count_the_same_file_whole() {
    let sandbox = stamped(json!({ "plugins": [] }));
    let whole = r#"{ "buildId": "2", "built": { "at": 1 }, "of": ["a"] }"#;
    run(&sandbox, "use");
    configure(
        &sandbox,
        rule(&json!({ "redact": { "build.json": ["/buildId"] } })),
    );
    run(&sandbox, "use");
    after(&sandbox, whole, "use", Status::Hit);
    // Whatever is remembered of the file less its parts, nobody takes it for the file.
    configure(&sandbox, json!({ "plugins": [] }));
    after(&sandbox, whole, "use", Status::Ran);
    configure(
        &sandbox,
        rule(&json!({ "redact": { "build.json": ["/of"] } })),
    );
    run(&sandbox, "use");
    after(
        &sandbox,
        &whole.replace("\"2\"", "\"3\""),
        "use",
        Status::Ran,
    );
}

#[test]
fn pointers_and_paths_are_checked_and_held_to_the_policy() {
    let sandbox = stamped(json!({ "plugins": [] }));
    for (redact, piece) in [
        (
            json!({ "build.json": ["buildId"] }),
            "it is no JSON Pointer",
        ),
        (json!({ "build.json": ["/a~2"] }), "it is no JSON Pointer"),
        (json!({ "build.json": [""] }), "it is empty"),
        (json!({ "build.json": [] }), "it names no part"),
        (
            json!({ "../x.json": ["/a"] }),
            "it leads out of the workspace",
        ),
        (
            json!({ ".": ["/a"] }),
            "it covers the directory of the package",
        ),
    ] {
        configure(&sandbox, rule(&json!({ "redact": redact })));
        let outcome = sandbox.call("vt run use").run();
        assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
        assert!(
            outcome.err().contains("vite-task.json:"),
            "{}",
            outcome.said()
        );
        assert!(outcome.err().contains(piece), "{}", outcome.said());
    }
    configure(
        &sandbox,
        rule(&json!({ "redact": { "build.json": ["/buildId"] } })),
    );
    for (policy, piece) in [
        (
            json!({ "directives": ["output"] }),
            "`directives` of the policy",
        ),
        (json!({ "paths": ["dist/**"] }), "`paths` of the policy"),
    ] {
        sandbox.write("vt-policy.json", policy.to_string());
        let outcome = sandbox.call("vt run use").run();
        assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
        assert!(outcome.err().contains(piece), "{}", outcome.said());
        assert!(
            outcome.err().contains("`redact build.json /buildId`"),
            "{}",
            outcome.said()
        );
    }
    sandbox.write(
        "vt-policy.json",
        json!({ "paths": ["build.json"] }).to_string(),
    );
    run(&sandbox, "use");
}
