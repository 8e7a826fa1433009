//! What can go wrong with the store, grouped by what the caller can do about it.

use std::path::{Path, PathBuf};

use vt_base::{AbsPath, Digest, RelPath};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused: full, read-only, not permitted. Run uncached.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was attempted, as a verb.
        doing: &'static str,
        /// The path it was attempted on.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The directory may be written by others, so nothing in it can be trusted. Run uncached.
    #[error("will not use `{directory}` as a cache: {why}")]
    Untrusted {
        /// The directory of the store.
        directory: AbsPath,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Other processes held the index for longer than this one is willing to wait.
    #[error("`{}` is in use by other processes", path.display())]
    Busy {
        /// The file that was waited for.
        path: PathBuf,
    },
    /// The index turned out damaged in the middle of a write and was begun anew: nothing of that
    /// write was kept. It may be tried once more.
    #[error("the cache index was damaged and was begun anew; the old one is `{kept}`")]
    Rebuilt {
        /// Where the damaged index was moved.
        kept: AbsPath,
    },
    /// The index is damaged where it was read or written. Only a [`Writer`](crate::Writer) says
    /// so; [`Store::write`](crate::Store::write) turns it into [`StoreError::Rebuilt`].
    #[error("the cache index is damaged: {why}")]
    IndexDamaged {
        /// What the index said, for reports.
        why: String,
    },
    /// A file was written while it was being packed: nothing is stored.
    #[error("`{path}` changed while it was being stored")]
    ChangedWhilePacking {
        /// The path that changed.
        path: RelPath,
    },
    /// A path cannot be given back safely later, so it is not taken: nothing is stored.
    #[error("`{path}` cannot be stored")]
    NotStorable {
        /// The path.
        path: RelPath,
        /// What is wrong with it.
        #[source]
        why: Refusal,
    },
    /// A manifest names something that a restore refuses to make. Drop the entry.
    #[error("the stored entry for `{path}` is refused")]
    BadManifest {
        /// The path.
        path: RelPath,
        /// What is wrong with it.
        #[source]
        why: Refusal,
    },
    /// A blob that an entry names is not there. Drop the entry.
    #[error("the stored blob `{digest}` is missing")]
    MissingBlob {
        /// The name of the blob.
        digest: Digest,
    },
    /// A blob is not what its name and its manifest promise. Drop the entry.
    #[error("the stored blob `{digest}` is damaged")]
    DamagedBlob {
        /// The name of the blob.
        digest: Digest,
        /// How it was noticed.
        #[source]
        why: Damage,
    },
    /// Something on the disk is in the way of a restore. The tree is as it was; keep the entry and
    /// run the step.
    #[error("`{path}` is in the way")]
    Blocked {
        /// What is in the way.
        path: RelPath,
    },
}

impl StoreError {
    pub(crate) fn io(
        doing: &'static str,
        path: impl AsRef<Path>,
        source: impl Into<std::io::Error>,
    ) -> Self {
        Self::Io {
            doing,
            path: path.as_ref().to_owned(),
            source: source.into(),
        }
    }
}

/// Why a path is neither packed nor restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The path is the workspace root itself.
    #[error("it is the workspace root")]
    Root,
    /// The path is a repository, or lies in one: who writes there can make Git run programs.
    #[error("it belongs to a repository")]
    Repository,
    /// The path is longer than 4096 bytes, or a component of it longer than 255.
    #[error("its name is too long")]
    TooLong,
    /// The path stands twice, or out of order.
    #[error("it is listed twice or out of order")]
    Unordered,
    /// An entry lies below one that is not a directory.
    #[error("it lies below something that is not a directory")]
    BelowFile,
    /// Two names that some file systems do not tell apart.
    #[error("another name differs from it only in case or in how its letters are composed")]
    Twin,
    /// A link whose target is empty, too long, or holds a NUL.
    #[error("its link target is malformed")]
    BadTarget,
    /// A link that leads out of the workspace.
    #[error("it links to a place outside the workspace")]
    TargetOutside,
    /// A link whose target climbs after it descended, so where it leads depends on other links.
    #[error("its link target climbs with `..` after a name")]
    TargetClimbs,
    /// A further name of something that is no file before it.
    #[error("the file that it is a name of does not stand before it")]
    BadName,
    /// A mode that has more than the nine permission bits.
    #[error("its mode has more than permission bits")]
    BadMode,
    /// A device, a pipe or a socket.
    #[error("it is neither a file, a directory nor a link")]
    Special,
    /// A symlink or a file stands where a directory of the path should be.
    #[error("it lies behind a symlink")]
    BehindLink,
    /// The sizes of all files together exceed what can be counted.
    #[error("it is too large")]
    TooLarge,
    /// A path was asked for that the manifest does not have.
    #[error("it is not part of the stored result")]
    Unknown,
    /// A file was asked for and the entry names no archive.
    #[error("its content is not stored")]
    NoArchive,
}

/// How a blob differs from what was promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// The compressed stream is broken, or asks for an absurd window.
    #[error("it cannot be decompressed")]
    Compression,
    /// It ends early.
    #[error("it ends early")]
    Truncated,
    /// Something follows its end.
    #[error("something follows its end")]
    Trailing,
    /// An archive entry is not the one that the manifest has at its place.
    #[error("an archive entry differs from the manifest")]
    Header,
    /// The content of a file is not the one that the manifest has.
    #[error("the content of a file differs from the manifest")]
    Content,
    /// The bytes of the blob do not have the digest that names it.
    #[error("its bytes do not match its name")]
    Name,
    /// It unpacks to more than the caller allows.
    #[error("it unpacks to more than is allowed")]
    TooLarge,
}
