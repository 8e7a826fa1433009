//! Asking for the attributes of files.

use core::ffi::{c_char, c_int, c_uint};

use vt_tracker_abi::Operation;

use crate::arch::Call;
use crate::attach;
use crate::hooks::hooks;
use crate::insist::insist;
use crate::library::{handed_on, set_errno};
use crate::look::{Evidence, Look};
use crate::name;
use crate::system::{
    AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_STATX_SYNC_TYPE, AT_SYMLINK_NOFOLLOW, Stat, Statx,
    errno, number,
};

/// The operation that asking with these flags is.
pub(crate) const fn probe_with(flags: i32) -> Operation {
    if flags & AT_SYMLINK_NOFOLLOW == 0 {
        Operation::Probe
    } else {
        Operation::ProbeKept
    }
}

/// Asks by a call that is given. The directory, name, buffer and flags are those in it.
///
/// # Safety
/// As for the call.
pub(crate) unsafe fn asked(
    directory: i32,
    name: *const u8,
    flags: i32,
    evidence: Evidence,
    call: Call,
) -> isize {
    let look = Look {
        operation: probe_with(flags),
        detail: 0,
        distinction: 0,
        directory,
        name,
        known: 0,
        call,
        evidence,
    };
    // SAFETY: the caller's to see to.
    unsafe { look.make() }
}

/// # Safety
/// As for `fstatat`.
pub(crate) unsafe fn stat_at(
    directory: i32,
    name: *const c_char,
    stat: *mut Stat,
    flags: i32,
) -> isize {
    const KNOWN: i32 = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    if flags & !KNOWN == AT_EMPTY_PATH && directory >= 0 {
        // SAFETY: the caller's to see to.
        if unsafe { name::text(name.cast(), 0) }.is_some() {
            // About a file whose opening was seen.
            let call = Call::new(number::FSTAT, [directory as usize, stat.addr()]);
            // SAFETY: as above.
            return unsafe { call.plain() };
        }
    }
    let arguments = [directory as usize, name.addr(), stat.addr(), flags as usize];
    let call = Call::new(number::NEWFSTATAT, arguments);
    // SAFETY: as above.
    unsafe {
        if flags & !KNOWN != 0 {
            return insist(&call);
        }
        asked(directory, name.cast(), flags, Evidence::Stat(stat), call)
    }
}

/// # Safety
/// As for `statx`.
pub(crate) unsafe fn statx_at(
    directory: i32,
    name: *const c_char,
    flags: i32,
    mask: u32,
    into: *mut Statx,
) -> isize {
    const KNOWN: i32 = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
    let call = |name: usize| {
        let (flags, mask) = (flags as usize, mask as usize);
        Call::new(
            number::STATX,
            [directory as usize, name, flags, mask, into.addr()],
        )
    };
    // SAFETY: the caller's to see to.
    unsafe {
        if flags & AT_EMPTY_PATH != 0 && directory >= 0 {
            let is_empty = name::text(name.cast(), 0).is_some();
            if is_empty && attach::tracker().is_some() {
                // About a file whose opening was seen. Nobody can change this name.
                return call(c"".as_ptr().addr()).gated();
            }
        }
        let call = call(name.addr());
        if flags & !KNOWN != 0 {
            return insist(&call);
        }
        let evidence = Evidence::Statx(into, flags);
        asked(directory, name.cast(), flags, evidence, call)
    }
}

/// For programs built against a C library in which `stat` was no function.
unsafe fn versioned(
    version: c_int,
    directory: i32,
    name: *const c_char,
    stat: *mut Stat,
    flags: i32,
) -> c_int {
    const KERNEL: c_int = 0;
    const LINUX: c_int = 1;
    if version != KERNEL && version != LINUX {
        set_errno(errno::EINVAL);
        return -1;
    }
    // SAFETY: the caller's to see to.
    handed_on(unsafe { stat_at(directory, name, stat, flags) }) as c_int
}

hooks! {
    /// `stat(name, stat)`
    [stat stat64] (name: *const c_char, into: *mut Stat) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { stat_at(AT_FDCWD, name, into, 0) }) as c_int
    }

    /// `lstat(name, stat)`
    [lstat lstat64] (name: *const c_char, into: *mut Stat) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { stat_at(AT_FDCWD, name, into, AT_SYMLINK_NOFOLLOW) }) as c_int
    }

    /// `fstatat(directory, name, stat, flags)`
    [fstatat fstatat64] (directory: c_int, name: *const c_char, into: *mut Stat, flags: c_int) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { stat_at(directory, name, into, flags) }) as c_int
    }

    /// `stat`, for old programs.
    [__xstat __xstat64] (version: c_int, name: *const c_char, into: *mut Stat) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { versioned(version, AT_FDCWD, name, into, 0) }
    }

    /// `lstat`, for old programs.
    [__lxstat __lxstat64] (version: c_int, name: *const c_char, into: *mut Stat) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { versioned(version, AT_FDCWD, name, into, AT_SYMLINK_NOFOLLOW) }
    }

    /// `fstatat`, for old programs.
    [__fxstatat __fxstatat64] (version: c_int, directory: c_int, name: *const c_char, into: *mut Stat, flags: c_int) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { versioned(version, directory, name, into, flags) }
    }

    /// `statx(directory, name, flags, mask, statx)`
    [statx] (directory: c_int, name: *const c_char, flags: c_int, mask: c_uint, into: *mut Statx) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { statx_at(directory, name, flags, mask, into) }) as c_int
    }
}
