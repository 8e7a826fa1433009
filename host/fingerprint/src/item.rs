//! What is asked of the world, and what the world answered.
//!
//! An [`Item`] is a question that can be asked again at any time; a [`State`] is its answer. The
//! items of a run are its path set. Items go into the path set only; states go into the strong
//! key, so that going back to an earlier state of the tree hits again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vt_base::{Digest, RelPath, StableHasher};

use crate::env::Keyed;

/// A question whose answer decided a run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Item {
    /// What is at a path of the workspace: content and executable bit of a file, target of a
    /// link, kind of anything else, or that nothing is there.
    Path(RelPath),
    /// Only whether something is at a path, and of what kind.
    Kind(RelPath),
    /// The names in a directory. A missing directory lists as an empty one.
    Listing(RelPath),
    /// The names of the files that a declared input pattern matches.
    Glob(String),
    /// What a program name resolves to on the step's `PATH`.
    Program(String),
    /// That a utility of the system is found by its name; its content does not count.
    Utility(String),
    /// A file outside the workspace that a tool consists of, by a name that does not depend on where
    /// things lie.
    Outside(serde_bytes::ByteBuf),
    /// A variable that a tool asked for, by name.
    Env(String),
    /// The variables that match a glob a tool asked for.
    EnvGlob(String),
    /// The variables with a prefix a tool asked for.
    EnvPrefix(String),
    /// What is at a path of a repository outside the workspace, by its path from the root.
    Repository(serde_bytes::ByteBuf),
    /// The names in a directory of a repository outside the workspace.
    RepositoryListing(serde_bytes::ByteBuf),
    /// What is at a path of the workspace, where some parts of a JSON file do not count.
    Redacted {
        /// The path.
        path: RelPath,
        /// JSON Pointers to the parts, sorted.
        pointers: Vec<String>,
    },
    /// The file, link or directory at a path outside the workspace; links are not followed. The name
    /// is the same in every clone.
    Beyond(serde_bytes::ByteBuf),
    /// The names in a directory outside the workspace.
    BeyondListing(serde_bytes::ByteBuf),
    /// Which directories above the workspace hold a name, all the way to `/`.
    Above(serde_bytes::ByteBuf),
    /// The settings in a file outside, without the lines that identify a person or hold a login.
    Settings(serde_bytes::ByteBuf),
    /// The identity of a file outside that is too large to be read.
    Identity(serde_bytes::ByteBuf),
    /// The names of the files outside that a declared input pattern matches.
    BeyondGlob(String),
    /// A file of the workspace where paths count by names that do not depend on where things lie.
    Portable(RelPath),
    /// The same of a file outside.
    BeyondPortable(serde_bytes::ByteBuf),
    /// Which of the variables that were asked for and unset are set. Their names, sorted.
    EnvUnset(Vec<String>),
    /// Whether a variable is set that has another value in each job.
    EnvPresence(String),
    /// The value of a variable to the byte, since it was found in what the step left.
    EnvExact(String),
    /// The names of all variables that a question for everything depends on.
    EnvEverything,
}

impl Item {
    /// The path of the workspace that the item is about.
    pub(crate) const fn workspace_path(&self) -> Option<&RelPath> {
        match self {
            Self::Path(path)
            | Self::Kind(path)
            | Self::Listing(path)
            | Self::Redacted { path, .. }
            | Self::Portable(path) => Some(path),
            _ => None,
        }
    }
}

/// The kind of a directory entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Other,
}

/// The names in a directory with their kinds.
pub type Listed = BTreeMap<serde_bytes::ByteBuf, NodeKind>;

/// The answer to an [`Item`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    /// Nothing is there.
    Missing,
    /// A regular file.
    File {
        /// The digest of its content.
        digest: Digest,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link with its target text.
    Link(serde_bytes::ByteBuf),
    /// A directory.
    Directory,
    /// A socket, pipe or device.
    Other,
    /// Something is there, and of this kind ([`Item::Kind`]).
    Kind(NodeKind),
    /// Access was refused.
    Denied,
    /// The names in a directory, less what does not count.
    Listing(Listed),
    /// The files a pattern matches.
    Names(Vec<RelPath>),
    /// A variable: its keyed digest, or unset.
    Env(Option<Keyed>),
    /// The variables that match a query.
    EnvSet(BTreeMap<String, Keyed>),
    /// A JSON file less the parts that do not count ([`Item::Redacted`]).
    Redacted {
        /// The digest of what is left; never that of a file.
        digest: Digest,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// Nothing can be there: something on the way is no directory. Programs are told so.
    NoDirectory,
    /// A text less what does not count, or with names in place of what depends on where things lie
    /// ([`Item::Settings`], [`Item::Identity`], [`Item::Portable`]).
    Text {
        /// The digest of what is left; never that of a file.
        digest: Digest,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// Names of variables that are set, sorted.
    EnvNames(Vec<String>),
    /// Whether a variable is set.
    EnvPresent(bool),
}

/// The items of a run, sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PathSet(pub Vec<Item>);

impl PathSet {
    /// The name of the path set.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = StableHasher::new("vt-path-set-1");
        hasher.number(self.0.len() as u64);
        for item in &self.0 {
            hash_item(&mut hasher, item);
        }
        hasher.finish()
    }

    /// Whether what is at a path is an input.
    #[must_use]
    pub fn asks_for(&self, path: &RelPath) -> bool {
        let asks = |item: &Item| self.0.binary_search(item).is_ok();
        // Whatever the pointers are, it stands behind this one.
        let first = Item::Redacted {
            path: path.clone(),
            pointers: Vec::new(),
        };
        let at = self.0.partition_point(|item| *item < first);
        let redacted = self.0.get(at).and_then(|item| match item {
            Item::Redacted { path, .. } => Some(path),
            _ => None,
        });
        redacted == Some(path)
            || asks(&Item::Path(path.clone()))
            || asks(&Item::Kind(path.clone()))
            || asks(&Item::Portable(path.clone()))
    }
}

/// The states of a path set, in the order of its items.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EntryStates(pub Vec<State>);

impl EntryStates {
    /// The strong key: the weak key and the state of a path set.
    #[must_use]
    pub fn strong_key(&self, weak: &Digest, path_set: &Digest) -> Digest {
        let mut hasher = StableHasher::new("vt-strong-key-1");
        hasher
            .digest(weak)
            .digest(path_set)
            .number(self.0.len() as u64);
        for state in &self.0 {
            hash_state(&mut hasher, state);
        }
        hasher.finish()
    }
}

fn hash_item(hasher: &mut StableHasher, item: &Item) {
    match item {
        Item::Path(path) => hasher.number(0).bytes(path.as_bytes()),
        Item::Kind(path) => hasher.number(1).bytes(path.as_bytes()),
        Item::Listing(path) => hasher.number(2).bytes(path.as_bytes()),
        Item::Glob(pattern) => hasher.number(3).text(pattern),
        Item::Program(name) => hasher.number(4).text(name),
        Item::Outside(path) => hasher.number(5).bytes(path),
        Item::Env(name) => hasher.number(6).text(name),
        Item::EnvGlob(pattern) => hasher.number(7).text(pattern),
        Item::EnvPrefix(prefix) => hasher.number(8).text(prefix),
        Item::Utility(name) => hasher.number(9).text(name),
        Item::Repository(path) => hasher.number(10).bytes(path),
        Item::RepositoryListing(path) => hasher.number(11).bytes(path),
        Item::Redacted { path, pointers } => {
            let pointers = pointers.iter().map(String::as_str);
            hasher.number(12).bytes(path.as_bytes()).texts(pointers)
        }
        Item::Beyond(name) => hasher.number(30).bytes(name),
        Item::BeyondListing(name) => hasher.number(31).bytes(name),
        Item::Above(name) => hasher.number(32).bytes(name),
        Item::Settings(name) => hasher.number(33).bytes(name),
        Item::Identity(name) => hasher.number(34).bytes(name),
        Item::BeyondGlob(pattern) => hasher.number(35).text(pattern),
        Item::Portable(path) => hasher.number(36).bytes(path.as_bytes()),
        Item::BeyondPortable(name) => hasher.number(37).bytes(name),
        Item::EnvUnset(names) => hasher.number(20).texts(names.iter().map(String::as_str)),
        Item::EnvPresence(name) => hasher.number(21).text(name),
        Item::EnvExact(name) => hasher.number(22).text(name),
        Item::EnvEverything => hasher.number(23),
    };
}

fn hash_state(hasher: &mut StableHasher, state: &State) {
    match state {
        State::Missing => {
            hasher.number(0);
        }
        State::File { digest, executable } => {
            hasher
                .number(1)
                .digest(digest)
                .number(u64::from(*executable));
        }
        State::Link(target) => {
            hasher.number(2).bytes(target);
        }
        State::Directory => {
            hasher.number(3);
        }
        State::Other => {
            hasher.number(4);
        }
        State::Kind(kind) => {
            hasher.number(5).number(*kind as u64);
        }
        State::Denied => {
            hasher.number(6);
        }
        State::Listing(names) => {
            hasher.number(7).number(names.len() as u64);
            for (name, kind) in names {
                hasher.bytes(name).number(*kind as u64);
            }
        }
        State::Names(paths) => {
            hasher.number(8).number(paths.len() as u64);
            for path in paths {
                hasher.bytes(path.as_bytes());
            }
        }
        State::Env(value) => {
            hasher.number(9).number(u64::from(value.is_some()));
            if let Some(value) = value {
                hasher.digest(&value.0);
            }
        }
        State::EnvSet(values) => {
            hasher.number(10).number(values.len() as u64);
            for (name, value) in values {
                hasher.text(name).digest(&value.0);
            }
        }
        State::Redacted { digest, executable } => {
            hasher
                .number(11)
                .digest(digest)
                .number(u64::from(*executable));
        }
        State::NoDirectory => {
            hasher.number(12);
        }
        State::Text { digest, executable } => {
            hasher
                .number(30)
                .digest(digest)
                .number(u64::from(*executable));
        }
        State::EnvNames(names) => {
            hasher.number(20).texts(names.iter().map(String::as_str));
        }
        State::EnvPresent(is_set) => {
            hasher.number(21).number(u64::from(*is_set));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_set_asks_for_a_path_in_any_way_but_by_its_directory() {
        let rel = |text: &str| RelPath::new(text).unwrap();
        let redacted = |path: &str, pointer: &str| Item::Redacted {
            path: rel(path),
            pointers: vec![pointer.to_owned()],
        };
        let mut items = vec![
            Item::Path(rel("a")),
            Item::Kind(rel("b")),
            redacted("c", "/x"),
            redacted("e", "/y"),
            Item::Listing(rel("f")),
        ];
        items.sort();
        let set = PathSet(items);
        for path in ["a", "b", "c", "e"] {
            assert!(set.asks_for(&rel(path)), "{path}");
        }
        for path in ["", "0", "d", "f", "g"] {
            assert!(!set.asks_for(&rel(path)), "{path}");
        }
        assert_ne!(
            PathSet(vec![redacted("c", "/x")]).digest(),
            PathSet(vec![redacted("c", "/y")]).digest()
        );
    }

    #[test]
    fn the_strong_key_depends_on_every_part() {
        let weak = Digest::of(b"weak");
        let set = PathSet(vec![Item::Path(RelPath::new("a").unwrap())]);
        let states = EntryStates(vec![State::Missing]);
        let key = states.strong_key(&weak, &set.digest());
        assert_ne!(key, states.strong_key(&Digest::of(b"other"), &set.digest()));
        assert_ne!(
            key,
            EntryStates(vec![State::Directory]).strong_key(&weak, &set.digest())
        );
        let listing = PathSet(vec![Item::Listing(RelPath::new("a").unwrap())]);
        assert_ne!(set.digest(), listing.digest());
    }
}
