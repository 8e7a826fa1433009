//! Programs for Perl and for shells.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod matrix;

use std::path::Path;

use matrix::Passage;
use vt_tracker_conformance::runtimes::{installed, source};

fn compare(name: &str, interpreter: &Path, program: &str) {
    let program = source("programs").join(program);
    let program = program.to_str().expect("the clone has a plain path");
    Passage::new(name, interpreter, &[program]).check();
}

#[test]
fn perl() {
    if let Some(perl) = installed("perl") {
        compare("Perl", &perl, "rows.pl");
    }
}

#[test]
fn dash() {
    if let Some(dash) = installed("dash") {
        compare("dash", &dash, "rows.sh");
    }
}

#[test]
fn bash() {
    if let Some(bash) = installed("bash") {
        compare("bash", &bash, "rows.sh");
    }
}
