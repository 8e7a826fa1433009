//! Installs the filter, in the child, between fork and exec.
//!
//! Only calls that are safe in a signal handler, no allocation, no failure: whatever goes wrong is
//! sent to the parent as an error number, and the program is executed unwatched.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::sync::Arc;

use libc::{c_int, c_ulong, c_void, sock_filter, sock_fprog};
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use vt_tracker_abi::{Tier, Tiers};

use crate::system::channel::{self, Answer, Asking};
use crate::system::filter::{Report, assemble};
use crate::system::ptrace_test::Board;
use crate::system::table::CALLS;

/// Flags in the order in which they are tried: an older kernel does not know the last ones.
///
/// Without `WAIT_KILLABLE_RECV` a signal restarts a call that is being answered. `SPEC_ALLOW`
/// keeps kernels before 5.16 from slowing the program down, which makes sense for sandboxes only.
const FLAGS: [c_ulong; 3] = [
    libc::SECCOMP_FILTER_FLAG_NEW_LISTENER
        | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW
        | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
];

/// What the child tries, and who hears of it.
pub(crate) struct Installing {
    /// The child's end of the line to its parent.
    socket: OwnedFd,
    /// The filter that reports to a listener, if that may be tried.
    notifying: Option<Vec<sock_filter>>,
    /// What is needed to be traced, if that may be tried.
    tracing: Option<Tracing>,
}

/// What is needed to be traced.
struct Tracing {
    /// The filter that reports to the tracer.
    filter: Vec<sock_filter>,
    /// The same for a listener, to be installed without one: for the test.
    unheard: Vec<sock_filter>,
    /// Where what the test finds is marked.
    board: Arc<Board>,
    /// Tells of the end of the parent.
    parent: OwnedFd,
}

impl Tracing {
    fn prepare() -> io::Result<Self> {
        Ok(Self {
            filter: assembled(Report::Trace),
            unheard: assembled(Report::Notify),
            board: Arc::new(Board::new()?),
            parent: pidfd_open(getpid(), PidfdFlags::empty())?,
        })
    }
}

fn assembled(report: Report) -> Vec<sock_filter> {
    assemble(CALLS.iter().map(|call| call.number), report)
}

impl Installing {
    /// Prepares a child, of which this is the end of the line, to try these tiers.
    pub(crate) fn prepare(socket: OwnedFd, tiers: Tiers) -> Self {
        let may = |tier| tiers.contains(tier);
        Self {
            socket,
            notifying: may(Tier::Notification).then(|| assembled(Report::Notify)),
            // Where there are no such descriptors, the kernel can't say either at which call a
            // tracee is stopped.
            tracing: may(Tier::Ptrace).then(|| Tracing::prepare().ok()).flatten(),
        }
    }

    /// What a traced child tests, for its tracer.
    pub(crate) fn board(&self) -> Option<Arc<Board>> {
        self.tracing
            .as_ref()
            .map(|tracing| Arc::clone(&tracing.board))
    }

    /// Installs a filter for this process and what it starts, and says through the socket which
    /// one, or why none.
    pub(crate) fn install(&self) {
        let socket = self.socket.as_raw_fd();
        channel::close_others(socket);
        let mut refused = 0;
        if let Some(program) = &self.notifying {
            match listener(program) {
                Ok(listener) => {
                    channel::send_listener(socket, listener);
                    // SAFETY: the descriptor was made just above and is used by nobody else here.
                    unsafe { libc::close(listener) };
                    return;
                }
                Err(errno) => refused = errno,
            }
        }
        let Some(tracing) = &self.tracing else {
            return channel::send_refused(socket, refused);
        };
        let asking = Asking {
            // SAFETY: takes nothing and cannot fail.
            process: unsafe { libc::getpid() },
            refused,
        };
        let result = match channel::ask_for_tracer(socket, tracing.parent.as_raw_fd(), asking) {
            Answer::Alone => return,
            Answer::TracedForTest => tracing.board.test(&tracing.filter, &tracing.unheard),
            Answer::Traced => Ok(()),
        };
        let result = result.and_then(|()| {
            allowed(&tracing.filter, libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW)
                .or_else(|_| allowed(&tracing.filter, 0))
        });
        if let Err(errno) = result {
            channel::send_refused(socket, errno);
        }
    }
}

fn listener(program: &[sock_filter]) -> Result<RawFd, c_int> {
    let mut result = Err(libc::EINVAL);
    for flags in FLAGS {
        result = allowed(program, flags);
        if result != Err(libc::EINVAL) {
            break;
        }
    }
    result
}

/// Installs a filter, giving up privileges if need be. The result is the listener, if the flags
/// ask for one.
pub(crate) fn allowed(program: &[sock_filter], flags: c_ulong) -> Result<RawFd, c_int> {
    let result = filter(program, flags);
    if result != Err(libc::EACCES) {
        return result;
    }
    // Without the right to administrate, the kernel wants the promise that no program started
    // from here gains privileges. With it, the promise is better not made: it would break
    // programs that need them.
    // SAFETY: takes no pointers.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    filter(program, flags)
}

fn filter(program: &[sock_filter], flags: c_ulong) -> Result<RawFd, c_int> {
    let program = sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the program outlives the call, which only reads it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            (&raw const program).cast::<c_void>(),
        )
    };
    if result < 0 {
        // SAFETY: the pointer to this thread's error number is always valid.
        return Err(unsafe { *libc::__errno_location() });
    }
    Ok(result as RawFd)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command, Stdio};
    use std::sync::Barrier;
    use std::time::{Duration, Instant};

    use super::*;

    const HELPER: &str = "VT_TEST_NOBODY_RECEIVES";

    /// Starts two programs at once and never takes their listeners.
    fn start_and_receive_nothing() {
        let made = Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let (_parent, child) = channel::pair().unwrap();
                    made.wait();
                    let installing = Installing::prepare(child, Tiers::only(Tier::Notification));
                    let mut command = Command::new("/bin/true");
                    let prepare = move || {
                        installing.install();
                        Ok(())
                    };
                    // SAFETY: makes system calls only.
                    unsafe { command.pre_exec(prepare) };
                    // Waits until it is executed: for ever.
                    let _ = command.status();
                });
            }
        });
    }

    /// The children of a process, each with the number of the call it is in, if it is in one.
    fn children(process: u32) -> Vec<(u32, String)> {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
        let lists =
            tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("children")));
        let list = lists.collect::<Result<Vec<_>, _>>().unwrap().concat();
        let numbers = list
            .split_whitespace()
            .map(|number| number.parse().unwrap());
        let call = |number: &u32| {
            let call = std::fs::read_to_string(format!("/proc/{number}/syscall"));
            call.unwrap_or_default()
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        numbers.map(|number| (number, call(&number))).collect()
    }

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    struct Helper(Child);

    impl Drop for Helper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn programs_whose_listeners_nobody_took_do_not_wait_for_a_killed_parent() {
        if std::env::var_os(HELPER).is_some() {
            return start_and_receive_nothing();
        }
        let name = "programs_whose_listeners_nobody_took_do_not_wait_for_a_killed_parent";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .arg(name)
            .env(HELPER, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut helper = Helper(command.spawn().unwrap());
        let process = helper.0.id();
        let execute = libc::SYS_execve.to_string();
        let mut waiting = Vec::new();
        until("both programs wait to be executed", || {
            waiting = children(process);
            waiting.len() == 2 && waiting.iter().all(|(_, call)| *call == execute)
        });
        helper.0.kill().unwrap();
        helper.0.wait().unwrap();
        for (number, _) in waiting {
            until("the program is gone", || {
                let state = std::fs::read_to_string(format!("/proc/{number}/stat"));
                // Nobody may be there to take note of its end.
                state.is_err() || state.is_ok_and(|state| state.contains(") Z "))
            });
        }
    }
}
