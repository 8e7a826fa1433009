//! What the store keeps and what it lets go: the forms of `input` and `output`, limits, and what `vt cache` does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use vt_harness::{Outcome, Sandbox, Status, stories};

stories! { "keeps": forms }

/// A workspace whose cache lies apart from it.
struct Kept {
    sandbox: Sandbox,
    cache: PathBuf,
}

impl Kept {
    fn new(cache_settings: &str) -> Self {
        let sandbox = Sandbox::with_tasks(&serde_json::json!({}));
        let cache = sandbox.home().join("cache");
        let kept = Self { sandbox, cache };
        kept.configure(cache_settings);
        kept
    }

    fn configure(&self, cache_settings: &str) {
        self.sandbox.write(
            "vite-task.json",
            format!(
                r#"{{ "cache": {cache_settings}, "tasks": {{
                    "build": "vtt concat -p dist/out a.txt",
                    "other": "vtt concat -p other/out a.txt" }} }}"#
            ),
        );
    }

    fn vt(&self, line: &str) -> Outcome {
        self.sandbox
            .call(line)
            .env("VT_CACHE_DIR", &self.cache)
            .run()
    }

    /// Makes the next run that has something to run sweep.
    fn let_an_hour_pass(&self) {
        let _ = fs::remove_file(self.cache.join("v1/swept"));
    }

    /// Makes everything look as if it had been written or used this long ago.
    fn age(&self, by: Duration) {
        for name in ["blobs", "used", "locks"] {
            for path in files_below(&self.cache.join("v1").join(name)) {
                let file = fs::File::options().write(true).open(path).unwrap();
                let modified = file.metadata().unwrap().modified().unwrap();
                file.set_modified(modified - by).unwrap();
            }
        }
    }

    fn blobs(&self) -> BTreeSet<PathBuf> {
        files_below(&self.cache.join("v1/blobs"))
            .into_iter()
            .collect()
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

const DAY: Duration = Duration::from_hours(24);

#[test]
fn what_was_used_longest_ago_goes_when_there_is_too_much() {
    let kept = Kept::new("{}");
    let text = |round: u32| {
        let number = |at: u32| format!("{:x}", (at + round).wrapping_mul(2_654_435_761));
        (0..20_000).map(number).collect::<String>()
    };
    for round in 0..3 {
        kept.sandbox.write("a.txt", text(round));
        kept.vt("vt run build").expect(Status::Ran);
        kept.age(DAY);
    }
    // Room for two entries and a half.
    let lengths = kept
        .blobs()
        .into_iter()
        .map(|blob| fs::metadata(blob).unwrap().len());
    let limit = lengths.sum::<u64>() * 5 / 6 / 1000;
    kept.configure(&format!(r#"{{ "maxSize": "{limit}kB" }}"#));
    kept.sandbox.write("a.txt", text(0));
    kept.vt("vt run build").expect(Status::Hit);
    // A run sweeps beside its step, so that what it stores itself may be among what is counted.
    let collected = kept.vt("vt cache gc");
    assert!(
        collected.out().contains("removed 1 entry"),
        "{}",
        collected.said()
    );
    // The first was used again, so the second is what was used longest ago.
    for (round, status) in [(0, Status::Hit), (2, Status::Hit), (1, Status::Ran)] {
        kept.sandbox.write("a.txt", text(round));
        kept.vt("vt run build").expect(status);
    }
}

#[test]
fn what_was_not_used_for_long_goes_and_what_was_stays() {
    let kept = Kept::new(r#"{ "maxAge": "30d" }"#);
    kept.vt("vt run build").expect(Status::Ran);
    kept.vt("vt run other").expect(Status::Ran);
    kept.age(DAY * 29);
    kept.vt("vt run build").expect(Status::Hit);
    kept.age(DAY * 2);
    kept.let_an_hour_pass();
    // The age of the entries decides, not that of the blobs: `build` was used two days ago.
    let text = fs::read(kept.sandbox.path("a.txt")).unwrap();
    kept.sandbox.write("a.txt", "two\n");
    kept.vt("vt run build").expect(Status::Ran);
    kept.sandbox.write("a.txt", text);
    kept.vt("vt run build").expect(Status::Hit);
    kept.vt("vt run other").expect(Status::Ran);
}

#[test]
fn a_run_that_only_brings_back_neither_sweeps_nor_writes() {
    let kept = Kept::new("{}");
    kept.vt("vt run build").expect(Status::Ran);
    kept.let_an_hour_pass();
    let index = kept.cache.join("v1/index.redb");
    let before = (
        fs::read(&index).unwrap(),
        fs::metadata(&index).unwrap().modified().unwrap(),
    );
    kept.vt("vt run build").expect(Status::Hit);
    assert!(!kept.cache.join("v1/swept").exists());
    let after = (
        fs::read(&index).unwrap(),
        fs::metadata(&index).unwrap().modified().unwrap(),
    );
    assert!(before == after);
}

#[test]
fn after_any_number_of_reruns_the_archives_that_are_left_are_named() {
    let kept = Kept::new("{}");
    for round in 0..4 {
        kept.sandbox.write("a.txt", format!("round {round}\n"));
        kept.vt("vt run build").expect(Status::Ran);
    }
    assert_eq!(kept.blobs().len(), 4, "going back to any of them hits");
    kept.age(DAY * 31);
    let outcome = kept.vt("vt cache gc");
    assert_eq!(
        (
            outcome.exit_code,
            outcome.out().contains("removed 4 entries, 4 blobs")
        ),
        (0, true),
        "{}",
        outcome.said()
    );
    assert_eq!(kept.blobs().len(), 0);
    kept.vt("vt run build").expect(Status::Ran);
    assert_eq!(kept.blobs().len(), 1);
}

#[test]
fn a_write_that_others_keep_waiting_is_kept_and_done_by_the_next_run() {
    let kept = Kept::new("{}");
    kept.vt("vt run other").expect(Status::Ran);
    // Somebody who reads for a long time.
    let lock = fs::File::open(kept.cache.join("v1/index.lock")).unwrap();
    lock.lock_shared().unwrap();
    let outcome = kept.vt("vt run build");
    outcome.expect(Status::Ran);
    assert!(outcome.summary().only().stored, "{}", outcome.said());
    lock.unlock().unwrap();
    assert_eq!(files_below(&kept.cache.join("v1/deferred")).len(), 1);
    kept.sandbox.remove("dist");
    kept.vt("vt run build").expect(Status::Hit);
    assert_eq!(files_below(&kept.cache.join("v1/deferred")).len(), 0);
    kept.vt("vt run other").expect(Status::Hit);
}

#[test]
fn a_cache_that_others_may_write_is_not_used_and_that_is_said_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let kept = Kept::new("{}");
    kept.vt("vt run build").expect(Status::Ran);
    for (path, mode) in [("", 0o770), ("v1", 0o755)] {
        let path = kept.cache.join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let outcome = kept.vt("vt run build");
        outcome.expect(Status::Ran);
        assert_eq!(outcome.not_stored(), ["store-error"]);
        assert_eq!(
            outcome.err().matches("the cache cannot be used").count(),
            1,
            "{}",
            outcome.said()
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    kept.vt("vt run build").expect(Status::Hit);
}

#[test]
fn the_configuration_says_where_the_cache_lies_and_the_environment_says_it_louder() {
    let sandbox = Sandbox::with_tasks(&serde_json::json!({}));
    let configuration = r#"{ "cache": { "dir": "kept/here" }, "tasks": { "build": "vtt concat -p dist/out a.txt" } }"#;
    sandbox.write("vite-task.json", configuration);
    sandbox.call("vt run build").run().expect(Status::Ran);
    assert!(sandbox.path("kept/here/v1/index.redb").exists());
    sandbox.remove("dist");
    sandbox.call("vt run build").run().expect(Status::Hit);
    let louder = sandbox.home().join("louder");
    let outcome = sandbox
        .call("vt run build")
        .env("VT_CACHE_DIR", &louder)
        .run();
    outcome.expect(Status::Ran);
    assert!(louder.join("v1/index.redb").exists());
}

#[test]
fn a_toolchain_that_is_ignored_may_change_and_one_that_counts_may_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let kept = Kept::new("{}");
    let tools = kept.sandbox.home().join("tools");
    fs::create_dir(&tools).unwrap();
    let install = |text: &str| {
        let tool = tools.join("tool");
        fs::write(
            &tool,
            format!("#!/bin/sh\nvtt print {text}\nvtt cat a.txt\n"),
        )
        .unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let vtt = kept
        .sandbox
        .binaries()
        .vtt()
        .parent()
        .unwrap()
        .to_path_buf();
    let path = [tools.clone(), vtt, "/usr/bin".into(), "/bin".into()];
    let path = std::env::join_paths(path).unwrap();
    for (toolchain, status) in [("ignore", Status::Hit), ("content", Status::Ran)] {
        kept.sandbox.write(
            "vite-task.json",
            format!(
                r#"{{ "cache": {{ "toolchain": "{toolchain}" }}, "tasks": {{ "build": "tool" }} }}"#
            ),
        );
        let run = || kept.sandbox.call("vt run build").env("PATH", &path).run();
        install("first");
        run().expect(Status::Ran);
        run().expect(Status::Hit);
        install("second");
        run().expect(status);
        kept.sandbox.write("a.txt", format!("{toolchain}\n"));
        run().expect(Status::Ran);
    }
}

#[test]
fn info_says_where_the_cache_is_and_what_each_task_takes_up() {
    let kept = Kept::new(r#"{ "maxSize": "2GB", "maxAge": "7d" }"#);
    let empty = kept.vt("vt cache info");
    assert_eq!(empty.exit_code, 0);
    assert!(
        empty.out().contains("nothing is stored"),
        "{}",
        empty.said()
    );
    assert!(!kept.cache.exists(), "looking makes nothing");
    kept.vt("vt run build").expect(Status::Ran);
    kept.sandbox.write("a.txt", "two\n");
    kept.vt("vt run build").expect(Status::Ran);
    kept.vt("vt run other").expect(Status::Ran);
    let info = kept.vt("vt cache info").out();
    for words in [
        kept.cache.to_str().unwrap(),
        "limits: 2 GB, 7 days",
        "entries: 3",
        "#build",
        "2 entries, used today",
        "#other",
        "1 entry, used today",
    ] {
        assert!(info.contains(words), "{words}: {info}");
    }
}

#[test]
fn clean_removes_what_is_stored_of_a_task_or_of_all() {
    let kept = Kept::new("{}");
    let run = |name: &str, status| kept.vt(&format!("vt run {name}")).expect(status);
    run("build", Status::Ran);
    run("other", Status::Ran);
    let unknown = kept.vt("vt cache clean biuld");
    assert_eq!(unknown.exit_code, 2, "{}", unknown.said());
    let one = kept.vt("vt cache clean build");
    assert_eq!(
        (one.exit_code, one.out().contains("removed 1 entry")),
        (0, true),
        "{}",
        one.said()
    );
    run("other", Status::Hit);
    run("build", Status::Ran);
    let all = kept.vt("vt cache clean");
    assert!(all.out().contains("removed 2 entries"), "{}", all.said());
    assert_eq!(kept.blobs().len(), 0);
    run("other", Status::Ran);
    run("other", Status::Hit);
}

#[test]
fn verify_finds_every_damaged_or_missing_blob_and_says_so_with_its_exit_code() {
    let kept = Kept::new("{}");
    kept.vt("vt run build").expect(Status::Ran);
    kept.sandbox.write("a.txt", "two\n");
    kept.vt("vt run build").expect(Status::Ran);
    let well = kept.vt("vt cache verify");
    assert_eq!(
        (well.exit_code, well.out().contains("all is well")),
        (0, true),
        "{}",
        well.said()
    );
    let blobs: Vec<PathBuf> = kept.blobs().into_iter().collect();
    let [one, two] = &blobs[..] else {
        panic!("{blobs:?}")
    };
    let whole = fs::read(one).unwrap();
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 1;
    fs::write(one, bytes).unwrap();
    fs::remove_file(two).unwrap();
    let damaged = kept.vt("vt cache verify");
    assert_eq!(damaged.exit_code, 1, "{}", damaged.said());
    assert_eq!(
        damaged.out().matches("#build/0: the stored blob").count(),
        2,
        "{}",
        damaged.said()
    );
    fs::write(one, whole).unwrap();
    let missing = kept.vt("vt cache verify");
    assert_eq!(
        (missing.exit_code, missing.out().contains("is missing")),
        (1, true),
        "{}",
        missing.said()
    );
    kept.sandbox.remove("dist");
    for text in ["one\n", "two\n"] {
        kept.sandbox.write("a.txt", text);
        assert_eq!(kept.vt("vt run build").exit_code, 0);
    }
    assert_eq!(kept.vt("vt cache verify").exit_code, 0);
}

#[test]
fn verify_says_that_the_index_was_damaged() {
    let kept = Kept::new("{}");
    kept.vt("vt run build").expect(Status::Ran);
    fs::write(kept.cache.join("v1/index.redb"), "junk".repeat(5000)).unwrap();
    let outcome = kept.vt("vt cache verify");
    assert_eq!(
        (outcome.exit_code, outcome.out().contains("record")),
        (1, true),
        "{}",
        outcome.said()
    );
}

#[test]
fn a_sweep_leaves_what_another_process_just_wrote() {
    let kept = Kept::new("{}");
    kept.vt("vt run build").expect(Status::Ran);
    let shelf = kept.cache.join("v1/blobs/00");
    fs::create_dir_all(&shelf).unwrap();
    let (young, old) = (
        shelf.join("0".repeat(64)),
        shelf.join(format!("00{}", "1".repeat(62))),
    );
    fs::write(&young, "about to be named").unwrap();
    fs::write(&old, "nobody's").unwrap();
    let hour = SystemTime::now() - Duration::from_hours(1);
    fs::File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(hour)
        .unwrap();
    let outcome = kept.vt("vt cache gc");
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert_eq!((young.exists(), old.exists()), (true, false));
    kept.vt("vt run build").expect(Status::Hit);
}
