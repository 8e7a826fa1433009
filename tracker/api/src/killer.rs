//! Signals for a command and everything it started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sends signals to the process group of a command.
#[derive(Clone, Debug)]
pub struct Killer(Arc<Group>);

#[derive(Debug)]
struct Group {
    leader: u32,
    is_gone: AtomicBool,
}

impl Killer {
    pub(crate) fn new(leader: u32) -> Self {
        Self(Arc::new(Group {
            leader,
            is_gone: AtomicBool::new(false),
        }))
    }

    /// Sends a signal, by number, to the command and to what it started in its process group.
    /// Does nothing once all of them are gone.
    pub fn kill(&self, signal: i32) {
        // The number may belong to somebody else by then.
        if self.0.is_gone.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(leader) = libc::pid_t::try_from(self.0.leader) {
            // SAFETY: takes no pointers. A group that has just ended is an error to ignore.
            unsafe { libc::kill(-leader, signal) };
        }
    }

    pub(crate) fn disarm(&self) {
        self.0.is_gone.store(true, Ordering::SeqCst);
    }
}
