//! Asking whether a file may be used.

use core::ffi::{c_char, c_int};

use crate::arch::Call;
use crate::attach;
use crate::hooks::attributes::{probe_with, stat_at};
use crate::hooks::hooks;
use crate::insist::insist;
use crate::library::{errno_of, failed, handed_on, is_absent};
use crate::look::{Evidence, Look};
use crate::name;
use crate::system::{AT_EACCESS, AT_FDCWD, AT_SYMLINK_NOFOLLOW, Stat, errno, number};

/// Asks by a call that is given. The directory, name, mode and flags are those in it.
///
/// # Safety
/// As for the call.
pub(crate) unsafe fn permitted(
    directory: i32,
    name: *const u8,
    mode: i32,
    flags: i32,
    call: Call,
) -> isize {
    const KNOWN: i32 = AT_EACCESS | AT_SYMLINK_NOFOLLOW;
    // Nothing but the call itself unless there is something to gain from it.
    if flags & !KNOWN != 0 || attach::tracker().is_none() || !name::is_readable(name) {
        // SAFETY: the caller's to see to.
        return unsafe { insist(&call) };
    }
    let look = Look {
        operation: probe_with(flags),
        detail: 0,
        // Another question than the one for attributes, which may be answered otherwise.
        distinction: 1 << 31 | (mode & 7 | flags & KNOWN).cast_unsigned(),
        directory,
        name,
        known: 0,
        call,
        evidence: Evidence::Ask(flags),
    };
    // SAFETY: as above.
    unsafe { look.make() }
}

/// # Safety
/// As for `access`.
unsafe fn access_by(name: *const c_char, mode: c_int) -> isize {
    let call = Call::new(number::ACCESS, [name.addr(), mode as usize]);
    // SAFETY: the caller's to see to.
    unsafe { permitted(AT_FDCWD, name.cast(), mode, 0, call) }
}

/// # Safety
/// As for `faccessat`.
pub(crate) unsafe fn access_at(
    directory: i32,
    name: *const c_char,
    mode: c_int,
    flags: c_int,
) -> isize {
    let (place, wish) = (directory as usize, mode as usize);
    if flags == 0 {
        let call = Call::new(number::FACCESSAT, [place, name.addr(), wish]);
        // SAFETY: the caller's to see to.
        return unsafe { permitted(directory, name.cast(), mode, 0, call) };
    }
    let arguments = [place, name.addr(), wish, flags as usize];
    let call = Call::new(number::FACCESSAT2, arguments);
    // SAFETY: as above.
    unsafe {
        let result = permitted(directory, name.cast(), mode, flags, call);
        if is_absent(result) {
            worked_out(directory, name, mode, flags)
        } else {
            result
        }
    }
}

/// What the C library does on kernels before 5.8: works it out from the attributes.
unsafe fn worked_out(directory: i32, name: *const c_char, mode: c_int, flags: c_int) -> isize {
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EACCESS) != 0 || mode & !7 != 0 {
        return failed(errno::EINVAL);
    }
    let mut stat = Stat::default();
    // SAFETY: the caller's to see to.
    let result = unsafe { stat_at(directory, name, &raw mut stat, flags & AT_SYMLINK_NOFOLLOW) };
    if errno_of(result) != 0 {
        return result;
    }
    let is_effective = flags & AT_EACCESS != 0;
    let own = |effective: usize, real: usize| {
        let number = if is_effective { effective } else { real };
        // SAFETY: takes no arguments.
        unsafe { Call::new(number, []).plain() as u32 }
    };
    let user = own(number::GETEUID, number::GETUID);
    let is_member = own(number::GETEGID, number::GETGID) == stat.gid || is_member(stat.gid);
    if grants(&stat, user, is_member, mode) {
        0
    } else {
        failed(errno::EACCES)
    }
}

/// Whether the attributes of a file grant a user all of a mode.
fn grants(stat: &Stat, user: u32, is_member: bool, mode: c_int) -> bool {
    let granted = if user == 0 {
        let may_execute = stat.mode & 0o111 != 0;
        if may_execute { 7 } else { 6 }
    } else if user == stat.uid {
        stat.mode >> 6
    } else if is_member {
        stat.mode >> 3
    } else {
        stat.mode
    };
    let wanted = mode.cast_unsigned();
    granted & wanted == wanted
}

/// Whether this process is a member of one more group.
fn is_member(group: u32) -> bool {
    let mut groups = [0_u32; 256];
    let (count, start) = (groups.len(), groups.as_mut_ptr().addr());
    // SAFETY: the kernel writes no more than the count.
    let found = unsafe { Call::new(number::GETGROUPS, [count, start]).plain() };
    groups
        .iter()
        .take(usize::try_from(found).unwrap_or(0))
        .any(|member| *member == group)
}

hooks! {
    /// `access(name, mode)`
    [access] (name: *const c_char, mode: c_int) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { access_by(name, mode) }) as c_int
    }

    /// `faccessat(directory, name, mode, flags)`
    [faccessat] (directory: c_int, name: *const c_char, mode: c_int, flags: c_int) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { access_at(directory, name, mode, flags) }) as c_int
    }

    /// `access` with the rights that count when a file is used.
    [euidaccess eaccess] (name: *const c_char, mode: c_int) -> c_int {
        // SAFETY: the caller's to see to.
        handed_on(unsafe { access_at(AT_FDCWD, name, mode, AT_EACCESS) }) as c_int
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_of_the_mode_that_applies_decides() {
        let stat = |mode| Stat {
            uid: 7,
            mode,
            ..Stat::default()
        };
        let (owner, other) = (7, 8);
        assert!(grants(&stat(0o400), owner, true, 4));
        assert!(!grants(&stat(0o077), owner, true, 4));
        assert!(grants(&stat(0o050), other, true, 5));
        assert!(!grants(&stat(0o707), other, true, 1));
        assert!(grants(&stat(0o007), other, false, 7));
        assert!(!grants(&stat(0o770), other, false, 4));
        assert!(grants(&stat(0o000), other, false, 0));
    }

    #[test]
    fn whoever_may_do_all_may_execute_only_what_somebody_may() {
        let stat = |mode| Stat {
            mode,
            ..Stat::default()
        };
        assert!(grants(&stat(0), 0, false, 6));
        assert!(!grants(&stat(0o666), 0, false, 1));
        assert!(grants(&stat(0o010), 0, false, 7));
    }
}
