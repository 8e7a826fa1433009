//! Programs in C, by library and by how they are linked.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod matrix;

use matrix::Passage;
use vt_tracker_conformance::compare::MadeUp;
use vt_tracker_conformance::runtimes::compile;

/// `-O2` makes the checked forms of functions; nothing is said of what is not checked.
const FLAGS: &[&str] = &["-O2", "-D_FORTIFY_SOURCE=2", "-pthread", "-w"];

/// The names that the rows and the libraries make up.
const MADE_UP: &[MadeUp] = &[MadeUp("made.??????"), MadeUp("tmpfile_??????")];

fn compare(name: &str, compiler: &str, more: &[&str]) {
    let flags = [FLAGS, more].concat();
    if let Some(program) = compile(compiler, &flags, "rows.c") {
        Passage {
            made_up: MADE_UP,
            ..Passage::new(name, &program.path, &[])
        }
        .check();
    }
}

#[test]
fn dynamic() {
    compare("dynamic", "gcc", &[]);
}

#[test]
fn statically_linked() {
    compare("static", "gcc", &["-static"]);
}

#[test]
fn musl() {
    compare("musl", "musl-gcc", &[]);
}

#[test]
fn statically_linked_musl() {
    compare("static musl", "musl-gcc", &["-static"]);
}
