//! The index: which entries there are. Nothing outside this folder knows redb.
//!
//! redb allows one process at a time, and opening for writing costs several syncs. So reading
//! opens read-only under a shared lock on `index.lock`, writing is one short transaction under an
//! exclusive one, and nobody keeps either for longer than a moment, whatever runs. redb trusts the bytes
//! of its file, so that every call is guarded against panics and every value carries a checksum.

mod deferred;
mod lookup;
mod shared;
mod snapshot;
mod trouble;
mod writer;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redb::{Builder, Database, ReadableDatabase as _, TableDefinition};
use vt_base::AbsPath;

use self::snapshot::Reader;
use self::trouble::{Trouble, call};
use self::writer::{Failed, note, transact};
use crate::StoreError;
use crate::failpoint::{Point, reach};
use crate::lock::{self, Share};
use crate::record::Table;
use crate::store::{Notice, Store};

pub(crate) use self::shared::Shared;
pub use self::snapshot::Snapshot;
pub use self::writer::Writer;

/// How long a reader waits for a writer. Being late costs a miss, not a wrong result.
const READ_WAIT: Duration = Duration::from_secs(2);
/// How long a writer waits for readers and other writers.
const WRITE_WAIT: Duration = Duration::from_secs(10);
/// How long a write that can be deferred waits. A task must not stand still for the cache.
const DEFER_WAIT: Duration = Duration::from_secs(2);
/// What redb may keep in memory, in bytes. Its default is a gibibyte.
const MEMORY: usize = 16 << 20;
/// The format of the records. An index of a newer one is set aside.
const FORMAT: u64 = 1;
/// How many damaged indexes are kept for inspection.
const KEPT: usize = 3;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Whether the index became smaller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compacted {
    /// It did.
    Yes,
    /// There was nothing to give back.
    No,
}

/// Whether a write was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// It is in the index.
    Now,
    /// Others held the index for too long: it is kept, and the next writer does it.
    Later,
}

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

const fn definition(table: Table) -> Definition {
    TableDefinition::new(table.name())
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(MEMORY);
    builder
}

impl Store {
    /// What the index holds now; `None` when nothing was ever written.
    ///
    /// Writes nothing, unless the process that wrote last was killed in the act: then the index
    /// is repaired first. Writers wait while a snapshot is alive, so look up and drop it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when a writer does not finish within two seconds, [`StoreError::Io`].
    /// A damaged index is no error, nor is one that a newer `vt` wrote: it is set aside and a
    /// [`Notice`] says so.
    pub fn read(&self) -> Result<Option<Snapshot>, StoreError> {
        let path = self.index_path();
        for _ in 0..2 {
            if !path
                .try_exists()
                .map_err(|error| StoreError::io("look at", &path, error))?
            {
                return Ok(None);
            }
            let lock = lock::wait_at_most(&self.lock_path(), Share::Shared, READ_WAIT)?;
            match Snapshot::open(self, lock) {
                Ok(snapshot) => return Ok(Some(snapshot)),
                Err(Trouble::NeedsRepair | Trouble::Damaged(_) | Trouble::Newer(_)) => {
                    self.mend()?;
                }
                Err(Trouble::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(None);
                }
                Err(trouble) => return Err(self.error("read", trouble)),
            }
        }
        Err(StoreError::Busy { path })
    }

    /// Changes the index in one transaction: all of it is kept, or nothing when the closure fails.
    ///
    /// Waits up to ten seconds for others; it must not be called while this thread holds a
    /// [`Snapshot`]. Keep the closure short, everybody else waits for it.
    ///
    /// # Errors
    /// What the closure fails with; [`StoreError::Rebuilt`] when the index turned out damaged
    /// underneath it; [`StoreError::Busy`], [`StoreError::Io`].
    pub fn write<T>(
        &self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write_within(WRITE_WAIT, work)
    }

    /// Like [`Store::write`], but when others hold the index for more than two seconds, what the
    /// closure changes is kept in a file and left to the next writer. The closure then sees an
    /// empty index, and [`Store::merging`] says what becomes of what it puts.
    ///
    /// Of an index that turned out damaged the new one is written.
    ///
    /// # Errors
    /// What the closure fails with; [`StoreError::Rebuilt`], [`StoreError::Io`].
    pub fn write_or_defer(
        &self,
        work: impl Fn(&mut Writer<'_>) -> Result<(), StoreError>,
    ) -> Result<Written, StoreError> {
        let outcome = match self.write_within(DEFER_WAIT, &work) {
            Err(StoreError::Rebuilt { .. }) => self.write_within(DEFER_WAIT, &work),
            outcome => outcome,
        };
        match outcome {
            Err(StoreError::Busy { .. }) => {
                self.defer(note(work)?)?;
                Ok(Written::Later)
            }
            outcome => outcome.map(|()| Written::Now),
        }
    }

    fn write_within<T>(
        &self,
        longest: Duration,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _alone = self.shared.alone();
        let _lock = lock::wait_at_most(&self.lock_path(), Share::Exclusive, longest)?;
        let deferred = self.deferred()?;
        let database = self.open_for_writing()?;
        let outcome = transact(&database, &deferred, self.merge, work);
        let closed = call(|| {
            drop(database);
            Ok(())
        });
        match outcome {
            // What is committed stays committed, whatever closing says.
            Ok(value) => {
                for earlier in &deferred {
                    earlier.forget()?;
                }
                Ok(value)
            }
            Err(Failed::Work(error)) => Err(error),
            Err(Failed::Index(Trouble::Damaged(_))) => {
                let kept = self.set_aside(Aside::Damaged)?;
                self.notice(Notice::IndexRebuilt { kept: kept.clone() });
                Err(StoreError::Rebuilt { kept })
            }
            Err(Failed::Index(trouble)) => {
                drop(closed);
                Err(self.error("write", trouble))
            }
        }
    }

    /// Gives back the room that removed records took up in the index.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when others do not let go within ten seconds; [`StoreError::Io`].
    pub fn compact(&self) -> Result<Compacted, StoreError> {
        let _alone = self.shared.alone();
        let _lock = lock::wait_at_most(&self.lock_path(), Share::Exclusive, WRITE_WAIT)?;
        let path = self.index_path();
        if !path
            .try_exists()
            .map_err(|error| StoreError::io("look at", &path, error))?
        {
            return Ok(Compacted::No);
        }
        let mut database = self.open_for_writing()?;
        let done = call(|| {
            let done = database.compact()?;
            drop(database);
            Ok(done)
        });
        match done {
            Ok(true) => Ok(Compacted::Yes),
            Ok(false) => Ok(Compacted::No),
            Err(trouble) => Err(self.error("compact", trouble)),
        }
    }

    pub(crate) fn index_path(&self) -> PathBuf {
        self.path("index.redb")
    }

    fn lock_path(&self) -> PathBuf {
        self.path("index.lock")
    }

    fn error(&self, doing: &'static str, trouble: Trouble) -> StoreError {
        let path = self.index_path();
        match trouble {
            Trouble::NeedsRepair | Trouble::Busy => StoreError::Busy { path },
            Trouble::Newer(format) => StoreError::IndexDamaged {
                why: Trouble::Newer(format).describe(),
            },
            Trouble::Io(error) => StoreError::io(doing, path, error),
            Trouble::Damaged(why) => StoreError::IndexDamaged { why },
        }
    }

    /// Repairs an index whose writer was killed, and sets a damaged or newer one aside.
    fn mend(&self) -> Result<(), StoreError> {
        let _alone = self.shared.alone();
        let _lock = lock::wait_at_most(&self.lock_path(), Share::Exclusive, WRITE_WAIT)?;
        if let Err(Trouble::Newer(format)) = Reader::open(&self.index_path()) {
            return self.make_way_for_older(format);
        }
        // Somebody else may have mended it while this process waited.
        let repaired = call(|| {
            // Closing hides errors, such as a full disk; committing does not.
            builder().open(self.index_path())?.begin_write()?.commit()?;
            Ok(())
        });
        match repaired.and_then(|()| Reader::open(&self.index_path()).map(drop)) {
            Ok(()) => Ok(()),
            Err(Trouble::Damaged(_)) => {
                let kept = self.set_aside(Aside::Damaged)?;
                self.notice(Notice::IndexRebuilt { kept });
                Ok(())
            }
            Err(Trouble::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(trouble) => Err(self.error("repair", trouble)),
        }
    }

    /// Opens the index under the exclusive lock. A missing one is made, a damaged one replaced.
    fn open_for_writing(&self) -> Result<Database, StoreError> {
        let path = self.index_path();
        if path
            .try_exists()
            .map_err(|error| StoreError::io("look at", &path, error))?
        {
            // Opening for writing touches even a file that is then refused.
            if let Err(Trouble::Newer(format)) = Reader::open(&path) {
                self.make_way_for_older(format)?;
                return self
                    .begin()
                    .map_err(|trouble| self.error("create", trouble));
            }
            let check = self.suspect.swap(false, Ordering::Relaxed);
            let opened = call(|| {
                reach(Point::Disk)?;
                let mut database = builder().open(&path)?;
                if check {
                    database.check_integrity()?;
                }
                Ok(database)
            })
            .and_then(|database| check_format(&database).map(|()| database));
            match opened {
                Ok(database) => return Ok(database),
                Err(Trouble::Damaged(_)) => {
                    let kept = self.set_aside(Aside::Damaged)?;
                    self.notice(Notice::IndexRebuilt { kept });
                }
                Err(trouble) => return Err(self.error("open", trouble)),
            }
        }
        self.begin()
            .map_err(|trouble| self.error("create", trouble))
    }

    /// Makes an empty index beside its name and gives it the name when it is whole, so that no
    /// reader meets a half-made one.
    fn begin(&self) -> Result<Database, Trouble> {
        let path = self.index_path();
        let new = self.path("index.redb.new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Trouble::Io(error));
            }
            _ => {}
        }
        reach(Point::Disk).map_err(Trouble::Io)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .map_err(Trouble::Io)?;
        call(|| {
            let database = builder().create_file(file)?;
            let transaction = database.begin_write()?;
            transaction.open_table(META)?.insert("format", FORMAT)?;
            for table in Table::ALL {
                transaction.open_table(definition(table))?;
            }
            transaction.commit()?;
            reach(Point::Disk)?;
            fs::rename(&new, &path)?;
            Ok(database)
        })
    }

    /// Sets an index aside that a newer `vt` wrote; this one can make nothing of it.
    fn make_way_for_older(&self, format: u64) -> Result<(), StoreError> {
        let kept = self.set_aside(Aside::Newer)?;
        self.notice(Notice::IndexNewer { kept, format });
        Ok(())
    }

    /// Moves an index out of the way, under the exclusive lock.
    fn set_aside(&self, why: Aside) -> Result<AbsPath, StoreError> {
        let path = self.index_path();
        let why = match why {
            Aside::Damaged => "damaged",
            Aside::Newer => "newer",
        };
        let name = |number| self.path(&format!("index.redb.{why}-{number}"));
        let free = (1..KEPT).map(name).find(|kept| !kept.exists());
        let kept = free.unwrap_or_else(|| name(KEPT));
        reach(Point::Disk)
            .and_then(|()| fs::rename(&path, &kept))
            .map_err(|error| StoreError::io("set aside", &path, error))?;
        Ok(AbsPath::new(kept).expect("the directory of a store is absolute"))
    }
}

/// Why an index is set aside.
#[derive(Clone, Copy)]
enum Aside {
    Damaged,
    Newer,
}

fn check_format(database: &Database) -> Result<(), Trouble> {
    let found = call(|| {
        let table = database.begin_read()?.open_table(META)?;
        Ok(table.get("format")?.map(|format| format.value()))
    })?;
    judge_format(found)
}

fn judge_format(found: Option<u64>) -> Result<(), Trouble> {
    match found {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => Err(Trouble::Newer(newer)),
        _ => Err(Trouble::Damaged("it does not say its format".to_owned())),
    }
}
