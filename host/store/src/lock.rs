//! Locks between processes: `flock` on files that hold nothing, but for one byte in the lock of a
//! step while what its holder does to the tree is written down nowhere else.
//!
//! A lock belongs to the open file, so it is gone with the process however that ends. Files are
//! made when they are missing and never removed: removing one would let two processes hold "the"
//! lock at once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::StoreError;
use crate::failpoint::{Point, reach};

/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_micros(200);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Who else may hold a lock at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Share {
    /// Others that share.
    Shared,
    /// Nobody.
    Exclusive,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
}

/// The right to run or restore one step; given back when dropped.
#[derive(Debug)]
pub struct StepLock {
    lock: FileLock,
    path: PathBuf,
}

impl StepLock {
    pub(crate) const fn new(lock: FileLock, path: PathBuf) -> Self {
        Self { lock, path }
    }

    /// Whether a holder began to change the tree and was killed before it ended.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        // What can't be looked at is taken for the worse.
        let there = self.lock.file.metadata();
        there.map_or(true, |there| there.len() > 0)
    }

    /// Says that the tree is about to change, and that the index does not know yet how.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the lock can't be written.
    pub fn begin(&self) -> Result<(), StoreError> {
        OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(b"!"))
            .map_err(|error| StoreError::io("write", &self.path, error))
    }

    /// Says that the index knows what became of the tree.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the lock can't be written.
    pub fn end(&self) -> Result<(), StoreError> {
        OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&self.path)
            .map(drop)
            .map_err(|error| StoreError::io("write", &self.path, error))
    }
}

/// Waits for a lock for as long as it takes.
pub(crate) fn wait(path: &Path) -> Result<FileLock, StoreError> {
    let file = open(path)?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(FileLock { file }),
            Err(Errno::INTR) => {}
            Err(error) => return Err(StoreError::io("lock", path, error)),
        }
    }
}

/// Takes a lock alone, if nobody holds it.
pub(crate) fn attempt(path: &Path) -> Result<Option<FileLock>, StoreError> {
    let file = open(path)?;
    let is_had =
        try_lock(&file, Share::Exclusive).map_err(|error| StoreError::io("lock", path, error))?;
    Ok(is_had.then_some(FileLock { file }))
}

/// Waits for a lock for a bounded time.
///
/// `flock` cannot time out, and waking several blocked writers one by one has proven unfair; so
/// this tries again and again, with pauses that grow and differ between processes.
pub(crate) fn wait_at_most(
    path: &Path,
    share: Share,
    longest: Duration,
) -> Result<FileLock, StoreError> {
    let file = open(path)?;
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        if try_lock(&file, share).map_err(|error| StoreError::io("lock", path, error))? {
            return Ok(FileLock { file });
        }
        if started.elapsed() >= longest {
            return Err(StoreError::Busy {
                path: path.to_owned(),
            });
        }
        std::thread::sleep(jittered(pause));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Takes a lock if nobody holds it; `false` when somebody does.
pub(crate) fn try_lock(file: &File, share: Share) -> io::Result<bool> {
    let operation = match share {
        Share::Shared => FlockOperation::NonBlockingLockShared,
        Share::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Opens the file of a lock, and makes it only when it is missing: locking an existing one must
/// write nothing.
fn open(path: &Path) -> Result<File, StoreError> {
    match reach(Point::Disk).and_then(|()| File::open(path)) {
        Ok(file) => return Ok(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("open", path, error)),
    }
    if let Some(parent) = path.parent() {
        crate::store::make_directory(parent)?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| StoreError::io("create", path, error))
}

/// Half the pause up to all of it.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    pause / 2 + (pause / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_holder_began_and_did_not_end_is_seen_by_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let hold = || StepLock::new(wait(&path).unwrap(), path.clone());
        let first = hold();
        assert!(!first.is_unfinished());
        first.begin().unwrap();
        drop(first);
        let second = hold();
        assert!(second.is_unfinished());
        second.begin().unwrap();
        second.end().unwrap();
        drop(second);
        assert!(!hold().is_unfinished());
    }

    #[test]
    fn sharers_get_along_and_an_exclusive_holder_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let short = Duration::from_millis(20);
        let one = wait_at_most(&path, Share::Shared, short).unwrap();
        let two = wait_at_most(&path, Share::Shared, short).unwrap();
        let refused = wait_at_most(&path, Share::Exclusive, short).unwrap_err();
        assert!(matches!(refused, StoreError::Busy { .. }), "{refused}");
        drop((one, two));
        let held = wait_at_most(&path, Share::Exclusive, short).unwrap();
        assert!(wait_at_most(&path, Share::Shared, short).is_err());
        drop(held);
        drop(wait(&path).unwrap());
    }
}
