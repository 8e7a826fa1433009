//! The keeper itself: what runs in a copy of the supervisor's process that has one thread.
//!
//! Other threads may have held any lock when the copy was made. So there are system calls only,
//! no allocation, nothing that could panic, and no function of the C library that does more than
//! copy bytes.

use std::os::fd::RawFd;

use libc::{c_int, c_short, pollfd};

use crate::system::keeper::message::{self, Received};
use crate::system::keeper::raw;
use crate::system::keeper::release::release;
use crate::system::keeper::slots::{CAPACITY, Slot, Slots, State};

/// What a keeper starts from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duties {
    pub(super) slots: Slots,
    /// Where the supervisor tells things.
    pub(super) socket: RawFd,
    /// The supervisor's process.
    pub(super) supervisor: RawFd,
}

const SOCKET: usize = 0;
const SUPERVISOR: usize = 1;
const LISTENERS: usize = 2;

/// There is nothing here to wait for.
const NOTHING: pollfd = pollfd {
    fd: -1,
    events: 0,
    revents: 0,
};

/// Does what a keeper does, to the end of the process. Signals have to be blocked.
pub(super) fn run(duties: Duties) -> ! {
    // First of all: somebody may be waiting for the end of a pipe.
    if close_all_but(duties.socket, duties.supervisor).is_err() {
        raw::exit();
    }
    settle();
    let mut keeping = Keeping {
        duties,
        watched: [NOTHING; LISTENERS + CAPACITY],
        used: LISTENERS,
        is_alone: false,
    };
    keeping.watch(SOCKET, duties.socket, libc::POLLIN);
    keeping.watch(SUPERVISOR, duties.supervisor, libc::POLLIN);
    release(duties.slots.address());
    keeping.work()
}

fn close_all_but(one: RawFd, other: RawFd) -> Result<(), c_int> {
    let (low, high) = (one.min(other) as usize, one.max(other) as usize);
    let ranges = [
        (0, low.wrapping_sub(1)),
        (low + 1, high.wrapping_sub(1)),
        (high + 1, c_int::MAX as usize),
    ];
    for (first, last) in ranges {
        // Below zero is nothing.
        if first <= last && last <= c_int::MAX as usize {
            // SAFETY: takes no pointers; nothing of this process uses these descriptors.
            unsafe { raw::call(libc::SYS_close_range, [first, last, 0, 0, 0, 0]) }?;
        }
    }
    Ok(())
}

/// Leaves the supervisor's session, directory and name. What fails is merely less tidy.
fn settle() {
    const IGNORE: [usize; 4] = [libc::SIG_IGN, 0, 0, 0];
    let name = c"vt-keeper".as_ptr() as usize;
    let root = c"/".as_ptr() as usize;
    // SAFETY: both names end with a zero, and the kernel's description of what to do with a signal
    // is four words long.
    unsafe {
        let _ = raw::call(libc::SYS_setsid, [0; 6]);
        let _ = raw::call(
            libc::SYS_prctl,
            [libc::PR_SET_NAME as usize, name, 0, 0, 0, 0],
        );
        let _ = raw::call(libc::SYS_chdir, [root, 0, 0, 0, 0, 0]);
        for signal in 1..=64 {
            let arguments = [signal, IGNORE.as_ptr() as usize, 0, size_of::<u64>(), 0, 0];
            let _ = raw::call(libc::SYS_rt_sigaction, arguments);
        }
    }
    raise_descriptor_limit();
}

/// The supervisor's process may hold back some of what it could have.
fn raise_descriptor_limit() {
    let mut limit = libc::rlimit64 {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let files = libc::RLIMIT_NOFILE as usize;
    let read = [0, files, 0, (&raw mut limit) as usize, 0, 0];
    // SAFETY: the limit is of the type that the call fills in.
    if unsafe { raw::call(libc::SYS_prlimit64, read) }.is_ok() {
        limit.rlim_cur = limit.rlim_max;
        let write = [0, files, (&raw const limit) as usize, 0, 0, 0];
        // SAFETY: the limit is of the type that the call reads.
        let _ = unsafe { raw::call(libc::SYS_prlimit64, write) };
    }
}

/// A keeper at work.
struct Keeping {
    duties: Duties,
    /// The socket, the supervisor, and the listener of each slot. Those that are answered are
    /// waited for with `POLLIN`, the others only to the end of their tree.
    watched: [pollfd; LISTENERS + CAPACITY],
    /// How many of them can be anything.
    used: usize,
    /// The supervisor is gone.
    is_alone: bool,
}

impl Keeping {
    fn work(&mut self) -> ! {
        loop {
            if self.is_alone && self.is_done() {
                raw::exit();
            }
            let arguments = [
                self.watched.as_mut_ptr() as usize,
                self.used,
                usize::MAX,
                0,
                0,
                0,
            ];
            // SAFETY: no more are used than there are.
            match unsafe { raw::call(libc::SYS_poll, arguments) } {
                Ok(_) | Err(libc::EINTR | libc::ENOMEM) => {}
                Err(_) => raw::exit(),
            }
            self.attend();
            self.hear();
        }
    }

    fn is_done(&self) -> bool {
        let listeners = self.watched.iter().skip(LISTENERS);
        listeners.take(CAPACITY).all(|watched| watched.fd < 0)
    }

    fn watch(&mut self, index: usize, descriptor: RawFd, events: c_short) {
        if let Some(watched) = self.watched.get_mut(index) {
            *watched = pollfd {
                fd: descriptor,
                events,
                revents: 0,
            };
            self.used = self.used.max(index + 1);
        }
    }

    /// Answers calls, and drops listeners whose last process is gone.
    fn attend(&mut self) {
        let watched = self.watched.iter_mut().take(self.used).skip(LISTENERS);
        for (index, watched) in watched.enumerate() {
            if watched.fd < 0 || watched.revents == 0 {
                continue;
            }
            if watched.revents & libc::POLLIN != 0 {
                answer_next(watched.fd);
                continue;
            }
            raw::close(watched.fd);
            *watched = NOTHING;
            if let Some(slot) = self.duties.slots.get(index) {
                slot.set_state(State::Free);
            }
        }
    }

    /// Does what the supervisor says, to its last word.
    fn hear(&mut self) {
        let [socket, supervisor] = [SOCKET, SUPERVISOR]
            .map(|index| self.watched.get(index).map_or(0, |watched| watched.revents));
        if socket == 0 && supervisor == 0 {
            return;
        }
        let is_over = loop {
            match message::receive(self.duties.socket) {
                Received::Given(index, descriptor) => self.take(index, descriptor),
                Received::Left(index) => self.take_over(index),
                Received::Nothing => break supervisor != 0,
                Received::Over => break true,
            }
        };
        if is_over {
            self.is_alone = true;
            for (index, descriptor) in [
                (SOCKET, self.duties.socket),
                (SUPERVISOR, self.duties.supervisor),
            ] {
                raw::close(descriptor);
                self.watch(index, NOTHING.fd, NOTHING.events);
            }
            for index in 0..CAPACITY {
                self.take_over(index);
            }
        }
    }

    fn take(&mut self, index: usize, descriptor: Option<RawFd>) {
        let Some(slot) = self.duties.slots.get(index) else {
            return;
        };
        match descriptor {
            Some(descriptor) => {
                self.watch(LISTENERS + index, descriptor, 0);
                slot.set_state(State::Held);
            }
            None => slot.set_state(State::Lost),
        }
    }

    /// Answers a listener from now on, beginning with the call that nobody else can answer.
    fn take_over(&mut self, index: usize) {
        let slot = self.duties.slots.get(index);
        let watched = self.watched.get_mut(LISTENERS + index);
        if let (Some(slot), Some(watched)) = (slot, watched)
            && watched.fd >= 0
        {
            answer_in_hand(watched.fd, slot);
            watched.events = libc::POLLIN;
        }
    }
}

/// Lets the call go on that the supervisor received, in case it was not answered.
fn answer_in_hand(listener: RawFd, slot: &Slot) {
    // SAFETY: the supervisor's threads are gone, or have left this listener alone.
    let received = unsafe { slot.received().read_volatile() };
    // No architecture is zero.
    if received.data.arch != 0 {
        proceed(listener, received.id);
    }
}

/// Lets the next call go on.
fn answer_next(listener: RawFd) {
    // SAFETY: all zeroes is a valid value of this plain structure, and what the kernel insists on.
    let mut received: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is the one that the request fills in.
    if unsafe {
        control(
            listener,
            libc::SECCOMP_IOCTL_NOTIF_RECV,
            (&raw mut received) as usize,
        )
    }
    .is_ok()
    {
        proceed(listener, received.id);
    }
}

fn proceed(listener: RawFd, id: u64) {
    let mut answer = libc::seccomp_notif_resp {
        id,
        val: 0,
        error: 0,
        flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
    };
    // A call that was answered before, or whose caller is gone, needs no answer.
    // SAFETY: the structure is the one that the request reads.
    let _ = unsafe {
        control(
            listener,
            libc::SECCOMP_IOCTL_NOTIF_SEND,
            (&raw mut answer) as usize,
        )
    };
}

/// # Safety
/// `argument` has to be the address of the structure that the request reads or fills in.
unsafe fn control(listener: RawFd, request: libc::Ioctl, argument: usize) -> Result<usize, c_int> {
    // SAFETY: by the caller.
    unsafe {
        raw::call(
            libc::SYS_ioctl,
            [listener as usize, request as usize, argument, 0, 0, 0],
        )
    }
}
