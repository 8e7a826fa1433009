//! Programs in Rust.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod matrix;

use matrix::Passage;
use vt_tracker_conformance::runtimes::compile;

#[test]
fn the_standard_library() {
    if let Some(program) = compile("rustc", &["--edition=2024", "-O"], "rows.rs") {
        Passage::new("Rust", &program.path, &[]).check();
    }
}

#[test]
fn the_standard_library_statically_linked() {
    let flags = ["--edition=2024", "-O", "-Ctarget-feature=+crt-static"];
    if let Some(program) = compile("rustc", &flags, "rows.rs") {
        Passage::new("Rust, static", &program.path, &[]).check();
    }
}
