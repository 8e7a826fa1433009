//! `vt completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory as _;

use crate::args::{Args, Completions};
use crate::error::Error;
use crate::report::draw::page;

/// Runs the command.
pub(crate) fn completions(completions: &Completions) -> Result<i32, Error> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Args::command(), "vt", &mut script);
    page(&script)
}
