//! Sees to it that calls are answered whatever becomes of this process.
//!
//! Once the last descriptor of a listener is closed, every reported call of the processes that
//! still have the filter fails. So a process of its own, the keeper, holds a duplicate of each. It
//! does nothing while this process lives; when it is gone, however it went, the keeper lets every
//! call go on until the last process of each tree is gone, and ends.
//!
//! There is one keeper for a supervising process, started with its first listener. It is a copy
//! of the process, not a program: nothing has to be found or installed, and nothing can differ.

mod message;
mod process;
mod raw;
mod release;
mod slots;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libc::pid_t;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::system::channel;
use crate::system::keeper::message::Kind;
use crate::system::keeper::process::Duties;
use crate::system::keeper::slots::{CAPACITY, Slots, State};

pub(crate) use crate::system::keeper::slots::Slot;

static KEEPER: Mutex<Option<Arc<Keeper>>> = Mutex::new(None);

/// The supervisor's end of a keeper.
#[derive(Debug)]
struct Keeper {
    /// The process whose keeper it is. A fork without a program has to have its own.
    supervisor: u32,
    process: pid_t,
    socket: OwnedFd,
    slots: Slots,
    /// The slots in use here. The keeper may still have what is not.
    taken: Box<[AtomicBool]>,
}

impl Keeper {
    /// The keeper of this process, started if there is none.
    fn current() -> io::Result<Arc<Self>> {
        let mut current = KEEPER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = current.as_ref() {
            let is_ours = keeper.supervisor == std::process::id();
            if is_ours && keeper.is_there() {
                return Ok(Arc::clone(keeper));
            }
            if is_ours {
                keeper.reap();
            }
        }
        let keeper = Arc::new(Self::start()?);
        *current = Some(Arc::clone(&keeper));
        Ok(keeper)
    }

    fn start() -> io::Result<Self> {
        let (socket, theirs) = channel::connected()?;
        limit_sending(&socket)?;
        // The end of the socket alone would not do: a fork without a program keeps it open.
        let supervisor = this_process()?;
        let slots = Slots::map()?;
        let process = fork(Duties {
            slots,
            socket: theirs.as_raw_fd(),
            supervisor: supervisor.as_raw_fd(),
        })?;
        Ok(Self {
            supervisor: std::process::id(),
            process,
            socket,
            slots,
            taken: (0..CAPACITY).map(|_| AtomicBool::new(false)).collect(),
        })
    }

    /// Whether somebody is at the other end.
    fn is_there(&self) -> bool {
        !is_hung_up(self.socket.as_fd())
    }

    /// It has ended before its time.
    fn reap(&self) {
        // SAFETY: asks for nothing but the end of our own child.
        unsafe {
            libc::waitpid(
                self.process,
                ptr::null_mut(),
                libc::__WCLONE | libc::WNOHANG,
            )
        };
    }

    /// Gives it a listener; the slot it is in.
    fn give(&self, listener: BorrowedFd<'_>) -> Option<usize> {
        let index = (0..CAPACITY).find(|index| self.claim(*index))?;
        let slot = self.slots.get(index)?;
        slot.set_state(State::Given);
        let descriptor = Some(listener.as_raw_fd());
        if message::send(self.socket.as_raw_fd(), Kind::Give, index, descriptor).is_err() {
            self.free(index);
            return None;
        }
        Some(index)
    }

    fn claim(&self, index: usize) -> bool {
        let is_mine = !self.taken[index].swap(true, Ordering::SeqCst);
        let is_free = self
            .slots
            .get(index)
            .is_some_and(|slot| slot.state() == State::Free);
        if is_mine && !is_free {
            self.taken[index].store(false, Ordering::SeqCst);
        }
        is_mine && is_free
    }

    /// Frees a slot that the keeper never had.
    fn free(&self, index: usize) {
        if let Some(slot) = self.slots.get(index) {
            slot.set_state(State::Free);
        }
        self.taken[index].store(false, Ordering::SeqCst);
    }
}

/// Where the calls of a listener are received to.
#[derive(Debug)]
pub(crate) enum Place {
    /// Where the keeper finds them.
    Kept(Kept),
    /// Where nobody does.
    Alone(Box<Slot>),
}

/// A slot that the keeper knows of.
#[derive(Debug)]
pub(crate) struct Kept {
    keeper: Arc<Keeper>,
    index: usize,
    slot: &'static Slot,
}

impl Place {
    /// Gives a listener to the keeper, if there can be one.
    pub(crate) fn of(listener: BorrowedFd<'_>) -> Self {
        // The second time is for a keeper that was killed just now.
        for _ in 0..2 {
            let Ok(keeper) = Keeper::current() else { break };
            if let Some(index) = keeper.give(listener)
                && let Some(slot) = keeper.slots.get(index)
            {
                return Self::Kept(Kept {
                    keeper,
                    index,
                    slot,
                });
            }
        }
        Self::Alone(Box::new(Slot::new()))
    }

    pub(crate) fn slot(&self) -> &Slot {
        match self {
            Self::Kept(kept) => kept.slot,
            Self::Alone(slot) => slot,
        }
    }

    /// Whether the keeper will answer when this process is gone.
    pub(crate) fn is_kept(&self) -> bool {
        match self {
            Self::Kept(kept) => {
                matches!(kept.slot.state(), State::Given | State::Held) && kept.keeper.is_there()
            }
            Self::Alone(_) => false,
        }
    }

    /// Says that nobody here answers the listener any more.
    pub(crate) fn leave(&self) {
        if let Self::Kept(kept) = self {
            // Without a keeper there is nobody else.
            let _ = message::send(
                kept.keeper.socket.as_raw_fd(),
                Kind::Leave,
                kept.index,
                None,
            );
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // What the keeper has it frees itself: it may be a little behind.
        if self.slot.state() == State::Lost {
            self.slot.set_state(State::Free);
        }
        self.keeper.taken[self.index].store(false, Ordering::SeqCst);
    }
}

/// Whether the other side is gone.
pub(crate) fn is_hung_up(descriptor: BorrowedFd<'_>) -> bool {
    let mut waiting = [PollFd::new(&descriptor, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    rustix::event::poll(&mut waiting, Some(&now)).is_ok()
        && waiting[0].revents().contains(PollFlags::HUP)
}

/// A keeper that somebody has stopped must stop nobody else.
fn limit_sending(socket: &OwnedFd) -> io::Result<()> {
    let limit = libc::timeval {
        tv_sec: 1,
        tv_usec: 0,
    };
    // SAFETY: the option is a time value, of that size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDTIMEO,
            (&raw const limit).cast(),
            size_of::<libc::timeval>() as libc::socklen_t,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A descriptor of this process that tells of its end.
fn this_process() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
    if opened < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(opened as RawFd) })
}

/// Makes the process of a keeper. Its end is signalled to nobody, and nobody who waits for any
/// child gets it.
fn fork(duties: Duties) -> io::Result<pid_t> {
    const NONE: [usize; 6] = [0; 6];
    let all = u64::MAX;
    let mut before = 0_u64;
    let block = |set: &u64, before: *mut u64| {
        let how = libc::SIG_SETMASK as usize;
        let set = ptr::from_ref(set) as usize;
        let arguments = [how, set, before as usize, size_of::<u64>(), 0, 0];
        // SAFETY: the kernel's sets of signals are of that size, or absent.
        let _ = unsafe { raw::call(libc::SYS_rt_sigprocmask, arguments) };
    };
    // A signal that came to the keeper would be handled as if it had come to this process.
    block(&all, &raw mut before);
    // SAFETY: without flags and stack it is a fork, and the copy makes system calls only.
    let made = unsafe { raw::call(libc::SYS_clone, NONE) };
    if made == Ok(0) {
        process::run(duties);
    }
    block(&before, ptr::null_mut());
    made.map(|process| process as pid_t)
        .map_err(io::Error::from_raw_os_error)
}
