//! How a command is to be watched.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use vt_tracker_abi::Tiers;

/// How a command is to be watched.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directories below which the bytes of a file that was read are digested before the tree
    /// first changes them.
    pub roots: Vec<PathBuf>,
    /// How long processes may outlive the one that was spawned before they count as survivors.
    pub grace: Duration,
    /// Whether programs get a library preloaded that writes down what they look at, so that not
    /// each look has to stop. Without it the trace is the same, only slower to come by.
    pub preload: bool,
    /// Where the environment of the command comes from.
    pub environment: Environment,
    /// Environment variables that are not in the environment of the command, and that programs with
    /// the preload get nevertheless if they ask for them by name. None of them may be in the
    /// environment of the command. Names are of 432 bytes at most.
    pub demand: BTreeMap<OsString, OsString>,
    /// Which tiers may be tried. The first that works is taken.
    pub tiers: Tiers,
}

/// Where the environment of a command comes from. The command itself can't be asked, and what it
/// preloads already has to be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Environment {
    /// It is that of this process, with what was set on the command.
    Inherited,
    /// It is what was set on the command; it was cleared before.
    Explicit,
}

impl Default for Options {
    /// No roots, no grace, the preload, an inherited environment, nothing on demand, every tier.
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            grace: Duration::ZERO,
            preload: true,
            environment: Environment::Inherited,
            demand: BTreeMap::new(),
            tiers: Tiers::ALL,
        }
    }
}
