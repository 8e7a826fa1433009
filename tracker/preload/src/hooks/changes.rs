//! Changes. They always stop at the supervisor; here they only get back what a signal took.

use core::ffi::{c_char, c_int, c_long, c_uint};

use crate::arch::Call;
use crate::hooks::hooks;
use crate::insist::insist;
use crate::library::handed_on;
use crate::system::number;

unsafe fn made<const N: usize>(number: usize, arguments: [usize; N]) -> c_int {
    // SAFETY: the caller's to see to.
    handed_on(unsafe { insist(&Call::new(number, arguments)) }) as c_int
}

hooks! {
    /// `mkdir(name, mode)`
    [mkdir] (name: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::MKDIR, [name.addr(), mode as usize]) }
    }

    /// `mkdirat(directory, name, mode)`
    [mkdirat] (directory: c_int, name: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::MKDIRAT, [directory as usize, name.addr(), mode as usize]) }
    }

    /// `rmdir(name)`
    [rmdir] (name: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::RMDIR, [name.addr()]) }
    }

    /// `unlink(name)`
    [unlink] (name: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::UNLINK, [name.addr()]) }
    }

    /// `unlinkat(directory, name, flags)`
    [unlinkat] (directory: c_int, name: *const c_char, flags: c_int) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::UNLINKAT, [directory as usize, name.addr(), flags as usize]) }
    }

    /// `rename(old, new)`
    [rename] (old: *const c_char, new: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::RENAME, [old.addr(), new.addr()]) }
    }

    /// `renameat(old directory, old, new directory, new)`
    [renameat] (from: c_int, old: *const c_char, to: c_int, new: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::RENAMEAT, [from as usize, old.addr(), to as usize, new.addr()]) }
    }

    /// `link(old, new)`
    [link] (old: *const c_char, new: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::LINK, [old.addr(), new.addr()]) }
    }

    /// `linkat(old directory, old, new directory, new, flags)`
    [linkat] (from: c_int, old: *const c_char, to: c_int, new: *const c_char, flags: c_int) -> c_int {
        let arguments = [from as usize, old.addr(), to as usize, new.addr(), flags as usize];
        // SAFETY: the caller's to see to.
        unsafe { made(number::LINKAT, arguments) }
    }

    /// `symlink(text, name)`
    [symlink] (text: *const c_char, name: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::SYMLINK, [text.addr(), name.addr()]) }
    }

    /// `symlinkat(text, directory, name)`
    [symlinkat] (text: *const c_char, directory: c_int, name: *const c_char) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::SYMLINKAT, [text.addr(), directory as usize, name.addr()]) }
    }

    /// `chmod(name, mode)`
    [chmod] (name: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::CHMOD, [name.addr(), mode as usize]) }
    }

    /// `truncate(name, length)`
    [truncate truncate64] (name: *const c_char, length: c_long) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::TRUNCATE, [name.addr(), length as usize]) }
    }

    /// `execve(name, arguments, environment)`
    [execve] (
        name: *const c_char,
        arguments: *const *const c_char,
        environment: *const *const c_char
    ) -> c_int {
        // SAFETY: the caller's to see to.
        unsafe { made(number::EXECVE, [name.addr(), arguments.addr(), environment.addr()]) }
    }
}
