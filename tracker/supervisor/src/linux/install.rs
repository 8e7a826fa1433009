//! Installs the filter, in the child, between fork and exec.
//!
//! Only calls that are safe in a signal handler, no allocation, no failure: whatever goes wrong is
//! sent to the parent as an error number, and the program is executed unwatched.

use std::os::fd::RawFd;

use libc::{c_int, c_ulong, c_void, sock_filter, sock_fprog};

use crate::system::channel;

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

/// Installs the filter for this process and what it starts, and sends the listener, or the error
/// number, through the socket.
pub(crate) fn install(program: &[sock_filter], socket: RawFd) {
    match listener(program) {
        Ok(listener) => {
            channel::send(socket, 0, Some(listener));
            // SAFETY: the descriptor was made by the call above and is used by nobody else here.
            unsafe { libc::close(listener) };
        }
        Err(errno) => channel::send(socket, errno, None),
    }
}

fn listener(program: &[sock_filter]) -> Result<RawFd, c_int> {
    let mut result = Err(libc::EINVAL);
    for flags in FLAGS {
        result = filter(program, flags);
        if result == Err(libc::EACCES) {
            // Without the right to administrate, the kernel wants the promise that no program
            // started from here gains privileges. With it, the promise is better not made: it
            // would break programs that need them.
            // SAFETY: takes no pointers.
            unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
            result = filter(program, flags);
        }
        if result != Err(libc::EINVAL) {
            break;
        }
    }
    result
}

fn filter(program: &[sock_filter], flags: c_ulong) -> Result<RawFd, c_int> {
    let program = sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the program outlives the call, which only reads it.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            (&raw const program).cast::<c_void>(),
        )
    };
    if listener < 0 {
        // SAFETY: the pointer to this thread's error number is always valid.
        return Err(unsafe { *libc::__errno_location() });
    }
    Ok(listener as RawFd)
}
