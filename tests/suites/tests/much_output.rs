//! Output that is more than anybody wants to keep: shown to the last byte, in little memory.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use vt_harness::{Running, Sandbox};

/// A workspace of these tasks, which may name files outside of it as `{at}/name`.
fn workspace(tasks: &Value) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let marks = mark(&sandbox, "").display().to_string();
    let text = json!({ "tasks": tasks }).to_string();
    sandbox.write("vite-task.json", text.replace("{at}/", &marks));
    sandbox
}

/// A file that nobody takes for an input or output.
fn mark(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.home().join(".cache").join(name)
}

/// The most memory a process has had so far, in KiB.
fn most_memory(process: &Running) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
    peak.expect("Linux says how much")
}

#[test]
fn a_gigabyte_of_output_takes_no_more_memory_than_a_little() {
    const PIECES: [&str; 4] = ["first", "second", "third", "last"];
    let pieces = |count: &str, source: &str| {
        let marks =
            PIECES.map(|piece| format!("{source} | head -c {count}; echo x > {{at}}/{piece}"));
        format!(
            "sh -c 'cat a.txt; {}; vtt wait-for {{at}}/go'",
            marks.join("; ")
        )
    };
    let lines = "yes a line of no great length";
    let long_lines = format!("yes {}", "a long line ".repeat(100));
    let sandbox = workspace(&json!({
        "little": pieces("4", lines),
        "lines": pieces("268435456", lines),
        "long-lines": pieces("268435456", &long_lines),
        "no-lines": { "command": pieces("268435456", "cat /dev/zero"), "cache": false },
    }));
    let vt = sandbox.binaries().vt().display().to_string();
    let peak = |arguments: &str| {
        let line = format!("exec {vt} run {arguments} > /dev/null");
        let running = sandbox.call("sh -c").word(line).start();
        for piece in PIECES {
            sandbox.wait_for(&mark(&sandbox, piece));
            fs::remove_file(mark(&sandbox, piece)).unwrap();
        }
        let peak = most_memory(&running);
        fs::write(mark(&sandbox, "go"), "").unwrap();
        let outcome = running.finish();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        fs::remove_file(mark(&sandbox, "go")).unwrap();
        peak
    };
    let little = peak("little");
    for arguments in [
        "lines",
        "--log labeled long-lines",
        "--log labeled no-lines",
    ] {
        // There is room for what might still be kept, twice.
        let much = peak(arguments);
        let room = 2 * (16 << 10) + (16 << 10);
        assert!(
            much < little + room,
            "{arguments}: {much} KiB, and {little} KiB for a little"
        );
    }
}

#[test]
fn output_without_end_is_shown_takes_no_memory_and_is_not_stored() {
    let size: usize = 300 << 20;
    let sandbox = workspace(&json!({
        "flood": format!("sh -c 'cat a.txt; head -c {size} /dev/zero; echo x > {{at}}/mark; vtt wait-for {{at}}/go'"),
    }));
    let running = sandbox.call("vt run flood").start();
    sandbox.wait_for(&mark(&sandbox, "mark"));
    let peak = most_memory(&running);
    fs::write(mark(&sandbox, "go"), "").unwrap();
    let outcome = running.finish();
    assert_eq!((outcome.exit_code, outcome.stdout.len()), (0, size + 4));
    assert_eq!(outcome.not_stored(), ["store-error"]);
    assert!(
        outcome.err().contains("too large to keep"),
        "{}",
        outcome.err()
    );
    assert!(peak < 200 << 10, "{peak} KiB at the most");
}
