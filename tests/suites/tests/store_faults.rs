//! A disk that fails under the index: at each of its calls, one after the other, `strace` answers in place of the
//! kernel. The command runs and ends as ever, and the next run is right.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use vt_harness::{Outcome, Sandbox};

/// More than this many calls of a kind are not tried one by one in a test run.
const TRIED: usize = 8;

struct Room {
    sandbox: Sandbox,
    inputs: u32,
}

impl Room {
    fn new() -> Self {
        let sandbox = Sandbox::with_tasks(&json!({ "b": "vtt seq cat in then cp in out" }));
        let mut room = Self { sandbox, inputs: 0 };
        for _ in 0..3 {
            room.edit();
            assert_eq!(room.run().exit_code, 0);
        }
        room
    }

    fn edit(&mut self) {
        self.inputs += 1;
        self.sandbox.write("in", format!("{}\n", self.inputs));
    }

    fn cache(&self) -> PathBuf {
        self.sandbox.home().join("kept")
    }

    fn call(&self, line: &str) -> Outcome {
        let call = self.sandbox.call(line);
        call.env("VT_CACHE_DIR", self.cache()).run()
    }

    fn run(&self) -> Outcome {
        self.call("vt run b")
    }

    /// Runs with a fault; gives what was said, and how many calls of each kind were made or failed.
    fn run_traced(&self, options: &str) -> (Outcome, String) {
        let trace = self.sandbox.home().join("trace");
        let (trace_text, index) = (trace.display(), self.cache().join("v1/index.redb"));
        let line = format!(
            "strace -f -qq -o {trace_text} -P {} -e trace=pread64,pwrite64,fdatasync,ftruncate {options} vt run b",
            index.display()
        );
        let outcome = self.call(&line);
        (outcome, fs::read_to_string(trace).unwrap())
    }

    #[track_caller]
    fn is_right(&self, outcome: &Outcome, how: &str) {
        let wanted = format!("{}\n", self.inputs);
        assert_eq!(outcome.exit_code, 0, "{how}: {}", outcome.said());
        assert_eq!(outcome.out(), wanted, "{how}: {}", outcome.said());
        assert_eq!(self.sandbox.read("out"), wanted.as_bytes(), "{how}");
    }
}

fn fails_at(call: &str, error: &str) {
    let mut room = Room::new();
    room.edit();
    let (outcome, trace) = room.run_traced("");
    room.is_right(&outcome, "no fault");
    let calls = trace.matches(&format!("{call}(")).count();
    assert!(calls > 0, "{trace}");
    let all = std::env::var_os("VT_FAULTS").is_some();
    let step = if all { 1 } else { calls.div_ceil(TRIED) };
    let mut injected = 0;
    for number in (1..=calls).step_by(step) {
        let how = format!("{call} number {number} fails with {error}");
        room.edit();
        let (outcome, trace) =
            room.run_traced(&format!("-e inject={call}:error={error}:when={number}"));
        injected += trace.matches("(INJECTED)").count();
        room.is_right(&outcome, &how);
        let outcome = room.run();
        room.is_right(&outcome, &format!("after {how}"));
        // From then on it is stored as ever.
        let outcome = room.run();
        room.is_right(&outcome, &format!("later, after {how}"));
        assert!(
            outcome.said().contains("b: hit"),
            "{how}: {}\n{trace}",
            outcome.said()
        );
    }
    assert!(injected > 0);
}

#[test]
fn reading_the_index_may_fail_anywhere() {
    fails_at("pread64", "EIO");
}

#[test]
fn writing_the_index_may_fail_anywhere() {
    fails_at("pwrite64", "EIO");
}

#[test]
fn the_disk_may_be_full_anywhere() {
    fails_at("pwrite64", "ENOSPC");
}

#[test]
fn syncing_the_index_may_fail_anywhere() {
    fails_at("fdatasync", "EIO");
}

#[test]
fn the_index_may_not_grow() {
    fails_at("ftruncate", "ENOSPC");
}
