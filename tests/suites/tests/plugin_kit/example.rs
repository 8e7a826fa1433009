//! The example of a framework that ships its rule.

use std::fs;

use vt_harness::{Sandbox, Status};
use vt_suites::example;

use crate::plugin_kit::building::{assert_built, build, json, wasm_compiler};

fn framework() -> Sandbox {
    Sandbox::copy_of(&example("framework-plugin"))
}

#[test]
fn the_cases_of_the_example_are_answered_by_the_component_it_ships() {
    let sandbox = framework();
    let outcome = sandbox
        .call("vt plugin test --cases rule/cases")
        .directory("framework")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(
        outcome.out().contains("cases: 4, failed: 0"),
        "{}",
        outcome.said()
    );
    assert!(outcome.err().is_empty(), "{}", outcome.said());
}

#[test]
fn the_rule_of_the_example_is_tested_without_a_component() {
    let rule = example("framework-plugin").join("framework/rule");
    assert_built(&build("cargo", &["test", "--locked"], &rule, None));
}

/// Not compared by bytes: where the sdk lies is part of the names in it.
#[test]
fn the_rule_of_the_example_makes_a_component_that_answers_its_cases() {
    let Some(rustc) = wasm_compiler() else { return };
    let sandbox = framework();
    let fresh = sandbox.path("framework/fresh.wasm");
    let framework = example("framework-plugin").join("framework");
    let name = fresh.to_str().unwrap();
    assert_built(&build("./build", &[name], &framework, Some(&rustc)));
    let outcome = sandbox
        .call("vt plugin test fresh.wasm --cases rule/cases")
        .directory("framework")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(
        outcome.out().contains("cases: 4, failed: 0"),
        "{}",
        outcome.said()
    );
}

#[test]
fn a_case_that_is_not_answered_as_written_is_explained_and_fails() {
    let sandbox = framework();
    sandbox.write(
        "framework/wrong.toml",
        r#"
            [[case]]
            name = "half right"
            command = ["made-up", "build"]
            package = { directory = "", dependencies = { made-up = "*" } }
            says = ["track-env MADE_UP_*", "output dist/**"]

            [[case]]
            name = "not for it"
            command = ["vite", "build"]
            package = { directory = "", dependencies = { made-up = "*" } }
            says = []
        "#,
    );
    let line = "vt plugin test made-up.wasm --cases wrong.toml";
    let outcome = sandbox.call(line).directory("framework").run();
    assert_eq!(outcome.exit_code, 1, "{}", outcome.said());
    for said in [
        "FAILED: half right",
        "does not say `output dist/**`",
        "also says `ignore-input .made-up`",
        "FAILED: not for it",
        "it is not asked: it does not speak for `vite`",
        "cases: 2, failed: 2",
    ] {
        assert!(outcome.out().contains(said), "{said}: {}", outcome.said());
    }
}

#[test]
fn the_report_of_a_test_is_data_too() {
    let sandbox = framework();
    let outcome = sandbox
        .call("vt plugin test --json --cases rule/cases")
        .directory("framework")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let report = json(&outcome);
    let bytes = sandbox.read("framework/made-up.wasm");
    assert_eq!(report["id"], "made-up");
    assert_eq!(report["version"], "1.0.0");
    assert_eq!(report["publisher"], "The makers of Made Up");
    assert_eq!(report["api"], "0.1.0");
    assert_eq!(report["size"], bytes.len());
    assert_eq!(
        report["imports"],
        serde_json::json!(["vt:rules/types@0.1.0"])
    );
    let methods = report["methods"].as_array().unwrap();
    assert!(methods.contains(&"track-env".into()), "{methods:?}");
    assert!(!methods.contains(&"redact".into()), "{methods:?}");
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let asked = case["asked"].as_bool().unwrap();
        assert_eq!(case["fuel"].as_u64().is_some_and(|fuel| fuel > 0), asked);
        assert_eq!(case["problems"], serde_json::json!([]));
    }
    // Fuel does not depend on the machine, so it is the same in the next process.
    let again = sandbox
        .call("vt plugin test --json --cases rule/cases")
        .directory("framework")
        .run();
    assert_eq!(json(&again), report);
}

#[test]
fn what_cannot_be_tested_is_named_with_the_cure() {
    let sandbox = framework();
    let wasm = sandbox.read("framework/made-up.wasm");
    sandbox.write("framework/short.wasm", &wasm[..wasm.len() / 2]);
    sandbox.write("empty/package.json", "{}");
    sandbox.write("framework/unknown.toml", "[[case]]\nname = 1\n");
    sandbox.write(
        "framework/hidden.toml",
        "[[case]]\nname = \"h\"\ncommand = [\"made-up\"]\nfiles = { \"other.json\" = \"\" }\n",
    );
    for (directory, line, code, said) in [
        ("pages", "vt plugin test", 2, "name a component"),
        (
            "empty",
            "vt plugin test",
            2,
            "`package.json` names no component",
        ),
        ("framework", "vt plugin test", 2, "cannot read `"),
        (
            "framework",
            "vt plugin test short.wasm --cases rule/cases",
            1,
            "cannot load plugin `short.wasm`",
        ),
        (
            "framework",
            "vt plugin test --cases unknown.toml",
            2,
            "unknown.toml`: ",
        ),
        (
            "framework",
            "vt plugin test --cases hidden.toml",
            2,
            "the file `other.json`, which the manifest of the plugin does not name",
        ),
    ] {
        let outcome = sandbox.call(line).directory(directory).run();
        assert_eq!(outcome.exit_code, code, "{line}: {}", outcome.said());
        assert!(outcome.err().contains(said), "{line}: {}", outcome.said());
    }
}

/// Puts the framework where a package manager puts it.
fn installed() -> Sandbox {
    let sandbox = framework();
    for (name, place) in [
        ("node_modules/made-up", "../framework"),
        ("node_modules/.bin/made-up", "../made-up/made-up.js"),
    ] {
        let path = sandbox.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if path.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(place, path).unwrap();
        }
    }
    sandbox
}

#[test]
fn a_project_that_takes_the_rule_of_its_framework_hits() {
    let sandbox = installed();
    let outcome = sandbox.call("vt run build").run();
    let step = outcome.summary().only();
    assert_eq!(step.status, Status::Ran, "{}", outcome.said());
    assert!(step.stored, "{:?}\n{}", step.not_stored, outcome.said());
    sandbox.call("vt run build").run().expect(Status::Hit);

    // What the rule says follows the configuration of the framework.
    let colour = || sandbox.call("vt run build").env("MADE_UP_COLOR", "green");
    let outcome = colour().run();
    outcome.expect(Status::Ran);
    assert!(
        String::from_utf8(sandbox.read("dist/brew.html"))
            .unwrap()
            .contains("MADE_UP_COLOR")
    );
    colour().run().expect(Status::Hit);
    sandbox.write(
        "made-up.config.json",
        r#"{ "title": "Tea", "cacheDirectory": "notes" }"#,
    );
    for status in [Status::Ran, Status::Hit] {
        sandbox.call("vt run build").run().expect(status);
    }
    assert!(sandbox.path("notes/notes.json").exists());
}
