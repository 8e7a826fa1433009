//! Environment variables, which decide what a program does as files do.

use core::ffi::{CStr, c_char, c_int};
use core::ptr::null_mut;

use vt_tracker_abi::{Asked, LONGEST_TEXT};

use crate::attach;
use crate::demand;
use crate::environment;
use crate::hooks::hooks;
use crate::library::{self, is_privileged, next_clearenv, next_putenv, next_setenv, next_unsetenv};
use crate::record;
use crate::system::errno;

unsafe fn found(name: *const c_char) -> *mut c_char {
    // SAFETY: text, as the caller sees to.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    // SAFETY: the caller's to see to.
    let own = unsafe { environment::find(name) }.flatten();
    let value = match own {
        // SAFETY: as above.
        None => unsafe { demand::ask(name) },
        Some(_) => {
            if name.len() <= LONGEST_TEXT {
                attach::with_tracker(|tracker| record::variable(tracker, name, Asked::OfItself));
            }
            own
        }
    };
    value.map_or(null_mut(), <*const c_char>::cast_mut)
}

/// What the function gave whose place is taken.
fn done(result: Option<c_int>) -> c_int {
    // Without it there would be nobody to call this one.
    result.unwrap_or_else(|| {
        library::set_errno(errno::ENOSYS);
        -1
    })
}

/// The name in `name=value`, or all of it.
unsafe fn name_in<'t>(text: *const c_char) -> (&'t [u8], bool) {
    // SAFETY: text, as the caller sees to.
    let text = unsafe { CStr::from_ptr(text) }.to_bytes();
    let mut parts = text.splitn(2, |byte| *byte == b'=');
    (parts.next().unwrap_or(text), parts.next().is_some())
}

/// Whether a process that wants to keep what there is has something to keep beside its environment.
unsafe fn is_kept(name: *const c_char) -> bool {
    // SAFETY: text, as the caller sees to.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    // SAFETY: the caller's to see to.
    unsafe { environment::find(name).flatten().is_none() && demand::ask(name).is_some() }
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

    /// `setenv(name, value, overwrite)`
    [setenv] (name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe {
            if overwrite == 0 && !name.is_null() && is_kept(name) {
                return 0;
            }
            let result = done(next_setenv(name, value, overwrite));
            // Not before it is in the environment, so that another thread finds one or the other.
            if result == 0 {
                demand::end(CStr::from_ptr(name).to_bytes());
            }
            result
        }
    }

    /// `putenv(text)`
    [putenv] (text: *mut c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe {
            let (name, has_value) = name_in(text);
            if !has_value {
                demand::end(name);
            }
            let result = done(next_putenv(text));
            if has_value && result == 0 {
                demand::end(name);
            }
            result
        }
    }

    /// `unsetenv(name)`
    [unsetenv] (name: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe {
            if !name.is_null() {
                demand::end(CStr::from_ptr(name).to_bytes());
            }
            done(next_unsetenv(name))
        }
    }

    /// `clearenv()`, which takes the right to ask away as well.
    [clearenv] () -> c_int {
        // SAFETY: the caller's to see to.
        done(unsafe { next_clearenv() })
    }
}
