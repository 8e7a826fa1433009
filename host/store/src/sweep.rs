//! Removes what nobody names any more. Deciding what is named is the caller's business.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use vt_base::Digest;

use crate::blob::remove_if_there;
use crate::journal::journals;
use crate::lock::{self, StepLock};
use crate::store::{Store, make_directory, open_if_there};
use crate::used;
use crate::{Damage, StoreError};

/// How old a blob must be before it is garbage: a process that just wrote it names it soon.
const BLOB_GRACE: Duration = Duration::from_mins(10);
/// How old a temporary file must be before its process is taken to be dead.
const STAGING_GRACE: Duration = Duration::from_hours(1);

/// What [`Store::sweep`] removed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Swept {
    /// How many blobs.
    pub blobs: u64,
    /// How long they were together, in bytes.
    pub bytes: u64,
}

impl Store {
    /// Removes blobs that are not among the referenced ones and older than ten minutes, and
    /// temporary files older than an hour. Breaks off when it is told to stop.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the directory can't be listed.
    pub fn sweep(
        &self,
        referenced: &BTreeSet<Digest>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Swept, StoreError> {
        let now = SystemTime::now();
        let mut swept = Swept::default();
        for shelf in list(&self.path("blobs"))? {
            for blob in list(&shelf.path())? {
                if is_stopped() {
                    return Ok(swept);
                }
                let Some(metadata) = metadata(&blob) else {
                    continue;
                };
                let name = blob.file_name().to_str().and_then(Digest::from_hex);
                if name.is_some_and(|digest| referenced.contains(&digest))
                    || !is_older(&metadata, now, BLOB_GRACE)
                {
                    continue;
                }
                if self.take_out(&blob.path(), now)? {
                    swept.blobs += 1;
                    swept.bytes += metadata.len();
                }
            }
        }
        self.sweep_journals()?;
        self.sweep_staging(now)?;
        Ok(swept)
    }

    /// The blobs there are, with the length of each in bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the directory can't be listed.
    pub fn blobs(&self) -> Result<BTreeMap<Digest, u64>, StoreError> {
        let mut blobs = BTreeMap::new();
        for shelf in list(&self.path("blobs"))? {
            for blob in list(&shelf.path())? {
                let name = blob.file_name().to_str().and_then(Digest::from_hex);
                if let (Some(digest), Some(metadata)) = (name, metadata(&blob)) {
                    blobs.insert(digest, metadata.len());
                }
            }
        }
        Ok(blobs)
    }

    /// The length of the index in bytes; 0 when there is none.
    #[must_use]
    pub fn index_length(&self) -> u64 {
        fs::metadata(self.index_path()).map_or(0, |metadata| metadata.len())
    }

    /// Reads a whole blob and compares it with its name.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`], or [`StoreError::Io`].
    pub fn check_blob(&self, digest: &Digest) -> Result<(), StoreError> {
        let path = self.blob_path(digest);
        let mut file = open_if_there(&path)?.ok_or(StoreError::MissingBlob { digest: *digest })?;
        let found =
            Digest::of_reader(&mut file).map_err(|error| StoreError::io("read", &path, error))?;
        if found == *digest {
            return Ok(());
        }
        Err(StoreError::DamagedBlob {
            digest: *digest,
            why: Damage::Name,
        })
    }

    /// Removes a blob, whoever names it and however young it is.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk refuses.
    pub fn remove_blob(&self, digest: &Digest) -> Result<(), StoreError> {
        remove_if_there(&self.blob_path(digest))
    }

    /// The right to sweep, which one process has at a time; `None` when another has it.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the lock can't be made.
    pub fn try_lock_sweep(&self) -> Result<Option<StepLock>, StoreError> {
        let path = self.path("locks").join("sweep");
        Ok(lock::attempt(&path)?.map(|lock| StepLock::new(lock, path)))
    }

    /// When [`Store::note_sweep`] was called last; `None` if never.
    #[must_use]
    pub fn last_swept(&self) -> Option<SystemTime> {
        used::modified(&self.path("swept"))
    }

    /// Notes that a sweep is complete.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk refuses.
    pub fn note_sweep(&self) -> Result<(), StoreError> {
        let path = self.path("swept");
        fs::write(&path, b"").map_err(|error| StoreError::io("write", path, error))
    }

    /// Removes a blob, unless it was written anew since it was looked at. `true` when it is gone.
    fn take_out(&self, blob: &Path, now: SystemTime) -> Result<bool, StoreError> {
        let staging = self.path("staging");
        make_directory(&staging)?;
        let failed = |error| StoreError::io("remove", blob, error);
        let trash = tempfile::Builder::new()
            .prefix("trash-")
            .tempdir_in(&staging)
            .map_err(failed)?;
        let taken = trash.path().join("blob");
        match fs::rename(blob, &taken) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            answer => answer.map_err(failed)?,
        }
        let metadata = fs::metadata(&taken).map_err(failed)?;
        if is_older(&metadata, now, BLOB_GRACE) {
            return Ok(true);
        }
        fs::rename(&taken, blob).map_err(failed)?;
        Ok(false)
    }

    /// Removes what processes left behind that died before they could name or remove it.
    fn sweep_staging(&self, now: SystemTime) -> Result<(), StoreError> {
        let journals = journals(self)?;
        let is_needed = |entry: &DirEntry| {
            let name = entry.file_name();
            journals
                .iter()
                .any(|path| path.file_name() == Some(name.as_os_str()))
        };
        let mut left = list(&self.path("staging"))?;
        left.retain(|entry| !is_needed(entry));
        // Elsewhere a file without its final name begins with a dot.
        for name in ["", "journal", "deferred"] {
            let hidden = list(&self.path(name))?.into_iter();
            left.extend(hidden.filter(is_hidden));
        }
        for entry in left {
            let Some(metadata) = metadata(&entry) else {
                continue;
            };
            if !is_older(&metadata, now, STAGING_GRACE) {
                continue;
            }
            // Whatever can't be removed is tried again by the next sweep.
            let _ = if metadata.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
        }
        Ok(())
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn list(path: &Path) -> Result<Vec<DirEntry>, StoreError> {
    match fs::read_dir(path).and_then(Iterator::collect) {
        Ok(entries) => Ok(entries),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(StoreError::io("list", path, error)),
    }
}

/// `None` when another sweep was faster.
fn metadata(entry: &DirEntry) -> Option<Metadata> {
    entry.metadata().ok()
}

fn is_older(metadata: &Metadata, now: SystemTime, grace: Duration) -> bool {
    let age = metadata
        .modified()
        .ok()
        .and_then(|modified| now.duration_since(modified).ok());
    age.is_some_and(|age| age > grace)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};

    use vt_base::AbsPath;

    use super::*;

    fn age(path: &Path, by: Duration) {
        let times = FileTimes::new().set_modified(SystemTime::now() - by);
        File::open(path).unwrap().set_times(times).unwrap();
    }

    #[test]
    fn only_old_blobs_that_nobody_names_are_removed() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(&AbsPath::new(outer.path()).unwrap()).unwrap();
        let named = store.put_bytes(b"named").unwrap();
        let young = store.put_bytes(b"young").unwrap();
        let old = store.put_bytes(b"old").unwrap();
        let again = store.put_bytes(b"again").unwrap();
        let hour = Duration::from_hours(1);
        for digest in [&named, &old, &again] {
            age(&store.blob_path(digest), hour);
        }
        // Written again, hence about to be named.
        store.put_bytes(b"again").unwrap();
        let length = fs::metadata(store.blob_path(&old)).unwrap().len();
        let swept = store.sweep(&BTreeSet::from([named]), &|| false).unwrap();
        assert_eq!(
            swept,
            Swept {
                blobs: 1,
                bytes: length
            }
        );
        for digest in [named, young, again] {
            store.get_bytes(&digest, 100).unwrap();
        }
        assert!(matches!(
            store.get_bytes(&old, 100),
            Err(StoreError::MissingBlob { .. })
        ));
        assert_eq!(fs::read_dir(store.path("staging")).unwrap().count(), 0);
    }

    #[test]
    fn leftovers_of_dead_processes_are_removed() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(&AbsPath::new(outer.path()).unwrap()).unwrap();
        let staging = store.path("staging");
        fs::create_dir_all(staging.join("1-dead")).unwrap();
        fs::write(staging.join("1-dead/1"), "x").unwrap();
        fs::write(staging.join("blob-dead"), "x").unwrap();
        fs::write(staging.join("blob-live"), "x").unwrap();
        let old = Duration::from_hours(2);
        age(&staging.join("1-dead"), old);
        age(&staging.join("blob-dead"), old);
        fs::create_dir(store.path("journal")).unwrap();
        fs::write(store.path("journal").join(".1-dead"), "x").unwrap();
        age(&store.path("journal").join(".1-dead"), old);
        store.sweep(&BTreeSet::new(), &|| false).unwrap();
        assert_eq!(list(&store.path("journal")).unwrap().len(), 0);
        let left: Vec<_> = list(&staging)
            .unwrap()
            .iter()
            .map(DirEntry::file_name)
            .collect();
        assert_eq!(left, ["blob-live"]);
    }
}
