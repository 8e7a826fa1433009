//! Compares what lies in the tree with what a manifest says, one path at a time.

use std::fs::File;
use std::io::Read as _;

use rustix::fs::OFlags;
use vt_base::{AbsPath, Digest};

use crate::beneath::Root;
use crate::identity::{Identity, file_type, permissions};
use crate::manifest::{ManifestEntry, ManifestKind};

/// Whether the tree has anything else at this path than the entry says.
///
/// A further name of a file has to be one, whatever is in it. Reads a file only when its type, length and permission bits agree. What can't be looked at
/// counts as different.
#[must_use]
pub fn differs(root: &AbsPath, entry: &ManifestEntry) -> bool {
    !matches(root, entry).unwrap_or(false)
}

fn matches(root: &AbsPath, entry: &ManifestEntry) -> std::io::Result<bool> {
    let root = Root::open(root)?;
    let Some(stat) = root.look(&entry.path)? else {
        return Ok(false);
    };
    let found = file_type(&stat);
    if entry
        .kind
        .mode()
        .is_some_and(|mode| mode != permissions(stat.st_mode))
    {
        return Ok(false);
    }
    match &entry.kind {
        ManifestKind::Name { of } => {
            let file = root.look(of)?.map(|stat| Identity::of(&stat).inode);
            Ok(found.is_file() && file == Some(Identity::of(&stat).inode))
        }
        ManifestKind::Directory { .. } => Ok(found.is_dir()),
        ManifestKind::Link { target } => {
            if !found.is_symlink() {
                return Ok(false);
            }
            let link = root.file(&entry.path, OFlags::PATH)?;
            Ok(rustix::fs::readlinkat(&link, "", Vec::new())?.as_bytes() == target)
        }
        ManifestKind::File { digest, size, .. } => {
            let alike = found.is_file() && u64::try_from(stat.st_size) == Ok(*size);
            if !alike {
                return Ok(false);
            }
            let file = File::from(root.file(&entry.path, OFlags::RDONLY | OFlags::NONBLOCK)?);
            // One byte more than it should have, so that one that grows is seen to differ.
            Ok(Digest::of_reader(&mut file.take(size.saturating_add(1)))? == *digest)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use vt_base::RelPath;

    use super::*;

    #[test]
    fn every_kind_of_difference_is_seen() {
        let outer = tempfile::tempdir().unwrap();
        let root = AbsPath::new(outer.path()).unwrap();
        let path = outer.path().join("a");
        let entry = |kind| ManifestEntry {
            path: RelPath::new("a").unwrap(),
            kind,
        };
        let file = entry(ManifestKind::File {
            digest: Digest::of(b"text"),
            size: 4,
            mode: 0o640,
        });
        let link = entry(ManifestKind::Link {
            target: b"b".to_vec(),
        });
        let name = entry(ManifestKind::Name {
            of: RelPath::new("b").unwrap(),
        });
        let directory = entry(ManifestKind::Directory { mode: 0o750 });
        let differing = || [&file, &link, &directory].map(|entry| differs(&root, entry));
        assert_eq!(differing(), [true, true, true]);
        let set_mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&path, "text").unwrap();
        let other = outer.path().join("b");
        fs::write(&other, "text").unwrap();
        assert!(differs(&root, &name));
        fs::remove_file(&other).unwrap();
        fs::hard_link(&path, &other).unwrap();
        assert!(!differs(&root, &name));
        set_mode(0o640);
        assert_eq!(differing(), [false, true, true]);
        fs::write(&path, "tex!").unwrap();
        assert_eq!(differing(), [true, true, true]);
        fs::write(&path, "text").unwrap();
        assert_eq!(differing(), [false, true, true]);
        set_mode(0o644);
        assert_eq!(differing(), [true, true, true]);
        fs::remove_file(&path).unwrap();
        symlink("b", &path).unwrap();
        assert_eq!(differing(), [true, false, true]);
        fs::remove_file(&path).unwrap();
        symlink("c", &path).unwrap();
        assert_eq!(differing(), [true, true, true]);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        set_mode(0o750);
        assert_eq!(differing(), [true, true, false]);
        set_mode(0o755);
        assert_eq!(differing(), [true, true, true]);
    }
}
