//! What of a repository counts, inside the workspace, above it or elsewhere.
//!
//! Everything counts by its bytes but objects, which never change, and logs. Of the index only the
//! entries count: `git status` writes it anew to remember the times of files, which are nobody's
//! input. Of listings only the names of refs count. That holds for the repositories of submodules and
//! worktrees as well.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use vt_base::{AbsPath, Digest, RelPath, StableHasher};

use crate::classify::{Class, effective_change, unchanged_input};
use crate::item::NodeKind;
use crate::observed::{PathFacts, StateSeen};
use crate::rows::{StatRow, StatRows, now_ns};

/// The part of a path of the workspace below a `.git` directory.
pub(crate) fn inside(path: &RelPath) -> Option<Vec<u8>> {
    below_git(path.as_bytes())
}

/// The part of a path below a component `.git`.
pub(crate) fn below_git(path: &[u8]) -> Option<Vec<u8>> {
    let mut parts = path.split(|byte| *byte == b'/');
    parts.find(|part| *part == b".git")?;
    Some(parts.collect::<Vec<_>>().join(&b'/'))
}

/// Whether a path is the index of a repository, of a worktree or of a submodule.
pub(crate) fn is_index(path: &[u8]) -> bool {
    let Some(inside) = below_git(path) else {
        return false;
    };
    let parts: Vec<&[u8]> = inside.split(|byte| *byte == b'/').collect();
    match parts[..] {
        [b"index"] => true,
        [b"modules" | b"worktrees", .., b"index"] => parts.len() > 2,
        _ => false,
    }
}

/// Whether the listing of a directory says nothing that counts: of a repository only names of refs do.
pub(crate) fn is_cut_listing(path: &[u8]) -> bool {
    let Some(inside) = below_git(path) else {
        return false;
    };
    let mut parts = inside.split(|byte| *byte == b'/');
    !parts.any(|part| part == b"refs" || part == b"reftable")
}

/// What is known of the index at other times than now.
#[derive(Clone, Copy)]
pub(crate) struct Index<'i> {
    /// The entries that an index with a certain identity has.
    pub(crate) known: &'i [(StatRow, Digest)],
    /// Gives the entries that the index has now.
    pub(crate) now: &'i dyn Fn() -> Option<Digest>,
}

impl Index<'_> {
    /// Whether the entries are those of the index that was seen then.
    pub(crate) fn is_as(&self, seen: &StateSeen) -> bool {
        let StateSeen::Present(NodeKind::File, seen) = seen else {
            return false;
        };
        let known = self.known.iter().find(|(row, _)| row == seen);
        known.is_some_and(|(_, digest)| (self.now)() == Some(*digest))
    }
}

/// What a path in a repository was to a run. `index` is given for an index only.
pub(crate) fn classify(
    inside: &[u8],
    facts: &PathFacts,
    end: Option<(NodeKind, StatRow)>,
    index: Option<&Index<'_>>,
) -> Class {
    let parts: Vec<&[u8]> = inside.split(|byte| *byte == b'/').collect();
    let at = |names: &[&[u8]]| parts.iter().position(|part| names.contains(part));
    let refs = at(&[b"refs", b"reftable"]);
    let cut = at(&[b"objects", b"logs"]).filter(|cut| refs.is_none_or(|refs| *cut < refs));
    let change = effective_change(facts, end);
    let is_objects = cut.is_some_and(|cut| parts[cut] == b"objects");
    if change.is_some() && (is_objects || (cut.is_none() && refs.is_some())) {
        let made = end.is_some() || !matches!(facts.first, StateSeen::Missing);
        return if made {
            Class::WroteGit
        } else {
            Class::Temporary
        };
    }
    if cut.is_some() || !facts.seen.any() {
        return Class::Nothing;
    }
    let is_as_before = || index.is_some_and(|index| index.is_as(&facts.first));
    match change {
        None => match unchanged_input(facts, end) {
            Class::ChangedMeanwhile if is_as_before() => Class::Input,
            class => class,
        },
        Some(_) if matches!(facts.first, StateSeen::Missing) => Class::Nothing,
        Some(_) if is_as_before() => Class::Rewritten,
        Some(_) => Class::ModifiedInput,
    }
}

/// The identity of the index of the repository that a workspace lies in, and the digest of its
/// entries, if there is one.
#[must_use]
pub fn repository_index(root: &AbsPath, rows: &StatRows) -> Option<(StatRow, Digest)> {
    let (_, index) = find_index(root)?;
    index_file(&index, rows)
}

/// The identity of an index and the digest of its entries; none if it is not there, is not
/// understood or keeps changing.
pub(crate) fn index_file(path: &Path, rows: &StatRows) -> Option<(StatRow, Digest)> {
    let stat = || {
        fs::symlink_metadata(path)
            .ok()
            .filter(fs::Metadata::is_file)
    };
    let row = StatRow::of(&stat()?);
    if let Some(digest) = rows.get(&row) {
        return Some((row, digest));
    }
    let started = now_ns();
    let digest = index_digest(&fs::read(path).ok()?)?;
    if StatRow::of(&stat()?) != row {
        return None;
    }
    if row.settled_at(started) {
        rows.learn(row, digest);
    }
    Some((row, digest))
}

/// What the index of the repository holds that a workspace lies in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum IndexNames {
    /// There is no repository.
    #[default]
    None,
    /// There is one, and its index is not understood.
    Unknown,
    /// These paths of the workspace, sorted.
    Held(Vec<RelPath>),
}

impl IndexNames {
    /// Whether a path is held, or may be.
    #[must_use]
    pub fn may_hold(&self, path: &RelPath) -> bool {
        match self {
            Self::None => false,
            Self::Unknown => true,
            Self::Held(paths) => paths.binary_search(path).is_ok(),
        }
    }
}

/// The paths of a workspace that the index of its repository holds.
#[must_use]
pub fn index_names(root: &AbsPath) -> IndexNames {
    let Some((top, index)) = find_index(root) else {
        return IndexNames::None;
    };
    let bytes = match fs::read(&index) {
        Ok(bytes) => bytes,
        // A repository that was just begun has none.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return IndexNames::None,
        Err(_) => return IndexNames::Unknown,
    };
    let mut paths = Vec::new();
    let mut visit = |entry: &IndexEntry<'_>| {
        let full = top.join(std::ffi::OsStr::from_bytes(entry.path));
        paths.extend(full.relative_to(root));
    };
    if read_index(&bytes, &mut visit).is_none() {
        return IndexNames::Unknown;
    }
    paths.sort();
    paths.dedup();
    IndexNames::Held(paths)
}

/// The top of the work tree that a directory lies in, and the index of its repository.
fn find_index(root: &AbsPath) -> Option<(AbsPath, std::path::PathBuf)> {
    let mut directory = Some(root.clone());
    while let Some(at) = directory {
        let git = at.join(".git");
        match fs::symlink_metadata(&git) {
            Ok(there) if there.is_dir() => {
                return Some((at, git.join("index").as_path().to_owned()));
            }
            Ok(there) if there.is_file() => {
                let text = fs::read(&git).ok()?;
                let to = text.strip_prefix(b"gitdir: ")?.trim_ascii_end();
                let to = at.as_path().join(std::ffi::OsStr::from_bytes(to));
                return Some((at, to.join("index")));
            }
            _ => directory = at.parent(),
        }
    }
    None
}

/// How a path outside the workspace is reached from its root.
pub(crate) fn name_from(root: &AbsPath, path: &AbsPath) -> Vec<u8> {
    let mut up = Vec::new();
    let mut ancestor = Some(root.clone());
    while let Some(at) = ancestor {
        if let Some(rest) = path.relative_to(&at) {
            return [&up[..], rest.as_bytes()].concat();
        }
        up.extend_from_slice(b"../");
        ancestor = at.parent();
    }
    path.as_bytes().to_vec()
}

/// The digest of what an index says of each of its paths, without the times, sizes and numbers of
/// the files and without what it caches; none if it is not one that is understood.
pub(crate) fn index_digest(bytes: &[u8]) -> Option<Digest> {
    let mut hasher = StableHasher::new("vt-git-index");
    let count = read_index(bytes, &mut |entry| {
        hasher
            .number(u64::from(entry.mode))
            .bytes(entry.object)
            .number(u64::from(entry.flags & !LENGTH))
            .number(u64::from(entry.more))
            .bytes(entry.path);
    })?;
    hasher.number(u64::from(count));
    Some(hasher.finish())
}

/// An entry of an index.
struct IndexEntry<'e> {
    mode: u32,
    object: &'e [u8],
    flags: u16,
    more: u16,
    path: &'e [u8],
}

/// Reads the entries of an index and gives their number; none if it is not one that is understood.
///
/// The layout is described in `gitformat-index(5)`.
fn read_index(bytes: &[u8], visit: &mut dyn FnMut(&IndexEntry<'_>)) -> Option<u32> {
    let mut rest = bytes;
    if take(&mut rest, 4)? != b"DIRC" {
        return None;
    }
    let version = number(&mut rest)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let count = number(&mut rest)?;
    // Repositories may have names of 20 or of 32 bytes; the checksum at the end is one.
    for name_length in [20, 32] {
        let mut left = rest;
        let is_read = entries(&mut left, version, count, name_length, &mut |_| {}).is_some();
        if is_read && extensions(left, name_length)? {
            entries(&mut { rest }, version, count, name_length, visit)?;
            return Some(count);
        }
    }
    None
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    take(rest, 4).map(|bytes| u32::from_be_bytes(bytes.try_into().expect("four were taken")))
}

/// Where the stat data of an entry ends: two times, device and inode.
const BEFORE_MODE: usize = 24;
/// Owner, group and size.
const AFTER_MODE: usize = 12;
/// The entry has a second word of flags.
const EXTENDED: u16 = 0x4000;
/// The length of the name, which follows from the name.
const LENGTH: u16 = 0x0fff;

fn entries(
    rest: &mut &[u8],
    version: u32,
    count: u32,
    name_length: usize,
    visit: &mut dyn FnMut(&IndexEntry<'_>),
) -> Option<()> {
    let mut path = Vec::new();
    for _ in 0..count {
        let start = rest.len();
        take(rest, BEFORE_MODE)?;
        let mode = number(rest)?;
        take(rest, AFTER_MODE)?;
        let object = take(rest, name_length)?;
        let word = |rest: &mut &[u8]| {
            take(rest, 2).map(|bytes| u16::from_be_bytes(bytes.try_into().expect("two were taken")))
        };
        let flags = word(rest)?;
        let more = if flags & EXTENDED == 0 {
            0
        } else {
            word(rest)?
        };
        if version == 4 {
            let kept = path.len().checked_sub(prefix(rest)?)?;
            path.truncate(kept);
        } else {
            path.clear();
        }
        let end = rest.iter().position(|byte| *byte == 0)?;
        path.extend_from_slice(take(rest, end)?);
        if version == 4 {
            take(rest, 1)?;
        } else {
            // One to eight zeros, up to a multiple of eight.
            let length = start - rest.len();
            let zeros = take(rest, 8 - length % 8)?;
            if zeros.iter().any(|byte| *byte != 0) {
                return None;
            }
        }
        visit(&IndexEntry {
            mode,
            object,
            flags,
            more,
            path: &path,
        });
    }
    Some(())
}

/// How many bytes of the path before are to be cut.
fn prefix(rest: &mut &[u8]) -> Option<usize> {
    let mut value: usize = 0;
    for turn in 0..8 {
        let byte = take(rest, 1)?[0];
        if turn > 0 {
            value = value.checked_add(1)?;
        }
        value = value.checked_mul(128)? | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Whether all that follows the entries is what they can do without: of a split index, the rest is
/// in another file.
fn extensions(mut rest: &[u8], name_length: usize) -> Option<bool> {
    while rest.len() > name_length {
        let name = take(&mut rest, 4)?;
        if name == b"link" {
            return Some(false);
        }
        let length = usize::try_from(number(&mut rest)?).ok()?;
        take(&mut rest, length)?;
    }
    Some(rest.len() == name_length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listings_of_refs_count() {
        for path in [".git", "a/.git/objects/pack", ".git/logs", "../.git/hooks"] {
            assert!(is_cut_listing(path.as_bytes()), "{path}");
        }
        for path in ["objects", ".git/refs/heads", "a/.git/worktrees/w/refs"] {
            assert!(!is_cut_listing(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn an_index_is_recognised_by_its_place() {
        for path in [".git/index", "a/.git/index", "../.git/worktrees/w/index"] {
            assert!(is_index(path.as_bytes()), "{path}");
        }
        for path in [
            "index",
            ".git/x/index",
            ".git/modules/index",
            ".git/index.lock",
        ] {
            assert!(!is_index(path.as_bytes()), "{path}");
        }
    }

    fn entry(path: &[u8], stat: u8, object: u8) -> Vec<u8> {
        let mut bytes = vec![stat; BEFORE_MODE];
        bytes.extend(0o100_644_u32.to_be_bytes());
        bytes.extend([stat; AFTER_MODE]);
        bytes.extend([object; 20]);
        bytes.extend(u16::try_from(path.len()).unwrap().to_be_bytes());
        bytes.extend(path);
        let zeros = 8 - bytes.len() % 8;
        bytes.extend(vec![0; zeros]);
        bytes
    }

    fn index(entries: &[Vec<u8>], tail: &[u8]) -> Vec<u8> {
        let count = u32::try_from(entries.len()).unwrap();
        let head = [&b"DIRC"[..], &2_u32.to_be_bytes(), &count.to_be_bytes()].concat();
        [head, entries.concat(), tail.to_vec(), vec![9; 20]].concat()
    }

    #[test]
    fn the_times_of_files_and_what_is_cached_do_not_count() {
        let digest = |stat, object, tail: &[u8]| {
            index_digest(&index(
                &[entry(b"a/b", stat, object), entry(b"c", stat, 7)],
                tail,
            ))
        };
        let cached = [&b"TREE"[..], &3_u32.to_be_bytes(), b"xyz"].concat();
        assert!(digest(1, 1, b"").is_some());
        assert_eq!(digest(1, 1, b""), digest(2, 1, &cached));
        assert_ne!(digest(1, 1, b""), digest(1, 2, b""));
        let named = |path: &[u8]| index_digest(&index(&[entry(path, 1, 1)], b""));
        assert_ne!(named(b"a"), named(b"b"));
    }

    #[test]
    fn what_is_not_understood_has_no_digest() {
        let whole = index(&[entry(b"a", 1, 1)], b"");
        assert_eq!(index_digest(b""), None);
        assert_eq!(index_digest(&whole[..whole.len() - 1]), None);
        assert_eq!(index_digest(&whole[..40]), None);
        let split = [&b"link"[..], &0_u32.to_be_bytes()].concat();
        assert_eq!(index_digest(&index(&[], &split)), None);
        let mut newer = whole;
        newer[7] = 5;
        assert_eq!(index_digest(&newer), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = index_digest(&bytes);
            let head = [&b"DIRC\0\0\0\x04\0\0\0\x05"[..], &bytes].concat();
            let _ = index_digest(&head);
        }
    }
}
