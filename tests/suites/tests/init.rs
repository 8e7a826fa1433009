//! `vt init` writes files that load, from whatever says what there is to run, and never over a file.

use vt_harness::Sandbox;

fn init(sandbox: &Sandbox) -> String {
    let outcome = sandbox.call("vt init").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert_eq!(sandbox.call("vt list").run().exit_code, 0);
    outcome.out()
}

fn text(sandbox: &Sandbox, file: &str) -> String {
    String::from_utf8(sandbox.read(file)).unwrap()
}

#[test]
fn scripts_become_comments_to_be_moved() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "app", "scripts": { "build": "tsc -b", "dev": "vite" } }"#,
    );
    assert_eq!(init(&sandbox), "vite-task.jsonc is written\n");
    assert_eq!(
        text(&sandbox, "vite-task.jsonc"),
        r#"{
  // Scripts are tasks. They can be brought back when nothing changed once those
  // that must not be are tasks with `"cache": false`: `dev`.
  "cache": { "scripts": false },

  // From `package.json`. To say more about a script, take it out of its
  // `package.json` and in here, or in a file like this beside it.
  // Inputs and outputs need not be listed: what a task reads and writes is seen.
  "tasks": {
    // "build": "tsc -b",
    // "dev": {"cache":false,"command":"vite"},
  }
}
"#
    );
}

#[test]
fn what_turbo_knows_of_a_script_is_kept() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "app", "scripts": { "build": "tsc -b", "test": "vitest run" } }"#,
    );
    let turbo = r#"{ // of turbo
        "tasks": {
            "build": { "dependsOn": ["^build"], "outputs": ["dist/**"], "env": ["MODE"] },
            "test": { "dependsOn": ["build"] },
        }
    }"#;
    sandbox.write("turbo.json", turbo);
    init(&sandbox);
    let written = text(&sandbox, "vite-task.jsonc");
    assert!(
        written.contains(r#""cache": { "scripts": true }"#),
        "{written}"
    );
    let build = r#"// "build": {"command":"tsc -b","dependsOn":["^build"],"env":["MODE"],"output":["dist/**"]},"#;
    assert!(written.contains(build), "{written}");
    let test = r#"// "test": {"command":"vitest run","dependsOn":["build"]},"#;
    assert!(written.contains(test), "{written}");
}

#[test]
fn plain_commands_of_nx_become_tasks() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "root", "workspaces": ["packages/*"] }"#,
    );
    sandbox.write(
        "nx.json",
        r#"{ "targetDefaults": { "build": { "dependsOn": ["^build"], "outputs": ["{projectRoot}/dist"] } } }"#,
    );
    sandbox.write("packages/a/package.json", r#"{ "name": "a" }"#);
    let targets = r#"{ "targets": {
        "build": { "command": "vtt print built" },
        "both": { "executor": "nx:run-commands", "options": { "commands": ["vtt print 1", "vtt print 2"] } },
        "serve": { "command": "vtt print served", "cache": false, "outputs": ["{projectRoot}/x"] },
        "other": { "executor": "@nx/vite:build", "dependsOn": ["none"] }
    } }"#;
    sandbox.write("packages/a/project.json", targets);
    assert_eq!(
        init(&sandbox),
        "vite-task.jsonc is written\npackages/a/vite-task.json is written\n"
    );
    let run = sandbox.call("vt -C packages/a run both").run();
    assert_eq!(run.out(), "1\n2\n", "{}", run.said());
    let written: serde_json::Value =
        serde_json::from_str(&text(&sandbox, "packages/a/vite-task.json")).unwrap();
    let wanted = serde_json::json!({ "tasks": {
        "build": { "command": "vtt print built", "dependsOn": ["^build"], "output": ["dist/**"] },
        "both": { "command": ["vtt print 1", "vtt print 2"] },
        "serve": { "command": "vtt print served", "cache": false },
    } });
    assert_eq!(written, wanted);
}

#[test]
fn a_run_block_becomes_a_file_of_its_own() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    let config = "export default { run: { tasks: { say: \"vtt print it\" } } };\n";
    sandbox.write("vite.config.mjs", config);
    assert_eq!(init(&sandbox), "vite-task.json is written\n");
    sandbox.remove("vite.config.mjs");
    let run = sandbox.call("vt run say").run();
    assert_eq!(run.out(), "it\n", "{}", run.said());
}

#[test]
fn a_file_that_is_there_is_left_as_it_is() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "app", "scripts": { "x": "y" } }"#,
    );
    for name in ["vite-task.json", "vite-task.jsonc"] {
        sandbox.write(name, "{}");
        let outcome = sandbox.call("vt init").run();
        assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
        assert!(outcome.err().contains(name), "{}", outcome.said());
        assert_eq!(text(&sandbox, name), "{}");
        sandbox.remove(name);
    }
}

#[test]
fn a_mistake_in_a_file_of_another_runner_is_told_and_nothing_is_written() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    sandbox.write("turbo.json", "{\n  \"tasks\": [");
    let outcome = sandbox.call("vt init").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert!(
        outcome.err().contains("turbo.json:2:"),
        "{}",
        outcome.said()
    );
    assert!(!sandbox.path("vite-task.jsonc").exists());
}
