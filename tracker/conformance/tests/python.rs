//! Programs in Python.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod matrix;

use matrix::Passage;
use vt_tracker_conformance::compare::MadeUp;
use vt_tracker_conformance::runtimes::{python, source};

#[test]
fn the_modules_that_come_with_it() {
    let Some(python) = python() else { return };
    let program = source("programs/rows.py");
    let program = program.to_str().expect("the clone has a plain path");
    let made_up = [MadeUp("????????")];
    // Neither the user's packages nor byte code: both runs find the same.
    let arguments = ["-I", "-S", "-B", program];
    Passage {
        made_up: &made_up,
        ..Passage::new("Python", &python, &arguments)
    }
    .check();
}
