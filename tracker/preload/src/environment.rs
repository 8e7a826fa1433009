//! Environment variables, and what one of them says about the memory.

use core::ffi::c_char;

use crate::library;

/// Where the memory is, as [`vt_tracker_abi::VARIABLE`] has it:
/// `<process>/<descriptor>/<token>/<session>`, decimal but for the token, which is two words of 16
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Memory {
    pub(crate) process: u32,
    pub(crate) descriptor: u32,
    pub(crate) token: [u64; 2],
    pub(crate) session: u32,
}

impl Memory {
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = value.split(|byte| *byte == b'/');
        let process = decimal(parts.next()?)?;
        let descriptor = decimal(parts.next()?)?;
        let (first, second) = parts.next()?.split_at_checked(16)?;
        let token = [hexadecimal(first)?, hexadecimal(second)?];
        let session = decimal(parts.next()?)?;
        parts.next().is_none().then_some(Self {
            process,
            descriptor,
            token,
            session,
        })
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(digit.into())
    })
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.len() != 16 {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

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
    fn the_place_of_the_memory_is_read_as_it_is_written() {
        let value = format!("123/45/{:016x}{:016x}/6", 0xab_u64, u64::MAX);
        let expected = Memory {
            process: 123,
            descriptor: 45,
            token: [0xab, u64::MAX],
            session: 6,
        };
        assert_eq!(Memory::parse(value.as_bytes()), Some(expected));
    }

    #[test]
    fn anything_else_is_no_place() {
        let token = "0".repeat(32);
        for value in [
            String::new(),
            "1/2".to_owned(),
            format!("1/2/{token}"),
            format!("1/2/{token}/"),
            format!("1/2/{token}/3/4"),
            format!("-1/2/{token}/3"),
            format!("1/x/{token}/3"),
            format!("/2/{token}/3"),
            format!("4294967296/2/{token}/3"),
            format!("1/2/{}/3", &token[1..]),
            format!("1/2/{token}0/3"),
            format!("1/2/{}G/3", &token[1..]),
            format!("1/2/{}A/3", &token[1..]),
        ] {
            assert_eq!(Memory::parse(value.as_bytes()), None, "{value}");
        }
    }

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
