//! Reading the text of links.

use core::ffi::{c_char, c_int};

use vt_tracker_abi::Operation;

use crate::arch::Call;
use crate::hooks::hooks;
use crate::library::{fail_check, handed_on};
use crate::look::{Evidence, Look};
use crate::system::{AT_FDCWD, AT_SYMLINK_NOFOLLOW, number};

/// Reads by a call that is given. The directory and name are those in it; of an absolute name that
/// many bytes are a real path.
///
/// # Safety
/// As for the call.
pub(crate) unsafe fn link_read(directory: i32, name: *const u8, known: u16, call: Call) -> isize {
    let look = Look {
        operation: Operation::ReadLink,
        detail: 0,
        distinction: 0,
        directory,
        name,
        known,
        call,
        evidence: Evidence::Ask(AT_SYMLINK_NOFOLLOW),
    };
    // SAFETY: the caller's to see to.
    unsafe { look.make() }
}

/// # Safety
/// As for `readlinkat`.
unsafe fn read_at(directory: i32, name: *const c_char, into: *mut c_char, size: usize) -> isize {
    let call = if directory == AT_FDCWD {
        Call::new(number::READLINK, [name.addr(), into.addr(), size])
    } else {
        let place = directory as usize;
        Call::new(number::READLINKAT, [place, name.addr(), into.addr(), size])
    };
    // SAFETY: the caller's to see to.
    handed_on(unsafe { link_read(directory, name.cast(), 0, call) })
}

hooks! {
    /// `readlink(name, buffer, size)`
    [readlink] (name: *const c_char, into: *mut c_char, size: usize) -> isize {
        // SAFETY: the caller's to see to.
        unsafe { read_at(AT_FDCWD, name, into, size) }
    }

    /// `readlinkat(directory, name, buffer, size)`
    [readlinkat] (directory: c_int, name: *const c_char, into: *mut c_char, size: usize) -> isize {
        // SAFETY: the caller's to see to.
        unsafe { read_at(directory, name, into, size) }
    }

    /// `readlink` with a check that the buffer is as large as it is said to be.
    [__readlink_chk] (name: *const c_char, into: *mut c_char, size: usize, real_size: usize) -> isize {
        if size > real_size {
            fail_check();
        }
        // SAFETY: the caller's to see to.
        unsafe { read_at(AT_FDCWD, name, into, size) }
    }

    /// `readlinkat` with a check that the buffer is as large as it is said to be.
    [__readlinkat_chk] (directory: c_int, name: *const c_char, into: *mut c_char, size: usize, real_size: usize) -> isize {
        if size > real_size {
            fail_check();
        }
        // SAFETY: the caller's to see to.
        unsafe { read_at(directory, name, into, size) }
    }
}
