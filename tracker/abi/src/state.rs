//! What is at a path at one moment.

use core::num::NonZeroU64;

/// What a path leads to, the path itself not being followed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Other,
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// The device the file is on.
    pub dev: u64,
    /// The number of the file on its device.
    pub ino: u64,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last change of the content, in nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// The time of the last change of the content or the attributes, in nanoseconds since the
    /// epoch.
    pub ctime_ns: i64,
    /// The type and permission bits.
    pub mode: u32,
}

impl Identity {
    /// What tells one file from another, whatever becomes of its content and attributes. Two files
    /// have the same only by a chance of one in 2^64.
    #[must_use]
    pub const fn mark(&self) -> NonZeroU64 {
        // Bijective in each of the two, so that two files of one device never share it.
        let spread = (self.ino ^ self.dev.rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mark = spread ^ spread >> 32;
        match NonZeroU64::new(mark) {
            Some(mark) => mark,
            None => NonZeroU64::MAX,
        }
    }
}

/// What was at a path when it was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Nothing, or nothing that could be reached.
    Missing,
    /// Something.
    Present {
        /// What it was.
        kind: Kind,
        /// Which one it was.
        identity: Identity,
    },
}

impl State {
    /// What was there, if anything.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Missing => None,
            Self::Present { kind, .. } => Some(*kind),
        }
    }

    /// Whether anything was there.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        matches!(self, Self::Present { .. })
    }

    /// What tells what was there from anything else that may be: see [`Identity::mark`].
    #[must_use]
    pub const fn mark(&self) -> NonZeroU64 {
        match self {
            Self::Missing => NonZeroU64::MIN,
            Self::Present { identity, .. } => identity.mark(),
        }
    }
}
