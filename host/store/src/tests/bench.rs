//! A store and a tree to try it on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use vt_base::{AbsPath, RelPath};

use crate::{Judgement, Packed, Restored, Store, StoreError};

/// What lies at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Node {
    File {
        content: Vec<u8>,
        mode: u32,
    },
    Directory(u32),
    Link(Vec<u8>),
    /// One more name of a file that comes before it.
    Name(RelPath),
}

/// A directory as a value.
pub(super) type Tree = BTreeMap<RelPath, Node>;

pub(super) struct Bench {
    pub(super) outer: tempfile::TempDir,
    pub(super) root: AbsPath,
    pub(super) store: Store,
    _far: Option<tempfile::TempDir>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let cache = abs(&outer.path().join("cache"));
        Self::at(outer, &cache, None)
    }

    /// With the store on another file system than the tree.
    pub(super) fn across_mounts() -> Self {
        let far = tempfile::tempdir_in("/dev/shm").unwrap();
        let outer = tempfile::tempdir().unwrap();
        let device = |path: &Path| fs::metadata(path).unwrap().dev();
        assert_ne!(
            device(far.path()),
            device(outer.path()),
            "both are on one file system"
        );
        let cache = abs(&far.path().join("cache"));
        Self::at(outer, &cache, Some(far))
    }

    /// With everything in memory, for what syncs too often.
    pub(super) fn in_memory() -> Self {
        let outer = tempfile::tempdir_in("/dev/shm").unwrap();
        let cache = abs(&outer.path().join("cache"));
        Self::at(outer, &cache, None)
    }

    fn at(outer: tempfile::TempDir, cache: &AbsPath, far: Option<tempfile::TempDir>) -> Self {
        let root = abs(&outer.path().join("tree"));
        fs::create_dir(&root).unwrap();
        let store = Store::open(cache).unwrap();
        Self {
            outer,
            root,
            store,
            _far: far,
        }
    }

    /// The tree as it is.
    pub(super) fn tree(&self) -> Tree {
        read_tree(self.root.as_path())
    }

    /// Replaces the whole tree.
    pub(super) fn set_tree(&self, tree: &Tree) {
        write_tree(self.root.as_path(), tree);
    }

    pub(super) fn pack_all(&self) -> Packed {
        self.store.pack(&self.root, &paths(&self.tree())).unwrap()
    }

    /// Restores these paths and removes those.
    pub(super) fn restore(
        &self,
        packed: &Packed,
        wanted: &[&str],
        remove: &[&str],
    ) -> Result<Restored, StoreError> {
        self.restore_judged(packed, wanted, remove, &Judgement::new())
    }

    /// The same, as far as everything is what was judged.
    pub(super) fn restore_judged(
        &self,
        packed: &Packed,
        wanted: &[&str],
        remove: &[&str],
        judgement: &Judgement,
    ) -> Result<Restored, StoreError> {
        let wanted: BTreeSet<RelPath> = wanted.iter().map(rel).collect();
        let remove: Vec<RelPath> = remove.iter().map(rel).collect();
        let blob = packed.blob.as_ref();
        self.store.restore(
            &self.root,
            blob,
            &packed.manifest,
            &wanted,
            &remove,
            judgement,
        )
    }

    pub(super) fn restore_all(&self, packed: &Packed) -> Result<Restored, StoreError> {
        let wanted = packed
            .manifest
            .entries
            .iter()
            .map(|entry| entry.path.clone())
            .collect();
        self.store.restore(
            &self.root,
            packed.blob.as_ref(),
            &packed.manifest,
            &wanted,
            &[],
            &Judgement::new(),
        )
    }

    /// That nothing of a restore is left in the store.
    pub(super) fn assert_clean(&self) {
        for name in ["staging", "journal"] {
            let path = self.store.path(name);
            let left: Vec<_> = fs::read_dir(&path)
                .map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect())
                .unwrap_or_default();
            assert!(left.is_empty(), "{name}: {left:?}");
        }
    }
}

pub(super) fn abs(path: &Path) -> AbsPath {
    AbsPath::new(path).unwrap()
}

pub(super) fn rel(path: impl AsRef<[u8]>) -> RelPath {
    RelPath::new(path).unwrap()
}

pub(super) const fn directory() -> Node {
    Node::Directory(0o755)
}

pub(super) fn file(content: &str) -> Node {
    Node::File {
        content: content.as_bytes().to_vec(),
        mode: 0o644,
    }
}

pub(super) fn link(target: &str) -> Node {
    Node::Link(target.as_bytes().to_vec())
}

pub(super) fn name(of: &str) -> Node {
    Node::Name(rel(of))
}

pub(super) fn tree(nodes: &[(&str, Node)]) -> Tree {
    nodes
        .iter()
        .map(|(path, node)| (rel(path), node.clone()))
        .collect()
}

pub(super) fn paths(tree: &Tree) -> Vec<RelPath> {
    tree.keys().cloned().collect()
}

/// Everything below a directory.
pub(super) fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut names: BTreeMap<(u64, u64), BTreeSet<RelPath>> = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let node = if metadata.is_dir() {
                open.push(path.clone());
                Node::Directory(metadata.mode() & 0o777)
            } else if metadata.is_symlink() {
                Node::Link(
                    fs::read_link(&path)
                        .unwrap()
                        .as_os_str()
                        .as_bytes()
                        .to_vec(),
                )
            } else {
                Node::File {
                    content: fs::read(&path).unwrap(),
                    mode: metadata.mode() & 0o777,
                }
            };
            let path = rel(path.strip_prefix(root).unwrap().as_os_str().as_bytes());
            if metadata.is_file() && metadata.nlink() > 1 {
                let file = (metadata.dev(), metadata.ino());
                names.entry(file).or_default().insert(path.clone());
            }
            tree.insert(path, node);
        }
    }
    for names in names.values() {
        let first = names.first().unwrap();
        for name in names.iter().skip(1) {
            tree.insert(name.clone(), Node::Name(first.clone()));
        }
    }
    tree
}

/// Makes a directory hold exactly this.
pub(super) fn write_tree(root: &Path, tree: &Tree) {
    for (path, node) in read_tree(root) {
        if matches!(node, Node::Directory(_)) {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(root.join(path.as_path()), mode).unwrap();
        }
    }
    fs::remove_dir_all(root).unwrap();
    fs::create_dir(root).unwrap();
    for (path, node) in tree {
        let path = root.join(path.as_path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match node {
            Node::Directory(_) => fs::create_dir_all(&path).unwrap(),
            Node::Link(target) => {
                std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), &path).unwrap();
            }
            Node::Name(of) => fs::hard_link(root.join(of.as_path()), &path).unwrap(),
            Node::File { content, mode } => {
                fs::write(&path, content).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
    }
    // Once nothing has to be made in them any more.
    for (path, node) in tree {
        if let Node::Directory(mode) = node {
            let mode = fs::Permissions::from_mode(*mode);
            fs::set_permissions(root.join(path.as_path()), mode).unwrap();
        }
    }
}
