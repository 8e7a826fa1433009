//! What rule plugins change, seen from outside: the built-in rule for Vitest, with and without it.

use serde_json::json;
use vt_harness::{Sandbox, Status, install};
use vt_suites::example;

fn library() -> Sandbox {
    let sandbox = Sandbox::copy_of(&example("vitest-lib"));
    install(&sandbox);
    sandbox
}

#[test]
fn the_rule_for_vitest_is_shown_and_makes_the_opt_out_noise() {
    let sandbox = library();
    let outcome = sandbox.call("vt run test").run();
    let step = outcome.summary().only();
    assert!(step.stored, "{:?}\n{}", step.not_stored, outcome.said());
    let directives = serde_json::to_string(&step.directives).unwrap();
    assert!(directives.contains("vitest"), "{directives}");
}

#[test]
fn without_the_rule_the_opt_out_is_honoured_literally() {
    let sandbox = library();
    sandbox.write(
        "vite-task.json",
        r#"{ "plugins": [], "tasks": { "test": "vitest run" } }"#,
    );
    for _ in ["first", "second"] {
        let outcome = sandbox.call("vt run test").run();
        let step = outcome.summary().only();
        assert_eq!(
            (step.status, step.stored),
            (Status::Ran, false),
            "{}",
            outcome.said()
        );
        assert!(
            step.not_stored
                .iter()
                .any(|reason| reason.kind == "opted-out"),
            "{:?}",
            step.not_stored
        );
        assert!(step.directives.is_empty(), "{:?}", step.directives);
    }
}

#[test]
fn turning_a_rule_off_or_on_is_a_reason_to_run() {
    let sandbox = library();
    assert!(sandbox.call("vt run test").run().summary().only().stored);
    sandbox.write(
        "vite-task.json",
        r#"{ "plugins": [], "tasks": { "test": "vitest run" } }"#,
    );
    let outcome = sandbox.call("vt run test").run();
    let step = outcome.summary().only();
    assert_eq!(step.status, Status::Ran);
    assert!(
        step.why.iter().any(|reason| reason.kind == "rules-changed"),
        "{:?}",
        step.why
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "plugins": ["vitest"], "tasks": { "test": "vitest run" } }"#,
    );
    assert_eq!(
        sandbox.call("vt run test").run().summary().only().status,
        Status::Hit
    );
}

#[test]
fn a_rule_nobody_knows_is_a_configuration_error_with_its_position() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    sandbox.write(
        "vite-task.json",
        "{\n  \"plugins\": [\"vitset\"],\n  \"tasks\": { \"a\": \"vtt print a\" }\n}\n",
    );
    let outcome = sandbox.call("vt run a").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    for piece in ["vite-task.json:2:15", "vitset", "vitest"] {
        assert!(
            outcome.err().contains(piece),
            "no {piece} in {}",
            outcome.said()
        );
    }
}

#[test]
fn the_code_of_built_in_components_is_written_for_a_build_to_take_in() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let outcome = sandbox.call("vt plugin precompile built-ins").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let variable = format!(
        "VT_PRECOMPILED_BUILT_INS={}",
        sandbox.path("built-ins").display()
    );
    assert!(outcome.out().contains(&variable), "{}", outcome.said());
    let file = sandbox.read("built-ins");
    // What the build script looks for.
    assert!(file.starts_with(b"vt compiled components 1\n"));
    assert!(file.len() > 100_000, "{}", file.len());
    let nowhere = sandbox.call("vt plugin precompile no/such/place").run();
    assert_eq!(nowhere.exit_code, 2, "{}", nowhere.said());
    assert!(
        nowhere.err().contains("no/such/place"),
        "{}",
        nowhere.said()
    );
}
