//! Lists what the store holds, a little at a time: nobody who runs a task waits for a list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use vt_base::{Digest, StepId};
use vt_store::{Store, StoreError, Table};

use crate::records::{EntryRecord, LedgerRecord, Recency, decode, encode, key};

/// How many records are removed in one transaction: others wait for it.
const AT_ONCE: usize = 64;
/// The length of the key of an entry, in bytes; a shorter one is that of a weak key.
const ENTRY_KEY: usize = 2 * size_of::<Digest>();

/// An entry, without what it says about files.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) weak: Digest,
    pub(crate) strong: Digest,
    pub(crate) path_set: Digest,
    pub(crate) step: StepId,
    pub(crate) blobs: Vec<Digest>,
    /// How much room it takes in the index, in bytes.
    pub(crate) length: u64,
    pub(crate) used: SystemTime,
}

/// What the store holds.
#[derive(Default, Debug)]
pub(crate) struct Inventory {
    pub(crate) entries: Vec<Kept>,
    /// Keys of entries that no program of this version can read.
    pub(crate) unreadable: Vec<Vec<u8>>,
    /// All path sets.
    pub(crate) path_sets: BTreeSet<Digest>,
    /// The path sets that rows of the ledger name.
    pub(crate) named_by_ledger: BTreeSet<Digest>,
    /// How many records are damaged. What they named is not known.
    pub(crate) damaged: u64,
}

/// Lists everything; `None` when it was told to stop. Without an index there is nothing.
pub(crate) fn take(
    store: &Store,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Option<Inventory>, StoreError> {
    let mut found = Inventory::default();
    // Path sets come first: one that is stored meanwhile is not missed among those in use.
    for table in [Table::PathSets, Table::Ledger, Table::Entries] {
        for first in 0..=u8::MAX {
            if is_stopped() {
                return Ok(None);
            }
            let Some(snapshot) = store.read()? else {
                return Ok(Some(found));
            };
            let pairs = snapshot.prefix(table, &[first])?;
            found.damaged += snapshot.damaged();
            drop(snapshot);
            for (key, value) in pairs {
                found.add(store, table, key, &value);
            }
        }
    }
    Ok(Some(found))
}

impl Inventory {
    fn add(&mut self, store: &Store, table: Table, key: Vec<u8>, value: &[u8]) {
        match table {
            Table::PathSets => self.path_sets.extend(digest(&key)),
            Table::Ledger => {
                let row = decode::<LedgerRecord>(value);
                self.named_by_ledger
                    .extend(row.and_then(|row| row.row.path_set));
            }
            Table::Entries if key.len() == ENTRY_KEY => {
                let (weak, strong) = key.split_at(ENTRY_KEY / 2);
                match (decode::<EntryRecord>(value), digest(weak), digest(strong)) {
                    (Some(entry), Some(weak), Some(strong)) => self.entries.push(Kept {
                        weak,
                        strong,
                        path_set: entry.path_set,
                        step: entry.step,
                        blobs: [entry.archive, entry.output]
                            .into_iter()
                            .flatten()
                            .collect(),
                        length: (key.len() + value.len()) as u64,
                        used: store.last_used(&strong),
                    }),
                    _ => self.unreadable.push(key),
                }
            }
            Table::Entries if decode::<Recency>(value).is_none() => self.unreadable.push(key),
            _ => {}
        }
    }

    /// The path sets that nothing names if only these entries stay.
    pub(crate) fn unused_path_sets(&self, staying: &[Kept]) -> Vec<Digest> {
        let in_use: BTreeSet<&Digest> = staying.iter().map(|entry| &entry.path_set).collect();
        let is_unused =
            |set: &&Digest| !in_use.contains(set) && !self.named_by_ledger.contains(set);
        self.path_sets.iter().filter(is_unused).copied().collect()
    }
}

fn digest(bytes: &[u8]) -> Option<Digest> {
    bytes.try_into().ok().map(Digest)
}

/// The blobs that entries name.
pub(crate) fn named(entries: &[Kept]) -> BTreeSet<Digest> {
    entries
        .iter()
        .flat_map(|entry| entry.blobs.clone())
        .collect()
}

/// How large blobs are that entries name, each counted once.
pub(crate) fn blob_length(entries: &[Kept], blobs: &BTreeMap<Digest, u64>) -> u64 {
    named(entries)
        .iter()
        .filter_map(|blob| blobs.get(blob))
        .sum()
}

/// Which of the entries that were to be removed are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recheck {
    /// All but those that were used since they were listed.
    UnlessUsed,
    /// All.
    No,
}

/// Removes entries, and gives those that stayed because somebody used them meanwhile.
pub(crate) fn remove_entries(
    store: &Store,
    entries: &[Kept],
    recheck: Recheck,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Vec<Kept>, StoreError> {
    let mut stayed = Vec::new();
    for chunk in entries.chunks(AT_ONCE) {
        let is_used = |entry: &&Kept| {
            recheck == Recheck::UnlessUsed && store.last_used(&entry.strong) > entry.used
        };
        if is_stopped() {
            stayed.extend(chunk.iter().cloned());
            continue;
        }
        let (used, going): (Vec<&Kept>, Vec<&Kept>) = chunk.iter().partition(is_used);
        stayed.extend(used.into_iter().cloned());
        store.write(|writer| {
            for entry in &going {
                writer.remove(Table::Entries, &key(&[&entry.weak, &entry.strong]))?;
                let list = writer.get(Table::Entries, &entry.weak.0)?;
                let Some(mut list) = list.and_then(|bytes| decode::<Recency>(&bytes)) else {
                    continue;
                };
                list.0.retain(|(_, strong)| *strong != entry.strong);
                list.1.retain(|strong| *strong != entry.strong);
                if list.0.is_empty() {
                    writer.remove(Table::Entries, &entry.weak.0)?;
                } else {
                    writer.put(Table::Entries, &entry.weak.0, &encode(&list))?;
                }
            }
            Ok(())
        })?;
        for entry in going {
            // One that is left over is swept another time.
            let _ = store.forget_use(&entry.strong);
        }
    }
    Ok(stayed)
}

/// Removes records by their keys.
pub(crate) fn remove_keys(
    store: &Store,
    table: Table,
    keys: &[Vec<u8>],
    is_stopped: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    for chunk in keys.chunks(AT_ONCE) {
        if is_stopped() {
            return Ok(());
        }
        store.write(|writer| chunk.iter().try_for_each(|key| writer.remove(table, key)))?;
    }
    Ok(())
}
