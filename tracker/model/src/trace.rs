//! Everything that was seen of one process tree.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use vt_tracker_abi::{Blindness, Tier};

use crate::history::PathHistory;
use crate::service::Service;

/// A program that was executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Executed {
    /// The path as it was given, made absolute; symbolic links are not resolved.
    pub path: PathBuf,
    /// The file it led to.
    pub real: PathBuf,
    /// How often.
    pub count: u64,
}

/// Why a trace may lack something; empty when it can be vouched for. Each reason stands once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Completeness(pub Vec<Blindness>);

impl Completeness {
    /// Whether everything was seen.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a reason if it is not there yet.
    pub fn add(&mut self, reason: Blindness) {
        if !self.0.contains(&reason) {
            self.0.push(reason);
        }
    }
}

/// Everything that was seen of one process tree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// How the tree was watched; none if it was not.
    pub tier: Option<Tier>,
    /// What each path went through, by real path.
    pub paths: BTreeMap<PathBuf, PathHistory>,
    /// The distinct programs that were executed, interpreters of scripts included, in the order
    /// of their first execution.
    pub programs: Vec<Executed>,
    /// The names of the environment variables that were asked for one by one. Programs that take
    /// the environment as a whole are not seen doing so, nor is one without the preload.
    pub variables: BTreeSet<OsString>,
    /// Those of them that a program asked for that does not have them in its environment, and that
    /// may ask for more than is in there: the answer was the value given for it, or that there is none.
    pub demanded: BTreeSet<OsString>,
    /// Those of them that have a value on demand that a program did not get, though it may ask for it: it
    /// could not open another file, for example.
    pub doubtful: BTreeSet<OsString>,
    /// Whether programs had the library loaded that notes what they ask for, and answers. If not,
    /// they know their environment and nothing else.
    pub is_preloaded: bool,
    /// What listens on this machine outside of the tree, and a process of the tree connected a stream to.
    pub services: BTreeSet<Service>,
    /// Files that somebody else wrote after the tree had written them.
    pub written_by_others: BTreeSet<PathBuf>,
    /// Whether anything may be lacking.
    pub completeness: Completeness,
    /// The program that gave a reason, of those that are known to have had one.
    pub culprits: BTreeMap<Blindness, PathBuf>,
    /// How many calls were seen: those that stopped, and those that processes wrote down.
    pub accesses: u64,
}

impl Trace {
    /// Why the trace may lack something, in words: which program gave each reason, and what to do
    /// about it, as far as is known.
    pub fn reasons(&self) -> impl Iterator<Item = String> {
        self.completeness.0.iter().map(|reason| {
            let program = self.culprits.get(reason).map(|path| path.to_string_lossy());
            let told = reason.by(program.as_deref());
            match reason.cure() {
                Some(cure) => format!("{told} ({cure})"),
                None => told.to_string(),
            }
        })
    }
}
