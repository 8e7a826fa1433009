//! Finding real paths. The C library reads the links on the way by calls of its own, one for each
//! component, each of which would stop.

use core::ffi::c_char;
use core::mem::MaybeUninit;
use core::ptr::null_mut;

use crate::arch::Call;
use crate::hooks::hooks;
use crate::hooks::links::link_read;
use crate::hooks::permissions::access_at;
use crate::library::{errno_of, fail_check, malloc, set_errno};
use crate::real::{Files, Path, Rest, Stop, walk};
use crate::system::{
    AT_EACCESS, AT_FDCWD, MAP_ANONYMOUS, MAP_PRIVATE, PATH_MAX, PROT_READ, PROT_WRITE, errno,
    number,
};

/// How long the text of forty links can be together, and some more.
const LINKS: usize = 41 * PATH_MAX;

struct Kernel;

impl Files for Kernel {
    fn read_link(&mut self, path: &[u8], real: usize, into: &mut [u8]) -> Result<usize, i32> {
        let arguments = [path.as_ptr().addr(), into.as_mut_ptr().addr(), into.len()];
        let call = Call::new(number::READLINK, arguments);
        // SAFETY: the path ends in a zero byte, the buffer is that large.
        result_of(unsafe { link_read(AT_FDCWD, path.as_ptr(), real as u16, call) })
    }

    fn search(&mut self, path: &[u8]) -> Result<(), i32> {
        // SAFETY: the path ends in a zero byte.
        let result = unsafe { access_at(AT_FDCWD, path.as_ptr().cast(), 0, AT_EACCESS) };
        result_of(result).map(|_| ())
    }

    fn current(&mut self, into: &mut [u8]) -> Result<usize, i32> {
        let call = Call::new(number::GETCWD, [into.as_mut_ptr().addr(), into.len()]);
        // SAFETY: the buffer is that large.
        let length = result_of(unsafe { call.plain() })?;
        // Otherwise it can't be reached from the root.
        if into.first() == Some(&b'/') {
            Ok(length.saturating_sub(1))
        } else {
            Err(errno::ENOENT)
        }
    }
}

fn result_of(result: isize) -> Result<usize, i32> {
    match errno_of(result) {
        0 => Ok(result.cast_unsigned()),
        number => Err(number),
    }
}

/// Walks with room for as much as a name and the links in it can be.
#[cold]
fn walk_far(name: &[u8], path: &mut Path) -> Result<(), Stop> {
    let size = name.len() + LINKS;
    let protection = PROT_READ | PROT_WRITE;
    let arguments = [
        0,
        size,
        protection,
        MAP_PRIVATE | MAP_ANONYMOUS,
        usize::MAX,
        0,
    ];
    // SAFETY: replaces nothing.
    let start = unsafe { Call::new(number::MMAP, arguments).plain() };
    if errno_of(start) != 0 {
        return Err(Stop::Error(errno::ENOMEM));
    }
    // SAFETY: mapped just now, all zeroes, and nobody else's.
    let room = unsafe { core::slice::from_raw_parts_mut(start as *mut u8, size) };
    *path = Path::new();
    let result = match Rest::new(room, name) {
        Some(mut rest) => walk(&mut Kernel, &mut rest, path),
        None => Err(Stop::Room),
    };
    // SAFETY: what was mapped above; nobody refers to it any more.
    unsafe { Call::new(number::MUNMAP, [start.cast_unsigned(), size]).plain() };
    result
}

fn find(name: &[u8], path: &mut Path) -> Result<(), i32> {
    let mut room = [0; PATH_MAX];
    let near = match Rest::new(&mut room, name) {
        Some(mut rest) => walk(&mut Kernel, &mut rest, path),
        None => Err(Stop::Room),
    };
    let result = match near {
        Err(Stop::Room) => walk_far(name, path),
        result => result,
    };
    result.map_err(|stop| match stop {
        Stop::Error(number) => number,
        Stop::Room => errno::ENAMETOOLONG,
    })
}

/// # Safety
/// As for `realpath`.
unsafe fn real(name: *const c_char, into: *mut c_char) -> *mut c_char {
    if name.is_null() {
        set_errno(errno::EINVAL);
        return null_mut();
    }
    // SAFETY: text, as the caller sees to.
    let name = unsafe { core::ffi::CStr::from_ptr(name) }.to_bytes();
    let mut path = Path::new();
    let result = find(name, &mut path);
    // How far it led is shown to whoever may want to make what is missing.
    let is_shown = matches!(result, Ok(()) | Err(errno::ENOENT | errno::EACCES));
    let is_empty = name.is_empty();
    let found = match path.with_end() {
        Ok(path) if is_shown && !is_empty => Some(path),
        _ => None,
    };
    if let Err(number) = result {
        if let Some(path) = found.filter(|_| !into.is_null()) {
            // SAFETY: the caller's buffer has room for every path.
            unsafe { copy(path, into) };
        }
        set_errno(number);
        return null_mut();
    }
    let Some(path) = found else { return null_mut() };
    let into = if into.is_null() {
        // SAFETY: takes no pointers.
        unsafe { malloc(path.len()) }.unwrap_or(null_mut()).cast()
    } else {
        into
    };
    if into.is_null() {
        // The allocator has set the error number.
        return into;
    }
    // SAFETY: the caller's buffer, or one of this length.
    unsafe { copy(path, into) };
    into
}

unsafe fn copy(path: &[u8], into: *mut c_char) {
    let into = into.cast::<MaybeUninit<u8>>();
    // SAFETY: the caller has made sure that there is room.
    unsafe { into.copy_from_nonoverlapping(path.as_ptr().cast(), path.len()) };
}

hooks! {
    /// `realpath(name, buffer)`
    [realpath] (name: *const c_char, into: *mut c_char) -> *mut c_char {
        // SAFETY: the caller's to see to.
        unsafe { real(name, into) }
    }

    /// `realpath` with a check that the buffer is as large as it has to be.
    [__realpath_chk] (name: *const c_char, into: *mut c_char, real_size: usize) -> *mut c_char {
        if real_size < PATH_MAX {
            fail_check();
        }
        // SAFETY: the caller's to see to.
        unsafe { real(name, into) }
    }

    /// `realpath` into a new buffer.
    [canonicalize_file_name] (name: *const c_char) -> *mut c_char {
        // SAFETY: the caller's to see to.
        unsafe { real(name, null_mut()) }
    }
}
