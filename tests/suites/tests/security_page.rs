//! Each attack in `docs/security.md` names the tests that make it: they exist.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders or files that a name in the table stands for.
fn places(root: &Path) -> BTreeMap<&'static str, PathBuf> {
    [
        ("vt-rules", "host/rules"),
        ("vt-precompiled", "host/precompiled"),
        ("vt-run", "host/run"),
        ("vt-fingerprint", "host/fingerprint"),
        ("plugin_kit", "tests/suites/tests/plugin_kit"),
        ("plugin_outlines", "tests/suites/tests/plugin_outlines.rs"),
        ("plugin_policy", "tests/suites/tests/plugin_policy.rs"),
        ("policy_reach", "tests/suites/tests/policy_reach.rs"),
        ("plugin_redact", "tests/suites/tests/plugin_redact.rs"),
        ("plugin_sources", "tests/suites/tests/plugin_sources.rs"),
    ]
    .map(|(name, place)| (name, root.join(place)))
    .into()
}

/// All sources at a place, one after the other.
fn sources(place: &Path) -> String {
    if place.is_file() {
        return fs::read_to_string(place).unwrap();
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(place)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    let wanted = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|end| end == "rs");
    let texts = entries.iter().filter(|path| wanted(path));
    texts.map(|path| sources(path)).collect()
}

/// Whether a text has a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    source.match_indices(&format!("fn {name}(")).any(|(at, _)| {
        // Attributes may stand between.
        let before = &source[..at];
        let before = &before[before.rfind("}\n").unwrap_or(0)..];
        before.contains("#[test]")
    })
}

#[test]
fn every_attack_on_the_security_page_has_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let table = page.split("## Attacks").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let places = places(&root);
    let texts: BTreeMap<&str, String> = places
        .iter()
        .map(|(name, place)| (*name, sources(place)))
        .collect();
    let mut count = 0;
    for row in rows {
        let columns: Vec<&str> = row.trim_matches('|').split('|').collect();
        assert_eq!(columns.len(), 3, "{row}");
        let mut place = None;
        let mut tests = 0;
        // What stands between backticks: a place, or the name of a test in the place before it.
        for word in columns[2].split('`').skip(1).step_by(2) {
            if let Some(text) = texts.get(word) {
                place = Some((word, text));
                continue;
            }
            let (name, text) = place.unwrap_or_else(|| panic!("no place before `{word}`: {row}"));
            assert!(has_test(text, word), "`{name}` has no test `{word}`: {row}");
            tests += 1;
        }
        assert!(tests > 0, "no test: {row}");
        count += tests;
    }
    assert!(count > 30, "the table was not read: {count} tests");
}
