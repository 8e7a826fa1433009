//! Blobs that are gone or flipped, disks that are full or refuse, descriptors that run out: the exit code is the task's
//! own every time, and nothing wrong is brought back.
//!
//! `VT_DAMAGE_STEPS=200` makes the workspace as large as it is meant to be; there are 24 steps otherwise.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vt_harness::{Outcome, Sandbox, Status};

/// How many steps the workspace has.
fn steps() -> usize {
    std::env::var("VT_DAMAGE_STEPS").map_or(24, |number| number.parse().expect("it is a number"))
}

/// A workspace with many steps, each with a file and some terminal output of its own.
fn many(number: usize) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&serde_json::json!({}));
    let mut tasks = String::new();
    let mut names = Vec::new();
    for at in 0..number {
        let _ = write!(
            tasks,
            r#""t{at}": "vtt seq cat a.txt then write -p dist/t{at} 'made by {at}' then print 'said by {at}'", "#
        );
        names.push(format!("\"t{at}\""));
    }
    let all = names.join(", ");
    sandbox.write(
        "vite-task.json",
        format!(r#"{{ "tasks": {{ {tasks} "all": {{ "command": "vtt cat a.txt", "dependsOn": [{all}] }} }} }}"#),
    );
    sandbox
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn every_blob_that_is_gone_or_flipped_makes_its_step_run_and_is_stored_again() {
    let number = steps();
    let sandbox = many(number);
    let cache = sandbox.home().join("cache");
    let run = || sandbox.call("vt run all").env("VT_CACHE_DIR", &cache).run();
    assert_eq!(run().exit_code, 0);
    let blobs = files_below(&cache.join("v1/blobs"));
    assert!(blobs.len() > number, "{} blobs", blobs.len());
    for (at, blob) in blobs.iter().enumerate() {
        let mut bytes = fs::read(blob).unwrap();
        match at % 3 {
            0 => fs::remove_file(blob).unwrap(),
            1 => {
                let middle = at % bytes.len();
                bytes[middle] ^= 0x40;
                fs::write(blob, bytes).unwrap();
            }
            _ => fs::write(blob, &bytes[..bytes.len() / 2]).unwrap(),
        }
    }
    sandbox.remove("dist");
    let outcome = run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let steps = &outcome.summary().steps;
    assert_eq!(steps.len(), number + 1);
    for step in steps {
        let is_told = step.why.iter().any(|why| why.kind == "blob-damaged");
        assert!(
            step.status == Status::Ran && step.stored && is_told,
            "{step:?}"
        );
    }
    assert_eq!(
        outcome.err().matches("cannot be used").count(),
        number + 1,
        "{}",
        outcome.said()
    );
    sandbox.remove("dist");
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
    for at in 0..number {
        assert_eq!(
            sandbox.read(&format!("dist/t{at}")),
            format!("made by {at}").as_bytes()
        );
        assert!(outcome.out().contains(&format!("said by {at}")), "{at}");
    }
}

/// A workspace with one task that succeeds and one that fails.
fn two() -> Sandbox {
    Sandbox::with_tasks(&serde_json::json!({
        "good": "vtt seq cat a.txt then write -p dist/out made",
        "bad": "vtt seq cat a.txt then write -p dist/bad made then exit 7",
    }))
}

/// Runs both tasks, and says what came of them.
fn both(sandbox: &Sandbox, cache: &Path, prefix: &str) -> (Outcome, Outcome) {
    let run = |task: &str| {
        let line = format!(
            "{prefix}vt run {task}{}",
            if prefix.is_empty() { "" } else { "'" }
        );
        sandbox.call(&line).env("VT_CACHE_DIR", cache).run()
    };
    (run("good"), run("bad"))
}

/// A small file system of its own, gone when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: PathBuf, kilobytes: u32) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let size = format!("size={kilobytes}k,mode=0700");
        if run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], &at) {
            return Some(Self(at));
        }
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        {
            eprintln!("SKIPPED: mounting a file system needs root");
        }
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run("umount", &[], &self.0);
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    let output = Command::new(program).args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_disk_that_is_full_at_any_point_costs_the_cache_and_not_the_task() {
    let mut stored = 0;
    for kilobytes in [
        4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024, 2048, 4096,
    ] {
        let sandbox = two();
        let place = sandbox.home().join("small");
        let Some(_small) = Small::mount(place.clone(), kilobytes) else {
            return;
        };
        let cache = place.join("cache");
        for _ in 0..2 {
            let (good, bad) = both(&sandbox, &cache, "");
            let said = format!("{kilobytes} kB: {} {}", good.said(), bad.said());
            assert_eq!((good.exit_code, bad.exit_code), (0, 7), "{said}");
            assert_eq!(sandbox.read("dist/out"), b"made", "{said}");
            let step = good.summary().only();
            let is_told = !good.not_stored().is_empty();
            assert!(
                step.status == Status::Hit || step.stored || is_told,
                "{said}"
            );
            stored += u32::from(step.status == Status::Hit);
        }
    }
    assert!(stored > 0, "no disk was large enough to tell");
}

#[test]
fn a_disk_that_becomes_read_only_still_brings_back() {
    let sandbox = two();
    let place = sandbox.home().join("small");
    let Some(_small) = Small::mount(place.clone(), 16_384) else {
        return;
    };
    let cache = place.join("cache");
    let (good, _) = both(&sandbox, &cache, "");
    good.expect(Status::Ran);
    assert!(run("mount", &["-o", "remount,ro"], &place));
    let (good, bad) = both(&sandbox, &cache, "");
    good.expect(Status::Hit);
    assert_eq!(bad.exit_code, 7, "{}", bad.said());
    sandbox.write("a.txt", "two\n");
    let (good, bad) = both(&sandbox, &cache, "");
    good.expect(Status::Ran);
    assert!(
        good.not_stored().contains(&"store-error"),
        "{}",
        good.said()
    );
    assert_eq!((good.exit_code, bad.exit_code), (0, 7));
}

/// With still fewer `vt` can't start the command at all.
#[test]
fn descriptors_that_run_out_cost_the_cache_and_not_the_task() {
    for limit in [64, 48, 40, 36, 34, 32, 30] {
        let sandbox = two();
        let cache = sandbox.home().join("cache");
        for _ in 0..2 {
            let (good, bad) = both(
                &sandbox,
                &cache,
                &format!("sh -c 'ulimit -n {limit}; exec "),
            );
            let said = format!("{limit}: {} {}", good.said(), bad.said());
            assert_eq!((good.exit_code, bad.exit_code), (0, 7), "{said}");
            assert_eq!(sandbox.read("dist/out"), b"made", "{said}");
        }
    }
}
