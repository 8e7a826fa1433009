//! Writes whose turn did not come: noted in a file, and done by whoever writes next.
//!
//! A file is `checksum | postcard`, the checksum being XXH3-128. Files are applied in the order of
//! their names, which begin with the time, and removed after the transaction that holds them is
//! committed. One that is applied twice, because a process was killed in between, puts the same
//! values once more.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::lookup::Pairs;
use super::writer::Writer;
use crate::StoreError;
use crate::blob::remove_if_there;
use crate::failpoint::{Point, reach};
use crate::record::{Merge, Table};
use crate::store::{Store, make_directory};

/// The format of a file. Another one is left to whoever wrote it.
const FORMAT: u8 = 1;
/// The length of the checksum, in bytes.
const CHECKSUM: usize = 16;
/// The directory of the files.
const DIRECTORY: &str = "deferred";

/// What a transaction would change: values to put, and keys to remove.
#[derive(Default, Debug)]
pub(super) struct Changes(BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>);

impl Changes {
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(&(table, key.to_vec())).cloned().flatten()
    }

    pub(super) fn prefix(&self, table: Table, prefix: &[u8]) -> Pairs {
        self.0
            .range((table, prefix.to_vec())..)
            .take_while(|((of, key), _)| *of == table && key.starts_with(prefix))
            .filter_map(|((_, key), value)| Some((key.clone(), value.clone()?)))
            .collect()
    }

    pub(super) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.0.insert((table, key.to_vec()), Some(value.to_vec()));
    }

    pub(super) fn remove(&mut self, table: Table, key: &[u8]) {
        self.0.insert((table, key.to_vec()), None);
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    format: u8,
    changes: Vec<Change>,
}

#[derive(Serialize, Deserialize)]
struct Change {
    /// The position of the table.
    table: u8,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// A deferred write that was found.
pub(super) struct Deferred {
    path: PathBuf,
    /// Nothing, if the file was torn: then nobody was ever told that it is kept.
    changes: Vec<(Table, Change)>,
}

impl Deferred {
    /// Does what was deferred.
    pub(super) fn apply(&self, writer: &mut Writer<'_>, merge: Merge) -> Result<(), StoreError> {
        for (table, Change { key, value, .. }) in &self.changes {
            match value {
                None => writer.remove(*table, key)?,
                Some(value) => {
                    let now = writer.get(*table, key)?;
                    writer.put(*table, key, &merge(*table, key, now, value.clone()))?;
                }
            }
        }
        Ok(())
    }

    /// Forgets it, once the transaction that holds it is committed.
    pub(super) fn forget(&self) -> Result<(), StoreError> {
        remove_if_there(&self.path)
    }
}

impl Store {
    /// Whether there are writes that had to be deferred and that nobody has done yet.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the directory can't be listed.
    pub fn has_deferred(&self) -> Result<bool, StoreError> {
        Ok(!self.deferred_files()?.is_empty())
    }

    /// Keeps changes for the next writer. They are durable when this returns.
    pub(super) fn defer(&self, changes: Changes) -> Result<(), StoreError> {
        let directory = self.path(DIRECTORY);
        make_directory(&directory)?;
        let changes = changes.0.into_iter().map(|((table, key), value)| Change {
            table: u8::try_from(table.position()).expect("there are few tables"),
            key,
            value,
        });
        let content = Content {
            format: FORMAT,
            changes: changes.collect(),
        };
        let content = postcard::to_stdvec(&content).expect("changes can always be serialised");
        let time = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let random = getrandom::u64().unwrap_or_default();
        let name = format!("{time:032x}-{}-{random:016x}", std::process::id());
        let (new, path) = (directory.join(format!(".{name}")), directory.join(&name));
        let written = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&new)?;
            reach(Point::Disk)?;
            file.write_all(&xxh3_128(&content).to_le_bytes())?;
            file.write_all(&content)?;
            file.sync_data()?;
            reach(Point::Disk)?;
            fs::rename(&new, &path)
        };
        written().map_err(|error| {
            let _ = fs::remove_file(&new);
            StoreError::io("write", path, error)
        })
    }

    /// What others had to defer, the earliest first. Asked under the exclusive lock.
    pub(super) fn deferred(&self) -> Result<Vec<Deferred>, StoreError> {
        let mut found = Vec::new();
        for path in self.deferred_files()? {
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(StoreError::io("read", path, error)),
            };
            let changes = match decode(&bytes) {
                Some(content) if content.format != FORMAT => continue,
                Some(content) => content.changes,
                None => Vec::new(),
            };
            let changes = changes.into_iter().filter_map(|change| {
                let table = Table::ALL.get(usize::from(change.table))?;
                Some((*table, change))
            });
            found.push(Deferred {
                path,
                changes: changes.collect(),
            });
        }
        Ok(found)
    }

    /// The files there are, those still being written left out.
    fn deferred_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let directory = self.path(DIRECTORY);
        let failed = |error| StoreError::io("list", &directory, error);
        let entries = match reach(Point::Disk).and_then(|()| fs::read_dir(&directory)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    }
}

fn decode(bytes: &[u8]) -> Option<Content> {
    let (checksum, content) = bytes.split_first_chunk::<CHECKSUM>()?;
    if *checksum != xxh3_128(content).to_le_bytes() {
        return None;
    }
    postcard::from_bytes(content).ok()
}
