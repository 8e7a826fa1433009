//! Finds out, before the command runs, whether a tracer is told of every reported call.
//!
//! A filter that was there before may have a listener of its own: what that takes is never reported
//! to a tracer. So a process that is thrown away makes each call once, under the filter and with
//! arguments that no call can do anything with, and the tracer marks what it is told of. Another
//! filter may also refuse a call, or kill whoever makes it: then there is nothing to miss.
//!
//! The filters above this process stay what they are, so the first verdict is kept.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};

use libc::{c_int, c_long, sock_filter};

use crate::system::install::allowed;
use crate::system::note::Notice;
use crate::system::table::{CALLS, Listed};

/// Neither an address, nor a descriptor, nor flags, nor a length.
const NONSENSE: c_long = -1;

/// What may be hidden all the same: the initial process of WSL 2 listens for it. It can only make
/// a socket, which is nothing to keep; whoever looks at it later is seen.
const DISPENSABLE: c_long = libc::SYS_bind;

/// How many calls there is room for.
const ROOM: usize = 256;

/// What came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The tracer is told of every call that can be made.
    Told,
    /// Somebody else takes at least this call before.
    Hidden(&'static str),
}

static VERDICT: OnceLock<Verdict> = OnceLock::new();

/// What came out of an earlier test in this process.
pub(crate) fn verdict() -> Option<Verdict> {
    VERDICT.get().copied()
}

/// What is known of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Mark {
    /// It was not made yet.
    Untested = 0,
    /// It was made, or is being made, and the tracer has not heard of it.
    Tried = 1,
    /// The tracer was told of it.
    Told = 2,
    /// The tracer was not told. It failed as it would if it had been refused.
    Doubtful = 3,
    /// It was refused before anybody could have been told.
    Refused = 4,
    /// Somebody else was told of it, or could have been.
    Hidden = 5,
}

impl Mark {
    const ALL: [Self; 6] = [
        Self::Untested,
        Self::Tried,
        Self::Told,
        Self::Doubtful,
        Self::Refused,
        Self::Hidden,
    ];
}

/// The marks, in memory that the child and the tracer share.
pub(crate) struct Board(NonNull<Marks>);

#[repr(C)]
struct Marks {
    calls: [AtomicU8; ROOM],
    /// Why the filter could not be installed; 0 if it could.
    errno: AtomicI32,
}

// SAFETY: the memory consists of atomics only.
unsafe impl Send for Board {}
// SAFETY: as above.
unsafe impl Sync for Board {}

impl Board {
    /// An empty board.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn new() -> io::Result<Self> {
        const { assert!(CALLS.len() <= ROOM) };
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<Marks>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(address.cast())
            .map(Self)
            .ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    const fn marks(&self) -> &Marks {
        // SAFETY: mapped until this is dropped, and all of it atomics, for which every content is
        // valid.
        unsafe { self.0.as_ref() }
    }

    fn mark(&self, call: usize) -> Mark {
        let value = self.marks().calls[call].load(Ordering::SeqCst);
        Mark::ALL
            .get(usize::from(value))
            .copied()
            .unwrap_or(Mark::Untested)
    }

    fn set(&self, call: usize, mark: Mark) {
        self.marks().calls[call].store(mark as u8, Ordering::SeqCst);
    }

    /// Takes note of a call that the tracer is told of if it was made for the test; says whether
    /// it was.
    pub(crate) fn take(&self, notice: &Notice) -> bool {
        let is_test = notice.arguments == [NONSENSE as u64; 6];
        if is_test
            && let Some((call, _)) =
                tested().find(|(_, call)| call.number == c_long::from(notice.number))
        {
            self.set(call, Mark::Told);
        }
        is_test
    }

    /// What comes out; none if the test was not carried through. Kept for the next time.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let verdict = self.found()?;
        Some(*VERDICT.get_or_init(|| verdict))
    }

    fn found(&self) -> Option<Verdict> {
        let hidden = tested().find(|(call, _)| self.mark(*call) == Mark::Hidden);
        if let Some((_, call)) = hidden {
            return Some(Verdict::Hidden(call.name));
        }
        let is_done = |mark| matches!(mark, Mark::Told | Mark::Refused);
        let all = tested().all(|(call, _)| is_done(self.mark(call)));
        // Not all can have been refused: then there is no tracer.
        let some = tested().any(|(call, _)| self.mark(call) == Mark::Told);
        (all && some).then_some(Verdict::Told)
    }

    /// Carries the test through. Has to be called by a process that is traced, and so that what it
    /// starts is traced as well; safe between fork and exec.
    ///
    /// # Errors
    /// The error number, if the filter can't be used.
    pub(crate) fn test(
        &self,
        traced: &[sock_filter],
        unheard: &[sock_filter],
    ) -> Result<(), c_int> {
        // A process is killed by a call at most once, so there is an end.
        for _ in 0..=CALLS.len() {
            // SAFETY: without flags this is a fork that tells nobody of its end. The child makes
            // system calls only.
            let process = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
            if process < 0 {
                return Err(errno());
            }
            if process == 0 {
                self.make_each_call(traced, unheard);
                // SAFETY: ends this process at once.
                unsafe { libc::_exit(0) };
            }
            if !was_killed_for_a_call(process as libc::pid_t) {
                break;
            }
            match tested().find(|(call, _)| self.mark(*call) == Mark::Tried) {
                Some((call, _)) => self.set(call, Mark::Refused),
                None => break,
            }
        }
        match (self.found(), self.marks().errno.load(Ordering::SeqCst)) {
            (Some(Verdict::Told), _) => Ok(()),
            (_, 0) => Err(libc::EAGAIN),
            (_, errno) => Err(errno),
        }
    }

    /// What the process does that is thrown away.
    fn make_each_call(&self, traced: &[sock_filter], unheard: &[sock_filter]) {
        let none = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // Being killed for a call leaves nothing behind.
        // SAFETY: the structure outlives the call.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
        if !self.installs(traced) {
            return;
        }
        for (call, listed) in tested() {
            if self.mark(call) != Mark::Untested {
                continue;
            }
            self.set(call, Mark::Tried);
            let errno = make(listed);
            if self.mark(call) != Mark::Tried {
                continue;
            }
            match errno {
                libc::EPERM | libc::EACCES => self.set(call, Mark::Doubtful),
                // There is no such call, or a sandbox pretends so.
                libc::ENOSYS => self.set(call, Mark::Refused),
                // The kernel has looked at the arguments. One such call is enough to know.
                _ => return self.set(call, Mark::Hidden),
            }
        }
        let is_doubtful = |call: &(usize, _)| self.mark(call.0) == Mark::Doubtful;
        // A refusal goes before a listener, and the last listener before earlier ones. Without
        // anybody who listens, calls fail in one certain way.
        if !tested().any(|call| is_doubtful(&call)) || !self.installs(unheard) {
            return;
        }
        for (call, listed) in tested().filter(is_doubtful) {
            self.set(call, Mark::Tried);
            let mark = if make(listed) == libc::ENOSYS {
                Mark::Hidden
            } else {
                Mark::Refused
            };
            self.set(call, mark);
        }
    }

    fn installs(&self, filter: &[sock_filter]) -> bool {
        let result = allowed(filter, 0);
        if let Err(errno) = result {
            self.marks().errno.store(errno, Ordering::SeqCst);
        }
        result.is_ok()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: nobody borrows from this any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<Marks>()) };
    }
}

fn tested() -> impl Iterator<Item = (usize, &'static Listed)> {
    CALLS
        .iter()
        .enumerate()
        .filter(|(_, call)| call.number != DISPENSABLE)
}

/// Makes a call to no effect; gives the error number with which it fails.
fn make(call: &Listed) -> c_int {
    // SAFETY: no call takes these arguments; none of them is the address of anything.
    let result = unsafe {
        libc::syscall(
            call.number,
            NONSENSE,
            NONSENSE,
            NONSENSE,
            NONSENSE,
            NONSENSE,
            NONSENSE,
        )
    };
    if result < 0 { errno() } else { 0 }
}

fn errno() -> c_int {
    // SAFETY: the pointer to this thread's error number is always valid.
    unsafe { *libc::__errno_location() }
}

/// Waits for the process that is thrown away; says whether a filter has killed it.
fn was_killed_for_a_call(process: libc::pid_t) -> bool {
    loop {
        let mut status = 0;
        // SAFETY: the status outlives the call.
        if unsafe { libc::waitpid(process, &raw mut status, libc::__WALL) } == process {
            return libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSYS;
        }
        if errno() != libc::EINTR {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::filter::ARCHITECTURE;

    fn notice(number: c_long, argument: u64) -> Notice {
        Notice {
            thread: 1,
            number: number as i32,
            architecture: ARCHITECTURE,
            arguments: [argument; 6],
        }
    }

    #[test]
    fn the_tracer_is_told_once_it_was_told_of_each_call() {
        let board = Board::new().unwrap();
        for (_, call) in tested() {
            assert_eq!(board.found(), None);
            assert!(!board.take(&notice(call.number, 0)));
            assert!(board.take(&notice(call.number, u64::MAX)));
        }
        assert_eq!(board.found(), Some(Verdict::Told));
        let (rename, _) = tested()
            .find(|(_, call)| call.number == libc::SYS_rename)
            .unwrap();
        board.set(rename, Mark::Refused);
        assert_eq!(board.found(), Some(Verdict::Told));
        board.set(rename, Mark::Tried);
        assert_eq!(board.found(), None);
        board.set(rename, Mark::Hidden);
        assert_eq!(board.found(), Some(Verdict::Hidden("rename")));
    }

    #[test]
    fn without_a_tracer_nothing_comes_out() {
        use crate::system::filter::{Report, assemble};
        let numbers = || CALLS.iter().map(|call| call.number);
        let board = Board::new().unwrap();
        let result = board.test(
            &assemble(numbers(), Report::Trace),
            &assemble(numbers(), Report::Notify),
        );
        assert_eq!(result, Err(libc::EAGAIN));
        assert_eq!(board.found(), None);
    }
}
