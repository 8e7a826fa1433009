//! Processes that outlive the watching.
//!
//! Once the last descriptor of a listener is closed, every reported call of the processes that
//! still have the filter fails. So somebody has to go on answering until they are gone.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::Receiver;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::system::control::{Control, Word};
use crate::system::listener::Listener;

/// Processes that were still alive after the grace time.
///
/// They are answered by a thread of this process for as long as it lives, unless
/// [`Survivors::into_listener`] takes that over.
#[derive(Debug)]
pub struct Survivors {
    listener: OwnedFd,
    control: Control,
    /// Hangs up when the thread is gone.
    stopped: Receiver<()>,
}

impl Survivors {
    pub(crate) const fn new(listener: OwnedFd, control: Control, stopped: Receiver<()>) -> Self {
        Self {
            listener,
            control,
            stopped,
        }
    }

    /// Whether they are gone by now.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let mut waiting = [PollFd::new(&self.listener, PollFlags::empty())];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        rustix::event::poll(&mut waiting, Some(&now)).is_ok()
            && waiting[0].revents().contains(PollFlags::HUP)
    }

    /// Stops answering in this process and gives the listener away. Whoever has it must go on
    /// with [`keep_answering`], in this process or in one that inherits the descriptor.
    #[must_use]
    pub fn into_listener(self) -> OwnedFd {
        self.control.say(Word::Stop);
        // Nothing is ever sent: this waits for the end of the thread, so that no call is left
        // received but unanswered.
        let _ = self.stopped.recv();
        self.listener
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

/// Lets every call go on until the last process behind each listener is gone.
pub fn keep_answering(listeners: Vec<OwnedFd>) {
    let mut listeners: Vec<Listener> = listeners.into_iter().map(Listener::new).collect();
    while !listeners.is_empty() {
        let mut waiting: Vec<PollFd<'_>> = listeners
            .iter()
            .map(|listener| PollFd::new(listener, PollFlags::IN))
            .collect();
        match rustix::event::poll(&mut waiting, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        let events: Vec<PollFlags> = waiting.iter().map(PollFd::revents).collect();
        drop(waiting);
        let mut events = events.into_iter();
        listeners.retain(|listener| {
            let events = events.next().expect("one for each listener");
            if events.contains(PollFlags::IN) {
                return answer(listener).is_ok();
            }
            !events.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
        });
    }
}

/// Lets the next call go on.
pub(crate) fn answer(listener: &Listener) -> io::Result<()> {
    if let Some(waiting) = listener.receive()? {
        waiting.proceed();
    }
    Ok(())
}
