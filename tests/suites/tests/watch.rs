//! `vt run --watch` runs again what a change concerns, and nothing for what the tasks write themselves; `--profile` says
//! when what ran.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vt_harness::{Running, Sandbox};

const PATIENCE: Duration = Duration::from_secs(120);
const WAITING: &str = "vt: waiting for changes\n";

/// A watching `vt`, and how often it has said so far that it waits.
struct Watching<'s> {
    sandbox: &'s Sandbox,
    running: Running,
    waits: usize,
}

impl<'s> Watching<'s> {
    fn start(sandbox: &'s Sandbox, task: &str) -> Self {
        let said = sandbox.home().join("said");
        let line = format!("exec vt run --watch {task} > {} 2>&1", said.display());
        let running = sandbox.call("sh -c").word(line).start();
        Self {
            sandbox,
            running,
            waits: 0,
        }
    }

    /// What it says until it waits again.
    fn next(&mut self) -> String {
        let started = Instant::now();
        loop {
            let said = fs::read_to_string(self.sandbox.home().join("said")).unwrap_or_default();
            let mut rounds = said.split(WAITING);
            if said.matches(WAITING).count() > self.waits {
                let round = rounds.nth(self.waits).unwrap().to_owned();
                self.waits += 1;
                return round;
            }
            assert!(started.elapsed() < PATIENCE, "it does not wait: {said}");
            std::thread::yield_now();
        }
    }

    fn interrupt(self) -> (i32, String) {
        let status = Command::new("kill")
            .args(["-INT", &self.running.id().to_string()])
            .status();
        assert!(status.unwrap().success());
        let code = self.running.finish().exit_code;
        let said = fs::read_to_string(self.sandbox.home().join("said")).unwrap();
        (code, said)
    }
}

fn workspace() -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({
        "build": "vtt seq cat a.txt then write made.txt made",
        "last": { "command": "vtt cat made.txt", "dependsOn": ["build"] },
        "picky": "sh picky.sh",
    }));
    sandbox.write("other.txt", "one\n");
    sandbox.write("picky.sh", "grep -q good a.txt && echo fine\n");
    sandbox
}

#[test]
fn a_change_runs_what_it_concerns_and_other_files_run_nothing() {
    let sandbox = workspace();
    let mut watching = Watching::start(&sandbox, "last");
    let first = watching.next();
    assert!(first.contains("vt: 2 steps, 0 hits"), "{first}");
    // Nothing reads it, so the next thing that is said is about the other file.
    sandbox.write("other.txt", "two\n");
    sandbox.write("a.txt", "two\n");
    let second = watching.next();
    assert!(second.contains("build: running"), "{second}");
    assert!(second.contains("`a.txt` changed\ntwo\n"), "{second}");
    // Its result is the same, so what reads that does not run again, nor is it shown again.
    assert!(second.contains("vt: 2 steps, 1 hit"), "{second}");
    assert!(!second.contains("last:"), "{second}");
    let (code, said) = watching.interrupt();
    assert_eq!(code, 130, "{said}");
    assert_eq!(said.matches(WAITING).count(), 2, "{said}");
}

#[test]
fn what_failed_runs_again_after_any_change() {
    let sandbox = workspace();
    let mut watching = Watching::start(&sandbox, "picky");
    let first = watching.next();
    assert!(first.contains("picky: failed, exit code 1"), "{first}");
    sandbox.write("a.txt", "good\n");
    let second = watching.next();
    assert!(second.contains("fine\n"), "{second}");
    assert_eq!(watching.interrupt().0, 130);
}

#[test]
fn a_configuration_that_is_being_written_is_told_and_read_again() {
    let sandbox = workspace();
    let mut watching = Watching::start(&sandbox, "build");
    watching.next();
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "build": "vtt print new" } }"#,
    );
    let second = watching.next();
    assert!(second.contains("\nnew\n"), "{second}");
    assert_eq!(watching.interrupt().0, 130);
}

#[test]
fn what_changed_since_a_commit_is_asked_again_after_each_change() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "root", "workspaces": ["p/*"] }"#,
    );
    for name in ["one", "two"] {
        let manifest = json!({ "name": name, "scripts": { "show": "vtt cat in.txt" } });
        sandbox.write(&format!("p/{name}/package.json"), manifest.to_string());
        sandbox.write(&format!("p/{name}/in.txt"), format!("{name} before\n"));
    }
    for line in [
        "git init -q",
        "git add -A",
        "git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -qm first",
    ] {
        assert_eq!(sandbox.call(line).run().exit_code, 0, "{line}");
    }
    sandbox.write("p/one/in.txt", "one after\n");
    let mut watching = Watching::start(&sandbox, "-F '[HEAD]' show");
    let first = watching.next();
    assert!(first.contains("\none after\n"), "{first}");
    assert!(!first.contains("two before"), "{first}");
    sandbox.write("p/two/in.txt", "two after\n");
    let second = watching.next();
    assert!(second.contains("\ntwo after\n"), "{second}");
    assert_eq!(watching.interrupt().0, 130);
}

#[test]
fn a_dry_run_watches_nothing() {
    let outcome = workspace().call("vt run --watch --dry-run build").run();
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
}

#[test]
fn a_profile_has_a_slice_for_each_step_that_did_something() {
    let sandbox = workspace();
    let line = "vt run --profile profile.json last";
    assert_eq!(sandbox.call(line).run().exit_code, 0);
    let text = sandbox.read("profile.json");
    let profile: Value = serde_json::from_slice(&text).unwrap();
    let events = profile["traceEvents"].as_array().unwrap();
    let names: Vec<_> = events
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["app#build/0", "app#last/0"]);
    for event in events {
        assert_eq!(event["ph"], "X");
        assert_eq!(event["cat"], "ran");
    }
    // One waited for the other.
    let time = |event: &Value, key: &str| event[key].as_u64().unwrap();
    assert!(time(&events[0], "ts") + time(&events[0], "dur") <= time(&events[1], "ts") + 1000);
}
