//! What the author of a rule gets: `vt plugin new`, `vt plugin test`, the guide, and the example of a
//! framework that ships its rule.

#![expect(clippy::print_stderr, reason = "a check that is skipped says so")]

mod plugin_kit {
    pub(crate) mod building;
    mod example;
}

use std::fs;

use vt_harness::Sandbox;
use vt_suites::repository;

use plugin_kit::building::{assert_built, build, json, wasm_compiler};

fn new_rule(line: &str) -> Sandbox {
    let sandbox = Sandbox::empty();
    let outcome = sandbox.call(line).run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    sandbox
}

#[test]
fn a_new_rule_is_tested_without_a_component() {
    let sandbox = new_rule("vt plugin new tea-pot --tool tea");
    let folder = sandbox.path("tea-pot");
    assert_built(&build("cargo", &["test"], &folder, None));
    let untidy = build("cargo", &["fmt", "--check"], &folder, None);
    assert_built(&untidy);
    // A case that no longer holds is found.
    let cases = String::from_utf8(sandbox.read("tea-pot/cases/tea-pot.toml")).unwrap();
    sandbox.write(
        "tea-pot/cases/tea-pot.toml",
        cases.replace("cache-off it watches", "cache-off it steeps"),
    );
    let output = build("cargo", &["test"], &folder, None);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("launchers do not matter"), "{said}");
}

#[test]
fn a_new_rule_is_built_and_its_component_is_tested() {
    let Some(rustc) = wasm_compiler() else { return };
    let sandbox = new_rule("vt plugin new urn");
    let folder = sandbox.path("urn");
    assert_built(&build("./build", &[], &folder, Some(&rustc)));

    let test = || sandbox.call("vt plugin test").directory("urn").run();
    let outcome = test();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let said = outcome.out();
    assert!(said.contains("urn 0.1.0: vt:rules 0.1.0"), "{said}");
    assert!(
        said.contains("ok: launchers do not matter (fuel "),
        "{said}"
    );
    assert!(said.contains("cases: 3, failed: 0"), "{said}");

    // It imports the session and nothing else.
    let report = json(&sandbox.call("vt plugin test --json").directory("urn").run());
    assert_eq!(
        report["imports"],
        serde_json::json!(["vt:rules/types@0.1.0"])
    );

    // A rule that panics says why.
    let rule = String::from_utf8(sandbox.read("urn/src/lib.rs")).unwrap();
    sandbox.write(
        "urn/src/lib.rs",
        rule.replace(
            "session.cache_off(\"it watches\")",
            "panic!(\"it boils over\")",
        ),
    );
    assert_built(&build("./build", &[], &folder, Some(&rustc)));
    let outcome = test();
    assert_eq!(outcome.exit_code, 1, "{}", outcome.said());
    assert!(
        outcome.out().contains("it boils over"),
        "{}",
        outcome.said()
    );
}

/// The block of the guide that begins with this line.
fn of_the_guide(language: &str, first_line: &str) -> String {
    let guide = fs::read_to_string(repository().join("docs/guide/rule-plugins.md")).unwrap();
    let start = format!("```{language}\n{first_line}\n");
    let at = guide.find(&start).unwrap_or_else(|| panic!("no {start}")) + language.len() + 4;
    let length = guide[at..].find("```").unwrap();
    guide[at..at + length].to_owned()
}

fn without_numbers(text: &str) -> String {
    text.replace(|letter: char| letter.is_ascii_digit(), "")
}

#[test]
fn the_rule_of_the_guide_and_its_cases_are_as_they_say() {
    let sandbox = new_rule("vt plugin new kettle --tool kettle");
    let folder = sandbox.path("kettle");
    sandbox.write(
        "kettle/src/lib.rs",
        "//! Kettle.\n\n".to_owned()
            + &of_the_guide("rust", "use vt_plugin::{RulePlugin, Session, rule_plugin};"),
    );
    sandbox.write(
        "kettle/cases/kettle.toml",
        of_the_guide("toml", "# What it says first whenever it is asked."),
    );
    let output = build("cargo", &["test"], &folder, None);
    assert_built(&output);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("warning"));
    let Some(rustc) = wasm_compiler() else { return };
    assert_built(&build("./build", &[], &folder, Some(&rustc)));
    let outcome = sandbox.call("vt plugin test").directory("kettle").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    // Bytes and fuel are those of a compiler and its library.
    let shown = of_the_guide("text", "kettle 0.1.0: vt:rules 0.1.0, 36763 bytes");
    assert_eq!(without_numbers(&outcome.out()), without_numbers(&shown));
}

#[test]
fn new_writes_over_nothing_and_names_what_it_cannot_use() {
    let sandbox = Sandbox::empty();
    sandbox.write("taken/notes.txt", "mine");
    for (line, said) in [
        ("vt plugin new taken", "`taken` is there and not empty"),
        ("vt plugin new Tea", "lower-case letters, digits and `-`"),
        (
            "vt plugin new match",
            "no name that Rust or the crate itself uses",
        ),
        (
            "vt plugin new tea --tool 'a b'",
            "`a b` is not the name of a program",
        ),
    ] {
        let outcome = sandbox.call(line).run();
        assert_eq!(outcome.exit_code, 2, "{line}: {}", outcome.said());
        assert!(outcome.err().contains(said), "{line}: {}", outcome.said());
    }
    assert_eq!(sandbox.read("taken/notes.txt"), b"mine");
    assert!(!sandbox.path("tea").exists());
}
