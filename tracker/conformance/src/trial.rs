//! Runs a command under `strace`, then under the tracker in each of its modes, and compares.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use vt_tracker::{Options, Tier, Tiers, Tracked, spawn};

use crate::allow::Known;
use crate::compare::{Comparison, MadeUp, compare};
use crate::oracle::Oracle;
use crate::room::Room;
use crate::strace;

/// Long enough for whatever ends on its own.
const GRACE: Duration = Duration::from_secs(20);

/// A way to run the tracker.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// Its name.
    pub name: &'static str,
    options: fn(&Room) -> Options,
}

/// Every way to run the tracker.
#[must_use]
pub fn modes() -> Vec<Mode> {
    fn options(room: &Room) -> Options {
        Options {
            roots: vec![room.base.clone()],
            grace: GRACE,
            ..Options::default()
        }
    }
    vec![
        Mode {
            name: "notification and preload",
            options,
        },
        Mode {
            name: "notification alone",
            options: |room| Options {
                preload: false,
                ..options(room)
            },
        },
        Mode {
            name: "ptrace and preload",
            options: |room| Options {
                tiers: Tiers::only(Tier::Ptrace),
                ..options(room)
            },
        },
    ]
}

/// Runs a command under the tracker.
///
/// # Errors
/// When it can't be run.
pub fn track(room: &Room, mode: Mode, command: Command) -> io::Result<Tracked> {
    spawn(command, (mode.options)(room))?.wait()
}

/// A command to be compared. It has to do the same each time it runs in a room prepared the same.
pub struct Trial<'t> {
    /// What it is, for a reader of a difference.
    pub name: String,
    /// Prepares the room.
    pub prepare: &'t dyn Fn(&Room),
    /// Makes the command.
    pub command: &'t dyn Fn(&Room) -> Command,
    /// Names that are made up anew each time.
    pub made_up: &'t [MadeUp],
    /// Faults of the tracker that are known to show.
    pub known: &'t [Known],
}

/// The failures of a number of trials, so that one does not hide the others.
#[derive(Debug, Default)]
pub struct Failures(Vec<String>);

impl Failures {
    /// Runs a trial.
    pub fn check(&mut self, trial: &Trial<'_>) {
        if let Err(failure) = trial.run() {
            self.0.push(failure);
        }
    }

    /// Ends the test.
    ///
    /// # Panics
    /// When a trial failed.
    pub fn assert_none(self) {
        let (count, all) = (self.0.len(), self.0.join("\n"));
        assert!(self.0.is_empty(), "{count} failed:\n{all}");
    }
}

impl Trial<'_> {
    /// Runs it, and compares.
    ///
    /// # Errors
    /// When a run fails, or there is a difference without an excuse: what there is to say of it.
    pub fn run(&self) -> Result<Vec<Comparison>, String> {
        self.run_in(&Room::new())
    }

    /// Runs it in a room, and compares.
    ///
    /// # Errors
    /// When a run fails, or there is a difference without an excuse: what there is to say of it.
    pub fn run_in(&self, room: &Room) -> Result<Vec<Comparison>, String> {
        let oracle = self.expect(room)?;
        modes()
            .into_iter()
            .map(|mode| {
                let tracked = self.track(room, mode)?;
                self.judge(room, mode, &oracle, &tracked)
            })
            .collect()
    }

    fn prepared(&self, room: &Room) -> Command {
        room.reset();
        (self.prepare)(room);

        (self.command)(room)
    }

    /// Where a run says what went wrong.
    fn words(room: &Room) -> File {
        File::create(room.aside("stderr")).expect("there is a place beside the room")
    }

    /// A run that failed proves nothing.
    fn check_status(&self, room: &Room, status: ExitStatus, how: &str) -> Result<(), String> {
        if status.success() {
            return Ok(());
        }
        let words = fs::read(room.aside("stderr")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        Err(format!("{}, {how}: {status}: {words}", self.name))
    }

    fn expect(&self, room: &Room) -> Result<Oracle, String> {
        let command = self.prepared(room);
        let directory = command
            .get_current_dir()
            .map_or_else(|| room.work(), PathBuf::from);
        let mut oracle = Oracle::new(&room.base, &directory);
        let log = room.aside("strace.log");
        let (status, log) = strace::run(&command, Self::words(room), &log).expect("strace runs");
        self.check_status(room, status, "under strace")?;
        oracle.replay(&log);
        if log.calls.len() > 2 && oracle.doubts.is_empty() {
            return Ok(oracle);
        }
        let (name, calls, doubts) = (&self.name, log.calls.len(), &oracle.doubts);
        Err(format!(
            "{name}: of {calls} calls the oracle doubts {doubts:#?}"
        ))
    }

    fn track(&self, room: &Room, mode: Mode) -> Result<Tracked, String> {
        let mut command = self.prepared(room);
        command.stderr(Self::words(room));
        let tracked = track(room, mode, command)
            .map_err(|error| format!("{}, {}: {error}", self.name, mode.name))?;
        self.check_status(room, tracked.status, mode.name)?;
        Ok(tracked)
    }

    fn judge(
        &self,
        room: &Room,
        mode: Mode,
        oracle: &Oracle,
        tracked: &Tracked,
    ) -> Result<Comparison, String> {
        let name = format!("{}, {}", self.name, mode.name);
        let blindness = &tracked.trace.completeness.0;
        if !blindness.is_empty() {
            return Err(format!("{name}: {blindness:?}"));
        }
        let mut comparison = compare(oracle, &tracked.trace, self.made_up);
        let gone = comparison.pass_over(self.known, room.work().as_os_str().as_bytes());
        if !gone.is_empty() {
            return Err(format!("{name}: these faults show no more: {gone:#?}"));
        }
        if comparison.is_agreement() {
            return Ok(comparison);
        }
        let faults = comparison.differences.len() + comparison.programs.len();
        let (paths, table) = (
            comparison.paths,
            comparison.table(room.base.as_os_str().as_bytes()),
        );
        Err(format!("{name}: {faults} faults in {paths} paths\n{table}"))
    }
}
