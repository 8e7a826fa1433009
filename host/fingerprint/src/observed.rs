//! What a run did, path by path, as told by whoever watched it.
//!
//! These types mirror no particular tracker; the run translates.

use std::collections::BTreeMap;

use vt_base::RelPath;

use crate::item::NodeKind;
use crate::outside::OutsideFacts;
use crate::rows::StatRow;

/// What was at a path when somebody looked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateSeen {
    /// Nothing.
    Missing,
    /// Something with this identity.
    Present(NodeKind, StatRow),
}

/// The ways a path was looked at before the step changed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Its content was read, or it was executed.
    pub read: bool,
    /// Its entries were listed.
    pub listed: bool,
    /// Its existence, kind or attributes were looked at.
    pub probed: bool,
    /// It was looked for and not there.
    pub missed: bool,
    /// Its link text was read, or it was crossed as a link.
    pub link: bool,
    /// Access was refused.
    pub denied: bool,
}

impl Seen {
    /// Whether it was looked at in any way.
    #[must_use]
    pub const fn any(self) -> bool {
        self.read || self.listed || self.probed || self.missed || self.link || self.denied
    }
}

/// A way a step changed a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangeKind {
    /// Created, truncated, or something was moved onto it: no old bytes needed.
    Fresh,
    /// Opened for writing with its old bytes kept.
    Keeps,
    /// Opened for appending.
    Append,
    /// Its mode, owner or attributes were set.
    Metadata,
    /// Removed or moved away.
    Delete,
}

/// The bytes of a path just before the step first changed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartBytes {
    /// Nobody read it before, or it could not be digested in time.
    Unknown,
    /// Its digest.
    Known(vt_base::Digest),
}

/// How a step changed a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The kinds of change, each once, in the order of their first occurrence.
    pub kinds: Vec<ChangeKind>,
    /// What was there just before.
    pub before: StateSeen,
    /// The bytes just before, if it had been read.
    pub start: StartBytes,
}

/// What a step did to one path of the workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathFacts {
    /// What was there at the very first access.
    pub first: StateSeen,
    /// How it was looked at before the step changed it, otherwise than in its attributes.
    pub seen: Seen,
    /// Whether its entries were listed at any time.
    pub listed: bool,
    /// Whether the step found something else there at one look than at another before it, and had not
    /// changed it in between.
    pub replaced: bool,
    /// How it was changed, if it was.
    pub change: Option<Change>,
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Every path of the workspace that was touched.
    pub paths: BTreeMap<RelPath, PathFacts>,
    /// What happened outside the workspace.
    pub outside: OutsideFacts,
}
