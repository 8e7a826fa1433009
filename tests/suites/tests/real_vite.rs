//! An unmodified Vite from npm, on a real application: cached at once, with no inputs, outputs or variables declared.

use std::fs;

use vt_harness::{Content, Outcome, Sandbox, Snapshot, Status, Watched, install};
use vt_suites::example;

fn application() -> Sandbox {
    let sandbox = Sandbox::copy_of(&example("vite-app"));
    install(&sandbox);
    sandbox
}

fn build(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run build").run()
}

fn build_with(sandbox: &Sandbox, name: &str, value: &str) -> Outcome {
    sandbox.call("vt run build").env(name, value).run()
}

fn dist(sandbox: &Sandbox) -> Content {
    Content::take(&sandbox.path("dist")).unwrap()
}

/// The run executed Vite, for exactly these reasons, and was stored.
#[track_caller]
fn ran(outcome: &Outcome, why: &[&str]) {
    let step = outcome.summary().only();
    let reasons: Vec<String> = step.why.iter().map(ToString::to_string).collect();
    assert_eq!(step.status, Status::Ran, "{reasons:?}\n{}", outcome.said());
    assert_eq!(reasons, why, "{}", outcome.said());
    assert!(step.stored, "{:?}\n{}", step.not_stored, outcome.said());
}

/// As [`ran`], with these reasons and perhaps more.
#[track_caller]
fn ran_for(outcome: &Outcome, why: &str) {
    let step = outcome.summary().only();
    assert_eq!(step.status, Status::Ran, "{}", outcome.said());
    assert!(step.says_why(why), "{:?}", step.why);
    assert!(step.stored, "{:?}\n{}", step.not_stored, outcome.said());
}

#[track_caller]
fn hit(outcome: &Outcome) {
    let step = outcome.summary().only();
    assert_eq!(
        step.status,
        Status::Hit,
        "{:?}\n{}",
        step.why,
        outcome.said()
    );
}

#[track_caller]
fn same(before: &Content, after: &Content) {
    let changes = before.changes(after);
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn the_second_build_starts_nothing_and_touches_nothing() {
    let sandbox = application();
    let first = build(&sandbox);
    ran(&first, &["first-run"]);
    assert!(sandbox.path("dist/index.html").is_file());
    let before = Snapshot::take(&sandbox.root()).unwrap();
    let second = sandbox
        .call("vt run build")
        .watched(Watched::ForProcesses)
        .run();
    hit(&second);
    assert_eq!(second.processes, Some(Vec::new()));
    assert_eq!(second.summary().only().restored, Some(0));
    let changes = before.changes(&Snapshot::take(&sandbox.root()).unwrap());
    assert!(changes.is_empty(), "{changes:?}");
    assert!(
        second.out().contains("modules transformed"),
        "{}",
        second.said()
    );
}

#[test]
fn a_deleted_dist_comes_back_byte_for_byte() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    let before = dist(&sandbox);
    sandbox.remove("dist");
    let outcome = sandbox
        .call("vt run build")
        .watched(Watched::ForProcesses)
        .run();
    hit(&outcome);
    assert_eq!(outcome.processes, Some(Vec::new()));
    same(&before, &dist(&sandbox));
    hit(&build(&sandbox));
}

#[test]
fn an_edited_module_builds_again_and_undoing_it_brings_the_first_build_back() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    let first = dist(&sandbox);
    let source = String::from_utf8(sandbox.read("src/format/date.ts")).unwrap();
    sandbox.write(
        "src/format/date.ts",
        source.replace("\"Jan\"", "\"January\""),
    );
    ran(&build(&sandbox), &["input-modified src/format/date.ts"]);
    let edited = dist(&sandbox);
    assert!(edited.mentions("January") && edited != first);
    sandbox.write("src/format/date.ts", &source);
    hit(&build(&sandbox));
    same(&first, &dist(&sandbox));
    sandbox.write(
        "src/format/date.ts",
        source.replace("\"Jan\"", "\"January\""),
    );
    hit(&build(&sandbox));
    same(&edited, &dist(&sandbox));
}

#[test]
fn assets_styles_and_the_page_are_inputs_too() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    for path in [
        "src/styles/badge.css",
        "index.html",
        "public/robots.txt",
        "src/assets/mountain.png",
        ".env",
    ] {
        let mut bytes = sandbox.read(path);
        bytes.push(b'\n');
        sandbox.write(path, bytes);
        ran(&build(&sandbox), &[&format!("input-modified {path}")]);
    }
}

#[test]
fn a_variable_vite_asks_for_builds_again_and_shows_in_the_bundle() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    let plain = dist(&sandbox);
    ran(
        &build_with(&sandbox, "VITE_X", "hello-from-outside"),
        &["env-added VITE_X"],
    );
    assert!(dist(&sandbox).mentions("hello-from-outside"));
    ran(
        &build_with(&sandbox, "VITE_X", "another-greeting"),
        &["env-changed VITE_X"],
    );
    assert!(dist(&sandbox).mentions("another-greeting"));
    hit(&build(&sandbox));
    same(&plain, &dist(&sandbox));
    hit(&build_with(&sandbox, "VITE_X", "hello-from-outside"));
    assert!(dist(&sandbox).mentions("hello-from-outside"));
}

#[test]
fn a_variable_wins_over_the_env_file() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    assert!(dist(&sandbox).mentions("Trail log"));
    ran(
        &build_with(&sandbox, "VITE_TITLE", "Other title"),
        &["env-added VITE_TITLE"],
    );
    assert!(dist(&sandbox).mentions("Other title") && !dist(&sandbox).mentions("Trail log"));
}

#[test]
fn node_env_builds_again_and_changes_the_bundle() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    assert!(!dist(&sandbox).mentions("trail-log-debug"));
    ran(
        &build_with(&sandbox, "NODE_ENV", "development"),
        &["env-added NODE_ENV"],
    );
    assert!(dist(&sandbox).mentions("trail-log-debug"));
    hit(&build(&sandbox));
    assert!(!dist(&sandbox).mentions("trail-log-debug"));
}

#[test]
fn a_variable_nobody_asks_for_does_not_count() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    hit(&build_with(&sandbox, "UNRELATED", "x"));
    hit(&build_with(&sandbox, "APP_X", "x"));
}

#[test]
fn another_prefix_in_the_configuration_changes_which_variables_count() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    let config = String::from_utf8(sandbox.read("vite.config.ts")).unwrap();
    sandbox.write(
        "vite.config.ts",
        config.replace("envPrefix: \"VITE_\"", "envPrefix: \"APP_\""),
    );
    ran(&build(&sandbox), &["input-modified vite.config.ts"]);
    hit(&build_with(&sandbox, "VITE_X", "not-asked-for"));
    ran(
        &build_with(&sandbox, "APP_X", "team-seven"),
        &["env-added APP_X"],
    );
    assert!(dist(&sandbox).mentions("team-seven"));
    sandbox.write("vite.config.ts", &config);
    hit(&build(&sandbox));
    hit(&build_with(&sandbox, "APP_X", "team-seven"));
    ran_for(
        &build_with(&sandbox, "VITE_X", "asked-for"),
        "env-added VITE_X",
    );
    assert!(dist(&sandbox).mentions("asked-for"));
}

#[test]
fn a_local_env_file_that_was_looked_for_counts_once_it_is_there() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    let plain = dist(&sandbox);
    sandbox.write(".env.local", "VITE_X=from-the-local-file\n");
    ran_for(&build(&sandbox), "input-added .env.local");
    assert!(dist(&sandbox).mentions("from-the-local-file"));
    sandbox.remove(".env.local");
    hit(&build(&sandbox));
    same(&plain, &dist(&sandbox));
}

#[test]
fn times_alone_do_not_count() {
    let sandbox = application();
    ran(&build(&sandbox), &["first-run"]);
    for path in ["src/main.ts", "vite.config.ts", "index.html", ".env"] {
        let text = sandbox.read(path);
        sandbox.write(path, text);
    }
    hit(&build(&sandbox));
}

#[test]
fn a_copy_of_the_binary_alone_is_enough() {
    let sandbox = application();
    let alone = sandbox.home().join("alone");
    fs::create_dir(&alone).unwrap();
    let vt = alone.join("vt");
    fs::copy(sandbox.binaries().vt(), &vt).unwrap();
    let line = format!("{} run build", vt.display());
    ran(&sandbox.call(&line).run(), &["first-run"]);
    ran(
        &sandbox.call(&line).env("VITE_X", "asked").run(),
        &["env-added VITE_X"],
    );
    let outcome = sandbox.call(&line).run();
    hit(&outcome);
    let left: Vec<_> = fs::read_dir(&alone)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["vt"]);
}
