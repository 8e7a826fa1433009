//! What components said about themselves when they were last read, by the identities of their
//! files: a component that does not speak need not be read again, nor one whose answer is known.
//!
//! It is a file of its own beside the store, since components are judged before the store is opened.
//! It holds nothing that decides anything: an outline is judged as if it had just been read, and a
//! component is asked only after its file was read and has the digest that was judged.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

use serde::{Deserialize, Serialize};
use vt_base::{AbsPath, Digest, StableHasher};
use vt_fingerprint::StatRow;
use vt_rules::Outline;

use crate::records;

/// No file is larger, in bytes.
const MAX_FILE: u64 = 16 << 20;
/// Rises when components are read in another way.
const FORMAT: u64 = 1;
/// The length of a digest, in bytes.
const DIGEST: usize = 32;

/// What is remembered of a component.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// The identity of its file.
    pub(super) row: StatRow,
    /// That of the signature beside it, if there is one.
    pub(super) signature: Option<StatRow>,
    /// The key of whoever made that.
    pub(super) publisher: Option<String>,
    pub(super) digest: Digest,
    pub(super) outline: Outline,
}

/// What is remembered of the components of a workspace, by how the configuration names them.
#[derive(Debug, Default)]
pub(crate) struct Outlines {
    before: BTreeMap<String, Remembered>,
    now: BTreeMap<String, Remembered>,
}

impl Outlines {
    /// Reads what an earlier run left in a cache directory. What can't be used is as good as nothing.
    pub(crate) fn read(directory: &AbsPath, root: &AbsPath) -> Self {
        Self {
            before: read(directory, root).unwrap_or_default(),
            now: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Remembered> {
        self.before.get(name)
    }

    /// Takes in a component, as it was remembered or as it was read.
    pub(super) fn put(&mut self, name: &str, remembered: Remembered) {
        self.now.insert(name.to_owned(), remembered);
    }

    /// Leaves it to later runs, if anything is new. Without it they read more, and that is all.
    pub(crate) fn keep(&self, directory: &AbsPath, root: &AbsPath) {
        if self.now != self.before {
            let _ = self.write(directory, root);
        }
    }

    fn write(&self, directory: &AbsPath, root: &AbsPath) -> std::io::Result<()> {
        let body = records::encode(&self.now);
        let mut file = tempfile::NamedTempFile::new_in(directory.as_path())?;
        file.write_all(&seal(root, &body).0)?;
        file.write_all(&body)?;
        file.persist(file_of(directory, root).as_path())
            .map(drop)
            .map_err(|error| error.error)
    }
}

/// One file for each workspace that has this cache directory.
fn file_of(directory: &AbsPath, root: &AbsPath) -> AbsPath {
    let name = Digest::of(root.as_bytes()).to_hex();
    directory.join(format!("plugins-{}", &name[..16]))
}

/// What shows that a file is whole, and of this workspace.
fn seal(root: &AbsPath, body: &[u8]) -> Digest {
    let mut hasher = StableHasher::new("vt outlines");
    hasher.number(FORMAT).bytes(root.as_bytes()).bytes(body);
    hasher.finish()
}

fn read(directory: &AbsPath, root: &AbsPath) -> Option<BTreeMap<String, Remembered>> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(file_of(directory, root))
        .ok()?;
    let found = file.metadata().ok()?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
    if !found.is_file() || !is_ours || found.len() > MAX_FILE {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).ok()?);
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    let (sealed, body) = bytes.split_at_checked(DIGEST)?;
    (seal(root, body).0 == sealed).then(|| records::decode(body))?
}
