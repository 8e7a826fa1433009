//! A running command, and what is known of it when it has ended.

use std::io;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::mpsc::Receiver;

use vt_tracker_model::{Blindness, Trace};
use vt_tracker_supervisor::{Survivors, Watching};

use crate::killer::Killer;
use crate::spawn::Finished;

/// A command that is being watched. Dropping it neither kills nor reaps it.
#[derive(Debug)]
pub struct TrackedChild {
    pub(crate) child: Child,
    pub(crate) killer: Killer,
    pub(crate) watching: Option<Watching>,
    pub(crate) finished: Receiver<Finished>,
}

/// What is known of a command that has ended.
#[derive(Debug)]
pub struct Tracked {
    /// How it ended.
    pub status: ExitStatus,
    /// What its process tree did.
    pub trace: Trace,
    /// Processes it left behind, if they outlived the grace time. Nothing has to be done about
    /// them.
    pub survivors: Option<Survivors>,
}

impl TrackedChild {
    /// The standard input, if it is a pipe and was not taken before.
    pub const fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The standard output, if it is a pipe and was not taken before.
    pub const fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The standard error, if it is a pipe and was not taken before.
    pub const fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Something that signals the whole process group, from anywhere.
    #[must_use]
    pub fn killer(&self) -> Killer {
        self.killer.clone()
    }

    /// Waits for the command, then for what it started, for the grace time at most.
    ///
    /// # Errors
    /// When the command can't be waited for.
    pub fn wait(mut self) -> io::Result<Tracked> {
        let status = match &self.watching {
            Some(watching) => watching.wait(&mut self.child)?,
            None => self.child.wait()?,
        };
        let finished = self.finished.recv().unwrap_or_else(|_| failed());
        if !has_survivors(&finished) {
            self.killer.disarm();
        }
        Ok(Tracked {
            status,
            trace: finished.trace,
            survivors: finished.survivors,
        })
    }
}

fn has_survivors(finished: &Finished) -> bool {
    let reasons = &finished.trace.completeness.0;
    finished.survivors.is_some() || reasons.contains(&Blindness::Survivor)
}

/// What there is to say if the supervisor's thread never came to be, or died.
fn failed() -> Finished {
    let mut trace = Trace::default();
    let detail = "its thread could not run";
    trace
        .completeness
        .add(Blindness::SupervisorFailed { detail });
    Finished {
        trace,
        survivors: None,
    }
}
