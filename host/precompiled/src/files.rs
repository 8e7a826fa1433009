//! Files that nobody else could have written, in a directory that nobody else can enter.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

/// More files are not kept; the oldest go first.
pub(crate) const KEPT: usize = 64;

/// Larger files are none of ours, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// What only its owner may do is done by us alone.
fn is_private(found: &Metadata, others: u32) -> bool {
    found.uid() == rustix::process::geteuid().as_raw() && found.mode() & others == 0
}

/// Whether nobody else can enter the directory; links count for nothing.
fn is_safe(directory: &Path) -> bool {
    fs::symlink_metadata(directory).is_ok_and(|found| found.is_dir() && is_private(&found, 0o077))
}

/// The bytes of a file; `None` if there is none, or one that somebody else may have written.
pub(crate) fn read(directory: &Path, name: &str) -> Option<Vec<u8>> {
    if !is_safe(directory) {
        return None;
    }
    let file = open(&directory.join(name)).ok()?;
    // Of the open file, so that nothing can be put in its place behind the question.
    let found = file.metadata().ok()?;
    if !found.is_file() || !is_private(&found, 0o022) || found.len() > MAX_FILE {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).ok()?);
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Writes a file whole or not at all, and makes room for it. It need not survive a crash of the
/// machine: half of it fits no seal.
pub(crate) fn write(directory: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !is_safe(directory) {
        return Err(io::Error::other("others may enter the directory"));
    }
    make_room(directory)?;
    // A temporary file is for its owner only.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.persist(directory.join(name))
        .map_err(|error| error.error)?;
    Ok(())
}

/// Removes the oldest, leftovers of killed processes among them, until there is room for one more.
fn make_room(directory: &Path) -> io::Result<()> {
    let mut all: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let changed = entry.metadata().and_then(|found| found.modified());
        all.push((changed.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
    }
    all.sort();
    let surplus = (all.len() + 1).saturating_sub(KEPT);
    for (_, path) in &all[..surplus] {
        // Another process may have been faster.
        let _ = fs::remove_file(path);
    }
    Ok(())
}
