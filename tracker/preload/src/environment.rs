//! Environment variables.

use core::ffi::c_char;

use crate::library;

/// The value of a variable, as `getenv` finds it. `None` for the outer one if there is no
/// environment yet.
///
/// # Safety
/// Nobody may take the variable away meanwhile, which is what every caller of `getenv` relies on.
pub(crate) unsafe fn find(name: &[u8]) -> Option<Option<*const c_char>> {
    let mut at = library::environment()?;
    loop {
        // SAFETY: the entries are pointers to text, the last one is null.
        let entry = unsafe { core::ptr::read_volatile(at) };
        if entry.is_null() || name.is_empty() {
            return Some(None);
        }
        // SAFETY: the text ends in a zero byte, which is part of no name.
        if let Some(value) = unsafe { value_of(entry, name) } {
            return Some(Some(value));
        }
        // SAFETY: it was not the last one.
        at = unsafe { at.add(1) };
    }
}

/// The value in `name=value`.
unsafe fn value_of(entry: *const c_char, name: &[u8]) -> Option<*const c_char> {
    let mut at = entry;
    for byte in name {
        // SAFETY: every byte so far was one of the name, so not the zero at the end.
        if unsafe { *at }.cast_unsigned() != *byte {
            return None;
        }
        // SAFETY: as above.
        at = unsafe { at.add(1) };
    }
    // SAFETY: as above.
    (unsafe { *at }.cast_unsigned() == b'=').then(|| unsafe { at.add(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        // SAFETY: nothing in this process changes its environment.
        let found = |name: &str| unsafe { find(name.as_bytes()) }.unwrap();
        let path = found("PATH").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { libc::getenv(c"PATH".as_ptr()) }.cast_const(), path);
        assert_eq!(found("PAT"), None);
        assert_eq!(found("PATHX"), None);
        assert_eq!(found(""), None);
    }
}
