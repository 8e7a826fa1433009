//! What happens when the cache itself is in trouble: the task goes on, nothing wrong is ever replayed, and the rest of
//! the entries stay.

use std::fs;
use std::path::{Path, PathBuf};

use vt_harness::{Content, Outcome, Sandbox, Status};

fn with_task(command: &str) -> Sandbox {
    Sandbox::with_tasks(&serde_json::json!({ "build": command }))
}

fn build(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run build").run()
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
    run().expect(Status::Ran);
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
    outcome.expect(Status::Ran);
    let step = outcome.summary().only();
    assert!(
        step.stored && step.why.iter().any(|reason| reason.kind == "blob-damaged"),
        "{:?}",
        step.why
    );
    sandbox.remove("dist");
    run().expect(Status::Hit);
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
    run().expect(Status::Ran);
    files_below(&cache, "blobs")
        .iter()
        .for_each(|blob| fs::remove_file(blob).unwrap());
    sandbox.remove("dist");
    let outcome = run();
    outcome.expect(Status::Ran);
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
    run().expect(Status::Hit);
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
    run().expect(Status::Ran);
    let indexes: Vec<PathBuf> = all_files(&cache)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "redb"))
        .collect();
    assert!(!indexes.is_empty(), "no index below {}", cache.display());
    indexes
        .iter()
        .for_each(|index| fs::write(index, "junk".repeat(4000)).unwrap());
    let outcome = run();
    outcome.expect(Status::Ran);
    assert_eq!(outcome.exit_code, 0);
    run().expect(Status::Hit);
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
    outcome.expect(Status::Ran);
    assert_eq!(outcome.not_stored(), ["store-error"]);
    assert_eq!(sandbox.read("dist/out"), b"one\n");
}

#[test]
fn a_runner_killed_in_the_middle_loses_its_own_run_and_nothing_else() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "build": "vtt concat -p dist/out a.txt", "slow": "vtt seq cat a.txt then write ready x then wait-for" } }"#,
    );
    build(&sandbox).expect(Status::Ran);
    let go = sandbox.home().join(".cache/go");
    let running = sandbox.call("vt run slow").word(&go).start();
    sandbox.wait_for(&sandbox.path("ready"));
    running.kill();
    fs::write(&go, "").unwrap();
    build(&sandbox).expect(Status::Hit);
    sandbox.remove("ready");
    let outcome = sandbox.call("vt run slow").word(&go).run();
    outcome.expect(Status::Ran);
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
    outcome.expect(Status::Ran);
    assert!(outcome.summary().only().stored);
    let kept = Content::take(&cache).unwrap();
    assert!(!kept.is_empty());
    assert!(!kept.mentions(token) && !kept.mentions(key) && !outcome.said().contains(token));
}

#[test]
fn a_blob_that_no_entry_names_is_swept_and_others_stay() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    let cache = sandbox.home().join("cache");
    let run = || {
        let call = sandbox.call("vt run build");
        call.env("VT_CACHE_DIR", &cache).run()
    };
    run().expect(Status::Ran);
    // More than an hour has passed since the cache was swept, and this blob is an hour old.
    fs::remove_file(cache.join("v1/swept")).unwrap();
    let shelf = files_below(&cache, "blobs")[0]
        .parent()
        .unwrap()
        .to_path_buf();
    let name = shelf.file_name().unwrap().to_str().unwrap();
    let orphan = shelf.join(format!("{name}{}", "0".repeat(62)));
    fs::write(&orphan, "nobody's").unwrap();
    let hour = std::time::Duration::from_secs(3600);
    let old = std::time::SystemTime::now() - hour;
    fs::File::options()
        .write(true)
        .open(&orphan)
        .unwrap()
        .set_modified(old)
        .unwrap();
    sandbox.write("a.txt", "two\n");
    run().expect(Status::Ran);
    assert!(!orphan.exists());
    sandbox.remove("dist/out");
    sandbox.write("a.txt", "one\n");
    run().expect(Status::Hit);
    assert_eq!(sandbox.read("dist/out"), b"one\n");
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
