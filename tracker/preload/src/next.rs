//! Finds the function whose place is taken, in whichever library comes after this one.
//!
//! What the loader knows of the libraries is read where it keeps it for debuggers. Asking the loader instead
//! would take its lock, and the function for that is not in every C library.

use core::ffi::{CStr, c_char, c_void};

use crate::arch::{dynamic, weak};

/// A library, as the loader describes it to debuggers.
#[repr(C)]
struct Loaded {
    /// What its addresses count from.
    base: usize,
    name: *const c_char,
    dynamic: *const Entry,
    next: *const Self,
}

/// An entry of the dynamic section.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    tag: usize,
    value: usize,
}

/// `Elf64_Sym`
#[repr(C)]
#[derive(Clone, Copy)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: usize,
    size: usize,
}

/// Where a function is that a library after this one exports.
pub(crate) fn next(name: &CStr) -> Option<*const c_void> {
    let mut is_after = false;
    let mut at = first()?;
    while !at.is_null() {
        // SAFETY: the loader's description, which is never taken away of what was there at the start.
        let loaded = unsafe { &*at };
        if is_after && let Some(found) = Tables::of(loaded).and_then(|tables| tables.find(name)) {
            return Some(found);
        }
        is_after |= loaded.dynamic.addr() == dynamic!();
        at = loaded.next;
    }
    None
}

/// The description of the program, which comes first.
fn first() -> Option<*const Loaded> {
    /// `struct r_debug`
    #[repr(C)]
    struct Debug {
        version: i32,
        first: *const Loaded,
    }
    let debug: *const Debug = match weak!("_r_debug") {
        0 => match weak!("_dl_debug_addr") {
            0 => return None,
            // SAFETY: where the other loader has the address.
            address => unsafe { *(address as *const *const Debug) },
        },
        address => address as *const Debug,
    };
    // SAFETY: the loader's, and filled before it hands over to the program.
    (!debug.is_null()).then(|| unsafe { (*debug).first })
}

/// Where a library says what it exports.
struct Tables {
    base: usize,
    symbols: *const Symbol,
    texts: *const c_char,
    hashes: *const u32,
}

impl Tables {
    fn of(loaded: &Loaded) -> Option<Self> {
        const TEXTS: usize = 5;
        const SYMBOLS: usize = 6;
        const HASHES: usize = 0x6fff_fef5;
        let (mut symbols, mut texts, mut hashes) = (0, 0, 0);
        let mut at = loaded.dynamic;
        loop {
            // SAFETY: there is an entry of zeroes at the end.
            let Entry { tag, value } = unsafe { *at };
            match tag {
                0 => break,
                TEXTS => texts = value,
                SYMBOLS => symbols = value,
                HASHES => hashes = value,
                _ => {}
            }
            // SAFETY: it was not the last one.
            at = unsafe { at.add(1) };
        }
        if symbols == 0 || texts == 0 || hashes == 0 {
            return None;
        }
        // One loader has made addresses of them, another one has not; and of the kernel's library none has.
        let address = |value: usize| {
            if value < loaded.base {
                loaded.base.wrapping_add(value)
            } else {
                value
            }
        };
        Some(Self {
            base: loaded.base,
            symbols: address(symbols) as *const Symbol,
            texts: address(texts) as *const c_char,
            hashes: address(hashes) as *const u32,
        })
    }

    /// Looks a function up as the loader does.
    fn find(&self, name: &CStr) -> Option<*const c_void> {
        let hash = hash(name.to_bytes());
        // SAFETY: the table has a head of four words, then as many of 64 bits as the third one says, then
        // as many as the first one says, then one for each symbol from the second one on.
        unsafe {
            let word = |index: usize| *self.hashes.add(index);
            let buckets = word(0);
            let first = word(1) as usize;
            let chains = 4 + 2 * word(2) as usize;
            let mut index = word(chains + hash.checked_rem(buckets)? as usize) as usize;
            if index < first {
                return None;
            }
            loop {
                let found = word(chains + buckets as usize + (index - first));
                if found | 1 == hash | 1 && self.is_function(index, name) {
                    let value = (*self.symbols.add(index)).value;
                    return Some(self.base.wrapping_add(value) as *const c_void);
                }
                if found & 1 == 1 {
                    return None;
                }
                index += 1;
            }
        }
    }

    unsafe fn is_function(&self, index: usize, name: &CStr) -> bool {
        const FUNCTION: u8 = 2;
        // SAFETY: the caller's to see to.
        unsafe {
            let symbol = *self.symbols.add(index);
            let text = CStr::from_ptr(self.texts.add(symbol.name as usize));
            symbol.section != 0 && symbol.info & 0xf == FUNCTION && text == name
        }
    }
}

/// What a table of names is sorted by.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(5381_u32, |hash, byte| {
        hash.wrapping_mul(33).wrapping_add((*byte).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libraries_export_is_found() {
        for name in [c"setenv", c"unsetenv", c"clearenv", c"putenv", c"qsort"] {
            // SAFETY: the name is text.
            let expected = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
            assert!(!expected.is_null());
            assert_eq!(next(name), Some(expected.cast_const()), "{name:?}");
        }
    }

    #[test]
    fn what_nobody_exports_is_not_found() {
        for name in [c"", c"set", c"setenvs", c"environ"] {
            assert_eq!(next(name), None, "{name:?}");
        }
    }
}
