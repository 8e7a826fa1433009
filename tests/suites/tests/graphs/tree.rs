//! What people wrote: files, links, directories, modes and variables, as a value that can be kept,
//! gone back to, and laid out on a disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Something at a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Node {
    /// A directory that is there even when it is empty.
    Directory,
    /// A link with its text.
    Link(String),
    /// A file.
    File { text: String, executable: bool },
}

impl Node {
    /// A file that is not executable.
    pub(crate) fn file(text: impl Into<String>) -> Self {
        Self::File {
            text: text.into(),
            executable: false,
        }
    }
}

/// A tree by its paths, `/` between names. Every directory but the root is in it.
pub(crate) type Tree = BTreeMap<String, Node>;

/// How an edit reaches the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// The file is opened and written anew.
    InPlace,
    /// A new file is renamed onto it.
    Renamed,
    /// As in place, and then it gets the time of change back that it had.
    SameTime,
}

/// The directory a path lies in; the empty text for the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Whether a path is a directory or lies below it.
pub(crate) fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Puts something at a path, unless its directory is missing or a directory is there already.
pub(crate) fn put(tree: &mut Tree, path: &str, node: Node) {
    let is_directory = |path: &str| path.is_empty() || tree.get(path) == Some(&Node::Directory);
    if is_directory(parent(path)) && tree.get(path) != Some(&Node::Directory) {
        tree.insert(path.to_owned(), node);
    }
}

/// Removes what is at a path and below it.
pub(crate) fn remove(tree: &mut Tree, path: &str) {
    tree.retain(|other, _| !is_within(other, path));
}

/// Makes a tree on the disk into another, touching only what differs.
pub(crate) fn lay_out(root: &Path, before: &Tree, after: &Tree, manner: Manner) -> io::Result<()> {
    // Deepest first, so that directories are empty of what was ours when their turn comes.
    for (path, node) in before.iter().rev() {
        let place = root.join(path);
        match (node, after.get(path)) {
            (Node::File { .. }, Some(Node::File { .. })) => {}
            (_, now) if now == Some(node) => {}
            (Node::Directory, _) => fs::remove_dir_all(place)?,
            _ => fs::remove_file(place)?,
        }
    }
    for (path, node) in after {
        if before.get(path) == Some(node) {
            continue;
        }
        let place = root.join(path);
        match node {
            Node::Directory => fs::create_dir(place)?,
            Node::Link(text) => symlink(text, place)?,
            Node::File { text, executable } => {
                write(&place, text, *executable, before.get(path), manner)?;
            }
        }
    }
    Ok(())
}

fn write(
    place: &Path,
    text: &str,
    executable: bool,
    before: Option<&Node>,
    manner: Manner,
) -> io::Result<()> {
    let mode = PermissionsExt::from_mode(if executable { 0o755 } else { 0o644 });
    if let Some(Node::File { text: old, .. }) = before
        && old == text
    {
        return fs::set_permissions(place, mode);
    }
    let time = fs::symlink_metadata(place).and_then(|there| there.modified());
    match (manner, time) {
        (Manner::Renamed, _) => {
            let beside = place.with_extension("beside");
            fs::write(&beside, text)?;
            fs::set_permissions(&beside, mode)?;
            fs::rename(beside, place)
        }
        (Manner::SameTime, Ok(time)) => {
            fs::write(place, text)?;
            fs::set_permissions(place, mode)?;
            fs::File::options()
                .append(true)
                .open(place)?
                .set_modified(time)
        }
        _ => {
            fs::write(place, text)?;
            fs::set_permissions(place, mode)
        }
    }
}
