//! Changes the index in one transaction.

use std::cell::RefCell;

use redb::{Database, WriteTransaction};

use super::deferred::{Changes, Deferred};
use super::definition;
use super::lookup::{Pairs, get, pairs};
use super::trouble::{Trouble, call};
use crate::StoreError;
use crate::failpoint::{Point, reach};
use crate::record::{Merge, Table, frame};

/// A transaction that is going on. What it put is visible to itself at once, to others later.
///
/// One that is deferred sees only what it put itself: it is done over by the next writer.
pub struct Writer<'t> {
    target: Target<'t>,
    /// What went wrong first: after that the transaction is lost, whatever the closure says.
    trouble: RefCell<Option<Trouble>>,
}

/// Where a transaction goes.
enum Target<'t> {
    Index(Vec<redb::Table<'t, &'static [u8], &'static [u8]>>),
    Later(Changes),
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Writer")
            .field("trouble", &self.trouble)
            .finish_non_exhaustive()
    }
}

impl Writer<'_> {
    /// The value under a key; `None` when there is none, or none that is whole.
    ///
    /// # Errors
    /// When the index fails; the whole write then does.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.check()?;
        let tables = match &self.target {
            Target::Index(tables) => tables,
            Target::Later(changes) => return Ok(changes.get(table, key)),
        };
        let found = call(|| get(table, &tables[table.position()], key));
        found
            .map(|(value, _)| value)
            .map_err(|trouble| self.fail(trouble))
    }

    /// The pairs whose keys begin with some bytes, ordered by key; those that are not whole left
    /// out.
    ///
    /// # Errors
    /// When the index fails; the whole write then does.
    pub fn prefix(&self, table: Table, prefix: &[u8]) -> Result<Pairs, StoreError> {
        self.check()?;
        let tables = match &self.target {
            Target::Index(tables) => tables,
            Target::Later(changes) => return Ok(changes.prefix(table, prefix)),
        };
        let found = call(|| pairs(table, &tables[table.position()], prefix));
        found
            .map(|(pairs, _)| pairs)
            .map_err(|trouble| self.fail(trouble))
    }

    /// Puts a value under a key, in place of the one that was there.
    ///
    /// # Errors
    /// When the index fails; the whole write then does.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.check()?;
        let tables = match &mut self.target {
            Target::Index(tables) => tables,
            Target::Later(changes) => {
                changes.put(table, key, value);
                return Ok(());
            }
        };
        let framed = frame(table, key, value);
        let open = &mut tables[table.position()];
        let done = call(|| {
            open.insert(key, framed.as_slice())?;
            Ok(())
        });
        done.map_err(|trouble| self.fail(trouble))
    }

    /// Removes the value under a key, if there is one.
    ///
    /// # Errors
    /// When the index fails; the whole write then does.
    pub fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        self.check()?;
        let tables = match &mut self.target {
            Target::Index(tables) => tables,
            Target::Later(changes) => {
                changes.remove(table, key);
                return Ok(());
            }
        };
        let open = &mut tables[table.position()];
        let done = call(|| {
            open.remove(key)?;
            Ok(())
        });
        done.map_err(|trouble| self.fail(trouble))
    }

    /// Keeps away from tables that failed once: they may be in any state.
    fn check(&self) -> Result<(), StoreError> {
        match &*self.trouble.borrow() {
            None => Ok(()),
            Some(trouble) => Err(StoreError::IndexDamaged {
                why: trouble.describe(),
            }),
        }
    }

    fn fail(&self, trouble: Trouble) -> StoreError {
        let why = trouble.describe();
        *self.trouble.borrow_mut() = Some(trouble);
        StoreError::IndexDamaged { why }
    }
}

/// Notes what the work of a caller would change, without an index.
pub(super) fn note(
    work: impl FnOnce(&mut Writer<'_>) -> Result<(), StoreError>,
) -> Result<Changes, StoreError> {
    let mut writer = Writer {
        target: Target::Later(Changes::default()),
        trouble: RefCell::new(None),
    };
    work(&mut writer)?;
    match writer.target {
        Target::Later(changes) => Ok(changes),
        Target::Index(_) => unreachable!("it was made to be deferred"),
    }
}

/// Why a transaction was not committed.
pub(super) enum Failed {
    /// The caller gave up.
    Work(StoreError),
    /// The index did.
    Index(Trouble),
}

/// Runs the work of a caller in one transaction, after what others had to defer.
pub(super) fn transact<T>(
    database: &Database,
    deferred: &[Deferred],
    merge: Merge,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, StoreError>,
) -> Result<T, Failed> {
    let transaction = call(|| Ok(database.begin_write()?)).map_err(Failed::Index)?;
    let result = {
        let tables = call(|| {
            let mut tables = Vec::with_capacity(Table::ALL.len());
            for table in Table::ALL {
                tables.push(transaction.open_table(definition(table))?);
            }
            Ok(tables)
        });
        let mut writer = Writer {
            target: Target::Index(tables.map_err(Failed::Index)?),
            trouble: RefCell::new(None),
        };
        let result = deferred
            .iter()
            .try_for_each(|earlier| earlier.apply(&mut writer, merge))
            .and_then(|()| work(&mut writer));
        let Writer { target, trouble } = writer;
        let dropped = call(|| {
            drop(target);
            Ok(())
        });
        match trouble.into_inner() {
            Some(trouble) => Err(Failed::Index(trouble)),
            None => dropped
                .map_err(Failed::Index)
                .and_then(|()| result.map_err(Failed::Work)),
        }
    };
    let value = match result {
        Ok(value) => value,
        Err(failed) => {
            abort(transaction);
            return Err(failed);
        }
    };
    if let Err(error) = reach(Point::BeforeCommit) {
        abort(transaction);
        return Err(Failed::Index(Trouble::Io(error)));
    }
    call(|| Ok(transaction.commit()?)).map_err(Failed::Index)?;
    reach(Point::AfterCommit).map_err(|error| Failed::Index(Trouble::Io(error)))?;
    Ok(value)
}

/// Drops what was put. An index that can't even do that is found damaged by whoever opens it next.
fn abort(transaction: WriteTransaction) {
    let _ = call(|| Ok(transaction.abort()?));
}
