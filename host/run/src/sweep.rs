//! Keeps the store within its limits: entries that were not used for long, those used longest ago
//! when there is too much, and what nothing names any more.
//!
//! Works beside a step that runs anyway, at most once an hour, and never in a run that only brings
//! back: there it would be in the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use vt_base::{AbsPath, Digest, RelPath};
use vt_config::Settings;
use vt_store::{Store, StoreError, Swept, Table};

use crate::context::{Opened, open_store};
use crate::inventory::{self, Inventory, Kept, Recheck};
use crate::records::{LedgerRecord, StepRecord, decode, ledger_key};

/// How often a run looks through the store.
const EVERY: Duration = Duration::from_hours(1);
/// How long the end of a run that ran something waits for a sweep that is going on.
const PATIENCE: Duration = Duration::from_secs(1);
/// The size unless the configuration says otherwise, in bytes.
const MAX_SIZE: u64 = 10_000_000_000;
/// The age unless the configuration says otherwise.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// What memoised answers may take up in the index, in bytes. They are made anew in milliseconds.
const MEMO_SIZE: u64 = 16 << 20;

/// How large and how old what is kept may become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The size of all entries with what they name, in bytes.
    pub size: u64,
    /// The time since an entry was used last.
    pub age: Duration,
}

impl Limits {
    /// The limits of a project.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            size: settings.max_size.unwrap_or(MAX_SIZE),
            age: settings.max_age.unwrap_or(MAX_AGE),
        }
    }
}

/// What a sweep removed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Removed {
    pub(crate) entries: u64,
    pub(crate) blobs: Swept,
}

/// The sweep of a run, which goes on beside its steps.
#[derive(Default)]
pub(crate) struct Sweeper {
    started: AtomicBool,
    going_on: Mutex<Option<GoingOn>>,
}

struct GoingOn {
    stop: Arc<AtomicBool>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Sweeper {
    /// Begins, unless this run did already or the last sweep is recent. What can't be swept now is
    /// swept another time.
    pub(crate) fn start(&self, opened: &Opened, limits: Limits) {
        if self.started.swap(true, Ordering::Relaxed) {
            return;
        }
        let age = opened.store.last_swept().map(|swept| swept.elapsed());
        if age.is_some_and(|age| age.is_ok_and(|age| age < EVERY)) {
            return;
        }
        let directory = opened.directory.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (finished, done) = channel();
        let sweep = move || {
            // A handle of its own: the sweep may outlive what the run borrows.
            let is_stopped = || stopped.load(Ordering::Relaxed);
            if let Ok(store) = open_store(&directory) {
                let _ = sweep(&store, limits, &is_stopped);
            }
            let _ = finished.send(());
        };
        let thread = std::thread::Builder::new()
            .name("sweep".to_owned())
            .spawn(sweep);
        if let Ok(thread) = thread {
            let going_on = GoingOn { stop, done, thread };
            *self.going_on.lock().unwrap_or_else(PoisonError::into_inner) = Some(going_on);
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let slot = self
            .going_on
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(GoingOn { stop, done, thread }) = slot.take() else {
            return;
        };
        let _ = done.recv_timeout(PATIENCE);
        stop.store(true, Ordering::Relaxed);
        // It ends after the transaction or the file it is at.
        let _ = thread.join();
    }
}

/// Sweeps everything, unless another process does; `None` then, and when it was stopped.
pub(crate) fn sweep(
    store: &Store,
    limits: Limits,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Option<Removed>, StoreError> {
    let Some(_lock) = store.try_lock_sweep()? else {
        return Ok(None);
    };
    if store.has_deferred()? {
        store.write(|_| Ok(()))?;
    }
    let Some(mut found) = inventory::take(store, is_stopped)? else {
        return Ok(None);
    };
    let blobs = store.blobs()?;
    let entries = std::mem::take(&mut found.entries);
    let before = entries.len();
    let (going, mut staying) = choose(entries, &blobs, limits, SystemTime::now());
    staying.extend(inventory::remove_entries(
        store,
        &going,
        Recheck::UnlessUsed,
        is_stopped,
    )?);
    inventory::remove_keys(store, Table::Entries, &found.unreadable, is_stopped)?;
    drop_old_steps(store, limits.age, is_stopped)?;
    drop_memos(store, is_stopped)?;
    let mut removed = Removed {
        entries: (before - staying.len()) as u64,
        blobs: Swept::default(),
    };
    // What a damaged index no longer shows may still be named by it.
    if found.damaged == 0 {
        drop_path_sets(store, &found, &staying, is_stopped)?;
        removed.blobs = store.sweep(&inventory::named(&staying), is_stopped)?;
    }
    if is_stopped() {
        return Ok(None);
    }
    store.note_sweep()?;
    Ok(Some(removed))
}

/// Parts the entries into those that must go and those that stay.
fn choose(
    mut entries: Vec<Kept>,
    blobs: &BTreeMap<Digest, u64>,
    limits: Limits,
    now: SystemTime,
) -> (Vec<Kept>, Vec<Kept>) {
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
    let (mut going, mut staying) = (Vec::new(), Vec::new());
    let mut counted = BTreeSet::new();
    let mut size = 0_u64;
    for entry in entries {
        let is_old = now
            .duration_since(entry.used)
            .is_ok_and(|age| age > limits.age);
        // The archive and the output of an entry may be one blob.
        let fresh: BTreeSet<&Digest> = entry
            .blobs
            .iter()
            .filter(|blob| !counted.contains(*blob))
            .collect();
        let more: u64 = fresh.iter().filter_map(|blob| blobs.get(*blob)).sum();
        let with = size.saturating_add(more).saturating_add(entry.length);
        if is_old || with > limits.size {
            going.push(entry);
        } else {
            size = with;
            counted.extend(entry.blobs.iter().copied());
            staying.push(entry);
        }
    }
    (going, staying)
}

fn drop_path_sets(
    store: &Store,
    found: &Inventory,
    staying: &[Kept],
    is_stopped: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    let unused = found.unused_path_sets(staying);
    let keys: Vec<Vec<u8>> = unused.iter().map(|set| set.0.to_vec()).collect();
    inventory::remove_keys(store, Table::PathSets, &keys, is_stopped)
}

/// Forgets steps that nobody ran for long, with the rows of the ledger they have: their workspace
/// may be gone.
fn drop_old_steps(
    store: &Store,
    age: Duration,
    is_stopped: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    let Some(snapshot) = store.read()? else {
        return Ok(());
    };
    let steps = snapshot.prefix(Table::Steps, b"")?;
    drop(snapshot);
    for (key, value) in steps {
        let used = store.step_used(&key).map(|used| used.elapsed());
        if is_stopped() || !used.is_some_and(|since| since.is_ok_and(|since| since > age)) {
            continue;
        }
        let (workspace, step) = key.split_at(key.len() / 2);
        let (Ok(workspace), Ok(step)) = (workspace.try_into(), step.try_into()) else {
            continue;
        };
        let (workspace, step) = (Digest(workspace), Digest(step));
        let paths: Vec<RelPath> =
            decode::<StepRecord>(&value).map_or_else(Vec::new, |record| record.paths);
        store.write(|writer| {
            for path in &paths {
                let key = ledger_key(&workspace, path);
                let row = writer.get(Table::Ledger, &key)?;
                let row = row.and_then(|bytes| decode::<LedgerRecord>(&bytes));
                if row.is_none_or(|row| row.step == step) {
                    writer.remove(Table::Ledger, &key)?;
                }
            }
            writer.remove(Table::Steps, &key)
        })?;
    }
    Ok(())
}

fn drop_memos(store: &Store, is_stopped: &dyn Fn() -> bool) -> Result<(), StoreError> {
    let Some(snapshot) = store.read()? else {
        return Ok(());
    };
    let memos = snapshot.prefix(Table::Memo, b"")?;
    drop(snapshot);
    let size: usize = memos
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if size as u64 <= MEMO_SIZE {
        return Ok(());
    }
    let keys: Vec<Vec<u8>> = memos.into_iter().map(|(key, _)| key).collect();
    inventory::remove_keys(store, Table::Memo, &keys, is_stopped)
}

/// Where the store of a directory is opened for upkeep; `None` when nothing was ever stored there.
pub(crate) fn open_existing(directory: &AbsPath) -> Result<Option<Store>, StoreError> {
    if !directory.as_path().exists() {
        return Ok(None);
    }
    open_store(directory).map(Some)
}

#[cfg(test)]
mod tests {
    use vt_base::StepId;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn digest(number: u64) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    /// An entry that was used some hours ago and names these blobs.
    fn entry(number: u64, hours: u32, blobs: &[u64], now: SystemTime) -> Kept {
        Kept {
            weak: digest(0),
            strong: digest(number),
            path_set: digest(0),
            step: StepId {
                package: String::new(),
                task: String::new(),
                index: 0,
            },
            blobs: blobs.iter().map(|blob| digest(*blob)).collect(),
            length: 1,
            used: now - HOUR * hours,
        }
    }

    fn staying(entries: Vec<Kept>, size: u64, age: Duration, now: SystemTime) -> Vec<Digest> {
        let blobs = (1..=9)
            .map(|number| (digest(number), 10 * number))
            .collect();
        let (going, staying) = choose(entries.clone(), &blobs, Limits { size, age }, now);
        assert_eq!(going.len() + staying.len(), entries.len());
        staying.iter().map(|entry| entry.strong).collect()
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let now = SystemTime::now();
        let entries = || {
            vec![
                entry(100, 3, &[1], now),
                entry(101, 1, &[2], now),
                entry(102, 2, &[3], now),
            ]
        };
        let day = HOUR * 24;
        let all = [101, 102, 100].map(digest);
        assert_eq!(staying(entries(), 63, day, now), all);
        assert_eq!(staying(entries(), 62, day, now), all[..2]);
        assert_eq!(staying(entries(), 52, day, now), all[..2]);
        // The one in the middle is too large; a smaller one that is older still fits.
        assert_eq!(staying(entries(), 51, day, now), [all[0], all[2]]);
        assert_eq!(staying(entries(), 0, day, now), []);
    }

    #[test]
    fn a_blob_that_several_entries_name_counts_once() {
        let now = SystemTime::now();
        let entries = vec![entry(100, 1, &[5, 5], now), entry(101, 2, &[5, 1], now)];
        assert_eq!(staying(entries, 63, HOUR * 24, now), [100, 101].map(digest));
    }

    #[test]
    fn what_was_not_used_for_long_goes_whatever_its_size() {
        let now = SystemTime::now();
        let entries = vec![entry(100, 30, &[], now), entry(101, 2, &[1], now)];
        assert_eq!(staying(entries, u64::MAX, HOUR * 24, now), [digest(101)]);
    }
}
