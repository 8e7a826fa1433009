//! Takes a program through its rows in every form, all in one run.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod known;

use std::env;
use std::path::Path;

use vt_tracker_conformance::allow::Known;
use vt_tracker_conformance::compare::{Comparison, MadeUp};
use vt_tracker_conformance::room::{Room, furnish};
use vt_tracker_conformance::runtimes::rows;
use vt_tracker_conformance::trial::Trial;

/// How a program is compiled that makes its calls by itself.
pub(crate) const RAW_FLAGS: &[&str] = &[
    "-O1",
    "-static",
    "-nostdlib",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fno-builtin",
    "-Wall",
    "-Wextra",
    "-Werror",
];

/// The variable that says which row to run alone.
const ROW: &str = "VT_CONFORMANCE_ROW";

/// A program and how it goes through its rows.
pub(crate) struct Passage<'p> {
    /// What it is, for a reader of a difference.
    pub(crate) name: &'p str,
    /// Where it is.
    pub(crate) program: &'p Path,
    /// What stands before the arguments of the rows.
    pub(crate) arguments: &'p [&'p str],
    /// Faults of the tracker that are known to show.
    pub(crate) known: &'p [Known],
    /// Names that are made up anew each time.
    pub(crate) made_up: &'p [MadeUp],
    /// Prepares more than the rows need.
    pub(crate) prepare: fn(&Room),
}

impl<'p> Passage<'p> {
    pub(crate) fn new(name: &'p str, program: &'p Path, arguments: &'p [&'p str]) -> Self {
        Self {
            name,
            program,
            arguments,
            known: &[],
            made_up: &[],
            prepare: |_| {},
        }
    }

    /// Compares what the program does in all of its rows.
    pub(crate) fn check(&self) {
        let _ = self.check_in(&Room::new());
    }

    /// Compares what the program does in all of its rows, in a room.
    pub(crate) fn check_in(&self, room: &Room) -> Vec<Comparison> {
        let only = env::var(ROW).ok();
        let rows: Vec<String> = rows(self.program, self.arguments)
            .into_iter()
            .filter(|row| only.as_ref().is_none_or(|only| only == row))
            .collect();
        let trial = Trial {
            name: self.name.to_owned(),
            prepare: &|room: &Room| {
                furnish(room, &rows);
                (self.prepare)(room);
            },
            command: &|room| {
                let work = room.work();
                let mut command = room.command(self.program, self.arguments);
                command.arg("run").arg(work).args(&only);
                command
            },
            made_up: self.made_up,
            known: if only.is_none() { self.known } else { &[] },
        };
        trial
            .run_in(room)
            .unwrap_or_else(|failure| panic!("{failure}"))
    }
}
