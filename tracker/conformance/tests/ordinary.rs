//! Programs run by a user that is not allowed everything, so that some access is refused.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod matrix;

use std::fs;

use matrix::known::{RAW, REFUSED_ATTRIBUTES, UNREADABLE_DIRECTORY};
use matrix::{Passage, RAW_FLAGS};
use vt_tracker_conformance::allow::{ALLOWANCES, Allowance, Known};
use vt_tracker_conformance::compare::{Comparison, MadeUp};
use vt_tracker_conformance::ordinary::as_ordinary_user;
use vt_tracker_conformance::runtimes::{Compiled, compile};

const ROWS: &[Known] = &[REFUSED_ATTRIBUTES];

/// On top of what shows where nothing is refused.
const MORE: &[Known] = &[UNREADABLE_DIRECTORY, REFUSED_ATTRIBUTES];

/// Takes a program through its rows, from a place where anyone may execute it.
fn compare(name: &str, program: &Compiled, known: &[Known]) -> Vec<Comparison> {
    as_ordinary_user(|room| {
        let place = room.aside("rows");
        fs::write(&place, &program.bytes).expect("there is a place beside the room");
        room.make_executable(&place);
        Passage {
            known,
            made_up: &[MadeUp("made.??????")],
            ..Passage::new(name, &place, &[])
        }
        .check_in(room)
    })
}

#[test]
fn a_dynamic_program() {
    let flags = ["-O2", "-D_FORTIFY_SOURCE=2", "-pthread", "-w"];
    if let Some(program) = compile("gcc", &flags, "rows.c") {
        let _ = compare("dynamic, refused", &program, ROWS);
    }
}

#[test]
fn a_program_without_a_library_that_needs_every_allowance() {
    if let Some(program) = compile("gcc", RAW_FLAGS, "raw.c") {
        let comparisons = compare("raw, refused", &program, &[RAW, MORE].concat());
        for comparison in comparisons {
            // Without a C library nothing is preloaded.
            let others = ALLOWANCES
                .iter()
                .filter(|allowance| allowance.name != "preload");
            for Allowance { name, reason, .. } in others {
                let is_needed = comparison.allowed.contains_key(name);
                assert!(is_needed, "nothing needs `{name}`: {reason}");
            }
        }
    }
}
