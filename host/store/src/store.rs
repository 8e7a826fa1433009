//! The directory of a store: who may own it, how it is laid out, and its secret.
//!
//! Opening a store that exists reads and writes nothing.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vt_base::{AbsPath, Digest};

use crate::StoreError;
use crate::failpoint::{Point, reach};
use crate::index::Shared;
use crate::lock::{self, Share, StepLock};
use crate::record::{Merge, keep_latest};
use crate::used;

/// The directory of this layout. Another layout gets another name, and neither looks at the other.
const VERSION: &str = "v1";
/// How long the secret may be waited for.
const SECRET_WAIT: Duration = Duration::from_secs(10);

/// A store in a directory of its own.
///
/// Cheap to open and to keep: it holds no file and no lock, but for a snapshot that is shared for a
/// moment ([`Store::share`]), and may be shared by threads.
#[derive(Debug)]
pub struct Store {
    directory: AbsPath,
    version: PathBuf,
    secret: [u8; 32],
    pub(crate) merge: Merge,
    notices: Mutex<Vec<Notice>>,
    /// Set when a reader met damage that a checksum of one record does not explain.
    pub(crate) suspect: Arc<AtomicBool>,
    pub(crate) shared: Arc<Shared>,
}

/// Something that was put right and that a person should hear of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// The index was damaged and was begun anew: what it knew is lost.
    IndexRebuilt {
        /// Where the damaged index was moved.
        kept: AbsPath,
    },
    /// A newer `vt` wrote the index. It was set aside, and another one begun.
    IndexNewer {
        /// Where the newer index was moved.
        kept: AbsPath,
        /// Its format.
        format: u64,
    },
}

impl Store {
    /// Opens the store in a directory, and lays it out there at first use.
    ///
    /// # Errors
    /// [`StoreError::Untrusted`] when the directory belongs to somebody else, others may write it,
    /// what lies in it is open to others, or it is a symlink; [`StoreError::Io`] when it can't be
    /// made or read.
    pub fn open(directory: &AbsPath) -> Result<Self, StoreError> {
        let version = directory.as_path().join(VERSION);
        if !exists(directory.as_path())? {
            if let Some(parent) = directory.as_path().parent() {
                fs::create_dir_all(parent)
                    .map_err(|error| StoreError::io("create", parent, error))?;
            }
            make_directory(directory.as_path())?;
        }
        check_owner(directory, directory.as_path(), Others::MayLook)?;
        if exists(&version)? {
            check_owner(directory, &version, Others::StayOut)?;
        }
        let secret = match read_secret(&version.join("secret"))? {
            Some(secret) => secret,
            None => lay_out(directory, &version)?,
        };
        Ok(Self {
            directory: directory.clone(),
            version,
            secret,
            merge: keep_latest,
            notices: Mutex::default(),
            suspect: Arc::default(),
            shared: Arc::default(),
        })
    }

    /// The same store, with a say in what becomes of values whose writing was deferred. Without it
    /// the later one stands.
    #[must_use]
    pub fn merging(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    /// A key that only this store has, for digests of what must not be guessed.
    #[must_use]
    pub const fn secret(&self) -> [u8; 32] {
        self.secret
    }

    /// The directory the store was opened in.
    #[must_use]
    pub const fn directory(&self) -> &AbsPath {
        &self.directory
    }

    /// Takes what was put right since the last time this was asked.
    #[must_use]
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until no other process or thread holds this step, for as long as it takes.
    ///
    /// That the step was used is noted, see [`Store::step_used`].
    ///
    /// # Errors
    /// [`StoreError::Io`] when the lock can't be made.
    pub fn lock_step(&self, name: &[u8]) -> Result<StepLock, StoreError> {
        let path = self.step_lock_path(name);
        lock::wait(&path).map(|lock| locked(lock, path))
    }

    /// Like [`Store::lock_step`], but does not wait: `None` when somebody else holds it.
    ///
    /// # Errors
    /// Those of [`Store::lock_step`].
    pub fn try_lock_step(&self, name: &[u8]) -> Result<Option<StepLock>, StoreError> {
        let path = self.step_lock_path(name);
        Ok(lock::attempt(&path)?.map(|lock| locked(lock, path)))
    }

    pub(crate) fn step_lock_path(&self, name: &[u8]) -> PathBuf {
        let name = &Digest::of(name).to_hex()[..32];
        self.path("locks").join(name)
    }

    pub(crate) fn notice(&self, notice: Notice) {
        self.notices
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(notice);
    }

    /// The path of something in the directory of this layout.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.version.join(name)
    }
}

/// The lock of a step, which is used now.
fn locked(lock: lock::FileLock, path: PathBuf) -> StepLock {
    used::note(&path);
    StepLock::new(lock, path)
}

/// Makes a private directory and those above it, unless they are there.
pub(crate) fn make_directory(path: &Path) -> Result<(), StoreError> {
    reach(Point::Disk)
        .and_then(|()| DirBuilder::new().recursive(true).mode(0o700).create(path))
        .map_err(|error| StoreError::io("create", path, error))
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    match reach(Point::Disk).and_then(|()| fs::symlink_metadata(path)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io("look at", path, error)),
    }
}

/// What everybody else may do in a directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    /// Enter and read: nothing that matters lies in it.
    MayLook,
    /// Nothing at all.
    StayOut,
}

fn check_owner(directory: &AbsPath, path: &Path, others: Others) -> Result<(), StoreError> {
    let metadata =
        fs::symlink_metadata(path).map_err(|error| StoreError::io("look at", path, error))?;
    let why = if metadata.is_symlink() {
        "it is a symlink"
    } else if !metadata.is_dir() {
        "it is not a directory"
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        "it belongs to another user"
    } else if metadata.mode() & 0o022 != 0 {
        "others may write to it; `chmod go-w` makes it safe"
    } else if others == Others::StayOut && metadata.mode() & 0o077 != 0 {
        "others may read what is in it; `chmod -R go-rwx` makes it safe"
    } else {
        return Ok(());
    };
    Err(StoreError::Untrusted {
        directory: AbsPath::new(path).unwrap_or_else(|_| directory.clone()),
        why,
    })
}

/// Lays the directory out. The secret comes last: where it is, everything else is.
fn lay_out(directory: &AbsPath, version: &Path) -> Result<[u8; 32], StoreError> {
    make_directory(version)?;
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n\
               # This directory is a cache of `vt`. It may be deleted at any time.\n";
    create_whole(
        version,
        &directory.as_path().join("CACHEDIR.TAG"),
        tag.as_bytes(),
    )?;
    create_whole(version, &directory.as_path().join(".gitignore"), b"*\n")?;
    let path = version.join("secret");
    // A secret of a wrong length is damage. Two processes that replace it at once would end up
    // with two, hence the lock.
    let _lock = lock::wait_at_most(&version.join("index.lock"), Share::Exclusive, SECRET_WAIT)?;
    if let Some(secret) = read_secret(&path)? {
        return Ok(secret);
    }
    let _ = fs::remove_file(&path);
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|error| StoreError::io("make", &path, io::Error::other(error.to_string())))?;
    create_whole(version, &path, &secret)?;
    Ok(secret)
}

/// The secret, if there is one of the right length.
fn read_secret(path: &Path) -> Result<Option<[u8; 32]>, StoreError> {
    let opened = reach(Point::Disk).and_then(|()| OpenOptions::new().read(true).open(path));
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", path, error)),
    };
    let mut bytes = Vec::new();
    (&mut file)
        .take(33)
        .read_to_end(&mut bytes)
        .map_err(|error| StoreError::io("read", path, error))?;
    Ok(bytes.try_into().ok())
}

/// Creates a file with its content at once, unless it is there already.
fn create_whole(staging: &Path, path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("create", path, error);
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(staging)
        .map_err(failed)?;
    reach(Point::Disk).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_data().map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(refused) => Err(failed(refused.error)),
    }
}

/// Opens a file of the store for reading; `None` when it is missing.
pub(crate) fn open_if_there(path: &Path) -> Result<Option<File>, StoreError> {
    match reach(Point::Disk).and_then(|()| File::open(path)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("open", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn abs(path: &Path) -> AbsPath {
        AbsPath::new(path).unwrap()
    }

    fn untrusted(path: &Path) -> &'static str {
        match Store::open(&abs(path)).unwrap_err() {
            StoreError::Untrusted { why, .. } => why,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_store_is_private_tagged_and_keeps_its_secret() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("a/cache");
        let store = Store::open(&abs(&path)).unwrap();
        assert_eq!(Store::open(&abs(&path)).unwrap().secret(), store.secret());
        assert_ne!(store.secret(), [0; 32]);
        let mode = |name: &str| fs::metadata(path.join(name)).unwrap().mode() & 0o777;
        assert_eq!(
            (mode(""), mode("v1"), mode("v1/secret")),
            (0o700, 0o700, 0o600)
        );
        let tag = fs::read_to_string(path.join("CACHEDIR.TAG")).unwrap();
        assert!(
            tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"),
            "{tag}"
        );
        assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn threads_that_open_a_new_store_at_once_get_one_secret() {
        let outer = tempfile::tempdir().unwrap();
        let path = abs(&outer.path().join("cache"));
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let open = || Store::open(&path).unwrap().secret();
            let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            all.into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    }

    #[test]
    fn a_damaged_secret_is_replaced() {
        let outer = tempfile::tempdir().unwrap();
        let path = abs(outer.path());
        let before = Store::open(&path).unwrap().secret();
        fs::write(outer.path().join("v1/secret"), &before[..7]).unwrap();
        let after = Store::open(&path).unwrap().secret();
        assert_ne!(before, after);
        assert_eq!(Store::open(&path).unwrap().secret(), after);
    }

    #[test]
    fn directories_that_others_control_are_refused() {
        let outer = tempfile::tempdir().unwrap();
        let open = outer.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let refused = "others may write to it; `chmod go-w` makes it safe";
        assert_eq!(untrusted(&open), refused);
        fs::set_permissions(&open, fs::Permissions::from_mode(0o770)).unwrap();
        assert_eq!(untrusted(&open), refused);
        // The directory itself may be looked at, the one that holds everything may not.
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        Store::open(&abs(&open)).unwrap();
        fs::set_permissions(open.join("v1"), fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(
            untrusted(&open),
            "others may read what is in it; `chmod -R go-rwx` makes it safe"
        );
        let link = outer.path().join("link");
        symlink(outer.path(), &link).unwrap();
        assert_eq!(untrusted(&link), "it is a symlink");
        let file = outer.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(untrusted(&file), "it is not a directory");
        if rustix::process::geteuid().is_root() {
            let foreign = outer.path().join("foreign");
            fs::create_dir(&foreign).unwrap();
            std::os::unix::fs::chown(&foreign, Some(12_345), None).unwrap();
            assert_eq!(untrusted(&foreign), "it belongs to another user");
        }
    }

    #[test]
    fn a_store_of_another_version_is_left_alone() {
        let outer = tempfile::tempdir().unwrap();
        fs::create_dir_all(outer.path().join("v2/blobs")).unwrap();
        fs::write(outer.path().join("v2/index.redb"), "from the future").unwrap();
        let store = Store::open(&abs(outer.path())).unwrap();
        assert!(store.read().unwrap().is_none());
        let kept = fs::read_to_string(outer.path().join("v2/index.redb")).unwrap();
        assert_eq!(kept, "from the future");
    }

    #[test]
    fn a_step_is_held_by_one_at_a_time() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(&abs(outer.path())).unwrap();
        let held = store.lock_step(b"app#build/0").unwrap();
        let other = store.lock_step(b"app#test/0").unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| store.lock_step(b"app#build/0").map(drop));
            std::thread::sleep(Duration::from_millis(30));
            assert!(!waiter.is_finished());
            drop(held);
            waiter.join().unwrap().unwrap();
        });
        drop(other);
    }
}
