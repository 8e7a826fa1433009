//! `vt list`, `vt graph` and `vt completions`: what there is, without running anything.

use vt_harness::Sandbox;

/// app -> lib; the root checks both.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "root", "workspaces": ["packages/*"], "scripts": { "check": "vt run -r lint && vtt print \"<ok>\"" } }"#,
    );
    sandbox.write(
        "packages/app/package.json",
        r#"{ "name": "@my/app", "dependencies": { "lib": "*" }, "scripts": { "lint": "vtt print app" } }"#,
    );
    sandbox.write(
        "packages/app/vite-task.json",
        "{ \"tasks\": {\n  \"build\": { \"command\": [\"vtt print one\", \"vtt print two\"], \"dependsOn\": [\"^build\"], \"cache\": false }\n} }",
    );
    sandbox.write(
        "packages/lib/package.json",
        r#"{ "name": "lib", "scripts": { "lint": "vtt print lib" } }"#,
    );
    sandbox.write(
        "packages/lib/vite-task.json",
        r#"{ "tasks": { "build": "vtt print lib" } }"#,
    );
    sandbox
}

/// What a command says.
fn said(sandbox: &Sandbox, line: &str) -> String {
    let outcome = sandbox.call(line).run();
    assert_eq!(outcome.exit_code, 0, "{line}: {}", outcome.said());
    assert_eq!(outcome.err(), "", "{line}");
    outcome.out()
}

#[test]
fn tasks_of_the_current_package_come_first_and_by_their_bare_names() {
    let sandbox = workspace();
    assert_eq!(
        said(&sandbox, "vt -C packages/lib list"),
        "\
build: vtt print lib
lint: vtt print lib
root#check: vt run -r lint && vtt print \"<ok>\"
@my/app#build: vtt print one && vtt print two
@my/app#lint: vtt print app
"
    );
    assert_eq!(
        said(&sandbox, "vt list -F app"),
        "@my/app#build: vtt print one && vtt print two\n@my/app#lint: vtt print app\n"
    );
}

#[test]
fn without_a_task_and_a_terminal_there_is_a_plain_list() {
    let sandbox = workspace();
    let list = said(&sandbox, "vt -C packages/lib list");
    for line in ["vt -C packages/lib run", "vt -C packages/lib run --cache"] {
        assert_eq!(said(&sandbox, line), list, "{line}");
    }
    for line in ["vt run -r", "vt run -v"] {
        let outcome = sandbox.call(line).run();
        assert_eq!(
            (outcome.exit_code, outcome.err().as_str()),
            (2, "error: name a task to run\n"),
            "{line}"
        );
    }
    let outcome = sandbox.call("vt -C packages/lib run biuld").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert_eq!(
        outcome.err(),
        "error: no task `biuld` in package `lib`\nhint: did you mean `build`?\n"
    );
}

#[test]
fn tasks_are_listed_as_data() {
    let text = said(&workspace(), "vt list --json -F app");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let wanted = serde_json::json!([
        {
            "id": "@my/app#build", "package": "@my/app", "task": "build",
            "command": "vtt print one && vtt print two", "cwd": "packages/app",
            "source": "config", "file": "packages/app/vite-task.json", "line": 2,
            "mayBeCached": false, "dependsOn": ["lib#build"],
        },
        {
            "id": "@my/app#lint", "package": "@my/app", "task": "lint",
            "command": "vtt print app", "cwd": "packages/app",
            "source": "script", "file": "packages/app/package.json", "line": 1,
            "mayBeCached": true, "dependsOn": [],
        },
    ]);
    assert_eq!(found, wanted);
}

#[test]
fn the_graph_of_a_run_has_its_steps_with_nested_ones_in_place() {
    let sandbox = workspace();
    assert_eq!(
        said(&sandbox, "vt graph check"),
        r#"digraph tasks {
  rankdir=RL
  node [shape=box]
  "lib#lint" [tooltip="vtt print lib" style=dashed]
  "@my/app#lint" [tooltip="vtt print app" style=dashed]
  "root#check" [tooltip="vtt print \"<ok>\"" style=dashed]
  "@my/app#lint" -> "lib#lint"
  "root#check" -> "@my/app#lint"
}
"#
    );
    assert_eq!(
        said(&sandbox, "vt graph --format mermaid app#build"),
        "\
flowchart RL
  n0[\"lib#35;build\"]
  n1[\"@my/app#35;build/0\"]
  n2[\"@my/app#35;build/1\"]
  n1 --> n0
  n2 --> n1
"
    );
    let text = said(&sandbox, "vt graph --format json -r build");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["version"], 1);
    assert_eq!(found["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(found["edges"][0]["from"], "@my/app#build/0");
    assert_eq!(found["edges"][0]["to"], "lib#build");
}

#[test]
fn without_a_task_the_graph_has_all_of_them() {
    let sandbox = workspace();
    let text = said(&sandbox, "vt graph --format json");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["nodes"].as_array().unwrap().len(), 5);
    let edges = serde_json::json!([{ "from": "@my/app#build", "to": "lib#build" }]);
    assert_eq!(found["edges"], edges);
    // What a chosen package needs from others is there, too.
    let text = said(&sandbox, "vt graph --format json -F app");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["nodes"].as_array().unwrap().len(), 3);
}

#[test]
fn the_picture_is_well_formed_whatever_commands_say() {
    let sandbox = workspace();
    let picture = said(&sandbox, "vt graph --format svg check");
    sandbox.write("picture.svg", &picture);
    let check = "python3 -c 'import sys, xml.dom.minidom as dom; print(len(dom.parse(sys.argv[1]).getElementsByTagName(\"rect\")))' picture.svg";
    assert_eq!(said(&sandbox, check), "3\n");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_mistake() {
    let sandbox = workspace();
    let line = "sh -c 'vt list | true; vt completions bash | head -c 1 >&2'";
    let outcome = sandbox.call(line).run();
    assert_eq!(outcome.err().len(), 1, "{}", outcome.said());
}

#[test]
fn every_shell_gets_its_completions() {
    let sandbox = Sandbox::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&sandbox, &format!("vt completions {shell}"));
        for word in ["graph", "filter", "ignore-depends-on"] {
            assert!(script.contains(word), "no {word} for {shell}");
        }
    }
    sandbox.write("completions", said(&sandbox, "vt completions bash"));
    assert_eq!(said(&sandbox, "bash -n completions"), "");
    assert_eq!(sandbox.call("vt completions tcsh").run().exit_code, 2);
}

#[test]
fn bash_completes_the_names_of_tasks_where_one_may_stand() {
    let sandbox = workspace();
    sandbox.write("completions", said(&sandbox, "vt completions bash"));
    let complete = |words: &[&str]| {
        let script = format!(
            "source completions; COMP_WORDS=({}); COMP_CWORD={}; _vt_or_task vt '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words
                .iter()
                .map(|word| format!("'{word}'"))
                .collect::<Vec<_>>()
                .join(" "),
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let outcome = sandbox.call("bash -c").word(script).run();
        assert_eq!(outcome.err(), "", "{words:?}");
        outcome.out()
    };
    assert_eq!(complete(&["vt", "run", "ch"]), "check\n");
    assert_eq!(
        complete(&["vt", "run", "-r", "--log", "grouped", "lib#"]),
        "lib#build\nlib#lint\n"
    );
    assert_eq!(complete(&["vt", "why", "@my/app#b"]), "@my/app#build\n");
    // What follows a task belongs to it, and a flag is a flag.
    assert!(!complete(&["vt", "run", "check", "l"]).contains("lib#"));
    assert!(complete(&["vt", "run", "--wat"]).contains("--watch"));
}
