//! What a tracer waits for.
//!
//! Only for its own tracees: what other threads of this process have started is theirs. Whoever
//! else waits for a tracee, from any thread, takes from the tracer what it waits for.

use std::io;

use libc::{c_int, pid_t};

/// What a group stop, the start of a tracee and its going on after a group stop have in common.
const EVENT_STOP: c_int = 128;
/// What stands in place of a signal when a call is done.
const CALL_DONE: c_int = libc::SIGTRAP | 0x80;
/// What the status of a stopped process ends with.
const STOPPED: c_int = 0x7f;

/// Whose changes are waited for.
const OURS: c_int = libc::__WALL | libc::__WNOTHREAD;

/// Why a tracee is stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// It is about to make a call that the filter reports.
    Call,
    /// It has executed a program.
    Executed,
    /// Its process was stopped by a signal, and stays so until it is told to go on.
    Group,
    /// A signal is about to be delivered to it.
    Signal(c_int),
    /// Something that needs nothing done.
    Other,
}

/// What happened to a tracee.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Happened {
    /// It was stopped.
    Stopped { thread: pid_t, stop: Stop },
    /// It has ended, and its number may belong to another one from now on.
    Ended { process: pid_t, status: c_int },
}

impl Happened {
    /// Whom it happened to.
    pub(crate) const fn who(self) -> pid_t {
        match self {
            Self::Stopped { thread, .. } => thread,
            Self::Ended { process, .. } => process,
        }
    }
}

/// Waits until something happens to a tracee of this thread, as [`next`], but leaves one of them
/// to be reaped by somebody else. None once that one has ended.
pub(crate) fn next_but_leave(process: pid_t) -> Option<Happened> {
    loop {
        let seen = examine(
            libc::P_ALL,
            0,
            libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT,
        )?;
        // SAFETY: what the kernel fills in for a child has these fields.
        let thread = unsafe { seen.si_pid() };
        let has_ended = matches!(
            seen.si_code,
            libc::CLD_EXITED | libc::CLD_KILLED | libc::CLD_DUMPED
        );
        if has_ended && thread == process {
            return None;
        }
        let id = thread as u32;
        if has_ended {
            examine(libc::P_PID, id, libc::WEXITED)?;
            continue;
        }
        // It may be killed at any time. Then this takes nothing, and its end is seen next.
        let stopped = examine(libc::P_PID, id, libc::WSTOPPED | libc::WNOHANG)?;
        // SAFETY: as above.
        let (taken, status) = unsafe { (stopped.si_pid(), stopped.si_status()) };
        if taken == thread {
            return Some(happened(thread, status << 8 | STOPPED));
        }
    }
}

/// Waits as the options say. None if there is nobody to wait for.
fn examine(kind: libc::idtype_t, id: u32, options: c_int) -> Option<libc::siginfo_t> {
    loop {
        // SAFETY: all zeroes is a valid value of this plain structure.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the structure outlives the call.
        if unsafe { libc::waitid(kind, id, &raw mut info, options | OURS) } == 0 {
            return Some(info);
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
}

/// Waits until something happens to a tracee of this thread. None if there is none left.
///
/// Children of other threads are never touched.
pub(crate) fn next() -> Option<Happened> {
    wait(0).flatten()
}

/// What has happened to a tracee of this thread already: none if there is none left; none inside
/// if nothing has.
pub(crate) fn next_at_once() -> Option<Option<Happened>> {
    wait(libc::WNOHANG)
}

fn wait(options: c_int) -> Option<Option<Happened>> {
    loop {
        let mut status = 0;
        // SAFETY: the status outlives the call.
        let thread = unsafe { libc::waitpid(-1, &raw mut status, options | OURS) };
        if thread > 0 {
            return Some(Some(happened(thread, status)));
        }
        if thread == 0 {
            return Some(None);
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
}

const fn happened(thread: pid_t, status: c_int) -> Happened {
    if !libc::WIFSTOPPED(status) {
        return Happened::Ended {
            process: thread,
            status,
        };
    }
    let signal = libc::WSTOPSIG(status);
    let stop = match status >> 16 {
        0 if signal == CALL_DONE => Stop::Other,
        0 => Stop::Signal(signal),
        libc::PTRACE_EVENT_SECCOMP => Stop::Call,
        libc::PTRACE_EVENT_EXEC => Stop::Executed,
        EVENT_STOP if signal != libc::SIGTRAP => Stop::Group,
        _ => Stop::Other,
    };
    Happened::Stopped { thread, stop }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_what_happened() {
        let stop = |event: c_int, signal: c_int| {
            let Happened::Stopped { thread: 7, stop } =
                happened(7, event << 16 | signal << 8 | STOPPED)
            else {
                panic!("{event} {signal}")
            };
            stop
        };
        assert_eq!(stop(0, libc::SIGURG), Stop::Signal(libc::SIGURG));
        assert_eq!(stop(0, libc::SIGTRAP), Stop::Signal(libc::SIGTRAP));
        assert_eq!(stop(libc::PTRACE_EVENT_SECCOMP, libc::SIGTRAP), Stop::Call);
        assert_eq!(stop(libc::PTRACE_EVENT_EXEC, libc::SIGTRAP), Stop::Executed);
        assert_eq!(stop(libc::PTRACE_EVENT_FORK, libc::SIGTRAP), Stop::Other);
        assert_eq!(stop(EVENT_STOP, libc::SIGTRAP), Stop::Other);
        assert_eq!(stop(0, CALL_DONE), Stop::Other);
        assert_eq!(stop(EVENT_STOP, libc::SIGTTIN), Stop::Group);
        for status in [0, 7 << 8, libc::SIGKILL, libc::SIGSEGV | 0x80] {
            assert_eq!(happened(7, status), Happened::Ended { process: 7, status });
        }
    }
}
