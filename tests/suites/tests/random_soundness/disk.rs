//! Trees on disk, links and files with several names included.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

/// Removes whatever is there, if anything.
pub(crate) fn remove(place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(_) => Ok(()),
    }
}

/// Copies a tree with its links and with files that have several names.
pub(crate) fn copy(from: &Path, to: &Path, known: &mut BTreeMap<u64, PathBuf>) -> io::Result<()> {
    let there = fs::symlink_metadata(from)?;
    if there.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), known)?;
        }
        return fs::set_permissions(to, there.permissions());
    }
    if let Some(first) = known.get(&there.ino()) {
        return fs::hard_link(first, to);
    }
    known.insert(there.ino(), to.to_owned());
    if there.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else {
        fs::copy(from, to).map(|_| ())
    }
}
