//! Calls that stop at the supervisor, made so that a signal does not end the waiting for it.
//!
//! Until the supervisor has taken notice of a call, the kernel lets any signal interrupt it. If the
//! handler of the signal does not ask for calls to be restarted, the call fails with `EINTR`, which
//! none of these does by itself, and which programs do not expect. So it is made again.

use crate::arch::Call;
use crate::library::errno_of;
use crate::system::{S_IFDIR, S_IFMT, S_IFREG, Stat, errno, number};

/// Makes a call that never waits for anybody, and so is never interrupted by itself.
///
/// # Safety
/// As for the call.
pub(crate) unsafe fn insist(call: &Call) -> isize {
    loop {
        // SAFETY: the caller's to see to.
        let result = unsafe { call.plain() };
        if errno_of(result) != errno::EINTR {
            return result;
        }
    }
}

/// Makes a call that opens a file: of a pipe or a device, that may be interrupted by itself.
///
/// # Safety
/// As for the call; the directory and the name are those in it.
pub(crate) unsafe fn insist_on_opening(call: &Call, directory: i32, name: *const u8) -> isize {
    loop {
        // SAFETY: the caller's to see to.
        let result = unsafe { call.plain() };
        // SAFETY: as above.
        if errno_of(result) != errno::EINTR || unsafe { may_wait(directory, name) } {
            return result;
        }
    }
}

/// Whether opening may have to wait for somebody.
///
/// # Safety
/// As for `stat`.
pub(crate) unsafe fn may_wait(directory: i32, name: *const u8) -> bool {
    let mut stat = Stat::default();
    let buffer = core::ptr::from_mut(&mut stat).addr();
    let question = Call::new(
        number::NEWFSTATAT,
        [directory as usize, name.addr(), buffer, 0],
    );
    // SAFETY: the name is the caller's to see to, the buffer is one.
    let result = unsafe { insist(&question) };
    errno_of(result) == 0 && !matches!(stat.mode & S_IFMT, S_IFREG | S_IFDIR)
}
