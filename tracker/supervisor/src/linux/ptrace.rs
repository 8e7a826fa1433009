//! The requests of a tracer.
//!
//! The kernel takes requests only from the thread that traces. A tracee that was killed meanwhile
//! is no error: its end is waited for like any other.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::ptr;

use libc::{c_int, c_long, c_void, pid_t};

use crate::system::call::Stopped;
use crate::system::filter::TRACE_MARK;
use crate::system::note::Notice;

/// What the kernel says of a call that a filter stopped.
const SECCOMP_INFO: u8 = 3;
const GET_SYSCALL_INFO: c_long = 0x420e;

/// Calls, new processes and threads, and executions are reported; the end of a call can be told
/// from a signal; all end if the tracer does.
const OPTIONS: c_int = libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_EXITKILL;

/// How far below the stack pointer of a stopped thread there is memory that it does not use: past
/// the 128 bytes that a function may use without moving the pointer.
const BELOW_STACK: u64 = 128 + 256;

fn request(
    request: c_long,
    thread: pid_t,
    address: usize,
    data: *mut c_void,
) -> io::Result<c_long> {
    // SAFETY: whoever passes a pointer passes it with its size, or to a request that knows it.
    let result = unsafe { libc::syscall(libc::SYS_ptrace, request, thread, address, data) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// Makes this thread the tracer of a process and of all it will start. Does not stop it.
pub(crate) fn seize(process: pid_t) -> io::Result<()> {
    let options = ptr::without_provenance_mut(OPTIONS as usize);
    request(libc::PTRACE_SEIZE as c_long, process, 0, options).map(drop)
}

/// Lets a stopped thread go on, with a signal if that is not 0.
pub(crate) fn proceed(thread: pid_t, signal: c_int) {
    let signal = ptr::without_provenance_mut(signal as usize);
    let _ = request(libc::PTRACE_CONT as c_long, thread, 0, signal);
}

/// Leaves a thread in its group stop, but hears of its end.
pub(crate) fn listen(thread: pid_t) {
    let _ = request(libc::PTRACE_LISTEN as c_long, thread, 0, ptr::null_mut());
}

/// Lets a stopped thread go on without a tracer.
pub(crate) fn detach(thread: pid_t) {
    let _ = request(libc::PTRACE_DETACH as c_long, thread, 0, ptr::null_mut());
}

/// The part of `struct ptrace_syscall_info` that is about a call stopped by a filter. The C
/// library does not always have it.
#[repr(C)]
#[derive(Default)]
struct CallInfo {
    kind: u8,
    padding: u8,
    flags: u16,
    architecture: u32,
    instruction: u64,
    stack: u64,
    number: u64,
    arguments: [u64; 6],
    data: u32,
    padding_at_end: u32,
}

/// A call that a filter stopped.
#[derive(Debug)]
pub(crate) enum Filtered {
    /// By the filter of this tracker.
    Ours(Notice),
    /// By a filter of the task's own.
    Foreign,
}

/// The call at which a thread is stopped; none if the kernel does not say, or it was killed.
pub(crate) fn call(thread: pid_t) -> Option<Filtered> {
    let mut info = CallInfo::default();
    let place = (&raw mut info).cast();
    request(GET_SYSCALL_INFO, thread, size_of::<CallInfo>(), place).ok()?;
    if info.kind != SECCOMP_INFO {
        return None;
    }
    if info.data != u32::from(TRACE_MARK) {
        return Some(Filtered::Foreign);
    }
    Some(Filtered::Ours(Notice {
        thread: thread as u32,
        number: info.number as i32,
        architecture: info.architecture,
        arguments: info.arguments,
    }))
}

/// Makes the call at which a thread is stopped fail with an error number.
pub(crate) fn refuse(thread: pid_t, errno: c_int) {
    change_registers(thread, |registers| {
        registers.orig_rax = u64::MAX;
        registers.rax = i64::from(-errno) as u64;
    });
}

fn change_registers(thread: pid_t, change: impl FnOnce(&mut libc::user_regs_struct)) {
    // SAFETY: all zeroes is a valid value of this plain structure.
    let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let place = (&raw mut registers).cast();
    if request(libc::PTRACE_GETREGS as c_long, thread, 0, place).is_ok() {
        change(&mut registers);
        let place = (&raw mut registers).cast();
        let _ = request(libc::PTRACE_SETREGS as c_long, thread, 0, place);
    }
}

/// Writes to the memory of a stopped thread; says whether that worked.
fn write(thread: pid_t, address: u64, bytes: &[u8]) -> bool {
    let local = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let remote = libc::iovec {
        iov_base: ptr::without_provenance_mut(address as usize),
        iov_len: bytes.len(),
    };
    // SAFETY: the local bytes are only read; what is written to is not ours.
    let written =
        unsafe { libc::process_vm_writev(thread, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(written) == Ok(bytes.len())
}

/// A thread that the filter has stopped.
pub(crate) struct AtCall {
    thread: pid_t,
    /// What the call is going to open, to be kept open until it has.
    lent: RefCell<Option<OwnedFd>>,
}

impl AtCall {
    pub(crate) const fn new(thread: pid_t) -> Self {
        Self {
            thread,
            lent: RefCell::new(None),
        }
    }

    /// Lets the thread make its call. What is given back has to be kept until the thread stops
    /// the next time, which it then does as soon as the call is done.
    pub(crate) fn proceed(self) -> Option<OwnedFd> {
        let lent = self.lent.into_inner();
        if lent.is_some() {
            let none = ptr::null_mut();
            let _ = request(libc::PTRACE_SYSCALL as c_long, self.thread, 0, none);
        } else {
            proceed(self.thread, 0);
        }
        lent
    }
}

impl Stopped for AtCall {
    /// The number can't be a stranger's, for only the tracer reaps it. But when another thread of
    /// the process executes a program, it takes the number of the first one over.
    fn still_waits(&self) -> bool {
        let mut message = 0_usize;
        let place = (&raw mut message).cast();
        request(libc::PTRACE_GETEVENTMSG as c_long, self.thread, 0, place).is_ok()
            && message == usize::from(TRACE_MARK)
    }

    /// A tracer can't put a descriptor into another process. But it can have the call, which is
    /// one that opens something, open what the descriptor is open on.
    fn give(&self, descriptor: BorrowedFd<'_>) {
        let Ok(lent) = descriptor.try_clone_to_owned() else {
            return;
        };
        let (process, number) = (std::process::id(), lent.as_raw_fd());
        let name = format!("/proc/{process}/fd/{number}\0");
        self.lent.replace(Some(lent));
        change_registers(self.thread, |registers| {
            let place = registers.rsp.wrapping_sub(BELOW_STACK);
            if !write(self.thread, place, name.as_bytes()) {
                return;
            }
            match registers.orig_rax as c_long {
                libc::SYS_open => registers.rdi = place,
                libc::SYS_openat => registers.rsi = place,
                _ => {}
            }
        });
    }

    fn refuse(&self, errno: i32) {
        refuse(self.thread, errno);
    }

    fn yields_to_listeners(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_and_we_agree_on_the_size() {
        assert_eq!(size_of::<CallInfo>(), 88);
    }
}
