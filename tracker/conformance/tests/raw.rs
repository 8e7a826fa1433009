//! A program that makes its calls by itself, with no library in between.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod matrix;

use matrix::known::RAW;
use matrix::{Passage, RAW_FLAGS};
use vt_tracker_conformance::runtimes::compile;

#[test]
fn a_program_without_a_library() {
    if let Some(program) = compile("gcc", RAW_FLAGS, "raw.c") {
        Passage {
            known: RAW,
            ..Passage::new("raw", &program.path, &[])
        }
        .check();
    }
}
