//! Removes blobs that no entry names, once a day, after everything has run.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use vt_base::Digest;
use vt_store::{StoreError, Table};

use crate::context::Opened;
use crate::records::{EntryRecord, decode};

/// How often the blobs are looked through.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Sweeps, unless that was done within a day. What can't be swept now is swept another day.
pub(crate) fn sweep(opened: &Opened) {
    let marker = opened.directory.join("swept");
    let age = std::fs::metadata(&marker)
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|swept| SystemTime::now().duration_since(swept).ok());
    if age.is_some_and(|age| age < EVERY) || std::fs::write(&marker, b"").is_err() {
        return;
    }
    if let Ok(Some(named)) = named(opened) {
        let _ = opened.store.sweep(&named);
    }
}

/// The blobs that entries name; none if the index can't be read.
fn named(opened: &Opened) -> Result<Option<BTreeSet<Digest>>, StoreError> {
    let Some(snapshot) = opened.store.read()? else {
        return Ok(None);
    };
    let entries = snapshot.prefix(Table::Entries, b"")?;
    // What a damaged index no longer shows may still be named by it.
    if snapshot.damaged() > 0 {
        return Ok(None);
    }
    let records = entries
        .iter()
        .filter_map(|(_, value)| decode::<EntryRecord>(value));
    Ok(Some(
        records
            .flat_map(|entry| [entry.archive, entry.output])
            .flatten()
            .collect(),
    ))
}
