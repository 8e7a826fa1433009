//! `docs/reference/run-coverage.md` names a test for each thing that `vt run` does. Here: that they exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vt_suites::repository;

/// The names in the second column of each row, and what the row is about.
fn named(text: &str) -> Vec<(String, Vec<String>)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.filter(|row| !row.starts_with("| shown by"));
    let cells = rows.map(|row| row.trim_end_matches('|').rsplit_once(" | ").unwrap());
    let texts = |cell: &str| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    cells
        .map(|(about, tests)| (about.to_owned(), texts(tests)))
        .collect()
}

/// The files a test of a suite may stand in.
fn suite(name: &str) -> Vec<PathBuf> {
    let place = repository().join("tests/suites/tests");
    let mut files = vec![place.join(name).with_extension("rs")];
    let inner = fs::read_dir(place.join(name)).into_iter().flatten();
    files.extend(inner.flatten().map(|entry| entry.path()));
    files
}

fn is_test_of(file: &Path, name: &str) -> bool {
    let Ok(text) = fs::read_to_string(file) else {
        return false;
    };
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else {
        return false;
    };
    before.trim_end().ends_with("#[test]")
}

fn cases(story: &str) -> BTreeSet<String> {
    let folder = repository().join("tests/fixtures").join(story);
    let story = vt_harness::Story::read(&folder);
    let cases = story.into_iter().flat_map(|story| story.case);
    cases.map(|case| case.name).collect()
}

fn exists(test: &str) -> bool {
    if let Some((place, name)) = test.split_once("::") {
        if place.ends_with(".rs") {
            return is_test_of(&repository().join(place), name);
        }
        return suite(place).iter().any(|file| is_test_of(file, name));
    }
    test.split_once(": ")
        .is_some_and(|(story, case)| cases(story).contains(case))
}

#[test]
fn every_row_names_tests_and_all_of_them_exist() {
    let file = repository().join("docs/reference/run-coverage.md");
    let rows = named(&fs::read_to_string(file).unwrap());
    assert!(rows.len() > 60, "only {} rows were found", rows.len());
    let mut missing = Vec::new();
    for (about, tests) in rows {
        if tests.is_empty() {
            missing.push(format!("{about}: nothing is named"));
        }
        let absent = tests.iter().filter(|test| !exists(test));
        missing.extend(absent.map(|test| format!("{about}: {test}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn what_is_not_there_is_noticed() {
    for test in [
        "execution::nobody_wrote_this",
        "execution::workspace",
        "nowhere::x",
        "cache/config: nobody wrote this",
        "cache/nowhere: x",
        "host/plan/tests/plans.rs::nobody_wrote_this",
        "neither",
    ] {
        assert!(!exists(test), "{test}");
    }
    assert!(exists("run_coverage::what_is_not_there_is_noticed"));
}
