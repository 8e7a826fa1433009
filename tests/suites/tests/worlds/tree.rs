//! A tree as the worlds compare it: bytes, kinds, all nine bits of the mode, and which names are one file.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// Where somebody gives results other names.
pub(crate) const ELSEWHERE: &str = "ws/elsewhere";

/// What lies at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    Directory {
        mode: u32,
    },
    Link(String),
    /// A file; `also` is the first name in the tree that the same file has, but for names that somebody gave it
    /// [elsewhere](ELSEWHERE): a hit leaves these alone, and a command that renames onto its result does not.
    File {
        mode: u32,
        bytes: Vec<u8>,
        also: Option<String>,
    },
}

/// Paths from its top, and what lies there. The top itself is left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, Node>);

impl Tree {
    /// All that lies below a directory, but for these paths.
    pub(crate) fn take_but(top: &Path, left_out: &[&str]) -> io::Result<Self> {
        let mut tree = Self::default();
        let mut inodes = BTreeMap::new();
        tree.walk(top, "", left_out, &mut inodes)?;
        Ok(tree)
    }

    fn walk(
        &mut self,
        directory: &Path,
        above: &str,
        left_out: &[&str],
        inodes: &mut BTreeMap<(u64, bool), String>,
    ) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        for name in names {
            let path = if above.is_empty() {
                name.clone()
            } else {
                format!("{above}/{name}")
            };
            if left_out.contains(&path.as_str()) {
                continue;
            }
            let place = directory.join(&name);
            let found = fs::symlink_metadata(&place)?;
            let mode = found.mode() & 0o777;
            if found.is_dir() {
                self.0.insert(path.clone(), Node::Directory { mode });
                self.walk(&place, &path, left_out, inodes)?;
            } else if found.is_symlink() {
                let text = fs::read_link(&place)?.to_string_lossy().into_owned();
                self.0.insert(path, Node::Link(text));
            } else {
                let bytes = fs::read(&place).unwrap_or_default();
                let key = (found.ino(), is_within(&path, ELSEWHERE));
                let first = inodes.entry(key).or_insert_with(|| path.clone());
                let also = (*first != path).then(|| first.clone());
                self.0.insert(path, Node::File { mode, bytes, also });
            }
        }
        Ok(())
    }

    /// Makes it below a directory that holds nothing yet.
    pub(crate) fn make(&self, top: &Path) -> io::Result<()> {
        fs::create_dir_all(top)?;
        let mut modes = Vec::new();
        for (path, node) in &self.0 {
            let place = top.join(path);
            match node {
                Node::Directory { mode } => {
                    fs::create_dir(&place)?;
                    modes.push((place, *mode));
                }
                Node::Link(text) => symlink(text, &place)?,
                Node::File {
                    also: Some(first), ..
                } => fs::hard_link(top.join(first), &place)?,
                Node::File {
                    mode,
                    bytes,
                    also: None,
                } => {
                    fs::write(&place, bytes)?;
                    modes.push((place, *mode));
                }
            }
        }
        // Last, since nothing can be put into a directory that forbids it.
        for (place, mode) in modes {
            fs::set_permissions(place, Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    /// Removes a path with all that is below it.
    pub(crate) fn remove(&mut self, path: &str) {
        self.0.retain(|other, _| !is_within(other, path));
    }

    /// The paths that are not the same in both.
    pub(crate) fn differing<'t>(&'t self, other: &'t Self) -> Vec<&'t str> {
        let mut paths: Vec<&str> = self
            .0
            .keys()
            .chain(other.0.keys())
            .map(String::as_str)
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths.retain(|path| self.0.get(*path) != other.0.get(*path));
        paths
    }
}

/// What lies at a path, for a message.
pub(crate) fn describe(node: Option<&Node>) -> String {
    match node {
        None => "nothing".to_owned(),
        Some(Node::Directory { mode }) => format!("a directory {mode:o}"),
        Some(Node::Link(text)) => format!("a link to {text}"),
        Some(Node::File { mode, bytes, also }) => {
            let text = String::from_utf8_lossy(bytes);
            let also = also.as_ref().map(|first| format!(", also {first}"));
            format!("{mode:o} {text:?}{}", also.unwrap_or_default())
        }
    }
}

/// Whether a path is another one, or below it.
pub(crate) fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
