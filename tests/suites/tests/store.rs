//! What happens when the cache itself is in trouble: the task goes on, nothing wrong is ever replayed, and the rest of
//! the entries stay.

use std::fs;
use std::path::{Path, PathBuf};

use vt_harness::{Content, Outcome, Sandbox, Status};

const PACKAGE: &str = r#"{ "name": "app", "private": true }"#;

fn with_task(command: &str) -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", PACKAGE);
    sandbox.write(
        "vite-task.json",
        format!(
            "{{ \"tasks\": {{ \"build\": {} }} }}",
            serde_json::json!(command)
        ),
    );
    sandbox.write("a.txt", "one\n");
    sandbox
}

fn build(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run build").run()
}

fn expect_status(outcome: &Outcome, status: Status) {
    let step = outcome.summary().only();
    assert_eq!(
        step.status,
        status,
        "{:?} {:?}\n{}",
        step.why,
        step.not_stored,
        outcome.said()
    );
}

fn not_stored(outcome: &Outcome) -> Vec<&str> {
    outcome
        .summary()
        .only()
        .not_stored
        .iter()
        .map(|reason| reason.kind.as_str())
        .collect()
}

#[test]
fn a_damaged_blob_makes_the_step_run_and_is_stored_again() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    let cache = sandbox.home().join("cache");
    let run = || {
        sandbox
            .call("vt run build")
            .env("VT_CACHE_DIR", &cache)
            .run()
    };
    expect_status(&run(), Status::Ran);
    let blobs = files_below(&cache, "blobs");
    assert!(!blobs.is_empty(), "no blobs below {}", cache.display());
    for blob in &blobs {
        let mut bytes = fs::read(blob).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        fs::write(blob, bytes).unwrap();
    }
    sandbox.remove("dist");
    let outcome = run();
    expect_status(&outcome, Status::Ran);
    let step = outcome.summary().only();
    assert!(
        step.stored && step.why.iter().any(|reason| reason.kind == "blob-damaged"),
        "{:?}",
        step.why
    );
    sandbox.remove("dist");
    expect_status(&run(), Status::Hit);
    assert_eq!(sandbox.read("dist/out"), b"one\n");
}

#[test]
fn a_missing_blob_makes_the_step_run_and_is_stored_again() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    let cache = sandbox.home().join("cache");
    let run = || {
        sandbox
            .call("vt run build")
            .env("VT_CACHE_DIR", &cache)
            .run()
    };
    expect_status(&run(), Status::Ran);
    files_below(&cache, "blobs")
        .iter()
        .for_each(|blob| fs::remove_file(blob).unwrap());
    sandbox.remove("dist");
    let outcome = run();
    expect_status(&outcome, Status::Ran);
    assert!(
        outcome
            .summary()
            .only()
            .why
            .iter()
            .any(|reason| reason.kind == "blob-damaged"),
        "{}",
        outcome.said()
    );
    sandbox.remove("dist");
    expect_status(&run(), Status::Hit);
}

#[test]
fn junk_where_the_index_lives_costs_the_entries_and_nothing_else() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    let cache = sandbox.home().join("cache");
    let run = || {
        sandbox
            .call("vt run build")
            .env("VT_CACHE_DIR", &cache)
            .run()
    };
    expect_status(&run(), Status::Ran);
    let indexes: Vec<PathBuf> = all_files(&cache)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "redb"))
        .collect();
    assert!(!indexes.is_empty(), "no index below {}", cache.display());
    indexes
        .iter()
        .for_each(|index| fs::write(index, "junk".repeat(4000)).unwrap());
    let outcome = run();
    expect_status(&outcome, Status::Ran);
    assert_eq!(outcome.exit_code, 0);
    expect_status(&run(), Status::Hit);
}

#[test]
fn a_cache_directory_that_cannot_be_made_costs_the_cache_and_not_the_task() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    let file = sandbox.home().join("file");
    fs::write(&file, "").unwrap();
    let outcome = sandbox
        .call("vt run build")
        .env("VT_CACHE_DIR", file.join("cache"))
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    expect_status(&outcome, Status::Ran);
    assert_eq!(not_stored(&outcome), ["store-error"]);
    assert_eq!(sandbox.read("dist/out"), b"one\n");
}

#[test]
fn a_runner_killed_in_the_middle_loses_its_own_run_and_nothing_else() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "build": "vtt concat -p dist/out a.txt", "slow": "vtt seq cat a.txt then write ready x then wait-for" } }"#,
    );
    expect_status(&build(&sandbox), Status::Ran);
    let go = sandbox.home().join("go");
    let running = sandbox.call("vt run slow").word(&go).start();
    sandbox.wait_for(&sandbox.path("ready"));
    running.kill();
    fs::write(&go, "").unwrap();
    expect_status(&build(&sandbox), Status::Hit);
    sandbox.remove("ready");
    let outcome = sandbox.call("vt run slow").word(&go).run();
    expect_status(&outcome, Status::Ran);
}

#[test]
fn values_of_variables_are_nowhere_in_the_cache() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "build": { "command": "vtt concat -p dist/out a.txt", "env": ["TOKEN"], "untrackedEnv": ["KEY"] } } }"#,
    );
    let cache = sandbox.home().join("cache");
    let (token, key) = ("a-very-secret-token-value", "another-secret-key-value");
    let outcome = sandbox
        .call("vt run build")
        .env("VT_CACHE_DIR", &cache)
        .env("TOKEN", token)
        .env("KEY", key)
        .run();
    expect_status(&outcome, Status::Ran);
    assert!(outcome.summary().only().stored);
    let kept = Content::take(&cache).unwrap();
    assert!(!kept.is_empty());
    assert!(!kept.mentions(token) && !kept.mentions(key) && !outcome.said().contains(token));
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(all_files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

fn files_below(folder: &Path, name: &str) -> Vec<PathBuf> {
    let below = |path: &PathBuf| path.components().any(|part| part.as_os_str() == name);
    all_files(folder).into_iter().filter(below).collect()
}
