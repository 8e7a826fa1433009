//! Reads the index as it was at one moment.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redb::{ReadOnlyDatabase, ReadOnlyTable, ReadableDatabase as _};

use super::lookup::{Pairs, get, pairs};
use super::trouble::{Trouble, call};
use super::{FORMAT, META, builder, definition, judge_format};
use crate::StoreError;
use crate::failpoint::{Point, reach};
use crate::lock::FileLock;
use crate::panics::guarded;
use crate::record::Table;
use crate::store::Store;

/// The open tables of a transaction that only reads.
pub(super) struct Reader {
    tables: Vec<ReadOnlyTable<&'static [u8], &'static [u8]>>,
    database: ReadOnlyDatabase,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        let (reader, format) = call(|| {
            reach(Point::Disk)?;
            let database = builder().open_read_only(path)?;
            let transaction = database.begin_read()?;
            let format = transaction
                .open_table(META)?
                .get("format")?
                .map(|format| format.value());
            let mut tables = Vec::with_capacity(Table::ALL.len());
            // A newer format may have other tables; it is refused below.
            if format == Some(FORMAT) {
                for table in Table::ALL {
                    tables.push(transaction.open_table(definition(table))?);
                }
            }
            Ok((Self { tables, database }, format))
        })?;
        judge_format(format).map(|()| reader)
    }
}

/// The index as it was when it was read.
///
/// Writers wait while this is alive. A record that is damaged counts as absent.
pub struct Snapshot {
    /// `None` once the file proved damaged: then nothing more is read from it.
    reader: Mutex<Option<Reader>>,
    damaged: AtomicU64,
    path: PathBuf,
    suspect: Arc<AtomicBool>,
    _lock: FileLock,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Snapshot")
            .field("damaged", &self.damaged)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(super) fn open(store: &Store, lock: FileLock) -> Result<Self, Trouble> {
        let path = store.index_path();
        let reader = Reader::open(&path)?;
        Ok(Self {
            reader: Mutex::new(Some(reader)),
            damaged: AtomicU64::new(0),
            path,
            suspect: Arc::clone(&store.suspect),
            _lock: lock,
        })
    }

    /// The value under a key; `None` when there is none, or none that is whole.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the file can't be read.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.look(None, |reader| {
            get(table, &reader.tables[table.position()], key)
        })
    }

    /// The pairs whose keys begin with some bytes, ordered by key; those that are not whole left
    /// out.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the file can't be read.
    pub fn prefix(&self, table: Table, prefix: &[u8]) -> Result<Pairs, StoreError> {
        self.look(Vec::new(), |reader| {
            pairs(table, &reader.tables[table.position()], prefix)
        })
    }

    /// How many records were met so far that were damaged, and hence counted as absent.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    fn look<T>(
        &self,
        nothing: T,
        work: impl FnOnce(&Reader) -> Result<(T, u64), redb::Error>,
    ) -> Result<T, StoreError> {
        let mut slot = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(reader) = &*slot else {
            return Ok(nothing);
        };
        match call(|| work(reader)) {
            Ok((found, damaged)) => {
                self.damaged.fetch_add(damaged, Ordering::Relaxed);
                Ok(found)
            }
            Err(Trouble::Io(error)) => Err(StoreError::io("read", &self.path, error)),
            Err(_) => {
                // The next writer checks the whole file, and replaces it if that fails.
                self.suspect.store(true, Ordering::Relaxed);
                self.damaged.fetch_add(1, Ordering::Relaxed);
                close(slot.take());
                Ok(nothing)
            }
        }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        close(
            self.reader
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

fn close(reader: Option<Reader>) {
    let _ = guarded(|| {
        if let Some(Reader { tables, database }) = reader {
            drop(tables);
            drop(database);
        }
    });
}
