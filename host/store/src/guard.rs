//! Decides which names and links are stored and restored. Names are hostile: a manifest may come
//! from another machine, and a tool may leave anything behind.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use vt_base::{AbsPath, RelPath};

use crate::fold::fold;
use crate::identity::PERMISSIONS;
use crate::manifest::{Manifest, ManifestEntry, ManifestKind};
use crate::{Refusal, StoreError};

/// The longest path and the longest link target, in bytes.
pub(crate) const LONGEST_PATH: usize = 4096;
/// The longest component of a path, in bytes.
const LONGEST_NAME: usize = 255;

/// Checks everything a restore relies on.
pub(crate) fn check(manifest: &Manifest) -> Result<(), StoreError> {
    match find_refusal(&manifest.entries) {
        None => Ok(()),
        Some((path, why)) => Err(StoreError::BadManifest {
            path: path.clone(),
            why,
        }),
    }
}

fn find_refusal(entries: &[ManifestEntry]) -> Option<(&RelPath, Refusal)> {
    let mut total: u64 = 0;
    let mut closed: HashSet<&[u8]> = HashSet::new();
    let mut spellings = Spellings::default();
    let mut before: Option<&RelPath> = None;
    for (at, ManifestEntry { path, kind }) in entries.iter().enumerate() {
        let refuse = |why| Some((path, why));
        if let Err(why) = check_path(path) {
            return refuse(why);
        }
        if before.is_some_and(|before| before >= path) {
            return refuse(Refusal::Unordered);
        }
        let bytes = path.as_bytes();
        let common = before.map_or(0, |before| common_directories(before.as_bytes(), bytes));
        before = Some(path);
        let mut ancestors = (0..bytes.len()).filter(|at| bytes[*at] == b'/');
        if ancestors.any(|end| closed.contains(&bytes[..end])) {
            return refuse(Refusal::BelowFile);
        }
        if !spellings.are_unique(bytes, common) {
            return refuse(Refusal::Twin);
        }
        if kind.mode().is_some_and(|mode| mode & !PERMISSIONS != 0) {
            return refuse(Refusal::BadMode);
        }
        match kind {
            ManifestKind::Name { of } => {
                closed.insert(bytes);
                let before = &entries[..at];
                let file = before.binary_search_by(|entry| entry.path.cmp(of));
                let is_file =
                    file.is_ok_and(|file| matches!(before[file].kind, ManifestKind::File { .. }));
                if !is_file {
                    return refuse(Refusal::BadName);
                }
            }
            ManifestKind::Directory { .. } => {}
            ManifestKind::File { size, .. } => {
                closed.insert(bytes);
                total = match total.checked_add(*size) {
                    Some(total) if total <= i64::MAX as u64 => total,
                    _ => return refuse(Refusal::TooLarge),
                };
            }
            ManifestKind::Link { target } => {
                closed.insert(bytes);
                if let Err(why) = check_target(path, target) {
                    return refuse(why);
                }
            }
        }
    }
    None
}

/// The one spelling of every path and of every directory above it.
#[derive(Default)]
struct Spellings<'m>(HashMap<Cow<'m, [u8]>, &'m [u8]>);

impl<'m> Spellings<'m> {
    /// Enters a path and the directories above it, but for those within the first `known` bytes;
    /// `false` when one of them is there in another spelling.
    fn are_unique(&mut self, path: &'m [u8], known: usize) -> bool {
        let ends = (known..path.len()).filter(|at| path[*at] == b'/');
        ends.chain([path.len()])
            .all(|end| *self.0.entry(fold(&path[..end])).or_insert(&path[..end]) == &path[..end])
    }
}

/// The length of the directories that two paths have in common, with the `/` after them.
fn common_directories(one: &[u8], other: &[u8]) -> usize {
    let alike = one
        .iter()
        .zip(other)
        .take_while(|(one, other)| one == other);
    let length = alike.count();
    let slash = other[..length].iter().rposition(|byte| *byte == b'/');
    slash.map_or(0, |slash| slash + 1)
}

/// Checks a path by itself. That it is relative and clean is in its type.
pub(crate) fn check_path(path: &RelPath) -> Result<(), Refusal> {
    let bytes = path.as_bytes();
    if path.is_root() {
        return Err(Refusal::Root);
    }
    if bytes.len() > LONGEST_PATH
        || bytes
            .split(|byte| *byte == b'/')
            .any(|name| name.len() > LONGEST_NAME)
    {
        return Err(Refusal::TooLong);
    }
    // Folded, since Git refuses what some file system takes for its name as well.
    if bytes
        .split(|byte| *byte == b'/')
        .any(|name| *fold(name) == *b".git")
    {
        return Err(Refusal::Repository);
    }
    Ok(())
}

/// Checks the target of a link at `path`.
///
/// The directory of the link is a real one, so leading `..` climb as they read. After a name they
/// might not, since the name may be another link; such targets are refused.
pub(crate) fn check_target(path: &RelPath, target: &[u8]) -> Result<(), Refusal> {
    if target.is_empty() || target.len() > LONGEST_PATH || target.contains(&0) {
        return Err(Refusal::BadTarget);
    }
    if target[0] == b'/' {
        return Err(Refusal::TargetOutside);
    }
    let mut depth = path.as_bytes().iter().filter(|byte| **byte == b'/').count();
    let mut descended = false;
    for name in target.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if descended => return Err(Refusal::TargetClimbs),
            b".." => depth = depth.checked_sub(1).ok_or(Refusal::TargetOutside)?,
            _ => descended = true,
        }
    }
    Ok(())
}

/// The target as it is stored: an absolute one inside the workspace becomes relative, so that the
/// entry serves the workspace wherever it lies.
pub(crate) fn portable_target(
    root: &AbsPath,
    path: &RelPath,
    target: &[u8],
) -> Result<Vec<u8>, Refusal> {
    use std::os::unix::ffi::OsStrExt as _;

    if target.first() != Some(&b'/') {
        return check_target(path, target).map(|()| target.to_vec());
    }
    if target.split(|byte| *byte == b'/').any(|name| name == b"..") {
        return Err(Refusal::TargetClimbs);
    }
    let inside = AbsPath::new(std::ffi::OsStr::from_bytes(target))
        .ok()
        .and_then(|target| target.relative_to(root))
        .ok_or(Refusal::TargetOutside)?;
    let depth = path.as_bytes().iter().filter(|byte| **byte == b'/').count();
    let mut names = vec![&b".."[..]; depth];
    if !inside.is_root() {
        names.push(inside.as_bytes());
    }
    let relative = if names.is_empty() {
        b".".to_vec()
    } else {
        names.join(&b'/')
    };
    check_target(path, &relative).map(|()| relative)
}

#[cfg(test)]
mod tests {
    use vt_base::Digest;

    use super::*;

    fn rel(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn file(path: &str) -> ManifestEntry {
        let kind = ManifestKind::File {
            digest: Digest::of(b""),
            size: 0,
            mode: 0o644,
        };
        ManifestEntry {
            path: rel(path),
            kind,
        }
    }

    fn link(path: &str, target: &str) -> ManifestEntry {
        let kind = ManifestKind::Link {
            target: target.as_bytes().to_vec(),
        };
        ManifestEntry {
            path: rel(path),
            kind,
        }
    }

    fn name(path: &str, of: &str) -> ManifestEntry {
        ManifestEntry {
            path: rel(path),
            kind: ManifestKind::Name { of: rel(of) },
        }
    }

    #[test]
    fn hostile_manifests_are_refused_by_name() {
        let directory = |path: &str| ManifestEntry {
            path: rel(path),
            kind: ManifestKind::Directory { mode: 0o755 },
        };
        let setuid = |path: &str| ManifestEntry {
            path: rel(path),
            kind: ManifestKind::File {
                digest: Digest::of(b""),
                size: 0,
                mode: 0o4755,
            },
        };
        let sticky = |path: &str| ManifestEntry {
            path: rel(path),
            kind: ManifestKind::Directory { mode: 0o1777 },
        };
        let huge = |path: &str| {
            let digest = Digest::of(b"");
            let kind = ManifestKind::File {
                digest,
                size: u64::MAX / 2,
                mode: 0o644,
            };
            ManifestEntry {
                path: rel(path),
                kind,
            }
        };
        let long_name = "n".repeat(256);
        let long_path = ["d"; 2100].join("/");
        let long_target = "t/".repeat(2100);
        for (name, entries, refusal) in [
            ("the root itself", vec![directory("")], Refusal::Root),
            (
                "a hook",
                vec![file(".git/hooks/pre-commit")],
                Refusal::Repository,
            ),
            (
                "a repository below, spelled otherwise",
                vec![file("lib/.gI\u{200d}T")],
                Refusal::Repository,
            ),
            (
                "a name of what comes later",
                vec![name("a", "b"), file("b")],
                Refusal::BadName,
            ),
            (
                "a name of a link",
                vec![link("a", "c"), name("b", "a")],
                Refusal::BadName,
            ),
            (
                "a name of a name",
                vec![file("a"), name("b", "a"), name("c", "b")],
                Refusal::BadName,
            ),
            (
                "a name of what is not stored",
                vec![file("a"), name("b", "0")],
                Refusal::BadName,
            ),
            (
                "a file below a name",
                vec![file("a"), name("b", "a"), file("b/c")],
                Refusal::BelowFile,
            ),
            ("a setuid file", vec![setuid("a")], Refusal::BadMode),
            ("a sticky directory", vec![sticky("a")], Refusal::BadMode),
            ("a long component", vec![file(&long_name)], Refusal::TooLong),
            ("a long path", vec![file(&long_path)], Refusal::TooLong),
            (
                "a path twice",
                vec![file("a"), file("a")],
                Refusal::Unordered,
            ),
            (
                "paths out of order",
                vec![file("b"), file("a")],
                Refusal::Unordered,
            ),
            (
                "a file below a file",
                vec![file("a"), file("a/b")],
                Refusal::BelowFile,
            ),
            (
                "a file below a link, not adjacent",
                vec![link("a", "b"), file("a-"), file("a/b/c")],
                Refusal::BelowFile,
            ),
            (
                "an absolute link",
                vec![link("a", "/etc/passwd")],
                Refusal::TargetOutside,
            ),
            (
                "a link out",
                vec![link("d/a", "../../x")],
                Refusal::TargetOutside,
            ),
            (
                "a link that climbs late",
                vec![link("d/a", "b/../../../x")],
                Refusal::TargetClimbs,
            ),
            ("a link to nothing", vec![link("a", "")], Refusal::BadTarget),
            (
                "a link with a NUL",
                vec![link("a", "b\0c")],
                Refusal::BadTarget,
            ),
            (
                "a long link",
                vec![link("a", &long_target)],
                Refusal::BadTarget,
            ),
            (
                "sizes that overflow",
                vec![huge("a"), huge("b"), huge("c")],
                Refusal::TooLarge,
            ),
        ] {
            let found = find_refusal(&entries).map(|(_, why)| why);
            assert_eq!(found, Some(refusal), "{name}");
        }
    }

    #[test]
    fn names_that_some_file_system_takes_for_one_are_refused() {
        for (name, entries) in [
            ("files", vec![file("A"), file("a")]),
            (
                "composed otherwise",
                vec![file("e\u{301}.js"), file("\u{e9}.js")],
            ),
            ("directories", vec![file("A/x"), file("a/y")]),
            (
                "deep directories",
                vec![file("d/B/x"), file("d/B/y"), file("d/b/z")],
            ),
            ("a file and a directory", vec![file("D/x"), file("d")]),
            ("a way through a link", vec![link("D", "e"), file("d/x")]),
        ] {
            let found = find_refusal(&entries).map(|(_, why)| why);
            assert_eq!(found, Some(Refusal::Twin), "{name}");
        }
    }

    #[test]
    fn honest_manifests_pass() {
        let entries = [
            file("a"),
            file("a-b"),
            file("d.git/.gitignore"),
            file("d/A/a"),
            file("d/B/a"),
            link("d/e/f", "../../a"),
            name("d/name", "d/A/a"),
            link("d/self", "."),
        ];
        assert_eq!(find_refusal(&entries), None);
    }

    #[test]
    fn absolute_links_into_the_workspace_become_relative() {
        let root = AbsPath::new("/w/app").unwrap();
        let portable = |path: &str, target: &str| {
            portable_target(&root, &rel(path), target.as_bytes())
                .map(|target| String::from_utf8(target).unwrap())
        };
        assert_eq!(portable("a/b/c", "/w/app/d/e").unwrap(), "../../d/e");
        assert_eq!(portable("c", "/w/app").unwrap(), ".");
        assert_eq!(portable("c", "x/./y").unwrap(), "x/./y");
        assert_eq!(portable("c", "/w/apple"), Err(Refusal::TargetOutside));
        assert_eq!(portable("c", "/w/app/../x"), Err(Refusal::TargetClimbs));
    }
}
