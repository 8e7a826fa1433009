//! What the clients of one step said, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;

use vt_base::RelPath;

use crate::EnvQuery;

/// What the clients of one step said.
///
/// Paths are real paths as far as they exist, so that they compare with observed ones. A hint
/// given through a symlink is recorded under both names. A path stands for the whole tree below
/// it; whether it exists, or is a directory, is not looked at.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Reports {
    /// Reads here do not count.
    pub ignored_inputs: BTreeSet<RelPath>,
    /// Writes here are no results.
    pub ignored_outputs: BTreeSet<RelPath>,
    /// The step depends on these.
    pub tracked_inputs: BTreeSet<RelPath>,
    /// These are results of the step.
    pub tracked_outputs: BTreeSet<RelPath>,
    /// Values only the tool knows, by name; the last one said stands.
    pub values: BTreeMap<String, Vec<u8>>,
    /// Variables asked for with tracking; `None` when unset. Neither declared nor untracked ones.
    pub envs: BTreeMap<String, Option<OsString>>,
    /// Queries asked with tracking, with [what they match](EnvQuery::match_set).
    pub queries: BTreeMap<EnvQuery, BTreeMap<String, OsString>>,
    /// Variables that were asked for without tracking and are not declared: names, globs, and prefixes
    /// with a star behind them.
    pub untracked: BTreeSet<String>,
    /// The wish of a tool that the run is not stored; the first one said.
    pub opt_out: Option<OptOut>,
    /// Hints that were not taken, in the order of their paths.
    pub refused: BTreeSet<Refused>,
    /// The first thing that went wrong: reports may be missing, so the run must not be stored.
    pub failure: Option<String>,
}

/// A tool's wish that the run is not stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptOut {
    /// Why, in the words of the tool, without control characters.
    pub reason: Option<String>,
}

/// What a hint says about its path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hint {
    /// What is read there does not matter.
    IgnoreInput,
    /// What is written there is no result.
    IgnoreOutput,
    /// The step depends on it.
    TrackInput,
    /// It is a result.
    TrackOutput,
}

/// Why a hint was not taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trespass {
    /// It lies outside the workspace. Common and harmless: not worth a warning.
    OutsideWorkspace,
    /// It covers the whole package, or more. Worth showing.
    CoversPackage,
}

/// A hint that was not taken. `Display` words it for people.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refused {
    /// The absolute path, for messages only.
    pub path: String,
    /// What was said about it.
    pub hint: Hint,
    /// What is wrong with it.
    pub trespass: Trespass,
}

impl fmt::Display for Hint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::IgnoreInput => "ignore-input",
            Self::IgnoreOutput => "ignore-output",
            Self::TrackInput => "track-input",
            Self::TrackOutput => "track-output",
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, hint, .. } = self;
        match self.trespass {
            Trespass::OutsideWorkspace => {
                write!(formatter, "{hint} `{path}` lies outside the workspace")
            }
            Trespass::CoversPackage => write!(formatter, "{hint} `{path}` covers the package"),
        }
    }
}
