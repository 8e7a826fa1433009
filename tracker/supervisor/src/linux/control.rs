//! How the thread that answers is told things.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// What the thread was told last. Each includes the ones before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Word {
    /// Nothing yet.
    None = 0,
    /// The process that was spawned has ended.
    MainEnded = 1,
}

/// One end of the line to the thread; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Control(Arc<Line>);

#[derive(Debug)]
struct Line {
    word: AtomicU8,
    event: OwnedFd,
}

impl Control {
    pub(crate) fn new() -> io::Result<Self> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Line {
            word: AtomicU8::new(Word::None as u8),
            event,
        })))
    }

    /// Tells the thread something.
    pub(crate) fn say(&self, word: Word) {
        self.0.word.fetch_max(word as u8, Ordering::SeqCst);
        // It can fail only if it has been said very often and not heard yet.
        let _ = rustix::io::write(&self.0.event, &1_u64.to_ne_bytes());
    }

    /// What was said last.
    pub(crate) fn last(&self) -> Word {
        match self.0.word.load(Ordering::SeqCst) {
            0 => Word::None,
            _ => Word::MainEnded,
        }
    }

    /// Waits until something is said, for a time at most.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        let mut waiting = [PollFd::new(self, PollFlags::IN)];
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        match rustix::event::poll(&mut waiting, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether nobody is left who could say anything.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Takes what was said as heard: waiting wakes up for what is said from now on.
    pub(crate) fn acknowledge(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.0.event, &mut count);
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }
}

/// A tree that is being watched. Dropping it changes nothing: the tree is watched to its end.
#[derive(Debug)]
pub struct Watching(pub(crate) Control, pub(crate) Receiver<ExitStatus>);

impl Watching {
    /// Waits for the end of the process that was spawned: the grace time starts. Closes the
    /// child's standard input first, if it is a pipe that was not taken.
    ///
    /// Only this may wait for it: a tracee is waited for by its tracer, from whom anybody else
    /// would steal.
    ///
    /// # Errors
    /// When the process can't be waited for.
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        drop(child.stdin.take());
        if let Ok(status) = self.1.recv() {
            return Ok(status);
        }
        // No tracer, or none any more.
        let status = child.wait()?;
        self.main_ended();
        Ok(status)
    }

    /// Says that the process that was to be spawned has ended, or never came to be.
    pub fn main_ended(&self) {
        self.0.say(Word::MainEnded);
    }
}
