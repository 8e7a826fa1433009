//! What users type and what they are told: plans, errors, exit codes, the summary file.

use vt_harness::{Sandbox, Status, stories};

stories! { "cli": workspace }

const PACKAGE: &str = r#"{ "name": "app", "private": true }"#;

fn configured(config: &str) -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", PACKAGE);
    sandbox.write("a.txt", "one\n");
    sandbox.write("vite-task.json", config);
    sandbox
}

#[test]
fn every_mistake_is_reported_at_once_with_its_position() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "root", "workspaces": ["packages/*"] }"#,
    );
    sandbox.write("vite-task.json", "{\n  \"tasks\": {\n    \"build\": { \"comand\": \"vtt print\" },\n    \"check\": 7\n  }\n}\n");
    sandbox.write("packages/one/package.json", r#"{ "name": "one" }"#);
    sandbox.write(
        "packages/one/vite-task.json",
        "{\n  \"cache\": { \"tasks\": true },\n  \"tasks\": { \"a\": { \"command\": \"x\", \"cache\": false, \"input\": [] } }\n}\n",
    );
    let outcome = sandbox.call("vt run build").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    let said = outcome.err();
    let wanted = [
        "vite-task.json:3:16",
        "`comand`",
        "`command`",
        "vite-task.json:4:14",
        "packages/one/vite-task.json:2:3",
        "packages/one/vite-task.json:3",
    ];
    for piece in wanted {
        assert!(said.contains(piece), "no {piece} in\n{said}");
    }
}

#[test]
fn a_file_that_is_not_json_is_said_with_its_position() {
    let sandbox = configured("{\n  \"tasks\": {\n    \"build\" \"x\"\n  }\n}\n");
    let outcome = sandbox.call("vt run build").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert!(
        outcome.err().contains("vite-task.json:3:"),
        "{}",
        outcome.said()
    );
}

#[test]
fn comments_and_trailing_commas_are_fine_in_jsonc() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", PACKAGE);
    sandbox.write("a.txt", "one\n");
    sandbox.write(
        "vite-task.jsonc",
        "{\n  // what it does\n  \"tasks\": { \"show\": \"vtt cat a.txt\", },\n}\n",
    );
    let outcome = sandbox.call("vt run show").run();
    assert_eq!(
        (outcome.exit_code, outcome.summary().only().status),
        (0, Status::Ran),
        "{}",
        outcome.said()
    );
}

#[test]
fn a_name_in_both_scripts_and_tasks_is_an_error() {
    let sandbox = configured(r#"{ "tasks": { "build": "vtt print task" } }"#);
    sandbox.write(
        "package.json",
        r#"{ "name": "app", "scripts": { "build": "vtt print script" } }"#,
    );
    let outcome = sandbox.call("vt run build").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert!(outcome.err().contains("build"), "{}", outcome.said());
}

#[test]
fn a_circle_of_dependencies_is_shown_whole() {
    let sandbox = configured(
        r#"{ "tasks": {
            "a": { "command": "vtt print a", "dependsOn": ["b"] },
            "b": { "command": "vtt print b", "dependsOn": ["c"] },
            "c": { "command": "vtt print c", "dependsOn": ["a"] }
        } }"#,
    );
    let outcome = sandbox.call("vt run a").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    for id in ["app#a", "app#b", "app#c"] {
        assert!(outcome.err().contains(id), "no {id} in {}", outcome.said());
    }
}

#[test]
fn a_dependency_nobody_has_is_an_error() {
    let sandbox = configured(
        r#"{ "tasks": { "a": { "command": "vtt print a", "dependsOn": ["nobody#build"] } } }"#,
    );
    let outcome = sandbox.call("vt run a").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert!(outcome.err().contains("nobody"), "{}", outcome.said());
}

#[test]
fn flags_nobody_knows_are_usage_errors() {
    let sandbox = configured(r#"{ "tasks": { "show": "vtt cat a.txt" } }"#);
    for line in [
        "vt run --no-such-flag show",
        "vt no-such-command",
        "vt --no-such-flag",
    ] {
        let outcome = sandbox.call(line).run();
        assert_eq!(outcome.exit_code, 2, "{line}: {}", outcome.said());
        assert!(!outcome.err().is_empty(), "{line}");
    }
}

#[test]
fn a_folder_without_a_package_is_an_error_that_names_it() {
    let sandbox = Sandbox::empty();
    let outcome = sandbox.call("vt run build").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert!(outcome.err().contains("package.json"), "{}", outcome.said());
}

#[test]
fn the_version_is_said_on_stdout() {
    let outcome = Sandbox::empty().call("vt --version").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(outcome.out().starts_with("vt "), "{}", outcome.said());
}

#[test]
fn the_summary_has_the_documented_keys_and_no_other() {
    let sandbox = configured(r#"{ "tasks": { "show": "vtt cat a.txt" } }"#);
    let file = sandbox.home().join("summary.json");
    for _ in ["ran", "hit"] {
        let line = format!("vt run --summary-json {} show", file.display());
        let outcome = sandbox.call(&line).run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let value: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(keys(&value), ["durationMs", "exitCode", "steps", "version"]);
        assert_eq!(value["version"], 1);
        let step = &value["steps"][0];
        let documented = [
            "command",
            "cwd",
            "directives",
            "durationMs",
            "exitCode",
            "id",
            "index",
            "lookedFor",
            "notStored",
            "package",
            "pathSet",
            "removed",
            "reports",
            "restored",
            "savedMs",
            "source",
            "status",
            "stored",
            "task",
            "why",
        ];
        let unknown: Vec<String> = keys(step)
            .into_iter()
            .filter(|key| !documented.contains(&key.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let always = [
            "id",
            "task",
            "index",
            "command",
            "cwd",
            "status",
            "stored",
            "durationMs",
            "why",
            "notStored",
        ];
        for key in always {
            assert!(!step[key].is_null(), "no {key} in {step}");
        }
        assert_eq!(step["id"], "app#show/0");
        assert_eq!(step["command"], "vtt cat a.txt");
    }
}

#[test]
fn the_summary_names_the_variables_a_step_looked_for_and_was_not_given() {
    let script = "node -p process.env.WANTED+process.env.GIVEN+process.env.NOWHERE";
    let config = serde_json::json!({
        "tasks": { "b": { "command": script, "cache": { "env": ["GIVEN", "!WANTED"] } } }
    });
    let sandbox = configured(&config.to_string());
    let outcome = sandbox
        .call("vt run b")
        .env("WANTED", "secret")
        .env("GIVEN", "x")
        .env("OTHER", "y")
        .run();
    assert_eq!(outcome.out(), "undefinedxundefined\n");
    let looked_for = &outcome.summary().only().looked_for;
    assert!(looked_for.contains(&"WANTED".to_owned()), "{looked_for:?}");
    for name in ["GIVEN", "OTHER", "NOWHERE"] {
        assert!(!looked_for.contains(&name.to_owned()), "{looked_for:?}");
    }
}

#[test]
fn the_summary_is_written_for_a_failing_run_too() {
    let sandbox = configured(r#"{ "tasks": { "fail": "vtt seq cat a.txt then exit 9" } }"#);
    let outcome = sandbox.call("vt run fail").run();
    assert_eq!(outcome.exit_code, 9);
    assert_eq!(outcome.summary().exit_code, 9);
    assert_eq!(outcome.summary().only().exit_code, Some(9));
}

#[test]
fn no_colour_goes_into_a_pipe() {
    let sandbox = configured(r#"{ "tasks": { "show": "vtt cat a.txt", "fail": "vtt exit 1" } }"#);
    for line in [
        "vt run show",
        "vt run show",
        "vt run fail",
        "vt run nothing",
        "vt --help",
    ] {
        let outcome = sandbox.call(line).run();
        assert!(
            !outcome.stdout.contains(&0x1b) && !outcome.stderr.contains(&0x1b),
            "{line}: {}",
            outcome.said()
        );
    }
}

#[test]
fn a_directory_that_is_not_there_is_a_usage_error() {
    let sandbox = configured(r#"{ "tasks": { "show": "vtt cat a.txt" } }"#);
    let outcome = sandbox.call("vt -C nowhere run show").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert!(outcome.err().contains("nowhere"), "{}", outcome.said());
}

fn keys(value: &serde_json::Value) -> Vec<String> {
    let mut keys: Vec<String> = value
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    keys.sort();
    keys
}
