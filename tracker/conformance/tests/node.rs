//! Programs for Node, by the ways there are to call it.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod matrix;

use matrix::Passage;
use vt_tracker_conformance::runtimes::{installed, source};

fn compare(way: &str) {
    let Some(node) = installed("node") else {
        return;
    };
    let program = source("programs/rows.cjs");
    let program = program.to_str().expect("the clone has a plain path");
    Passage::new(&format!("Node, {way}"), &node, &[program, way]).check();
}

#[test]
fn synchronous_calls() {
    compare("sync");
}

#[test]
fn promises() {
    compare("promises");
}

#[test]
fn callbacks() {
    compare("callbacks");
}

#[test]
fn a_worker() {
    compare("worker");
}

#[test]
fn modules() {
    let Some(node) = installed("node") else {
        return;
    };
    let program = source("programs/rows.mjs");
    let program = program.to_str().expect("the clone has a plain path");
    Passage::new("Node, modules", &node, &[program]).check();
}
