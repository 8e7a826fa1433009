//! A mistake in whoever is told must not disturb the tree.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use vt_tracker_abi::{Access, Blindness};
use vt_tracker_supervisor::{Options, Sink, Survivors, watch};

/// Panics when it is told of an access, and counts how often it was told.
struct Failing(Arc<AtomicU32>);

impl Sink for Failing {
    fn access(&mut self, _access: &Access<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("as the test wants it");
    }

    fn program(&mut self, _given: &[u8], _real: &[u8]) {}

    fn variable(&mut self, _name: &[u8], _asked: vt_tracker_abi::Asked) {}

    fn blind(&mut self, _reason: Blindness) {}

    fn finish(self: Box<Self>, _calls: u64, _survivors: Option<Survivors>) {}
}

#[test]
fn a_tree_goes_on_when_the_thread_that_answers_it_has_panicked() {
    let told = Arc::new(AtomicU32::new(0));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "content").unwrap();
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "cat file; cat file"])
        .current_dir(directory.path())
        .stdout(Stdio::piped());
    let options = Options {
        roots: Vec::new(),
        grace: Duration::ZERO,
        library: None,
        demand: std::collections::BTreeMap::new(),
        tiers: vt_tracker_abi::Tiers::ALL,
    };
    watch(&mut command, options, Box::new(Failing(Arc::clone(&told)))).unwrap();
    let child = command.spawn().unwrap();
    drop(command);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"contentcontent");
    assert_eq!(told.load(Ordering::SeqCst), 1);
}
