//! Signals for a command and everything it started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether every process of a tree is gone; clones share the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone(Arc<AtomicBool>);

impl Gone {
    pub(crate) fn note(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sends signals to the process group of a command.
#[derive(Clone, Debug)]
pub struct Killer(Arc<Group>);

#[derive(Debug)]
struct Group {
    leader: u32,
    gone: Gone,
}

impl Killer {
    pub(crate) fn new(leader: u32, gone: Gone) -> Self {
        Self(Arc::new(Group { leader, gone }))
    }

    /// Sends a signal, by number, to the command and to what it started in its process group.
    /// Does nothing once all of them are gone.
    pub fn kill(&self, signal: i32) {
        // The number may belong to somebody else by then.
        if self.0.gone.0.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(leader) = libc::pid_t::try_from(self.0.leader) {
            // SAFETY: takes no pointers. A group that has just ended is an error to ignore.
            unsafe { libc::kill(-leader, signal) };
        }
    }

    pub(crate) fn disarm(&self) {
        self.0.gone.note();
    }
}
