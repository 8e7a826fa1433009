//! A model of the tree of files, kept up to date from the results of calls.
//!
//! Only one directory is expected to change: it is read in before the command runs. Everything
//! else is looked up on the disk when it is asked for, which may be after the command has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use vt_tracker::Kind;

/// Names a node of the tree.
pub type Id = usize;

/// The node of `/`.
pub const ROOT: Id = 0;

/// What a node is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A regular file.
    File,
    /// A directory.
    Directory(Directory),
    /// A symbolic link with its text.
    Link(Vec<u8>),
    /// Anything else.
    Other,
}

/// The entries of a directory.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: BTreeMap<Vec<u8>, Id>,
    /// Names that are known not to be there, whatever the disk says by now.
    absent: BTreeSet<Vec<u8>>,
    /// Where on the disk unknown names are looked up, if anywhere.
    disk: Option<PathBuf>,
    /// The directory it is in, and its name there. `/` has none.
    up: Option<(Id, Vec<u8>)>,
    /// Whether it has been removed. It still knows where it was: `..` leads there.
    is_gone: bool,
}

/// A model of the tree of files.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Content>,
}

impl Tree {
    /// The tree as it is on the disk; what is below `room` is read in now.
    ///
    /// # Panics
    /// When the room is not there.
    #[must_use]
    pub fn with_room(room: &Path) -> Self {
        let root = Directory {
            disk: Some(PathBuf::from("/")),
            ..Directory::default()
        };
        let mut tree = Self {
            nodes: vec![Content::Directory(root)],
        };
        let mut at = ROOT;
        for part in room.components().skip(1) {
            at = tree
                .child(at, part.as_os_str().as_bytes())
                .expect("the room is there");
        }
        tree.read_in(at, room);
        tree
    }

    fn read_in(&mut self, id: Id, path: &Path) {
        // What can't be read in can't be looked up by the command either.
        let Ok(entries) = fs::read_dir(path) else {
            return;
        };
        for entry in entries {
            let entry = entry.expect("what is in the room can be read");
            let name = entry.file_name().into_vec();
            let Some(child) = self.child(id, &name) else {
                continue;
            };
            if matches!(self.nodes[child], Content::Directory(_)) {
                self.read_in(child, &entry.path());
            }
        }
        self.directory_mut(id).disk = None;
    }

    fn directory(&self, id: Id) -> &Directory {
        match &self.nodes[id] {
            Content::Directory(directory) => directory,
            other => panic!("not a directory: {other:?}"),
        }
    }

    fn directory_mut(&mut self, id: Id) -> &mut Directory {
        match &mut self.nodes[id] {
            Content::Directory(directory) => directory,
            other => panic!("not a directory: {other:?}"),
        }
    }

    /// What a node is.
    #[must_use]
    pub fn content(&self, id: Id) -> &Content {
        &self.nodes[id]
    }

    /// What kind of thing a node is.
    #[must_use]
    pub fn kind(&self, id: Id) -> Kind {
        match &self.nodes[id] {
            Content::File => Kind::File,
            Content::Directory(_) => Kind::Directory,
            Content::Link(_) => Kind::Link,
            Content::Other => Kind::Other,
        }
    }

    /// The entry of a directory with a name.
    pub fn child(&mut self, directory: Id, name: &[u8]) -> Option<Id> {
        let known = self.directory(directory);
        if let Some(id) = known.entries.get(name) {
            return Some(*id);
        }
        if known.absent.contains(name) {
            return None;
        }
        let path = known.disk.as_ref()?.join(OsStr::from_bytes(name));
        let metadata = path.symlink_metadata().ok()?;
        let kind = metadata.file_type();
        let content = if kind.is_dir() {
            Content::Directory(Directory {
                disk: Some(path),
                ..Directory::default()
            })
        } else if kind.is_symlink() {
            Content::Link(fs::read_link(&path).ok()?.into_os_string().into_vec())
        } else if kind.is_file() {
            Content::File
        } else {
            debug_assert!(kind.is_char_device() || kind.is_block_device() || !kind.is_file());
            Content::Other
        };
        Some(self.insert(directory, name, content))
    }

    /// The names in a directory that are known; all of them below the room.
    #[must_use]
    pub fn names(&self, directory: Id) -> Vec<Vec<u8>> {
        self.directory(directory).entries.keys().cloned().collect()
    }

    /// The directory that a directory is in; `/` is in itself.
    #[must_use]
    pub fn parent(&self, directory: Id) -> Id {
        self.directory(directory)
            .up
            .as_ref()
            .map_or(ROOT, |(parent, _)| *parent)
    }

    /// The real path of a directory; none if it has been removed.
    #[must_use]
    pub fn path(&self, directory: Id) -> Option<Vec<u8>> {
        if directory == ROOT {
            return Some(b"/".to_vec());
        }
        let known = self.directory(directory);
        let (parent, name) = known.up.as_ref().filter(|_| !known.is_gone)?;
        Some(join(&self.path(*parent)?, name))
    }

    /// Puts something new into a directory.
    pub fn insert(&mut self, directory: Id, name: &[u8], content: Content) -> Id {
        let id = self.nodes.len();
        self.nodes.push(content);
        self.put(directory, name, id);
        id
    }

    /// Puts a node into a directory, in place of what has the name now.
    pub fn put(&mut self, directory: Id, name: &[u8], id: Id) {
        let _ = self.take(directory, name);
        let parent = self.directory_mut(directory);
        parent.absent.remove(name);
        parent.entries.insert(name.to_vec(), id);
        if let Content::Directory(moved) = &mut self.nodes[id] {
            moved.up = Some((directory, name.to_vec()));
            moved.is_gone = false;
        }
    }

    /// Takes an entry out of a directory.
    pub fn take(&mut self, directory: Id, name: &[u8]) -> Option<Id> {
        let parent = self.directory_mut(directory);
        parent.absent.insert(name.to_vec());
        let id = parent.entries.remove(name)?;
        if let Content::Directory(moved) = &mut self.nodes[id] {
            moved.is_gone = true;
        }
        Some(id)
    }
}

/// The path of an entry of a directory.
#[must_use]
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = directory.to_vec();
    if path != b"/" {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_directory_keeps_its_entries_and_changes_its_path() {
        let room = tempfile::tempdir().unwrap();
        let root = room.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/c"), "").unwrap();
        let mut tree = Tree::with_room(&root);
        let mut at = ROOT;
        for part in root.components().skip(1) {
            at = tree.child(at, part.as_os_str().as_bytes()).unwrap();
        }
        let a = tree.child(at, b"a").unwrap();
        let b = tree.child(a, b"b").unwrap();
        let moved = tree.take(at, b"a").unwrap();
        assert_eq!(tree.path(b), None);
        tree.put(at, b"z", moved);
        assert_eq!(
            tree.path(b),
            Some(root.join("z/b").as_os_str().as_bytes().to_vec())
        );
        assert_eq!(tree.child(at, b"a"), None);
        assert!(tree.child(b, b"c").is_some());
    }

    #[test]
    fn what_is_outside_of_the_room_is_looked_up_on_the_disk() {
        let room = tempfile::tempdir().unwrap();
        let mut tree = Tree::with_room(&room.path().canonicalize().unwrap());
        let etc = tree.child(ROOT, b"etc").unwrap();
        assert_eq!(tree.kind(etc), Kind::Directory);
        assert_eq!(tree.child(etc, b"no such thing"), None);
    }
}
