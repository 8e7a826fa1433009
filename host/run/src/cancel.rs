//! Stopping what runs: because the user said so, or because a sibling failed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Something that can be sent a signal.
type Kill = Box<dyn Fn(i32) + Send>;

/// The running commands of a run, and whether they were told to stop.
#[derive(Default)]
pub(crate) struct Cancel(Mutex<Running>);

#[derive(Default)]
struct Running {
    signal: Option<i32>,
    next: u64,
    commands: BTreeMap<u64, Kill>,
}

/// A running command; dropping it says that it has ended.
pub(crate) struct Registered<'c> {
    cancel: &'c Cancel,
    number: u64,
}

impl Cancel {
    fn lock(&self) -> std::sync::MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a signal to everything that runs, and to whatever starts from now on.
    pub(crate) fn stop(&self, signal: i32) {
        let mut running = self.lock();
        running.signal = Some(signal);
        for kill in running.commands.values() {
            kill(signal);
        }
    }

    /// Whether everything was told to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().signal.is_some()
    }

    /// Registers a command that has just started.
    pub(crate) fn register(&self, kill: Kill) -> Registered<'_> {
        let mut running = self.lock();
        if let Some(signal) = running.signal {
            kill(signal);
        }
        let number = running.next;
        running.next += 1;
        running.commands.insert(number, kill);
        Registered {
            cancel: self,
            number,
        }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.cancel.lock().commands.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI32, Ordering};

    use super::*;

    #[test]
    fn what_starts_after_the_stop_is_stopped_too() {
        let got = Arc::new(AtomicI32::new(0));
        let kill = |got: &Arc<AtomicI32>| -> Kill {
            let got = Arc::clone(got);
            Box::new(move |signal| {
                got.fetch_add(signal, Ordering::SeqCst);
            })
        };
        let cancel = Cancel::default();
        drop(cancel.register(kill(&got)));
        let _running = cancel.register(kill(&got));
        cancel.stop(2);
        assert_eq!(got.load(Ordering::SeqCst), 2);
        let _late = cancel.register(kill(&got));
        assert_eq!(got.load(Ordering::SeqCst), 4);
        assert!(cancel.is_stopped());
    }
}
