//! Asking for environment variables, which decide what a program does as files do.

use core::ffi::c_char;
use core::ptr::null_mut;

use vt_tracker_abi::LONGEST_TEXT;

use crate::attach;
use crate::environment;
use crate::hooks::hooks;
use crate::library::is_privileged;
use crate::record;

unsafe fn found(name: *const c_char) -> *mut c_char {
    // SAFETY: text, as the caller sees to.
    let name = unsafe { core::ffi::CStr::from_ptr(name) }.to_bytes();
    // Nobody has a variable of such a name.
    if !name.is_empty()
        && name.len() <= LONGEST_TEXT
        && let Some(tracker) = attach::tracker()
    {
        record::variable(&tracker, name);
    }
    // SAFETY: the caller's to see to.
    let value = unsafe { environment::find(name) };
    value
        .flatten()
        .map_or(null_mut(), <*const c_char>::cast_mut)
}

hooks! {
    /// `getenv(name)`
    [getenv] (name: *const c_char) -> *mut c_char {
        // SAFETY: the caller's to see to.
        unsafe { found(name) }
    }

    /// `getenv`, but of nothing in a process with privileges.
    [secure_getenv] (name: *const c_char) -> *mut c_char {
        if is_privileged() {
            return null_mut();
        }
        // SAFETY: the caller's to see to.
        unsafe { found(name) }
    }
}
