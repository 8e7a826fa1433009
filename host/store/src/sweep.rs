//! Removes what nobody names any more. Deciding what is named is the caller's business.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use vt_base::Digest;

use crate::StoreError;
use crate::journal::journals;
use crate::store::{Store, make_directory};

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
    /// temporary files older than an hour.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the directory can't be listed.
    pub fn sweep(&self, referenced: &BTreeSet<Digest>) -> Result<Swept, StoreError> {
        let now = SystemTime::now();
        let mut swept = Swept::default();
        for shelf in list(&self.path("blobs"))? {
            for blob in list(&shelf.path())? {
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
        for name in ["", "journal"] {
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
        let swept = store.sweep(&BTreeSet::from([named])).unwrap();
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
        store.sweep(&BTreeSet::new()).unwrap();
        assert_eq!(list(&store.path("journal")).unwrap().len(), 0);
        let left: Vec<_> = list(&staging)
            .unwrap()
            .iter()
            .map(DirEntry::file_name)
            .collect();
        assert_eq!(left, ["blob-live"]);
    }
}
