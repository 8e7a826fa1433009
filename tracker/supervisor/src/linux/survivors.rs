//! Processes that outlive the watching.
//!
//! Somebody has to go on answering until they are gone: the thread that watched them for as long
//! as this process lives, then the keeper.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::system::control::Control;
use crate::system::keeper::is_hung_up;
use crate::system::listener::Listener;

/// Processes that were still alive after the grace time. They go on undisturbed.
#[derive(Debug)]
pub struct Survivors {
    listener: OwnedFd,
    is_kept: bool,
}

impl Survivors {
    /// Those of a listener; none if there is no descriptor left to ask for them.
    pub(crate) fn of(listener: &Listener) -> Option<Self> {
        Some(Self {
            listener: listener.duplicate().ok()?,
            is_kept: listener.is_kept(),
        })
    }

    /// Whether they are gone by now.
    #[must_use]
    pub fn is_over(&self) -> bool {
        is_hung_up(self.listener.as_fd())
    }

    /// Whether they go on undisturbed when this process is gone as well. They do unless no
    /// process could be started for it, or it has more to do than it can hold.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.is_kept
    }
}

/// What there is to do for a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pending {
    /// A call waits.
    Call,
    /// Something was said on the control line.
    Control,
    /// The last process is gone.
    Over,
    /// The time is up.
    TimedOut,
}

/// Waits for something to do. A call goes before everything else.
pub(crate) fn wait(
    listener: &Listener,
    control: &Control,
    timeout: Option<std::time::Duration>,
) -> io::Result<Pending> {
    let mut waiting = [
        PollFd::new(listener, PollFlags::IN),
        PollFd::new(control, PollFlags::IN),
    ];
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    });
    loop {
        match rustix::event::poll(&mut waiting, timeout.as_ref()) {
            Ok(0) => return Ok(Pending::TimedOut),
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [listener, control] = [waiting[0].revents(), waiting[1].revents()];
    Ok(if listener.contains(PollFlags::IN) {
        Pending::Call
    } else if listener.intersects(PollFlags::HUP | PollFlags::ERR) {
        Pending::Over
    } else if control.is_empty() {
        Pending::TimedOut
    } else {
        Pending::Control
    })
}

/// Lets the next call go on.
pub(crate) fn answer(listener: &Listener) -> io::Result<()> {
    if let Some(waiting) = listener.receive()? {
        waiting.proceed();
    }
    Ok(())
}
