//! Calls made by number.

use core::ffi::{c_char, c_long};

use crate::arch::{Call, direct};
use crate::hooks::attributes::{asked, stat_at, statx_at};
use crate::hooks::links::link_read;
use crate::hooks::open::opened;
use crate::hooks::permissions::permitted;
use crate::hooks::process::confine;
use crate::library::handed_on;
use crate::look::Evidence;
use crate::system::{AT_FDCWD, AT_SYMLINK_NOFOLLOW, Stat, Statx, number};

/// Makes a call that may be a look.
unsafe extern "C" fn look(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    let call = Call {
        number,
        arguments: [a, b, c, d, e, f],
    };
    // The others only ask.
    const SET_MODE_FILTER: u32 = 1;
    // The kernel reads descriptors and flags from the lower half.
    let (here, at) = (AT_FDCWD, a as i32);
    // SAFETY: the caller has to see to it that the call finds what it wants.
    let result = unsafe {
        match number {
            number::OPEN => opened(here, a as *const u8, b as i32, call),
            number::OPENAT => opened(at, b as *const u8, c as i32, call),
            number::STAT => asked(here, a as *const u8, 0, stat(b), call),
            number::LSTAT => asked(here, a as *const u8, AT_SYMLINK_NOFOLLOW, stat(b), call),
            number::NEWFSTATAT => stat_at(at, b as *const c_char, c as *mut Stat, d as i32),
            number::STATX => statx_at(at, b as *const c_char, c as i32, d as u32, e as *mut Statx),
            number::ACCESS => permitted(here, a as *const u8, b as i32, 0, call),
            number::FACCESSAT => permitted(at, b as *const u8, c as i32, 0, call),
            number::FACCESSAT2 => permitted(at, b as *const u8, c as i32, d as i32, call),
            number::READLINK => link_read(here, a as *const u8, 0, call),
            number::READLINKAT => link_read(at, b as *const u8, 0, call),
            number::SECCOMP if a as u32 <= SET_MODE_FILTER => confine(call),
            _ => call.plain(),
        }
    };
    handed_on(result) as c_long
}

const fn stat(buffer: usize) -> Evidence {
    Evidence::Stat(buffer as *const Stat)
}

/// Hands on the error of a call that was made.
extern "C" fn fail(result: isize) -> c_long {
    handed_on(result) as c_long
}

direct! {
    /// `syscall(number, …)`
    syscall, look, fail
}
