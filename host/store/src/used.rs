//! Remembers when something was used last, as the modification time of a file.
//!
//! A hit opens no transaction, so the index can't tell. A file is touched at most once an hour:
//! what is used again and again is looked at and not written. Losing such a file loses nothing but
//! the time: whoever misses one takes the thing for just used.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use vt_base::Digest;

use crate::StoreError;
use crate::blob::remove_if_there;
use crate::store::{Store, make_directory};

/// How exactly the time of the last use is known.
const EVERY: Duration = Duration::from_hours(1);

impl Store {
    /// Notes that what has this name is used now. A disk that refuses is no reason to say so.
    pub fn note_use(&self, name: &Digest) {
        note(&self.mark(name));
    }

    /// When what has this name was used last, give or take an hour. What was never noted is noted
    /// now: its time begins.
    #[must_use]
    pub fn last_used(&self, name: &Digest) -> SystemTime {
        let path = self.mark(name);
        modified(&path).unwrap_or_else(|| {
            note(&path);
            SystemTime::now()
        })
    }

    /// Forgets when something was used.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk refuses.
    pub fn forget_use(&self, name: &Digest) -> Result<(), StoreError> {
        remove_if_there(&self.mark(name))
    }

    /// When the step with this name was locked last, give or take an hour; `None` if never.
    #[must_use]
    pub fn step_used(&self, name: &[u8]) -> Option<SystemTime> {
        modified(&self.step_lock_path(name))
    }

    fn mark(&self, name: &Digest) -> PathBuf {
        let hex = name.to_hex();
        self.path("used").join(&hex[..2]).join(&hex[..32])
    }
}

/// Gives a file the present time, unless it is an hour old at most; makes it if it is missing.
pub(crate) fn note(path: &Path) {
    if modified(path).is_some_and(|modified| !is_over(modified)) {
        return;
    }
    // The time of use is a convenience: without it things go a little too early or too late.
    let _ = touch(path);
}

fn is_over(modified: SystemTime) -> bool {
    // A time in the future is nobody's: it would keep the thing for ever.
    modified.elapsed().map_or(true, |age| age > EVERY)
}

fn touch(path: &Path) -> io::Result<()> {
    let open = || -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
    };
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                make_directory(parent).map_err(io::Error::other)?;
            }
            open()?
        }
        file => file?,
    };
    file.set_modified(SystemTime::now())
}

pub(crate) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

#[cfg(test)]
mod tests {
    use vt_base::AbsPath;

    use super::*;

    #[test]
    fn a_use_is_noted_once_an_hour() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(&AbsPath::new(outer.path()).unwrap()).unwrap();
        let name = Digest::of(b"an entry");
        store.note_use(&name);
        let set = |age: Duration| {
            let file = OpenOptions::new()
                .write(true)
                .open(store.mark(&name))
                .unwrap();
            let time = SystemTime::now() - age;
            file.set_modified(time).unwrap();
            modified(&store.mark(&name)).unwrap()
        };
        let recent = set(Duration::from_mins(30));
        store.note_use(&name);
        assert_eq!(store.last_used(&name), recent);
        let old = set(Duration::from_hours(3));
        assert_eq!(store.last_used(&name), old, "asking is no use");
        store.note_use(&name);
        assert!(store.last_used(&name) > recent);
        store.forget_use(&name).unwrap();
        assert!(!store.mark(&name).exists());
        assert!(store.last_used(&name) > recent, "its time begins");
        assert!(store.mark(&name).exists());
    }

    #[test]
    fn locking_a_step_notes_its_use() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(&AbsPath::new(outer.path()).unwrap()).unwrap();
        assert_eq!(store.step_used(b"app#build"), None);
        drop(store.lock_step(b"app#build").unwrap());
        let path = store.step_lock_path(b"app#build");
        let old = SystemTime::now() - Duration::from_hours(3);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(old).unwrap();
        drop(store.lock_step(b"app#build").unwrap());
        assert!(store.step_used(b"app#build").unwrap() > old + Duration::from_hours(2));
    }
}
