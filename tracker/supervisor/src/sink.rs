//! What the supervisor is told, and whom it tells.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use vt_tracker_abi::{Access, Asked, Blindness, ServiceAddress, Tier, Tiers};

use crate::system::Survivors;

/// How to watch a process tree.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directories below which the bytes of a file that was read are digested before the tree
    /// first changes them.
    pub roots: Vec<PathBuf>,
    /// How long processes may outlive the one that was spawned before they count as survivors.
    pub grace: Duration,
    /// The library that is preloaded for the tracker's sake, if one is. That it is loaded is not
    /// told: no program depends on it.
    pub library: Option<PathBuf>,
    /// The environment variables that programs with the library get by asking for them by name,
    /// beside those in their environment.
    pub demand: BTreeMap<OsString, OsString>,
    /// Which tiers may be tried. The first that works is taken.
    pub tiers: Tiers,
}

/// Whom the supervisor tells, in the global order of the accesses.
///
/// Accesses that say nothing new about a path are left out.
pub trait Sink: Send {
    /// A path is about to be looked at or changed.
    fn access(&mut self, access: &Access<'_>);

    /// A program is about to be executed: the path as given, made absolute, and the real file.
    fn program(&mut self, given: &[u8], real: &[u8]);

    /// This is how the tree is watched, as far as is known yet: the last word counts. Never said
    /// if it is not watched at all, or by a tracker above this one.
    fn tier(&mut self, _tier: Tier) {}

    /// An environment variable with this name was asked for, and the answer came from there. Each
    /// name is told at least once for each place.
    fn variable(&mut self, name: &[u8], asked: Asked);

    /// A stream is about to be connected to an address of this machine at which no process of the tree listens, but
    /// another one does, or something answers in its place. The program is that of the process, with its script, as
    /// far as that can be told. Each address is told at least once.
    fn service(&mut self, _address: ServiceAddress<'_>, _program: Option<&[u8]>) {}

    /// At the end: somebody outside of the tree wrote a file below the roots that the tree wrote, too, and after it
    /// first did. Not all who do are noticed.
    fn written_by_another(&mut self, _path: &[u8]) {}

    /// Something may be lacking from now on.
    fn blind(&mut self, reason: Blindness);

    /// A program gave a reason that was told just before. Not of all reasons it is known.
    fn culprit(&mut self, _reason: Blindness, _program: &[u8]) {}

    /// The tree is gone, or its survivors were given up on. `calls` is how many were seen.
    fn finish(self: Box<Self>, calls: u64, survivors: Option<Survivors>);
}
