//! What `vt cache` does: says what there is, removes, sweeps.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use vt_base::AbsPath;
use vt_config::Project;
use vt_store::{Store, StoreError, Table};

use crate::inventory::{self, Inventory, Kept, Recheck};
use crate::sweep::{Limits, open_existing, sweep};

/// How often a collection tries again while a run sweeps.
const ATTEMPTS: u32 = 40;
/// How long it waits in between.
const PAUSE: Duration = Duration::from_millis(50);

/// What a cache holds.
#[derive(Clone, Debug)]
pub struct CacheInfo {
    /// How many entries there are.
    pub entries: u64,
    /// How large the index is, in bytes.
    pub index: u64,
    /// How large all blobs are together, in bytes.
    pub blobs: u64,
    /// How much of that nothing names, in bytes.
    pub unnamed: u64,
    /// The tasks, by name.
    pub tasks: Vec<TaskUse>,
}

/// What a cache holds of one task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskUse {
    /// The package.
    pub package: String,
    /// The task.
    pub task: String,
    /// How many entries there are.
    pub entries: u64,
    /// How large they are with the blobs they name, in bytes. A blob that several tasks name
    /// counts for each of them.
    pub bytes: u64,
    /// When one of them was used last, give or take an hour.
    pub used: SystemTime,
}

/// What was removed on request.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cleaned {
    /// How many entries.
    pub entries: u64,
    /// How many bytes of blobs.
    pub bytes: u64,
}

/// What a collection removed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Collected {
    /// How many entries.
    pub entries: u64,
    /// How many blobs.
    pub blobs: u64,
    /// How many bytes in all, those that the index gave back included.
    pub bytes: u64,
}

/// Says what the cache in a directory holds; `None` when there is none.
///
/// # Errors
/// What the store fails with.
pub fn cache_info(directory: &AbsPath) -> Result<Option<CacheInfo>, StoreError> {
    let Some(store) = open_existing(directory)? else {
        return Ok(None);
    };
    let found = list(&store)?;
    let blobs = store.blobs()?;
    let mut by_task: BTreeMap<(String, String), Vec<Kept>> = BTreeMap::new();
    for entry in &found.entries {
        let name = (entry.step.package.clone(), entry.step.task.clone());
        by_task.entry(name).or_default().push(entry.clone());
    }
    let tasks = by_task
        .into_iter()
        .map(|((package, task), entries)| TaskUse {
            package,
            task,
            entries: entries.len() as u64,
            bytes: entries.iter().map(|entry| entry.length).sum::<u64>()
                + inventory::blob_length(&entries, &blobs),
            used: entries
                .iter()
                .map(|entry| entry.used)
                .max()
                .unwrap_or(SystemTime::UNIX_EPOCH),
        });
    let all: u64 = blobs.values().sum();
    Ok(Some(CacheInfo {
        entries: found.entries.len() as u64,
        index: store.index_length(),
        blobs: all,
        unnamed: all - inventory::blob_length(&found.entries, &blobs),
        tasks: tasks.collect(),
    }))
}

/// Removes the entries that are asked for, and the blobs that only they name. What is remembered
/// of who made which file stays: what a step left must not look like somebody's edit tomorrow.
///
/// # Errors
/// What the store fails with.
pub fn cache_clean(
    directory: &AbsPath,
    is_meant: &dyn Fn(&str, &str) -> bool,
) -> Result<Cleaned, StoreError> {
    let Some(store) = open_existing(directory)? else {
        return Ok(Cleaned::default());
    };
    let found = list(&store)?;
    let blobs = store.blobs()?;
    let (going, staying): (Vec<Kept>, Vec<Kept>) = found
        .entries
        .iter()
        .cloned()
        .partition(|entry| is_meant(&entry.step.package, &entry.step.task));
    inventory::remove_entries(&store, &going, Recheck::No, &|| false)?;
    let unused = found.unused_path_sets(&staying);
    let keys: Vec<Vec<u8>> = unused.iter().map(|set| set.0.to_vec()).collect();
    inventory::remove_keys(&store, Table::PathSets, &keys, &|| false)?;
    let needed = inventory::named(&staying);
    let mut cleaned = Cleaned {
        entries: going.len() as u64,
        bytes: 0,
    };
    for blob in inventory::named(&going).difference(&needed) {
        store.remove_blob(blob)?;
        cleaned.bytes += blobs.get(blob).copied().unwrap_or_default();
    }
    Ok(cleaned)
}

/// Sweeps now, and gives back the room that removed records took up.
///
/// # Errors
/// What the store fails with; [`StoreError::Busy`] when a run sweeps and does not end.
pub fn cache_collect(project: &Project, directory: &AbsPath) -> Result<Collected, StoreError> {
    let Some(store) = open_existing(directory)? else {
        return Ok(Collected::default());
    };
    let index = store.index_length();
    let mut attempts = 0;
    let removed = loop {
        if let Some(removed) = sweep(&store, Limits::of(&project.settings), &|| false)? {
            break removed;
        }
        attempts += 1;
        if attempts == ATTEMPTS {
            return Err(StoreError::Busy {
                path: directory.as_path().to_owned(),
            });
        }
        std::thread::sleep(PAUSE);
    };
    store.compact()?;
    Ok(Collected {
        entries: removed.entries,
        blobs: removed.blobs.blobs,
        bytes: removed.blobs.bytes + index.saturating_sub(store.index_length()),
    })
}

fn list(store: &Store) -> Result<Inventory, StoreError> {
    if store.has_deferred()? {
        store.write(|_| Ok(()))?;
    }
    Ok(inventory::take(store, &|| false)?.unwrap_or_default())
}
