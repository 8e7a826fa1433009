//! What a name leads to.

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use vt_tracker_abi::{Identity, Kind, State};

/// Whether a link at the end of a name is followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Last {
    /// To where it points.
    Follow,
    /// The link itself is meant.
    Keep,
}

/// Whether the directory of something missing is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Parent {
    /// It is: something can be created.
    Exists,
    /// It isn't.
    Missing,
}

/// What a name leads to. Paths are real, absolute and clean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Something.
    Present {
        path: Vec<u8>,
        kind: Kind,
        state: State,
    },
    /// Nothing.
    Missing { path: Vec<u8>, parent: Parent },
    /// Something that is not a directory, though the name ends in a slash.
    NotADirectory { path: Vec<u8>, state: State },
    /// Something that can't be reached: no permission, a loop of links, too long a name.
    Refused { path: Vec<u8> },
    /// Nothing that is a file by a path: a pipe, a deleted file.
    Elsewhere,
}

impl Place {
    /// The real path, as far as there is one.
    pub(crate) fn path(self) -> Option<Vec<u8>> {
        match self {
            Self::Present { path, .. }
            | Self::Missing { path, .. }
            | Self::NotADirectory { path, .. }
            | Self::Refused { path } => Some(path),
            Self::Elsewhere => None,
        }
    }
}

/// What is at a real path.
pub(crate) fn look_at(path: &[u8]) -> Result<State, Errno> {
    rustix::fs::lstat(path).map(|stat| state(&stat))
}

/// The state of something with an identity.
pub(crate) fn present(identity: Identity) -> State {
    let kind = match FileType::from_raw_mode(identity.mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    State::Present { kind, identity }
}

fn state(stat: &Stat) -> State {
    let nanoseconds = |seconds: i64, rest: u64| {
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(rest as i64)
    };
    present(Identity {
        dev: stat.st_dev,
        ino: stat.st_ino,
        size: stat.st_size as u64,
        mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
        ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        mode: stat.st_mode,
    })
}

/// Whether a path belongs to the kernel rather than to a disk.
pub(crate) fn is_kernel_path(path: &[u8]) -> bool {
    [b"/proc".as_slice(), b"/sys", b"/dev"]
        .iter()
        .any(|root| is_below(path, root))
}

/// Whether a path is a directory or lies below it.
pub(crate) fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// The length of the path of the containing directory, without the slash.
pub(crate) fn parent_length(path: &[u8]) -> usize {
    path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)
}

/// The path of the containing directory.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    match parent_length(path) {
        0 => b"/",
        length => &path[..length],
    }
}
