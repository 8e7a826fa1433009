//! Reaches paths below a root without ever following a symlink on the way.
//!
//! Between a check and its use somebody may swap a directory for a link; so nothing here checks
//! first. The kernel resolves every path beneath an open root and refuses links as it goes.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Stat, openat, openat2, statat};
use rustix::io::Errno;
use vt_base::{AbsPath, RelPath};

/// Whether the kernel was found not to know `openat2` (before 5.6, or hidden by a sandbox).
static LACKS_OPENAT2: AtomicBool = AtomicBool::new(false);

/// A directory that everything stays beneath.
#[derive(Debug)]
pub(crate) struct Root {
    directory: OwnedFd,
}

/// The directory a path lies in, opened, with the name it has there.
#[derive(Debug)]
pub(crate) struct Place {
    directory: OwnedFd,
    name: CString,
}

impl Root {
    /// Opens the root. Links in the path of the root itself are its owner's business.
    pub(crate) fn open(path: &AbsPath) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            directory: openat(CWD, path.as_path(), flags, Mode::empty())?,
        })
    }

    /// Opens what lies at a path. Fails with `ELOOP` at a symlink, wherever on the path, unless
    /// the flags say to open the last one itself.
    pub(crate) fn file(&self, path: &RelPath, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let text = if path.is_root() {
            OsStr::new(".")
        } else {
            path.as_path().as_os_str()
        };
        if !LACKS_OPENAT2.load(Ordering::Relaxed) {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match openat2(&self.directory, text, flags, Mode::empty(), resolve) {
                // EPERM is what some sandboxes answer to calls they do not know.
                Err(Errno::NOSYS | Errno::PERM) => {}
                answer => return answer,
            }
        }
        let opened = self.file_by_component(text, flags)?;
        // Only now is it sure that the call was to blame and not the path.
        LACKS_OPENAT2.store(true, Ordering::Relaxed);
        Ok(opened)
    }

    /// What [`Root::file`] does, one component at a time.
    fn file_by_component(&self, path: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut names = path.as_bytes().split(|byte| *byte == b'/').peekable();
        let mut reached: Option<OwnedFd> = None;
        while let Some(name) = names.next() {
            let from = reached
                .as_ref()
                .map_or(self.directory.as_fd(), |fd| fd.as_fd());
            let flags = if names.peek().is_some() { step } else { flags };
            let next = openat(from, name, flags, Mode::empty()).map_err(|error| {
                // A link where a directory is wanted: `ELOOP` from `openat2`, another one here.
                match statat(from, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) if crate::identity::file_type(&stat).is_symlink() => Errno::LOOP,
                    _ => error,
                }
            })?;
            reached = Some(next);
        }
        reached.ok_or(Errno::NOENT)
    }

    /// Opens the directory that a path lies in. The path is not the root.
    pub(crate) fn place(&self, path: &RelPath) -> Result<Place, Errno> {
        let parent = path.parent().ok_or(Errno::INVAL)?;
        let name = file_name(path)?;
        let directory = self.file(&parent, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Place { directory, name })
    }

    /// Looks at what lies at a path, at a link itself; `None` when nothing does.
    ///
    /// Fails with `ELOOP` or `ENOTDIR` when it lies behind a link or a file.
    pub(crate) fn look(&self, path: &RelPath) -> Result<Option<Stat>, Errno> {
        match self.place(path).and_then(|place| place.look()) {
            Err(Errno::NOENT) => Ok(None),
            answer => answer,
        }
    }
}

/// The name that a path has in its directory. The path is not the root.
pub(crate) fn file_name(path: &RelPath) -> Result<CString, Errno> {
    path.file_name()
        .and_then(|name| CString::new(name).ok())
        .ok_or(Errno::INVAL)
}

impl Place {
    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    pub(crate) const fn name(&self) -> &CString {
        &self.name
    }

    pub(crate) fn into_parts(self) -> (OwnedFd, CString) {
        (self.directory, self.name)
    }

    pub(crate) fn look(&self) -> Result<Option<Stat>, Errno> {
        match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_never_followed_by_either_way_of_opening() {
        let outer = tempfile::tempdir().unwrap();
        fs::create_dir_all(outer.path().join("root/real/deep")).unwrap();
        fs::write(outer.path().join("root/real/deep/file"), "x").unwrap();
        fs::write(outer.path().join("secret"), "x").unwrap();
        symlink("real", outer.path().join("root/alias")).unwrap();
        symlink("../secret", outer.path().join("root/out")).unwrap();
        let root = Root::open(&AbsPath::new(outer.path().join("root")).unwrap()).unwrap();
        let both = |path: &str| {
            let rel = RelPath::new(path).unwrap();
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let one = root.file(&rel, OFlags::RDONLY).map(drop);
            let other = root.file_by_component(OsStr::new(path), flags).map(drop);
            assert_eq!(one, other, "{path}");
            one
        };
        assert_eq!(both("real/deep/file"), Ok(()));
        assert_eq!(both("alias/deep/file"), Err(Errno::LOOP));
        assert_eq!(both("out"), Err(Errno::LOOP));
        assert_eq!(both("real/none"), Err(Errno::NOENT));
        assert_eq!(both("real/deep/file/x"), Err(Errno::NOTDIR));
        let link = root.look(&RelPath::new("out").unwrap()).unwrap().unwrap();
        assert!(crate::identity::file_type(&link).is_symlink());
    }
}
