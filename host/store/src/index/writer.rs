//! Changes the index in one transaction.

use std::cell::RefCell;

use redb::{Database, WriteTransaction};

use super::definition;
use super::lookup::{Pairs, get, pairs};
use super::trouble::{Trouble, call};
use crate::StoreError;
use crate::failpoint::{Point, reach};
use crate::record::{Table, frame};

/// A transaction that is going on. What it put is visible to itself at once, to others later.
pub struct Writer<'t> {
    tables: Vec<redb::Table<'t, &'static [u8], &'static [u8]>>,
    /// What went wrong first: after that the transaction is lost, whatever the closure says.
    trouble: RefCell<Option<Trouble>>,
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
        let found = call(|| get(table, &self.tables[table.position()], key));
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
        let found = call(|| pairs(table, &self.tables[table.position()], prefix));
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
        let framed = frame(table, key, value);
        let open = &mut self.tables[table.position()];
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
        let open = &mut self.tables[table.position()];
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

/// Why a transaction was not committed.
pub(super) enum Failed {
    /// The caller gave up.
    Work(StoreError),
    /// The index did.
    Index(Trouble),
}

/// Runs the work of a caller in one transaction.
pub(super) fn transact<T>(
    database: &Database,
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
            tables: tables.map_err(Failed::Index)?,
            trouble: RefCell::new(None),
        };
        let result = work(&mut writer);
        let Writer { tables, trouble } = writer;
        let dropped = call(|| {
            drop(tables);
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
    Ok(value)
}

/// Drops what was put. An index that can't even do that is found damaged by whoever opens it next.
fn abort(transaction: WriteTransaction) {
    let _ = call(|| Ok(transaction.abort()?));
}
