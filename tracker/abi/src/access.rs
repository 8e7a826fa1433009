//! One thing a process did to a path.

use crate::state::State;

/// A way to look at a path without changing it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Look {
    /// The content was read, or could have been.
    Read = 0,
    /// The entries of the directory were listed.
    List = 1,
    /// Existence, kind or attributes were asked for.
    Probe = 2,
    /// It was looked for and not there.
    Miss = 3,
    /// The text of the link was read, or the link was crossed.
    Link = 4,
    /// It was executed.
    Execute = 5,
    /// Access was refused.
    Denied = 6,
}

/// A set of looks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Looks(u8);

impl Looks {
    /// Adds a look; says whether it is new.
    pub const fn insert(&mut self, look: Look) -> bool {
        let is_new = !self.contains(look);
        self.0 |= 1 << look as u8;
        is_new
    }

    /// Whether a look is in the set.
    #[must_use]
    pub const fn contains(self, look: Look) -> bool {
        self.0 & (1 << look as u8) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A way to change a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Change {
    /// Created, truncated, or something was moved or linked onto it: needs no old bytes.
    Fresh = 0,
    /// Opened for writing with its old bytes kept, or cut to a length above zero.
    Keeps = 1,
    /// Opened for appending.
    Append = 2,
    /// Its mode, owner or extended attributes were set.
    Metadata = 3,
    /// Removed, or moved away.
    Delete = 4,
}

impl Change {
    /// Whether the bytes at the path are others afterwards, or may be.
    #[must_use]
    pub const fn touches_bytes(self) -> bool {
        !matches!(self, Self::Metadata)
    }
}

/// Where a look stands relative to the first change of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Where it stands in the stream.
    InSequence,
    /// A change of the path stands before it in the stream, but had not taken effect yet.
    BeforeFirstChange,
}

/// Whether a change would have failed had there been something already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Creation {
    /// It goes ahead whatever is there.
    Any,
    /// It needs the path to be absent.
    Exclusive,
}

/// The bytes of a path just before the tree first changed them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum StartDigest {
    /// The tree had not looked at the path, or the path is outside the roots.
    #[default]
    NotTaken,
    /// The SHA-256 digest.
    Sha256([u8; 32]),
    /// There were more than are digested.
    TooLarge,
    /// They could not be read.
    Unreadable,
}

/// What was done to a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// It was looked at.
    Looked {
        /// How.
        look: Look,
        /// When, relative to the first change of the path.
        order: Order,
    },
    /// It was found to be something else than at a look before, though the tree had not changed it.
    Replaced,
    /// It is about to be changed.
    Changed {
        /// How.
        change: Change,
        /// The bytes just before, if this is the first change of them.
        start: StartDigest,
        /// What the change needs.
        creation: Creation,
    },
}

/// One thing a process did to a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access<'p> {
    /// The real path, absolute and clean.
    pub path: &'p [u8],
    /// What was there just before.
    pub state: State,
    /// What was done.
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_new_once() {
        let mut looks = Looks::default();
        assert!(looks.is_empty());
        assert!(looks.insert(Look::Denied));
        assert!(!looks.insert(Look::Denied));
        assert!(looks.contains(Look::Denied) && !looks.contains(Look::Read));
    }
}
