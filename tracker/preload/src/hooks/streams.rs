//! Opening files with a buffer.

use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;

use crate::arch::Call;
use crate::attach;
use crate::hooks::hooks;
use crate::hooks::open::open_at;
use crate::insist::{insist_on_opening, may_wait};
use crate::library::{errno, errno_of, fdopen, handed_on, open_stream, set_errno};
use crate::name;
use crate::system::{
    AT_FDCWD, O_APPEND, O_CLOEXEC, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY,
    errno as number_of, number,
};

/// The flags of a mode that only reads, and says nothing that is not known here.
pub(crate) fn flags_to_read(mode: &[u8]) -> Option<i32> {
    let (first, more) = mode.split_first()?;
    let is_plain = *first == b'r' && more.iter().all(|byte| matches!(byte, b'b' | b'e'));
    is_plain.then(|| O_RDONLY | if more.contains(&b'e') { O_CLOEXEC } else { 0 })
}

/// The flags of any mode, for a library that can't be asked to open by itself.
pub(crate) fn flags_of(mode: &[u8]) -> Option<i32> {
    let (first, more) = mode.split_first()?;
    let has = |letter: u8| more.contains(&letter);
    let access = match (first, has(b'+')) {
        (b'r' | b'w' | b'a', true) => O_RDWR,
        (b'r', false) => O_RDONLY,
        (b'w' | b'a', false) => O_WRONLY,
        _ => return None,
    };
    let made = match first {
        b'w' => O_CREAT | O_TRUNC,
        b'a' => O_CREAT | O_APPEND,
        _ => 0,
    };
    let or = |letter: u8, flag: i32| if has(letter) { flag } else { 0 };
    Some(access | made | or(b'x', O_EXCL) | or(b'e', O_CLOEXEC))
}

/// Gives a file a buffer, or closes it.
unsafe fn buffered(file: isize, mode: *const c_char) -> *mut c_void {
    if errno_of(file) != 0 {
        handed_on(file);
        return null_mut();
    }
    // SAFETY: the file is open and nobody's; the mode is the caller's.
    let stream = unsafe { fdopen(file as c_int, mode) };
    stream
        .filter(|stream| !stream.is_null())
        .unwrap_or_else(|| {
            let why = errno();
            attach::close(file as i32);
            set_errno(why);
            null_mut()
        })
}

hooks! {
    /// `fopen(name, mode)`
    [fopen fopen64] (name: *const c_char, mode: *const c_char) -> *mut c_void {
        // SAFETY: text, as the caller sees to.
        let letters = unsafe { name::text(mode.cast(), 64) };
        if let Some(flags) = letters.and_then(|letters| flags_to_read(letters.bytes)) {
            // SAFETY: the caller's to see to.
            return unsafe { buffered(open_at(AT_FDCWD, name, flags, 0), mode) };
        }
        // SAFETY: as above.
        while let Some(stream) = unsafe { open_stream(name, mode) } {
            let is_interrupted = stream.is_null() && errno() == number_of::EINTR;
            // SAFETY: as above.
            if !is_interrupted || unsafe { may_wait(AT_FDCWD, name.cast()) } {
                return stream;
            }
        }
        let Some(flags) = letters.and_then(|letters| flags_of(letters.bytes)) else {
            set_errno(number_of::EINVAL);
            return null_mut();
        };
        let arguments = [AT_FDCWD as usize, name.addr(), flags as usize, 0o666];
        // SAFETY: as above.
        unsafe {
            let call = Call::new(number::OPENAT, arguments);
            buffered(insist_on_opening(&call, AT_FDCWD, name.cast()), mode)
        }
    }
}
