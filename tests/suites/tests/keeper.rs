//! What becomes of processes that outlive `vt`: they go on, and nobody notices that it was there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use vt_harness::Sandbox;

/// Waits for what nobody tells of.
fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{what} never came"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A process that appends to a file for as long as it can open it.
struct Daemon(PathBuf);

impl Daemon {
    fn of(sandbox: &Sandbox) -> Self {
        Self(sandbox.home().join(".cache/beat"))
    }

    fn size(&self) -> u64 {
        fs::metadata(&self.0).map_or(0, |found| found.len())
    }

    fn assert_alive(&self) {
        let before = self.size();
        wait_for("another beat", || self.size() > before + 20);
    }

    fn stop(&self) {
        fs::write(self.0.with_extension("stop"), "").unwrap();
    }
}

/// The only keeper of a process. It takes a moment to get its name.
fn keeper(parent: u32) -> u32 {
    wait_for("a keeper", || !keepers(parent).is_empty());
    let [keeper] = keepers(parent)[..] else {
        panic!("there are several");
    };
    keeper
}

/// The keepers of a process, without those that are waiting to be buried.
fn keepers(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = format!("PPid:\t{parent}");
    processes
        .filter(|process| {
            is_keeper(*process) && status(*process).lines().any(|line| line == parent)
        })
        .collect()
}

fn is_keeper(process: u32) -> bool {
    let status = status(process);
    status.starts_with("Name:\tvt-keeper\n") && !status.contains("\nState:\tZ")
}

fn status(process: u32) -> String {
    fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))
        .unwrap_or_default()
}

#[test]
fn what_a_step_leaves_behind_goes_on_when_vt_has_ended() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let daemon = Daemon::of(&sandbox);
    let leave = format!("vtt seq cat a.txt then spawn-daemon {}", daemon.0.display());
    let tasks = json!({ "tasks": { "leave": leave } });
    sandbox.write("vite-task.json", tasks.to_string());
    let outcome = sandbox.call("vt run leave").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert_eq!(outcome.not_stored(), ["trace-incomplete"]);
    assert!(!outcome.err().contains("will fail"), "{}", outcome.said());
    daemon.assert_alive();
    daemon.stop();
}

#[test]
fn a_killed_vt_disturbs_neither_the_step_nor_what_it_left_behind() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let daemon = Daemon::of(&sandbox);
    let (go, done) = (
        sandbox.home().join(".cache/go"),
        sandbox.home().join(".cache/done"),
    );
    let slow = format!(
        "vtt seq cat a.txt then spawn-daemon {} then wait-for {} then append {} x",
        daemon.0.display(),
        go.display(),
        done.display()
    );
    let tasks = json!({ "tasks": { "slow": slow } });
    sandbox.write("vite-task.json", tasks.to_string());
    let running = sandbox.call("vt run slow").start();
    sandbox.wait_for(&daemon.0);
    let keeper = keeper(running.id());
    running.kill();
    daemon.assert_alive();
    fs::write(&go, "").unwrap();
    sandbox.wait_for(&done);
    assert!(is_keeper(keeper));
    daemon.stop();
    wait_for("the end of the keeper", || !is_keeper(keeper));
}

#[test]
fn a_pipe_to_another_command_ends_with_vt() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let daemon = Daemon::of(&sandbox);
    let leave = format!("vtt seq cat a.txt then spawn-daemon {}", daemon.0.display());
    let tasks = json!({ "tasks": { "leave": leave } });
    sandbox.write("vite-task.json", tasks.to_string());
    let outcome = sandbox.call("sh -c 'vt run leave 2>&1 | cat'").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    daemon.assert_alive();
    daemon.stop();
}

#[test]
fn no_keeper_remains_when_nothing_does() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let (mark, go) = (
        sandbox.home().join(".cache/mark"),
        sandbox.home().join(".cache/go"),
    );
    let slow = format!(
        "vtt seq cat a.txt then append {} x then wait-for {}",
        mark.display(),
        go.display()
    );
    let tasks = json!({ "tasks": { "slow": slow } });
    sandbox.write("vite-task.json", tasks.to_string());
    let running = sandbox.call("vt run slow").start();
    sandbox.wait_for(&mark);
    let keeper = keeper(running.id());
    fs::write(&go, "").unwrap();
    let outcome = running.finish();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    wait_for("the end of the keeper", || !is_keeper(keeper));
}
