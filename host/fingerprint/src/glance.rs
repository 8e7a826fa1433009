//! Answers for files by their identity alone: one look at each, and nothing is read.
//!
//! An entry carries the identity each of its files was digested under, where that identity could
//! not be left behind by a later write. A file that still has it has the state of the entry; and where
//! nothing was, nothing needs to be read to see that nothing is. What a glance does not answer is
//! asked for in full; so it can only be slow, never wrong.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;
use vt_base::{AbsPath, RelPath};

use crate::disk::Disk;
use crate::item::{Item, State};
use crate::outside::names::{split_token, tool_prefix};
use crate::rows::StatRow;

impl StatRow {
    #[expect(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        reason = "the fields of `Stat` differ in width and sign between platforms"
    )]
    fn of_stat(stat: &Stat) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            mode: stat.st_mode as u32,
        }
    }
}

/// The positions of those items that their identities do not answer.
pub(crate) fn unanswered(
    disk: &Disk<'_>,
    items: &[Item],
    states: &[State],
    rows: &[Option<StatRow>],
) -> Vec<usize> {
    let mut glance = Glance::new(disk.root);
    let mut outside = Outward::new(disk);
    let mut left = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let next = || {
            let next = items.get(position + 1).and_then(Item::workspace_path);
            next.map(RelPath::as_bytes)
        };
        let then = rows.get(position).copied().flatten();
        let is_answered = match (states.get(position), item) {
            (Some(State::Missing), Item::Path(path)) => {
                glance.sees_nothing(path.as_bytes(), next())
            }
            (Some(State::Missing), Item::Beyond(name)) => outside.sees_nothing(name),
            (Some(State::File { .. } | State::Redacted { .. } | State::Text { .. }), item)
                if then.is_some() =>
            {
                let now = match item {
                    Item::Path(path) | Item::Redacted { path, .. } | Item::Portable(path) => {
                        glance.row(path.as_bytes(), next())
                    }
                    Item::Outside(name) => outside.path(name).and_then(|path| follow(&path)),
                    Item::Beyond(name)
                    | Item::Settings(name)
                    | Item::Identity(name)
                    | Item::BeyondPortable(name) => outside.row(name),
                    Item::Program(name) => {
                        disk.resolve_program(name).and_then(|path| follow(&path))
                    }
                    _ => None,
                };
                now == then
            }
            _ => false,
        };
        if !is_answered {
            left.push(position);
        }
    }
    left
}

/// The identities of what is at some paths now.
pub(crate) fn glance<'p>(
    root: &AbsPath,
    paths: impl Iterator<Item = &'p RelPath>,
) -> impl Iterator<Item = Option<StatRow>> {
    let mut glance = Glance::new(root);
    let mut paths = paths.peekable();
    std::iter::from_fn(move || {
        let path = paths.next()?;
        let next = paths.peek().map(|next| next.as_bytes());
        Some(glance.row(path.as_bytes(), next))
    })
}

/// Looks at files outside the workspace one after the other. Where a tool lies is asked for once,
/// as long as its files follow each other.
struct Outward<'d> {
    disk: &'d Disk<'d>,
    tool: Option<(Vec<u8>, Option<AbsPath>)>,
}

impl<'d> Outward<'d> {
    const fn new(disk: &'d Disk<'d>) -> Self {
        Self { disk, tool: None }
    }

    fn path(&mut self, name: &[u8]) -> Option<AbsPath> {
        let Some((token, rest)) = split_token(name) else {
            return self.disk.outside_path(name);
        };
        if self.tool.as_ref().is_none_or(|(known, _)| known != token) {
            self.tool = Some((token.to_vec(), tool_prefix(self.disk, token)));
        }
        let (_, prefix) = self.tool.as_ref()?;
        Some(prefix.as_ref()?.join(OsStr::from_bytes(rest)))
    }

    fn row(&mut self, name: &[u8]) -> Option<StatRow> {
        let stat = statat(CWD, self.path(name)?.as_path(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(StatRow::of_stat(&stat))
    }

    /// Whether nothing is there now. What can't be told is not seen.
    fn sees_nothing(&mut self, name: &[u8]) -> bool {
        let Some(path) = self.path(name) else {
            return true;
        };
        let looked = statat(CWD, path.as_path(), AtFlags::SYMLINK_NOFOLLOW);
        matches!(looked, Err(Errno::NOENT))
    }
}

/// Looks at files one after the other, from their own directory where it holds several: the kernel
/// then has one name to find instead of the whole path.
struct Glance<'r> {
    root: Option<OwnedFd>,
    directory: Option<(&'r [u8], OwnedFd)>,
}

impl<'r> Glance<'r> {
    fn new(root: &AbsPath) -> Self {
        Self {
            root: open(CWD, root.as_bytes()).ok(),
            directory: None,
        }
    }

    /// The identity of what is at a path now. `next` is the path that is asked for after it.
    fn row(&mut self, path: &'r [u8], next: Option<&[u8]>) -> Option<StatRow> {
        self.see(path, next).ok()
    }

    /// Whether nothing is at a path now. What can't be told is not seen.
    fn sees_nothing(&mut self, path: &'r [u8], next: Option<&[u8]>) -> bool {
        matches!(self.see(path, next), Err(Errno::NOENT))
    }

    fn see(&mut self, path: &'r [u8], next: Option<&[u8]>) -> Result<StatRow, Errno> {
        // Without a root nothing can be told.
        let root = self.root.as_ref().ok_or(Errno::BADF)?;
        let (parent, name) = split(path);
        if !matches!(&self.directory, Some((known, _)) if *known == parent) {
            let is_shared = next.is_some_and(|next| split(next).0 == parent);
            if !is_shared || parent.is_empty() {
                return look(root, path);
            }
            self.directory = Some((parent, open(root.as_fd(), parent)?));
        }
        match &self.directory {
            Some((_, directory)) => look(directory, name),
            None => look(root, path),
        }
    }
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

fn open(from: impl rustix::fd::AsFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(from, path, flags, Mode::empty())
}

fn look(from: &OwnedFd, path: &[u8]) -> Result<StatRow, Errno> {
    let stat = statat(from, path, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(StatRow::of_stat(&stat))
}

/// The identity of what a path leads to.
fn follow(path: &AbsPath) -> Option<StatRow> {
    let stat = statat(CWD, path.as_path(), AtFlags::empty()).ok()?;
    Some(StatRow::of_stat(&stat))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use vt_base::{Digest, EnvMap};

    use super::*;
    use crate::{EnvSnapshot, Secret, StatRows};

    #[test]
    fn an_identity_is_the_same_whichever_way_it_was_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsPath::new(directory.path()).unwrap();
        let paths = ["a", "d/b", "d/c", "d/e/f", "d/g", "h/i"];
        for path in paths {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, path_content()).unwrap();
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let outside = elsewhere.path().join("tool");
        fs::write(elsewhere.path().join("real"), path_content()).unwrap();
        std::os::unix::fs::symlink("real", &outside).unwrap();
        let name = outside.as_os_str().as_encoded_bytes().to_vec();
        let items: Vec<Item> = paths
            .iter()
            .map(|path| Item::Path(RelPath::new(path).unwrap()))
            .chain([Item::Outside(name.into())])
            .collect();
        let row = |path: &str| {
            let metadata = fs::symlink_metadata(root.join(path)).unwrap();
            Some(StatRow::of(&metadata))
        };
        let followed = Some(StatRow::of(&fs::metadata(&outside).unwrap()));
        let rows: Vec<_> = paths.into_iter().map(row).chain([followed]).collect();
        let state = State::File {
            digest: Digest::of(path_content()),
            executable: false,
        };
        let states = vec![state; items.len()];
        let (none, known) = (EnvMap::new(), StatRows::default());
        let disk = Disk {
            root: &root,
            home: None,
            path: &[],
            env: EnvSnapshot {
                variables: &none,
                secret: Secret([0; 32]),
            },
            hidden: &[],
            rows: &known,
        };
        let left = |rows: &[_]| unanswered(&disk, &items, &states, rows);
        assert_eq!(left(&rows), [0; 0]);
        assert_eq!(left(&[]), [0, 1, 2, 3, 4, 5, 6]);
        fs::write(root.join("d/c"), "other").unwrap();
        fs::remove_file(root.join("d/e/f")).unwrap();
        fs::rename(root.join("h"), root.join("j")).unwrap();
        assert_eq!(left(&rows), [2, 3, 5]);
        fs::remove_file(&outside).unwrap();
        assert_eq!(left(&rows), [2, 3, 5, 6]);
    }

    #[test]
    fn that_nothing_is_there_is_seen_as_well_and_so_is_that_something_came() {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsPath::new(directory.path()).unwrap();
        fs::create_dir(root.join("d")).unwrap();
        fs::write(root.join("file"), "").unwrap();
        let paths = ["a", "d/b", "d/c", "file/below", "no/e", "no/f"];
        let paths = paths.map(|path| RelPath::new(path).unwrap());
        let expect = |nothing: [bool; 6]| {
            let mut glance = Glance::new(&root);
            for (at, path) in paths.iter().enumerate() {
                let next = paths.get(at + 1).map(RelPath::as_bytes);
                let seen = glance.sees_nothing(path.as_bytes(), next);
                assert_eq!(seen, nothing[at], "{path}");
            }
        };
        // What lies below a file is left to the full look.
        expect([true, true, true, false, true, true]);
        fs::write(root.join("d/c"), "").unwrap();
        fs::create_dir(root.join("no")).unwrap();
        fs::write(root.join("no/e"), "").unwrap();
        expect([true, true, false, false, false, true]);
    }

    fn path_content() -> &'static [u8] {
        b"content"
    }
}
