//! One snapshot for the look-ups of many steps: to open the index takes longer than to read what a
//! step needs of it.
//!
//! While a snapshot is alive nobody writes, so one that was opened earlier says the same as one
//! opened now. What it costs is that writers wait. So it is given up whenever this process writes,
//! and after a moment, whatever the threads are at by then.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::snapshot::Snapshot;
use crate::StoreError;
use crate::store::Store;

/// How long a snapshot is shared.
const MOMENT: Duration = Duration::from_millis(20);

/// What look-ups share now.
#[derive(Default, Debug)]
pub(crate) struct Shared {
    slot: Mutex<Slot>,
    /// How many threads of this process write or wait to write.
    writers: AtomicUsize,
}

#[derive(Default, Debug)]
struct Slot {
    snapshot: Option<Arc<Snapshot>>,
    /// When one was opened last.
    opened: Option<Instant>,
}

/// While it is alive nothing is shared.
pub(super) struct Alone<'s>(&'s Shared);

impl Shared {
    /// Makes way for a writer of this process.
    pub(super) fn alone(&self) -> Alone<'_> {
        self.writers.fetch_add(1, Ordering::SeqCst);
        self.slot().snapshot = None;
        Alone(self)
    }

    fn joined(&self) -> Option<Arc<Snapshot>> {
        let mut slot = self.slot();
        slot.snapshot.take_if(|snapshot| snapshot.damaged() > 0);
        slot.snapshot.clone()
    }

    /// Shares a snapshot from now on, if it is not the only one that is opened for a while.
    fn offer(self: &Arc<Self>, snapshot: &Arc<Snapshot>) {
        let mut slot = self.slot();
        let before = slot.opened.replace(Instant::now());
        let is_one_of_many = before.is_some_and(|before| before.elapsed() < MOMENT);
        // A writer that comes after this question waits for the slot, and then empties it.
        if !is_one_of_many || self.writers.load(Ordering::SeqCst) > 0 {
            return;
        }
        let shared = Arc::clone(self);
        let snapshot = Arc::clone(snapshot);
        let ours = Arc::downgrade(&snapshot);
        slot.snapshot = Some(snapshot);
        drop(slot);
        let ending = thread::Builder::new().spawn(move || {
            thread::sleep(MOMENT);
            let is_ours = |now: &mut Arc<Snapshot>| ours.ptr_eq(&Arc::downgrade(now));
            let _ended = shared.slot().snapshot.take_if(is_ours);
        });
        if ending.is_err() {
            self.slot().snapshot = None;
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.writers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Store {
    /// Like [`Store::read`], but joins look-ups that began a moment ago.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub fn share(&self) -> Result<Option<Arc<Snapshot>>, StoreError> {
        if let Some(snapshot) = self.shared.joined() {
            return Ok(Some(snapshot));
        }
        let snapshot = self.read()?.map(Arc::new);
        if let Some(snapshot) = &snapshot {
            self.shared.offer(snapshot);
        }
        Ok(snapshot)
    }
}
