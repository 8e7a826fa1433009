//! A tiny deterministic tool that stories use for their steps.
//!
//! Each action does one plainly visible thing to files, terminal or processes, through the standard library alone, so
//! that a story says exactly which accesses happened and in which order. `vtt help` lists the actions. It knows nothing
//! of the runner it is used to test.

#![forbid(unsafe_code)]

mod action;
mod digest;
mod files;
mod process;
mod script;
mod streams;
mod terminal;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match action::run(&words) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let line = format!("vtt: {error}\n");
            // A closed stderr leaves nothing to tell anybody; the exit code still speaks.
            drop(std::io::stderr().write_all(line.as_bytes()));
            ExitCode::from(1)
        }
    }
}
