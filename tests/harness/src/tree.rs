//! What a tree looks like: [`Snapshot`] down to inode and change time, to show that nothing was touched, and [`Content`]
//! as a result set sees it, to show that something came back as it was.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{HarnessError, disk};

/// Where the cache of a workspace remembers its last runs: each run writes there, whatever it does.
const REMEMBERED: [&str; 2] = [".vt/cache/history", "node_modules/.cache/vt/history"];

/// Everything the file system says about each path of a tree, except the time of access. What
/// `vt` remembers of its last runs is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, Row>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    mode: u32,
    size: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Names, types, executable bits, link targets and bytes of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(BTreeMap<PathBuf, Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Directory,
    Link(PathBuf),
    File { executable: bool, bytes: Vec<u8> },
}

impl Snapshot {
    /// Looks at everything below `root`, and at `root`.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Disk`] if something cannot be looked at.
    pub fn take(root: &Path) -> Result<Self, HarnessError> {
        let mut rows = BTreeMap::new();
        walk(root, &mut |path, found| {
            let row = Row {
                mode: found.mode(),
                size: found.size(),
                inode: found.ino(),
                modified: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
            };
            let path = relative(root, path);
            if !REMEMBERED.iter().any(|place| path.starts_with(place)) {
                rows.insert(path, row);
            }
            Ok(())
        })?;
        Ok(Self(rows))
    }

    /// One line for each path that is not the same in `later`.
    #[must_use]
    pub fn changes(&self, later: &Self) -> Vec<String> {
        changes(&self.0, &later.0)
    }
}

impl Content {
    /// Reads everything below `root`. A missing root is an empty tree.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Disk`] if something cannot be read.
    pub fn take(root: &Path) -> Result<Self, HarnessError> {
        let mut nodes = BTreeMap::new();
        if fs::symlink_metadata(root).is_ok() {
            walk(root, &mut |path, found| {
                let node = if found.is_dir() {
                    Node::Directory
                } else if found.is_symlink() {
                    Node::Link(fs::read_link(path).map_err(disk("read the link", path))?)
                } else {
                    let bytes = fs::read(path).map_err(disk("read", path))?;
                    Node::File {
                        executable: found.mode() & 0o111 != 0,
                        bytes,
                    }
                };
                nodes.insert(relative(root, path), node);
                Ok(())
            })?;
        }
        Ok(Self(nodes))
    }

    /// Whether what is in both is the same in both, and one has all that the other has.
    #[must_use]
    pub fn shares_names_with(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        let is_in = |part: &BTreeMap<_, _>, whole: &BTreeMap<_, _>| {
            part.iter()
                .all(|(path, node)| whole.get(path) == Some(node))
        };
        is_in(one, other) || is_in(other, one)
    }

    /// One line for each path that is not the same in `later`.
    #[must_use]
    pub fn changes(&self, later: &Self) -> Vec<String> {
        changes(&self.0, &later.0)
    }

    /// How many paths there are, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some file holds these bytes.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        self.0.values().any(|node| match node {
            Node::File { bytes, .. } => bytes
                .windows(text.len().max(1))
                .any(|window| window == text.as_bytes()),
            Node::Directory | Node::Link(_) => false,
        })
    }
}

fn changes<Value: PartialEq>(
    before: &BTreeMap<PathBuf, Value>,
    after: &BTreeMap<PathBuf, Value>,
) -> Vec<String> {
    let gone = before
        .keys()
        .filter(|path| !after.contains_key(*path))
        .map(|path| format!("removed {}", path.display()));
    let rest = after
        .iter()
        .filter_map(|(path, value)| match before.get(path) {
            None => Some(format!("added {}", path.display())),
            Some(old) if old != value => Some(format!("changed {}", path.display())),
            Some(_) => None,
        });
    gone.chain(rest).collect()
}

fn relative(root: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(root) {
        Ok(rest) if !rest.as_os_str().is_empty() => rest.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn walk(
    path: &Path,
    visit: &mut dyn FnMut(&Path, &fs::Metadata) -> Result<(), HarnessError>,
) -> Result<(), HarnessError> {
    let found = fs::symlink_metadata(path).map_err(disk("look at", path))?;
    visit(path, &found)?;
    if found.is_dir() {
        for entry in fs::read_dir(path).map_err(disk("list", path))? {
            walk(&entry.map_err(disk("list", path))?.path(), visit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Content, Snapshot};
    use std::fs;

    #[test]
    fn a_rewrite_with_the_same_bytes_is_seen_by_the_snapshot_and_not_by_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sub/file");
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(&file, "text").unwrap();
        let (snapshot, content) = (
            Snapshot::take(folder.path()).unwrap(),
            Content::take(folder.path()).unwrap(),
        );
        fs::write(folder.path().join("sub/new"), "text").unwrap();
        fs::rename(folder.path().join("sub/new"), &file).unwrap();
        let changes = snapshot.changes(&Snapshot::take(folder.path()).unwrap());
        assert!(
            changes.contains(&"changed sub/file".to_owned()),
            "{changes:?}"
        );
        assert_eq!(content, Content::take(folder.path()).unwrap());
        assert!(content.mentions("tex") && !content.mentions("texts"));
    }

    #[test]
    fn additions_and_removals_are_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old"), "").unwrap();
        let before = Content::take(folder.path()).unwrap();
        fs::rename(folder.path().join("old"), folder.path().join("new")).unwrap();
        assert_eq!(
            before.changes(&Content::take(folder.path()).unwrap()),
            ["removed old", "added new"]
        );
    }
}
