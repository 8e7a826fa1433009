//! Opening files. Only for reading: everything else is a change.

use core::ffi::{c_char, c_int, c_uint};

use vt_tracker_abi::Operation;

use crate::arch::Call;
use crate::attach;
use crate::hooks::hooks;
use crate::insist::insist_on_opening;
use crate::library::{fail_check, handed_on};
use crate::look::{Evidence, Look};
use crate::name;
use crate::system::{
    AT_FDCWD, O_ACCMODE, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_LARGEFILE, O_NOCTTY, O_PATH, O_RDONLY,
    O_TMPFILE_ALONE, O_TRUNC, number,
};

/// Flags that do not decide what an opening looks at.
const INDIFFERENT: i32 = O_CLOEXEC | O_LARGEFILE | O_NOCTTY;

/// Whether an opening with these flags is nothing but a look.
pub(crate) const fn is_look(flags: i32) -> bool {
    const OTHER: i32 = O_CREAT | O_TRUNC | O_PATH | O_TMPFILE_ALONE;
    flags & O_ACCMODE == O_RDONLY && flags & OTHER == 0
}

/// Opens by a call that is given. The directory, name and flags are those in it.
///
/// # Safety
/// As for the call.
pub(crate) unsafe fn opened(directory: i32, name: *const u8, flags: i32, call: Call) -> isize {
    if !is_look(flags) {
        // SAFETY: the caller's to see to.
        return unsafe { insist_on_opening(&call, directory, name) };
    }
    // Everywhere the same, often opened, and never of interest.
    // SAFETY: as above.
    let is_null = unsafe { name::text(name, 9) }.is_some_and(|name| name.bytes == b"/dev/null");
    if is_null && attach::tracker().is_some() {
        // SAFETY: as above. There is a gate if there is a tracker.
        return unsafe { call.gated() };
    }
    let look = Look {
        operation: Operation::Open,
        detail: flags.cast_unsigned(),
        distinction: (flags & !INDIFFERENT).cast_unsigned(),
        directory,
        name,
        known: 0,
        call,
        evidence: Evidence::Opened,
    };
    // SAFETY: as above.
    unsafe { look.make() }
}

/// Opens as the C library does.
///
/// # Safety
/// As for `openat`.
pub(crate) unsafe fn open_at(directory: i32, name: *const c_char, flags: i32, mode: u32) -> isize {
    let arguments = [
        directory as usize,
        name.addr(),
        flags as usize,
        mode as usize,
    ];
    let call = Call::new(number::OPENAT, arguments);
    // SAFETY: the caller's to see to.
    unsafe { opened(directory, name.cast(), flags, call) }
}

/// The mode as the C library hands it on: what is in the register if there is one.
const fn mode_for(flags: i32, mode: u32) -> u32 {
    if needs_mode(flags) { mode } else { 0 }
}

const fn needs_mode(flags: i32) -> bool {
    const TMPFILE: i32 = O_TMPFILE_ALONE | O_DIRECTORY;
    flags & O_CREAT != 0 || flags & TMPFILE == TMPFILE
}

hooks! {
    /// `open(name, flags, …)`. A mode, if there is one, comes in the register where it would come
    /// if it were always there.
    [open open64] (name: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { open_at(AT_FDCWD, name, flags, mode_for(flags, mode)) }) as c_int
    }

    /// `openat(directory, name, flags, …)`
    [openat openat64] (directory: c_int, name: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { open_at(directory, name, flags, mode_for(flags, mode)) }) as c_int
    }

    /// `open` with a check that there is no mode missing.
    [__open_2 __open64_2] (name: *const c_char, flags: c_int) -> c_int {
        if needs_mode(flags) {
            fail_check();
        }
        // SAFETY: the caller's to see to.
        handed_on(unsafe { open_at(AT_FDCWD, name, flags, 0) }) as c_int
    }

    /// `openat` with a check that there is no mode missing.
    [__openat_2 __openat64_2] (directory: c_int, name: *const c_char, flags: c_int) -> c_int {
        if needs_mode(flags) {
            fail_check();
        }
        // SAFETY: the caller's to see to.
        handed_on(unsafe { open_at(directory, name, flags, 0) }) as c_int
    }
}
