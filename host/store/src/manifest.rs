//! What an archive holds, by path. It lies in the index, beside the blob rather than inside it, so
//! that what is in place already can be told without opening the blob.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vt_base::{Digest, RelPath};

use crate::guard;
use crate::{Refusal, StoreError};

/// Everything a result set holds, sorted by path, each path once.
///
/// One that comes from [`Store::pack`](crate::Store::pack) keeps the rules; one that was stored or
/// sent is checked before anything is restored from it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The entries, sorted by the bytes of their paths.
    pub entries: Vec<ManifestEntry>,
}

/// One path of a result set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Where it lies in the workspace.
    pub path: RelPath,
    /// What it is.
    pub kind: ManifestKind,
}

/// What lies at a path of a result set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ManifestKind {
    /// A regular file.
    File {
        /// The digest of its content.
        digest: Digest,
        /// The length of its content in bytes.
        size: u64,
        /// Its permission bits: the last nine bits of its mode.
        mode: u16,
    },
    /// A directory by itself, without what is in it.
    Directory {
        /// Its permission bits.
        mode: u16,
    },
    /// A symlink.
    Link {
        /// Where it points: relative, and inside the workspace.
        target: Vec<u8>,
    },
    /// One more name of a file that stands before it in the manifest: a hard link.
    Name {
        /// The path under which the content stands.
        of: RelPath,
    },
}

impl ManifestKind {
    /// The permission bits; a link and a further name of a file have none of their own.
    #[must_use]
    pub const fn mode(&self) -> Option<u16> {
        match self {
            Self::File { mode, .. } | Self::Directory { mode } => Some(*mode),
            Self::Link { .. } | Self::Name { .. } => None,
        }
    }

    /// Whether it is a file that its owner may execute.
    #[must_use]
    pub const fn is_executable(&self) -> bool {
        matches!(self, Self::File { mode, .. } if *mode & 0o100 != 0)
    }
}

impl Manifest {
    /// Checks the rules that a restore relies on.
    ///
    /// # Errors
    /// [`StoreError::BadManifest`] with the first path that breaks one.
    pub fn check(&self) -> Result<(), StoreError> {
        guard::check(self)
    }

    /// The entry of a path.
    #[must_use]
    pub fn get(&self, path: &RelPath) -> Option<&ManifestEntry> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.path.cmp(path))
            .ok()?;
        self.entries.get(at)
    }

    /// What an entry is: of a further name of a file, the file.
    #[must_use]
    pub fn kind<'m>(&'m self, entry: &'m ManifestEntry) -> &'m ManifestKind {
        match &entry.kind {
            ManifestKind::Name { of } => self.get(of).map_or(&entry.kind, |file| &file.kind),
            kind => kind,
        }
    }

    /// The length of all files together, in bytes.
    #[must_use]
    pub fn total_size(&self) -> u64 {
        self.entries
            .iter()
            .fold(0, |total: u64, entry| match entry.kind {
                ManifestKind::File { size, .. } => total.saturating_add(size),
                _ => total,
            })
    }

    /// Refuses paths that are not among the entries.
    pub(crate) fn check_contains(&self, paths: &BTreeSet<RelPath>) -> Result<(), StoreError> {
        match paths.iter().find(|path| self.get(path).is_none()) {
            None => Ok(()),
            Some(path) => Err(StoreError::BadManifest {
                path: path.clone(),
                why: Refusal::Unknown,
            }),
        }
    }
}
