//! Functions of the C library that some hooks need, whichever library that is: each may be absent.

use core::ffi::{c_char, c_int, c_void};

use crate::arch::weak;
use crate::next::next;
use crate::system::errno as numbers;

/// Compares two entries of a list.
pub(crate) type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;

macro_rules! absent_or {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $symbol:literal;)*) => {
        $(
            $(#[$attribute])*
            ///
            /// # Safety
            /// As for the function of the C library.
            $visibility unsafe fn $name($($argument: $type),*) -> Option<$result> {
                let address = weak!($symbol);
                if address == 0 {
                    return None;
                }
                type Function = unsafe extern "C" fn($($type),*) -> $result;
                // SAFETY: whoever exports a function of this name means it as the C library does.
                let function = unsafe { core::mem::transmute::<usize, Function>(address) };
                // SAFETY: the caller's to see to.
                Some(unsafe { function($($argument),*) })
            }
        )*
    };
}

absent_or! {
    /// Where the error number of this thread is.
    fn error_number() -> *mut c_int = "__errno_location";
    /// Gives an open file a buffer.
    pub(crate) fn fdopen(file: c_int, mode: *const c_char) -> *mut c_void = "fdopen";
    /// Opens a file with a buffer, not by way of the name that is hooked.
    pub(crate) fn open_stream(name: *const c_char, mode: *const c_char) -> *mut c_void = "_IO_fopen";
    /// Gives an open directory a buffer.
    pub(crate) fn fdopendir(file: c_int) -> *mut c_void = "fdopendir";
    /// Allocates for whoever asked for something that he is to free.
    pub(crate) fn malloc(size: usize) -> *mut c_void = "malloc";
    /// Frees.
    fn deallocate(memory: *mut c_void) -> () = "free";
    /// Sorts.
    pub(crate) fn qsort(start: *mut c_void, count: usize, size: usize, compare: Compare) -> () = "qsort";
    /// Ends the process because a buffer is smaller than what is to be written into it.
    fn overflow_found() -> () = "__chk_fail";
    /// Ends the process.
    fn abort() -> () = "abort";
    /// A word that the kernel has left for the process.
    fn auxiliary(number: usize) -> usize = "getauxval";
}

macro_rules! next {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),*) = $symbol:literal;)*) => {
        $(
            $(#[$attribute])*
            ///
            /// # Safety
            /// As for the function of the C library.
            $visibility unsafe fn $name($($argument: $type),*) -> Option<c_int> {
                type Function = unsafe extern "C" fn($($type),*) -> c_int;
                let found = next($symbol)?;
                // SAFETY: whoever exports a function of this name means it as the C library does.
                let function = unsafe { core::mem::transmute::<*const c_void, Function>(found) };
                // SAFETY: the caller's to see to.
                Some(unsafe { function($($argument),*) })
            }
        )*
    };
}

// The functions of these names whose place is taken.
next! {
    /// Sets a variable.
    pub(crate) fn next_setenv(name: *const c_char, value: *const c_char, overwrite: c_int) = c"setenv";
    /// Sets a variable, or takes one away.
    pub(crate) fn next_putenv(text: *mut c_char) = c"putenv";
    /// Takes a variable away.
    pub(crate) fn next_unsetenv(name: *const c_char) = c"unsetenv";
    /// Takes all variables away.
    pub(crate) fn next_clearenv() = c"clearenv";
}

/// Where the environment is. `None` before the C library is ready.
pub(crate) fn environment() -> Option<*const *const c_char> {
    let variable = match weak!("__environ") {
        0 => weak!("environ"),
        address => address,
    };
    if variable == 0 {
        return None;
    }
    // SAFETY: the C library's variable, which other threads may be changing.
    let start = unsafe { core::ptr::read_volatile(variable as *const *const *const c_char) };
    (!start.is_null()).then_some(start)
}

/// Whether the process has privileges that its environment must not influence.
pub(crate) fn is_privileged() -> bool {
    const AT_SECURE: usize = 23;
    // SAFETY: takes no pointers. Where it is absent the loader has no notion of that either.
    unsafe { auxiliary(AT_SECURE) }.is_some_and(|value| value != 0)
}

/// Frees what [`malloc`] gave.
///
/// # Safety
/// As for `free`.
pub(crate) unsafe fn free(memory: *mut c_void) {
    // SAFETY: the caller's to see to.
    unsafe { deallocate(memory) };
}

/// Sets the error number of this thread.
pub(crate) fn set_errno(number: i32) {
    // SAFETY: takes no pointers, and what it gives is valid for this thread.
    if let Some(place) = unsafe { error_number() } {
        // SAFETY: as above.
        unsafe { *place = number };
    }
}

/// The error number of this thread.
pub(crate) fn errno() -> i32 {
    // SAFETY: as for [`set_errno`].
    unsafe { error_number().map_or(0, |place| *place) }
}

/// What a checked function does when it finds that it would write beyond a buffer.
pub(crate) fn fail_check() {
    // SAFETY: takes no arguments; does not return if it is there.
    unsafe {
        overflow_found();
        abort();
    }
}

/// The error number in what a call gave; zero if it succeeded.
pub(crate) const fn errno_of(result: isize) -> i32 {
    if result < 0 && result >= -4095 {
        -(result as i32)
    } else {
        0
    }
}

/// Hands on what a call gave, as the C library does: −1 and the error number, or the result.
pub(crate) fn handed_on(result: isize) -> isize {
    match errno_of(result) {
        0 => result,
        number => {
            set_errno(number);
            -1
        }
    }
}

/// What a call would have given that failed.
pub(crate) const fn failed(number: i32) -> isize {
    -(number as isize)
}

/// Whether the kernel does not have a call.
pub(crate) const fn is_absent(result: isize) -> bool {
    result == failed(numbers::ENOSYS)
}
