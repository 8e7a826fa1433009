//! Threads that are about to change what names mean.

use crate::system::place::look_at;

/// Threads that are about to change what names mean. Until they are done, what is seen may be the
/// old or the new.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    threads: Vec<u32>,
    others_calls: u32,
}

impl Unsettled {
    pub(crate) fn add(&mut self, thread: u32) {
        self.threads.push(thread);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Notes that a thread makes its next call: what it was about to do is done. Says whether
    /// that was the last one.
    pub(crate) fn settle(&mut self, thread: u32) -> bool {
        if self.threads.is_empty() {
            return false;
        }
        self.threads.retain(|other| *other != thread);
        // A thread that ended makes no next call. Asking the kernel each time would cost more
        // than it saves.
        self.others_calls += 1;
        if self.others_calls.is_multiple_of(4) {
            self.threads
                .retain(|other| look_at(format!("/proc/{other}").as_bytes()).is_ok());
        }
        self.threads.is_empty()
    }
}
