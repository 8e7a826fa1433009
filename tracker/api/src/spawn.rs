//! Starts a command with the tracker attached.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};

use vt_tracker_abi::{Access, Blindness};
use vt_tracker_model::{Trace, TraceBuilder};
use vt_tracker_supervisor::{Options, Sink, Survivors, watch};

use crate::child::TrackedChild;
use crate::killer::Killer;

/// What the supervisor's thread hands over in the end.
pub(crate) struct Finished {
    pub(crate) trace: Trace,
    pub(crate) survivors: Option<Survivors>,
}

/// Collects a trace on the supervisor's thread.
struct Collector {
    builder: TraceBuilder,
    finished: Sender<Finished>,
}

impl Sink for Collector {
    fn access(&mut self, access: &Access<'_>) {
        self.builder.access(access);
    }

    fn program(&mut self, given: &[u8], real: &[u8]) {
        self.builder.program(given, real);
    }

    fn blind(&mut self, reason: Blindness) {
        self.builder.blind(reason);
    }

    fn finish(self: Box<Self>, calls: u64, survivors: Option<Survivors>) {
        let trace = self.builder.finish(calls);
        // Nobody waits for a command that could not be started, or whose handle was dropped.
        let _ = self.finished.send(Finished { trace, survivors });
    }
}

/// Starts a command as the leader of a process group of its own, and watches it and everything it
/// starts. The caller decides on arguments, environment, directory and standard streams before.
///
/// # Errors
/// When the command can't be started. That it can't be watched is no error.
pub fn spawn(command: Command, options: Options) -> io::Result<TrackedChild> {
    let mut command = command;
    command.process_group(0);
    let (sender, finished) = channel();
    let collector = Collector {
        builder: TraceBuilder::new(),
        finished: sender,
    };
    let watching = watch(&mut command, options, Box::new(collector)).ok();
    let child = command.spawn();
    // The thread takes the end of the command for the end of all hope to hear from the child.
    drop(command);
    let child = child?;
    let killer = Killer::new(child.id());
    Ok(TrackedChild {
        child,
        killer,
        watching,
        finished,
    })
}
