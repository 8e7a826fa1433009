//! What happens during a run, as it is told.

use std::time::Duration;

use vt_base::{Digest, StepId};
use vt_fingerprint::{NotStored, Why};

/// The two output streams of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What was decided about a step before it gives any output.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is brought back; its output follows.
    Hit {
        /// How many files were written.
        restored: u64,
        /// How many files it removed.
        removed: u64,
        /// How long the run took that the hit stands for.
        saved: Duration,
    },
    /// It runs, for these reasons.
    Run(Vec<Why>),
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// It is known which steps there are, in the order of the plan.
    Planned {
        /// The steps.
        steps: Vec<StepId>,
    },
    /// A step has the terminal from now on until it is finished; nothing else runs then.
    Terminal {
        /// The step.
        step: StepId,
    },
    /// Time has passed. Told only to who asked for it.
    Pulse,
    /// It is decided whether a step runs.
    Decided {
        /// The step.
        step: StepId,
        /// Its command.
        command: String,
        /// What was decided.
        verdict: Verdict,
    },
    /// A step wrote something; streams keep their order.
    Output {
        /// The step.
        step: StepId,
        /// The stream.
        stream: Stream,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A step is over.
    Finished(Box<StepOutcome>),
    /// Something about `vt` itself that the user should know, said once.
    Notice(String),
}

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Brought back from the store.
    Hit,
    /// Ran and succeeded.
    Ran,
    /// Ran and failed.
    Failed,
    /// Not started, because something it waits for did not succeed, or the run was over before.
    Skipped,
    /// Stopped before it ended by itself.
    Cancelled,
}

/// Names a path set, and says how large it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathSetName {
    /// Its digest.
    pub digest: Digest,
    /// How many items it has.
    pub items: u64,
}

/// All there is to say about a step.
#[derive(Clone, Debug)]
pub struct StepOutcome {
    /// The step.
    pub step: StepId,
    /// Its command as it was written.
    pub command: String,
    /// Its directory relative to the workspace.
    pub directory: String,
    /// How it ended.
    pub status: Status,
    /// Whether this run wrote an entry.
    pub stored: bool,
    /// The exit code of the command; 128+n for a signal; none if it did not run.
    pub exit_code: Option<i32>,
    /// How long it took, with everything `vt` did for it.
    pub duration: Duration,
    /// How long the run took that a hit stands for.
    pub saved: Option<Duration>,
    /// If it was skipped: a step it waits for that did not succeed. None if the run was over before.
    pub waited_for: Option<StepId>,
    /// Why it was not a hit.
    pub why: Vec<Why>,
    /// Why the run was not stored.
    pub not_stored: Vec<NotStored>,
    /// How many files a hit wrote.
    pub restored: u64,
    /// How many files a hit removed, because the command removes them.
    pub removed: u64,
    /// The path set that a hit was compared with or that a run left, if its trace was whole.
    pub path_set: Option<PathSetName>,
    /// What cooperating tools reported, one line each.
    pub reports: Vec<String>,
    /// What rule plugins said, one line each.
    pub directives: Vec<String>,
    /// The names of the variables that programs looked for and did not find, though `vt` has them:
    /// nobody declared them for this step. Only of a step that ran, and only of what asks for
    /// variables one by one.
    pub looked_for: Vec<String>,
}

impl StepOutcome {
    /// The outcome of a step about which nothing is known yet.
    pub(crate) fn of(invocation: &vt_base::Invocation) -> Self {
        Self {
            step: invocation.step.clone(),
            command: invocation.command.clone(),
            directory: invocation.directory.to_string(),
            status: Status::Ran,
            stored: false,
            exit_code: None,
            duration: Duration::ZERO,
            saved: None,
            waited_for: None,
            why: Vec::new(),
            not_stored: Vec::new(),
            restored: 0,
            removed: 0,
            path_set: None,
            reports: Vec::new(),
            directives: Vec::new(),
            looked_for: Vec::new(),
        }
    }
}
