//! `vt why`, `--dry-run` and what is remembered of runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use vt_harness::{Sandbox, Snapshot};
use vt_suites::without_durations;

fn workspace() -> Sandbox {
    Sandbox::with_tasks(&json!({
        "build": {
            "command": "vtt concat -p dist/out a.txt b.txt",
            "env": ["MODE"],
        },
        "check": { "command": "vtt rewrite b.txt one two", "dependsOn": ["build"] },
    }))
}

fn prepared() -> Sandbox {
    let sandbox = workspace();
    sandbox.write("b.txt", "one\n");
    assert_eq!(sandbox.call("vt run build").run().exit_code, 0);
    sandbox
}

/// What is said, without durations and without the name of the path set.
fn said(sandbox: &Sandbox, line: &str) -> String {
    let outcome = sandbox.call(line).run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let lines = without_durations(&outcome.out());
    let lines: Vec<String> = lines
        .lines()
        .map(|line| match line.split_once("path set ") {
            Some((head, tail)) => {
                let (name, rest) = tail.split_once(' ').unwrap_or((tail, ""));
                assert_eq!(name.len(), 12, "{line}");
                let rest =
                    rest.trim_start_matches(|character| character != 'i' && character != 't');
                format!("{head}path set …, {rest}")
            }
            None if line.starts_with("of the run") => "of the run …:".to_owned(),
            None if line.starts_with("compared with") => "compared with …:".to_owned(),
            None => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

#[test]
fn every_reason_of_a_miss_is_said() {
    let sandbox = prepared();
    sandbox.write("a.txt", "two\n");
    sandbox.write("b.txt", "one and more\n");
    let outcome = sandbox.call("vt run build").env("MODE", "production").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let said = said(&sandbox, "vt why build");
    assert!(said.starts_with("of the run …:\napp#build/0: ran, took N ms, stored, `vtt concat -p dist/out a.txt b.txt`\n"), "{said}");
    for reason in [
        "variable `MODE` was set",
        "`a.txt` changed",
        "`b.txt` changed",
    ] {
        assert!(
            said.contains(&format!("  ran because: {reason}\n"))
                || said.ends_with(&format!("  ran because: {reason}")),
            "{said}"
        );
    }
    assert!(!said.contains("production"), "a value is shown");
}

#[test]
fn a_hit_is_explained_by_what_holds() {
    let sandbox = prepared();
    sandbox.remove("dist");
    assert_eq!(sandbox.call("vt run build").run().exit_code, 0);
    let said = said(&sandbox, "vt why build");
    assert!(
        said.contains("app#build/0: hit, took N ms, saved N ms, restored 1 file, `vtt concat"),
        "{said}"
    );
    assert!(said.contains("path set …, items holds"), "{said}");
}

#[test]
fn a_hit_names_the_path_set_of_the_run_it_brings_back() {
    let sandbox = prepared();
    let items = |outcome: &vt_harness::Outcome| {
        let set = outcome.summary().only().path_set.clone();
        set.expect("a step that was traced has one").items
    };
    sandbox.write("a.txt", "two\n");
    let stored = items(&sandbox.call("vt run build").run());
    assert!(stored >= 2, "{stored}");
    // With the result in place, and without.
    assert_eq!(items(&sandbox.call("vt run build").run()), stored);
    sandbox.remove("dist");
    assert_eq!(items(&sandbox.call("vt run build").run()), stored);
}

#[test]
fn why_a_run_was_not_stored_is_said_with_the_cure() {
    let sandbox = prepared();
    assert_eq!(sandbox.call("vt run check").run().exit_code, 0);
    let said = said(&sandbox, "vt why check");
    assert!(
        said.contains(
            "not stored because: it read and then changed `b.txt` (if that is its result, declare"
        ),
        "{said}"
    );
}

#[test]
fn an_older_run_is_compared_with() {
    let sandbox = prepared();
    sandbox.write("a.txt", "two\n");
    assert_eq!(sandbox.call("vt run build").run().exit_code, 0);
    // A run of something else in between does not count.
    assert_eq!(sandbox.call("vt run check").run().exit_code, 0);
    assert_eq!(sandbox.call("vt run build").run().exit_code, 0);
    let said = said(&sandbox, "vt why build --against 3");
    let (_, differences) = said.split_once("compared with …:\n").unwrap();
    assert!(
        differences.contains("  only then: ran because first run"),
        "{said}"
    );
    let none = sandbox.call("vt why build --against 9").run();
    assert_eq!(none.exit_code, 1);
    assert_eq!(
        none.err(),
        "error: no run of it that is 9 older is remembered\n"
    );
}

#[test]
fn a_variable_that_a_step_looked_for_in_vain_is_named() {
    let sandbox = Sandbox::with_tasks(&json!({
        "ask": "vtt seq cat a.txt then env TERM_PROGRAM",
    }));
    let outcome = sandbox
        .call("vt run ask")
        .env("TERM_PROGRAM", "hidden")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let said = said(&sandbox, "vt why ask");
    assert!(said.contains("it looked for the variable `TERM_PROGRAM`, which is set but not declared (add it to `env` or `untrackedEnv`)"), "{said}");
    assert!(!said.contains("hidden"));
}

#[test]
fn what_never_ran_has_no_why() {
    let sandbox = prepared();
    let outcome = sandbox.call("vt why chekc").run();
    assert_eq!(outcome.exit_code, 1);
    assert!(
        outcome
            .err()
            .starts_with("error: no run of `chekc` is remembered\n"),
        "{}",
        outcome.said()
    );
}

#[test]
fn a_bounded_number_of_runs_is_remembered_for_the_user_alone_and_without_values() {
    let sandbox = prepared();
    for _ in 0..24 {
        let outcome = sandbox
            .call("vt run build")
            .env("MODE", "very-secret")
            .run();
        assert_eq!(outcome.exit_code, 0);
    }
    let folder = sandbox.path(".vt/cache/history");
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let workspaces: Vec<_> = fs::read_dir(&folder).unwrap().flatten().collect();
    assert_eq!(workspaces.len(), 1);
    let runs: Vec<_> = fs::read_dir(workspaces[0].path())
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(runs.len(), 20);
    for run in runs {
        assert_eq!(run.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(run.path()).unwrap();
        assert!(text.contains("app#build/0") && !text.contains("very-secret"));
    }
}

#[test]
fn what_is_remembered_and_damaged_is_left_out() {
    let sandbox = prepared();
    assert_eq!(sandbox.call("vt run build").run().exit_code, 0);
    let folder = fs::read_dir(sandbox.path(".vt/cache/history"))
        .unwrap()
        .flatten()
        .next()
        .unwrap();
    let mut runs: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .map(|run| run.path())
        .collect();
    runs.sort();
    fs::write(runs.last().unwrap(), "{ \"ended").unwrap();
    assert!(said(&sandbox, "vt why build").contains("ran because: first run"));
    assert_eq!(sandbox.call("vt run build").run().exit_code, 0);
}

#[test]
fn a_dry_run_is_told_as_data() {
    let sandbox = prepared();
    sandbox.write("a.txt", "two\n");
    let told = |task: &str| {
        let file = sandbox.home().join("dry.json");
        let line = format!("vt run --dry-run --summary-json {} {task}", file.display());
        let outcome = sandbox.call(&line).run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let text = fs::read(file).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()
    };
    let all = told("check");
    assert_eq!((&all["version"], &all["dryRun"]), (&json!(1), &json!(true)));
    let build = &all["steps"][0];
    assert_eq!(
        (&build["id"], &build["cwd"]),
        (&json!("app#build/0"), &json!("."))
    );
    assert_eq!(build["status"], "would-run");
    let why = json!([{ "kind": "input-modified", "path": "a.txt" }]);
    assert_eq!(build["why"], why);
    assert_eq!(all["steps"][1]["status"], "unknown");
    sandbox.write("a.txt", "one\n");
    assert_eq!(told("build")["steps"][0]["status"], "hit");
}

#[test]
fn a_dry_run_says_what_would_happen_and_touches_nothing() {
    let sandbox = workspace();
    sandbox.write("b.txt", "one\n");
    let dry = |sandbox: &Sandbox| {
        let before = Snapshot::take(&sandbox.root()).unwrap();
        let said = said(sandbox, "vt run --dry-run check");
        assert_eq!(
            before.changes(&Snapshot::take(&sandbox.root()).unwrap()),
            [""; 0]
        );
        said
    };
    assert_eq!(
        dry(&sandbox),
        "\
app#build/0: would run: first run, `vtt concat -p dist/out a.txt b.txt`
app#check/0: unknown, something before it would run, `vtt rewrite b.txt one two`"
    );
    assert!(!sandbox.path(".vt").exists());
    assert_eq!(sandbox.call("vt run build").run().exit_code, 0);
    assert_eq!(
        dry(&sandbox),
        "\
app#build/0: would be a hit, `vtt concat -p dist/out a.txt b.txt`
app#check/0: would run: first run, `vtt rewrite b.txt one two`"
    );
    sandbox.write("a.txt", "two\n");
    sandbox.write("b.txt", "three\n");
    assert!(
        dry(&sandbox).starts_with("app#build/0: would run: `a.txt` changed, `b.txt` changed, ")
    );
    // The last run is still the last one.
    assert!(said(&sandbox, "vt run --last-details").contains("app#build/0: ran"));
}
