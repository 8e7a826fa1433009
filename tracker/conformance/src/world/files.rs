//! A file system in memory: directories, files with several names, links.
//!
//! Permissions are left out: everything may be done by everybody.

use std::collections::BTreeMap;

use super::chronicle::What;

/// Which file, directory or link.
pub type Id = usize;

/// The directory that a program starts in.
pub const ROOT: Id = 0;

/// What a file, directory or link holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// The bytes of a file.
    File(Vec<u8>),
    /// The names of a directory.
    Directory(BTreeMap<String, Id>),
    /// The text of a link.
    Link(String),
}

#[derive(Clone, Debug)]
struct Node {
    content: Content,
    executable: bool,
    /// Of a directory: the one it lies in, or lay in when it was removed.
    parent: Id,
    /// Of a directory: whether it was removed. It lives on for who is in it.
    is_removed: bool,
}

/// A file system.
#[derive(Clone, Debug)]
pub struct Files(Vec<Node>);

impl Default for Files {
    fn default() -> Self {
        let mut files = Self(Vec::new());
        files.make(Content::Directory(BTreeMap::new()));
        files
    }
}

impl Files {
    /// Makes something that has no name yet.
    pub fn make(&mut self, content: Content) -> Id {
        self.0.push(Node {
            content,
            executable: false,
            parent: ROOT,
            is_removed: false,
        });
        self.0.len() - 1
    }

    /// What something holds.
    #[must_use]
    pub fn content(&self, id: Id) -> &Content {
        &self.0[id].content
    }

    /// The bytes of a file.
    ///
    /// # Panics
    /// If it is no file.
    pub fn bytes_mut(&mut self, id: Id) -> &mut Vec<u8> {
        match &mut self.0[id].content {
            Content::File(bytes) => bytes,
            _ => panic!("only files hold bytes"),
        }
    }

    /// Whether something is a directory.
    #[must_use]
    pub fn is_directory(&self, id: Id) -> bool {
        matches!(self.0[id].content, Content::Directory(_))
    }

    /// Whether something is a link.
    #[must_use]
    pub fn is_link(&self, id: Id) -> bool {
        matches!(self.0[id].content, Content::Link(_))
    }

    /// Whether it may be executed.
    #[must_use]
    pub fn is_executable(&self, id: Id) -> bool {
        self.0[id].executable
    }

    /// Sets whether it may be executed.
    pub fn set_executable(&mut self, id: Id, executable: bool) {
        self.0[id].executable = executable;
    }

    /// The names in a directory.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn entries(&self, directory: Id) -> &BTreeMap<String, Id> {
        match &self.0[directory].content {
            Content::Directory(entries) => entries,
            _ => panic!("only directories have entries"),
        }
    }

    /// The directory that another lies in, or lay in before it was removed.
    #[must_use]
    pub fn parent(&self, directory: Id) -> Id {
        self.0[directory].parent
    }

    /// Whether a directory was removed.
    #[must_use]
    pub fn is_removed(&self, directory: Id) -> bool {
        self.0[directory].is_removed
    }

    /// Gives something a name, in place of whatever has it.
    pub fn put(&mut self, directory: Id, name: &str, id: Id) {
        if self.is_directory(id) {
            self.0[id].parent = directory;
        }
        let Content::Directory(entries) = &mut self.0[directory].content else {
            panic!("only directories have entries");
        };
        let replaced = entries.insert(name.to_owned(), id);
        if let Some(replaced) = replaced.filter(|replaced| *replaced != id) {
            self.0[replaced].is_removed = true;
        }
    }

    /// Takes a name away, and says what had it.
    pub fn take(&mut self, directory: Id, name: &str) -> Option<Id> {
        let Content::Directory(entries) = &mut self.0[directory].content else {
            panic!("only directories have entries");
        };
        entries.remove(name)
    }

    /// Takes a name away for good.
    pub fn remove(&mut self, directory: Id, name: &str) {
        if let Some(id) = self.take(directory, name) {
            self.0[id].is_removed = true;
        }
    }

    /// Lets two names change what they stand for.
    pub fn exchange(&mut self, left: (Id, &str), right: (Id, &str)) {
        let one = self.take(left.0, left.1).expect("it was found");
        let other = self.take(right.0, right.1).expect("it was found");
        self.put(left.0, left.1, other);
        self.put(right.0, right.1, one);
    }

    /// The path of a directory; none if it was removed.
    #[must_use]
    pub fn path(&self, directory: Id) -> Option<String> {
        if directory == ROOT {
            return Some(String::new());
        }
        if self.0[directory].is_removed {
            return None;
        }
        let parent = self.parent(directory);
        let name = self
            .entries(parent)
            .iter()
            .find(|(_, id)| **id == directory)
            .map(|(name, _)| name)?;
        Some(join(&self.path(parent)?, name))
    }

    /// Whether a directory is another, or lies below it.
    #[must_use]
    pub fn is_within(&self, directory: Id, other: Id) -> bool {
        directory == other || (directory != ROOT && self.is_within(self.parent(directory), other))
    }

    /// What there is to see of something from outside.
    #[must_use]
    pub fn what(&self, id: Id) -> What {
        match &self.0[id].content {
            Content::File(bytes) => What::File(bytes.len()),
            Content::Directory(_) => What::Directory,
            Content::Link(_) => What::Link,
        }
    }

    /// Everything below a directory, by its path relative to it.
    #[must_use]
    pub fn below(&self, directory: Id) -> Vec<(String, Id)> {
        let mut found = Vec::new();
        for (name, id) in self.entries(directory) {
            found.push((name.clone(), *id));
            if self.is_directory(*id) {
                let inner = self.below(*id);
                found.extend(inner.into_iter().map(|(rest, id)| (join(name, &rest), id)));
            }
        }
        found
    }
}

/// A path and what follows.
#[must_use]
pub(crate) fn join(path: &str, rest: &str) -> String {
    if path.is_empty() {
        rest.to_owned()
    } else if rest.is_empty() {
        path.to_owned()
    } else {
        format!("{path}/{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_directory_takes_its_path_along_and_a_removed_one_has_none() {
        let mut files = Files::default();
        let outer = files.make(Content::Directory(BTreeMap::new()));
        let inner = files.make(Content::Directory(BTreeMap::new()));
        files.put(ROOT, "a", outer);
        files.put(outer, "b", inner);
        assert_eq!(files.path(inner).as_deref(), Some("a/b"));
        files.take(ROOT, "a");
        files.put(ROOT, "c", outer);
        assert_eq!(files.path(inner).as_deref(), Some("c/b"));
        files.remove(outer, "b");
        assert_eq!(files.path(inner), None);
        assert_eq!(files.parent(inner), outer);
    }
}
