//! Every example runs, and then hits, so that none can rot.

use std::collections::BTreeSet;
use std::fs;

use vt_harness::{Sandbox, Status, install};
use vt_suites::{example, repository};

/// Folder of the example, and what its README tells to run.
const EXAMPLES: &[(&str, &str)] = &[
    // Run by `plugin_kit/example.rs`.
    ("framework-plugin", "vt run build"),
    ("python-client", "vt run count"),
    ("vite-app", "vt run build"),
    ("vitest-lib", "vt run test"),
    ("workspace", "vt run -r build"),
];

fn misses_then_hits(name: &str) {
    let (_, line) = EXAMPLES
        .iter()
        .find(|(listed, _)| *listed == name)
        .expect("the example is listed");
    let sandbox = Sandbox::copy_of(&example(name));
    if sandbox.path("package-lock.json").exists() {
        install(&sandbox);
    }
    for status in [Status::Ran, Status::Hit] {
        let outcome = sandbox.call(line).run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        for step in &outcome.summary().steps {
            assert_eq!(
                step.status,
                status,
                "{}: {:?} {:?}\n{}",
                step.id,
                step.why,
                step.not_stored,
                outcome.said()
            );
        }
    }
}

#[test]
fn the_python_client_reports_and_hits() {
    misses_then_hits("python-client");
}

#[test]
fn the_vite_application_builds_and_hits() {
    misses_then_hits("vite-app");
}

#[test]
fn the_vitest_library_tests_and_hits() {
    misses_then_hits("vitest-lib");
}

#[test]
fn the_workspace_builds_in_order_and_hits() {
    misses_then_hits("workspace");
}

#[test]
fn a_change_deep_in_the_workspace_runs_what_depends_on_it_and_going_back_hits() {
    let sandbox = Sandbox::copy_of(&example("workspace"));
    let run = || sandbox.call("vt run -r build").run();
    assert_eq!(run().exit_code, 0);
    let words = sandbox.read("packages/words/words.txt");
    sandbox.write(
        "packages/words/words.txt",
        "anvil\nbellows\nchisel\ndrill\n",
    );
    let outcome = run();
    let ran = |id: &str| {
        outcome
            .summary()
            .step(id)
            .unwrap_or_else(|| panic!("no {id}"))
            .status
    };
    let changed = [
        "@example/words#build/0",
        "@example/count#build/0",
        "@example/report#build/1",
    ];
    assert_eq!(changed.map(ran), [Status::Ran; 3], "{}", outcome.said());
    assert_eq!(ran("@example/report#build/0"), Status::Hit);
    sandbox.write("packages/words/words.txt", words);
    let outcome = run();
    assert!(
        outcome
            .summary()
            .steps
            .iter()
            .all(|step| step.status == Status::Hit),
        "{}",
        outcome.said()
    );
}

#[test]
fn every_example_is_listed_and_its_readme_tells_the_same_command() {
    let present: BTreeSet<String> = fs::read_dir(repository().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = EXAMPLES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(listed, present);
    for (name, line) in EXAMPLES {
        let readme = fs::read_to_string(example(name).join("README.md")).unwrap();
        assert!(readme.contains(line), "{name}: no `{line}`");
    }
}

#[test]
fn no_lockfile_names_a_registry() {
    for (name, _) in EXAMPLES {
        let Ok(text) = fs::read_to_string(example(name).join("package-lock.json")) else {
            continue;
        };
        let lock: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (path, package) in lock["packages"].as_object().unwrap() {
            assert!(
                package["resolved"].is_null() || package["link"] == true,
                "{name}: {path} is pinned to {}",
                package["resolved"]
            );
        }
    }
}
