//! `vt __keep`: answers the system calls of processes that outlived their step.
//!
//! The kernel asks about every call of a process that was tracked, for as long as it lives. If
//! nobody holds the other end any more, those calls fail. So what is still alive when `vt` ends is
//! left to a process of its own, which has the other end as its standard input.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anstream::eprintln;
use vt_run::{Survivors, keep_answering};

use crate::error::Error;

/// Leaves survivors to processes of their own.
pub(crate) fn hand_over(survivors: Vec<Survivors>) {
    for left in survivors.into_iter().filter(|left| !left.is_over()) {
        let started = std::env::current_exe().and_then(|vt| {
            Command::new(vt)
                .arg("__keep")
                .current_dir("/")
                .stdin(Stdio::from(left.into_listener()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
        });
        if let Err(error) = started {
            eprintln!("vt: processes that a step left behind will fail: {error}");
        }
    }
}

/// Runs the command.
pub(crate) fn keep() -> Result<i32, Error> {
    let inherited = io::stdin().as_fd().try_clone_to_owned();
    let listener = inherited
        .map_err(|error| Error::Other("cannot take over the processes left".to_owned(), error))?;
    keep_answering(vec![listener]);
    Ok(0)
}
