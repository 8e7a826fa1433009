//! What a process does to itself that matters here.

use core::ffi::{c_char, c_int};

use crate::arch::Call;
use crate::attach;
use crate::directory;
use crate::hooks::hooks;
use crate::insist::insist;
use crate::library::{errno_of, handed_on};
use crate::system::number;

/// Makes a call by which a process may confine itself to calls that it knows of.
///
/// # Safety
/// As for the call.
pub(crate) unsafe fn confine(call: Call) -> isize {
    // SAFETY: the caller's to see to.
    let result = unsafe { call.plain() };
    if errno_of(result) == 0 {
        attach::detach();
    }
    result
}

unsafe fn moved(call: Call) -> c_int {
    // The supervisor tells as well, but not everywhere in time for this process.
    directory::forget();
    // SAFETY: the caller's to see to.
    let result = unsafe { insist(&call) };
    directory::forget();
    handed_on(result) as c_int
}

hooks! {
    /// `chdir(name)`
    [chdir] (name: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { moved(Call::new(number::CHDIR, [name.addr()])) }
    }

    /// `fchdir(directory)`
    [fchdir] (directory: c_int) -> c_int {
        // SAFETY: takes no pointers.
        unsafe { moved(Call::new(number::FCHDIR, [directory as usize])) }
    }

    /// `prctl(option, …)`
    [prctl] (option: c_int, b: usize, c: usize, d: usize, e: usize) -> c_int {
        const SET_SECCOMP: c_int = 22;
        let call = Call::new(number::PRCTL, [option as usize, b, c, d, e]);
        // SAFETY: the caller's to see to.
        let result = unsafe {
            if option == SET_SECCOMP {
                confine(call)
            } else {
                call.plain()
            }
        };
        handed_on(result) as c_int
    }
}
