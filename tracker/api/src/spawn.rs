//! Starts a command with the tracker attached.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};

use vt_tracker_abi::{Access, Asked, Blindness, ServiceAddress, Tier};
use vt_tracker_model::{Trace, TraceBuilder};
use vt_tracker_supervisor::{Sink, Survivors, watch};

use crate::child::TrackedChild;
use crate::killer::{Gone, Killer};
use crate::options::{Environment, Options};
use crate::preload::library;

/// What the supervisor's thread hands over in the end.
pub(crate) struct Finished {
    pub(crate) trace: Trace,
    pub(crate) survivors: Option<Survivors>,
}

/// Collects a trace on the supervisor's thread.
struct Collector {
    builder: TraceBuilder,
    is_preloaded: bool,
    /// The names of the variables that have a value on demand.
    demand: BTreeSet<OsString>,
    finished: Sender<Finished>,
    gone: Gone,
}

impl Sink for Collector {
    fn access(&mut self, access: &Access<'_>) {
        self.builder.access(access);
    }

    fn program(&mut self, given: &[u8], real: &[u8]) {
        self.builder.program(given, real);
    }

    fn tier(&mut self, tier: Tier) {
        self.builder.tier(tier);
    }

    fn variable(&mut self, name: &[u8], asked: Asked) {
        self.builder.variable(name, asked);
    }

    fn service(&mut self, address: ServiceAddress<'_>, program: Option<&[u8]>) {
        self.builder.service(address, program);
    }

    fn written_by_another(&mut self, path: &[u8]) {
        self.builder.written_by_another(path);
    }

    fn blind(&mut self, reason: Blindness) {
        self.builder.blind(reason);
    }

    fn culprit(&mut self, reason: Blindness, program: &[u8]) {
        self.builder.culprit(reason, program);
    }

    fn finish(self: Box<Self>, calls: u64, survivors: Option<Survivors>) {
        let mut trace = self.builder.finish(calls);
        trace.is_preloaded = self.is_preloaded;
        // Where there is no value, it makes no difference whether it would have been given.
        let without = trace
            .doubtful
            .extract_if(.., |name| !self.demand.contains(name));
        trace.demanded.extend(without);
        if saw_the_end(&trace) && survivors.is_none() {
            // A tracer has reaped them all, whether anybody has asked for the status or not.
            self.gone.note();
        }
        // Nobody waits for a command that could not be started, or whose handle was dropped.
        let _ = self.finished.send(Finished { trace, survivors });
    }
}

/// Whether the tree was followed until its last process was gone.
fn saw_the_end(trace: &Trace) -> bool {
    matches!(trace.tier, Some(Tier::Notification | Tier::Ptrace))
        && !trace.completeness.0.iter().any(|reason| {
            matches!(
                reason,
                Blindness::Survivor | Blindness::SupervisorFailed { .. }
            )
        })
}

/// Starts a command as the leader of a process group of its own, and watches it and everything it
/// starts. The caller decides on arguments, environment, directory and standard streams before.
///
/// # Errors
/// When the command can't be started. That it can't be watched is no error.
pub fn spawn(command: Command, options: Options) -> io::Result<TrackedChild> {
    let mut command = command;
    command.process_group(0);
    let library = options.preload.then(library).and_then(Result::ok);
    if let Some(library) = &library {
        preload(&mut command, library, options.environment);
    }
    let options = vt_tracker_supervisor::Options {
        roots: options.roots,
        grace: options.grace,
        tiers: if library.is_some() {
            options.tiers
        } else {
            options.tiers.without(Tier::Preload)
        },
        demand: options.demand,
        library,
    };
    let (sender, finished) = channel();
    let gone = Gone::default();
    let collector = Collector {
        builder: TraceBuilder::new(),
        is_preloaded: options.library.is_some(),
        demand: options.demand.keys().cloned().collect(),
        finished: sender,
        gone: gone.clone(),
    };
    let watching = watch(&mut command, options, Box::new(collector)).ok();
    let child = command.spawn();
    // The thread takes the end of the command for the end of all hope to hear from the child.
    drop(command);
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            if let Some(watching) = watching {
                watching.main_ended();
            }
            return Err(error);
        }
    };
    let killer = Killer::new(child.id(), gone);
    Ok(TrackedChild {
        child,
        killer,
        watching,
        finished,
    })
}

/// Has the library loaded into every program that takes one, after what the command wants loaded
/// itself.
fn preload(command: &mut Command, library: &Path, environment: Environment) {
    const NAME: &str = "LD_PRELOAD";
    let set = command
        .get_envs()
        .find(|(name, _)| *name == NAME)
        .map(|(_, value)| value.map(OsStr::to_owned));
    let before = set.unwrap_or_else(|| match environment {
        Environment::Inherited => std::env::var_os(NAME),
        Environment::Explicit => None,
    });
    let mut value = before.unwrap_or_default();
    let is_there = value
        .as_bytes()
        .split(|byte| matches!(byte, b':' | b' '))
        .any(|part| part == library.as_os_str().as_bytes());
    if !is_there {
        if !value.is_empty() {
            value.push(":");
        }
        value.push(library);
    }
    command.env(NAME, value);
}
