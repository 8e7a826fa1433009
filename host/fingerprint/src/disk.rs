//! The disk as it is at one moment, asked item by item.
//!
//! A [`Disk`] is made for one look-up or one seal and dropped after it: what a step before this
//! one wrote is seen. Only digests outlive it, in [`StatRows`].

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use vt_base::{AbsPath, RelPath};

use crate::env::{EnvQueryKind, EnvSnapshot};
use crate::expand::{Links, Match, expand};
use crate::git;
use crate::glance::glance;
use crate::item::{Item, Listed, NodeKind, State};
use crate::outside::{above, is_of_distribution, names};
use crate::portable::{self, Reading};
use crate::rows::{StatRow, StatRows};

/// The kind of node that metadata describe.
pub(crate) fn kind_of(metadata: &Metadata) -> NodeKind {
    let kind = metadata.file_type();
    if kind.is_file() {
        NodeKind::File
    } else if kind.is_dir() {
        NodeKind::Directory
    } else if kind.is_symlink() {
        NodeKind::Link
    } else {
        NodeKind::Other
    }
}

/// How many files have to be read before threads are worth it.
const WORTH_THREADS: usize = 16;

/// The world at one moment: the tree, the environment, the programs.
pub struct Disk<'a> {
    /// The workspace root.
    pub root: &'a AbsPath,
    /// The home directory, for paths outside the workspace.
    pub home: Option<&'a AbsPath>,
    /// The step's `PATH`.
    pub path: &'a [AbsPath],
    /// The step's environment.
    pub env: EnvSnapshot<'a>,
    /// Paths that no listing and no glob shows: the cache directory.
    pub hidden: &'a [RelPath],
    /// Known digests.
    pub rows: &'a StatRows,
}

impl Disk<'_> {
    /// What is at a path of the workspace, without following a link there; the identity too.
    #[must_use]
    pub fn node(&self, path: &RelPath) -> Option<(NodeKind, StatRow)> {
        let metadata = fs::symlink_metadata(self.root.join_rel(path)).ok()?;
        Some((kind_of(&metadata), StatRow::of(&metadata)))
    }

    /// The identities of what is at these paths of the workspace now, without following a link there.
    /// Cheapest if those of one directory follow each other.
    pub fn glance<'p>(
        &self,
        paths: impl Iterator<Item = &'p RelPath>,
    ) -> impl Iterator<Item = Option<StatRow>> {
        glance(self.root, paths)
    }

    /// Whether the file at a path has other names as well: what is written to it shows there.
    #[must_use]
    pub fn has_other_names(&self, path: &RelPath) -> bool {
        fs::symlink_metadata(self.root.join_rel(path))
            .is_ok_and(|there| there.is_file() && there.nlink() > 1)
    }

    /// Whether what is at a path was made after a time, in nanoseconds; also if that can't be told.
    #[must_use]
    pub fn is_born_after(&self, path: &RelPath, time_ns: i64) -> bool {
        let born = fs::symlink_metadata(self.root.join_rel(path))
            .and_then(|metadata| metadata.created())
            .ok()
            .and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        born.is_none_or(|born| i64::try_from(born.as_nanos()).is_ok_and(|born| born > time_ns))
    }

    /// The state of a path of the workspace. Why nothing is there does not matter.
    #[must_use]
    pub fn path_state(&self, path: &RelPath) -> (State, Option<StatRow>) {
        match self.plain_state(path) {
            (State::NoDirectory, row) => (State::Missing, row),
            state => state,
        }
    }

    fn plain_state(&self, path: &RelPath) -> (State, Option<StatRow>) {
        if git::is_index(path.as_bytes()) {
            return self.index_state(self.root.join_rel(path).as_path());
        }
        self.file_state(self.root.join_rel(path).as_path(), |path| {
            fs::symlink_metadata(path)
        })
    }

    /// The state of a path of the workspace as an input: the text of a link counts by names that do
    /// not depend on where things lie.
    fn input_state(&self, path: &RelPath) -> (State, Option<StatRow>) {
        match self.plain_state(path) {
            (State::Link(text), row) => {
                let text = portable::link(self, &self.root.join_rel(path), text);
                (State::Link(text), row)
            }
            state => state,
        }
    }

    /// The state of what is at a path outside the workspace, without following a link there.
    fn beyond_state(&self, name: &[u8]) -> (State, Option<StatRow>) {
        let Some(path) = self.outside_path(name) else {
            return (State::Missing, None);
        };
        match self.file_state(path.as_path(), |path| fs::symlink_metadata(path)) {
            // Whether a part of the way there is no directory is as good as nothing there.
            (State::NoDirectory, row) => (State::Missing, row),
            (State::Link(text), row) => (State::Link(portable::link(self, &path, text)), row),
            state => state,
        }
    }

    /// The state of a text of which not all counts as it is.
    fn text_state(&self, path: Option<AbsPath>, reading: Reading) -> (State, Option<StatRow>) {
        let Some(path) = path else {
            return (State::Missing, None);
        };
        let found = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => StatRow::of(&found),
            _ => {
                let state = self.file_state(path.as_path(), |path| fs::symlink_metadata(path));
                return match (state, reading) {
                    ((State::NoDirectory, row), Reading::Settings) => (State::Missing, row),
                    (state, _) => state,
                };
            }
        };
        match portable::text_state(self, &path, found, reading) {
            Ok((state, row)) => (state, Some(row)),
            Err(error) => (missing_or_denied(&error), Some(found)),
        }
    }

    /// The names in a directory outside the workspace, less what nobody means by them.
    fn beyond_listing(&self, name: &[u8]) -> State {
        let Some(path) = self.outside_path(name) else {
            return State::Listing(Listed::new());
        };
        match list(path.as_path()) {
            State::Listing(mut names) => {
                let is_meant = |name: &serde_bytes::ByteBuf| {
                    !matches!(&name[..], b".git" | b"__pycache__" | b".DS_Store")
                };
                names.retain(|name, _| is_meant(name));
                State::Listing(names)
            }
            other => other,
        }
    }

    /// The state of a path of the workspace, where parts of a JSON file do not count.
    fn redacted_state(&self, path: &RelPath, pointers: &[String]) -> (State, Option<StatRow>) {
        let Some((NodeKind::File, row)) = self.node(path) else {
            return self.input_state(path);
        };
        let full = self.root.join_rel(path);
        let redacted = &self.rows.redacted;
        match redacted.state(full.as_path(), row, pointers, self.rows) {
            Ok((state, row)) => (state, Some(row)),
            Err(error) => (missing_or_denied(&error), Some(row)),
        }
    }

    /// The state of a repository's index: of its bytes only the entries count.
    fn index_state(&self, path: &Path) -> (State, Option<StatRow>) {
        match git::index_file(path, self.rows) {
            Some((row, digest)) => {
                let executable = row.executable();
                (State::File { digest, executable }, Some(row))
            }
            None => self.file_state(path, |path| fs::symlink_metadata(path)),
        }
    }

    /// Where a path of a repository outside the workspace is, by its path from the root.
    fn repository_path(&self, path: &[u8]) -> std::path::PathBuf {
        self.root.as_path().join(std::ffi::OsStr::from_bytes(path))
    }

    fn file_state(
        &self,
        path: &Path,
        stat: impl Fn(&Path) -> io::Result<Metadata>,
    ) -> (State, Option<StatRow>) {
        let metadata = match stat(path) {
            Ok(metadata) => metadata,
            Err(error) => return (missing_or_denied(&error), None),
        };
        let row = StatRow::of(&metadata);
        let state = match kind_of(&metadata) {
            NodeKind::File => match self.rows.digest(path, row) {
                Ok(digest) => State::File {
                    digest,
                    executable: row.executable(),
                },
                Err(error) => missing_or_denied(&error),
            },
            NodeKind::Directory => State::Directory,
            NodeKind::Link => match fs::read_link(path) {
                Ok(target) => State::Link(serde_bytes::ByteBuf::from(
                    target.into_os_string().into_vec(),
                )),
                Err(error) => missing_or_denied(&error),
            },
            NodeKind::Other => State::Other,
        };
        (state, Some(row))
    }

    /// The answer to an item, with the identity of the file it was read from, if any.
    ///
    /// `skip` says which children a listing does not show.
    #[must_use]
    pub fn state(&self, item: &Item, skip: &dyn Fn(&RelPath) -> bool) -> (State, Option<StatRow>) {
        match item {
            Item::Path(path) => self.input_state(path),
            Item::Kind(path) => (
                self.node(path)
                    .map_or(State::Missing, |(kind, _)| State::Kind(kind)),
                None,
            ),
            Item::Listing(path) => (self.listing(path, skip), None),
            Item::Repository(path) => {
                let full = self.repository_path(path);
                if git::is_index(path) {
                    self.index_state(&full)
                } else {
                    self.file_state(&full, |path| fs::symlink_metadata(path))
                }
            }
            Item::Redacted { path, pointers } => self.redacted_state(path, pointers),
            Item::Beyond(name) => self.beyond_state(name),
            Item::BeyondListing(name) => (self.beyond_listing(name), None),
            Item::Above(name) => (above::state(self, name), None),
            Item::Settings(name) => self.text_state(self.outside_path(name), Reading::Settings),
            Item::Identity(name) => self.text_state(self.outside_path(name), Reading::Identity),
            Item::BeyondGlob(pattern) => (names::glob_state(self, pattern), None),
            Item::Portable(path) => {
                self.text_state(Some(self.root.join_rel(path)), Reading::Portable)
            }
            Item::BeyondPortable(name) => {
                self.text_state(self.outside_path(name), Reading::Portable)
            }
            Item::RepositoryListing(path) => {
                let full = self.repository_path(path);
                let row = fs::symlink_metadata(&full).ok();
                (list(&full), row.as_ref().map(StatRow::of))
            }
            Item::Glob(pattern) => {
                let found = expand(self.root, pattern, self.hidden, Links::All);
                let counts =
                    |found: &Match| !skip(&found.path) && !found.named.as_ref().is_some_and(skip);
                let found = found.unwrap_or_default().into_iter().filter(counts);
                let mut names: Vec<RelPath> = found.map(|found| found.path).collect();
                names.dedup();
                (State::Names(names), None)
            }
            Item::Utility(name) => match self.resolve_program(name) {
                Some(path) if is_of_distribution(&path) => (State::Kind(NodeKind::File), None),
                Some(path) => self.file_state(path.as_path(), |path| fs::metadata(path)),
                None => (State::Missing, None),
            },
            Item::Program(name) => match self.resolve_program(name) {
                Some(path) => self.file_state(path.as_path(), |path| fs::metadata(path)),
                None => (State::Missing, None),
            },
            Item::Outside(path) => match self.outside_path(path) {
                Some(path) => self.file_state(path.as_path(), |path| fs::metadata(path)),
                None => (State::Missing, None),
            },
            Item::Env(name) => (State::Env(self.env.one(name)), None),
            Item::EnvGlob(query) => (State::EnvSet(self.env.set(EnvQueryKind::Glob, query)), None),
            Item::EnvPrefix(query) => (
                State::EnvSet(self.env.set(EnvQueryKind::Prefix, query)),
                None,
            ),
            Item::EnvUnset(names) => (State::EnvNames(self.env.which_are_set(names)), None),
            Item::EnvPresence(name) => (State::EnvPresent(self.env.is_set(name)), None),
            Item::EnvExact(name) => (State::Env(self.env.exact(name)), None),
            Item::EnvEverything => (State::EnvNames(self.env.everything()), None),
        }
    }

    fn listing(&self, directory: &RelPath, skip: &dyn Fn(&RelPath) -> bool) -> State {
        let mut names = Listed::new();
        let entries = match fs::read_dir(self.root.join_rel(directory)) {
            Ok(entries) => entries,
            Err(error) => {
                return match missing_or_denied(&error) {
                    State::Missing | State::NoDirectory => State::Listing(names),
                    other => other,
                };
            }
        };
        for entry in entries {
            let Ok(entry) = entry else {
                return State::Denied;
            };
            let name = entry.file_name().into_vec();
            if name == b".git" {
                continue;
            }
            let Ok(child) = directory.join(&name) else {
                continue;
            };
            if self.hidden.contains(&child) || skip(&child) {
                continue;
            }
            let kind = match entry.file_type() {
                Ok(kind) if kind.is_file() => NodeKind::File,
                Ok(kind) if kind.is_dir() => NodeKind::Directory,
                Ok(kind) if kind.is_symlink() => NodeKind::Link,
                Ok(_) => NodeKind::Other,
                Err(_) => continue,
            };
            names.insert(serde_bytes::ByteBuf::from(name), kind);
        }
        State::Listing(names)
    }

    /// What a program name resolves to on the step's `PATH`.
    #[must_use]
    pub fn resolve_program(&self, name: &str) -> Option<AbsPath> {
        self.rows.programs.resolve(self.path, self.root, name)
    }

    /// Where the name of a path outside the workspace leads to now.
    pub(crate) fn outside_path(&self, name: &[u8]) -> Option<AbsPath> {
        names::resolve(self, name)
    }

    /// Digests the files behind these items ahead of time, on several threads, so that asking
    /// for them one by one finds their rows.
    pub fn warm<'i>(&self, items: impl ExactSizeIterator<Item = &'i Item>, threads: usize) {
        if items.len() < WORTH_THREADS {
            return;
        }
        let unknown: Vec<(AbsPath, StatRow)> = items
            .filter_map(|item| {
                let path = match item {
                    // Of an index not the bytes count.
                    Item::Path(path) if git::is_index(path.as_bytes()) => return None,
                    Item::Path(path) => self.root.join_rel(path),
                    Item::Outside(name) | Item::Beyond(name) => self.outside_path(name)?,
                    Item::Program(name) => self.resolve_program(name)?,
                    _ => return None,
                };
                let metadata = match item {
                    Item::Path(_) | Item::Beyond(_) => fs::symlink_metadata(&path),
                    _ => fs::metadata(&path),
                };
                let metadata = metadata.ok().filter(Metadata::is_file)?;
                let row = StatRow::of(&metadata);
                self.rows.get(&row).is_none().then_some((path, row))
            })
            .collect();
        if unknown.len() < WORTH_THREADS {
            return;
        }
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads.clamp(1, 8) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some((path, row)) = unknown.get(index) else {
                            return;
                        };
                        // A file that can't be read is met again, and told, one by one.
                        let _ = self.rows.digest(path.as_path(), *row);
                    }
                });
            }
        });
    }
}

/// The names in a directory, all of them. A missing one lists as an empty one.
fn list(directory: &Path) -> State {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            return match missing_or_denied(&error) {
                State::Missing | State::NoDirectory => State::Listing(Listed::new()),
                other => other,
            };
        }
    };
    let mut names = Listed::new();
    for entry in entries {
        let Ok(entry) = entry else {
            return State::Denied;
        };
        if let Ok(metadata) = fs::symlink_metadata(entry.path()) {
            let name = serde_bytes::ByteBuf::from(entry.file_name().into_vec());
            names.insert(name, kind_of(&metadata));
        }
    }
    State::Listing(names)
}

fn missing_or_denied(error: &io::Error) -> State {
    match error.kind() {
        io::ErrorKind::NotFound => State::Missing,
        io::ErrorKind::NotADirectory => State::NoDirectory,
        _ => State::Denied,
    }
}

#[cfg(test)]
mod tests {

    use vt_base::{Digest, EnvMap};

    use super::*;
    use crate::Secret;
    use crate::glance::unanswered;

    #[test]
    fn a_fresh_file_is_never_trusted_by_its_row() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "one").unwrap();
        let rows = StatRows::default();
        let row = StatRow::of(&fs::symlink_metadata(&path).unwrap());
        assert_eq!(rows.digest(&path, row).unwrap(), Digest::of(b"one"));
        assert_eq!(rows.get(&row), None);
    }

    #[test]
    fn a_settled_file_is_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "one").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(40));
        let rows = StatRows::default();
        let row = StatRow::of(&fs::symlink_metadata(&path).unwrap());
        rows.digest(&path, row).unwrap();
        assert_eq!(rows.get(&row), Some(Digest::of(b"one")));
    }

    /// `VT_RACY_EDITS=10000 cargo test -p vt-fingerprint equal_size` for more than the usual.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "how often is for whoever runs the test to say"
    )]
    fn edits_of_equal_size_are_seen_however_fast_they_follow() {
        let edits = std::env::var("VT_RACY_EDITS").map_or(500, |count| count.parse().unwrap());
        let directory = tempfile::tempdir().unwrap();
        let root = AbsPath::new(directory.path()).unwrap();
        let path = directory.path().join("a");
        let items = [Item::Path(RelPath::new("a").unwrap())];
        let (rows, none) = (StatRows::default(), EnvMap::new());
        let disk = Disk {
            root: &root,
            home: None,
            path: &[],
            env: EnvSnapshot {
                variables: &none,
                secret: Secret([0; 32]),
            },
            hidden: &[],
            rows: &rows,
        };
        // What an entry would have been stored with after the edit before.
        let mut stored: Option<(State, Option<StatRow>)> = None;
        for number in 0..edits {
            let text = format!("{number:08}");
            fs::write(&path, &text).unwrap();
            if let Some((state, row)) = stored {
                let left = unanswered(&disk, &items, &[state], &[row]);
                assert_eq!(left, [0], "edit {number} was not seen at a glance");
            }
            let (state, row) = disk.path_state(&RelPath::new("a").unwrap());
            let digest = Digest::of(text.as_bytes());
            let executable = false;
            assert_eq!(state, State::File { digest, executable }, "edit {number}");
            stored = Some((state, row.filter(|row| rows.get(row).is_some())));
            if number % 50 == 0 {
                // Long enough for the row to be trusted, so that the next edit follows a known one.
                std::thread::sleep(std::time::Duration::from_millis(40));
                let (state, row) = disk.path_state(&RelPath::new("a").unwrap());
                assert!(row.is_some_and(|row| rows.get(&row).is_some()));
                stored = Some((state, row));
            }
        }
    }
}
