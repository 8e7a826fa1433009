//! Signals that somebody sends to `vt` while steps run.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use vt_harness::{Running, Sandbox};

fn mark(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.home().join(".cache").join(name)
}

fn send(name: &str, process: &Running) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_request_to_end_is_passed_on_and_is_the_exit_code() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let (ready, heard) = (mark(&sandbox, "ready"), mark(&sandbox, "heard"));
    // It says which one it was, and ends well: that is not stored all the same.
    let traps = ["TERM", "HUP", "QUIT"]
        .map(|name| format!("trap 'echo {name} > {}; exit 0' {name}", heard.display()));
    let script = format!(
        "{}\ncat a.txt\necho x > {}\nwhile :; do sleep 0.1; done\n",
        traps.join("\n"),
        ready.display()
    );
    sandbox.write("listen.sh", script);
    let tasks = json!({
        "cached": "sh listen.sh",
        "plain": { "command": "sh listen.sh", "cache": false },
        "after": { "command": "vtt print never", "dependsOn": ["cached"] },
    });
    sandbox.write("vite-task.json", json!({ "tasks": tasks }).to_string());
    for (name, number) in [("TERM", 15), ("HUP", 1), ("QUIT", 3)] {
        for task in ["after", "plain"] {
            let running = sandbox.call(&format!("vt run {task}")).start();
            sandbox.wait_for(&ready);
            send(name, &running);
            let outcome = running.finish();
            assert_eq!(outcome.exit_code, 128 + number, "{}", outcome.said());
            assert_eq!(fs::read_to_string(&heard).unwrap().trim(), name);
            let steps = &outcome.summary().steps;
            assert!(steps.iter().all(|step| !step.stored), "{}", outcome.said());
            let reasons = steps[0].not_stored.iter().map(|reason| &reason.kind[..]);
            let reason = if task == "plain" {
                "cache-disabled"
            } else {
                "cancelled"
            };
            assert_eq!(Vec::from_iter(reasons), [reason], "{}", outcome.said());
            assert!(!outcome.out().contains("never"), "{}", outcome.said());
            fs::remove_file(&ready).unwrap();
            fs::remove_file(&heard).unwrap();
        }
    }
}
