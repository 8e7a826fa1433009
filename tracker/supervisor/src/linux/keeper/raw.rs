//! System calls as the kernel knows them.
//!
//! What runs after a fork of a process with several threads may not take a lock, allocate or ask
//! for thread-local memory, and the error number of the C library is such memory.

use std::arch::asm;

use libc::{c_int, c_long};

/// Makes a system call. Errors are error numbers.
///
/// # Safety
/// As the system call demands of its arguments.
#[inline]
pub(super) unsafe fn call(number: c_long, arguments: [usize; 6]) -> Result<usize, c_int> {
    let mut result = number as isize;
    // SAFETY: this is the kernel's calling convention; what the call does to memory is the
    // business of the caller.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            in("r9") arguments[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    if result < 0 {
        return Err(-result as c_int);
    }
    Ok(result as usize)
}

/// Closes a descriptor.
pub(super) fn close(descriptor: c_int) {
    // SAFETY: takes no pointers; descriptors are plain numbers here.
    let _ = unsafe { call(libc::SYS_close, [descriptor as usize, 0, 0, 0, 0, 0]) };
}

/// Ends the process.
pub(super) fn exit() -> ! {
    loop {
        // SAFETY: takes no pointers.
        let _ = unsafe { call(libc::SYS_exit_group, [0; 6]) };
    }
}
