//! Gives back the memory that a fork copies.
//!
//! Otherwise every page that the supervisor changes from then on would be copied, and would stay
//! in memory twice.

use libc::c_int;

use crate::system::keeper::raw;

/// What the first fields of a line of `/proc/self/maps` say.
#[derive(Clone, Copy, Default)]
struct Mapping {
    start: usize,
    end: usize,
    is_shared: bool,
    is_of_file: bool,
    is_first_stack: bool,
}

/// Takes the text of `/proc/self/maps` byte by byte.
#[derive(Clone, Copy, Default)]
struct Parser {
    mapping: Mapping,
    field: u32,
    in_end: bool,
    before: u8,
}

impl Parser {
    /// Gives a mapping at the end of its line.
    fn take(&mut self, byte: u8) -> Option<Mapping> {
        let before = std::mem::replace(&mut self.before, byte);
        match (self.field, byte) {
            (_, b'\n') => {
                let mapping = self.mapping;
                *self = Self::default();
                return Some(mapping);
            }
            (_, b' ') => self.field = self.field.saturating_add(1),
            (0, b'-') => self.in_end = true,
            (0, digit) => {
                let digit = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => 0,
                };
                let number = if self.in_end {
                    &mut self.mapping.end
                } else {
                    &mut self.mapping.start
                };
                *number = *number << 4 | usize::from(digit);
            }
            (1, b's') => self.mapping.is_shared = true,
            (4, b'1'..=b'9') => self.mapping.is_of_file = true,
            // `[stack]` is the only name of this kind that begins so.
            (5.., b's') if before == b'[' => self.mapping.is_first_stack = true,
            _ => {}
        }
        None
    }
}

/// Gives back all memory but what a process needs that makes system calls only: programs and
/// their data, the stack it is on, and the shared memory at `kept`.
pub(super) fn release(kept: usize) {
    let mut buffer = [0_u8; 1024];
    let stack = buffer.as_ptr() as usize;
    let name = c"/proc/self/maps".as_ptr() as usize;
    let directory = libc::AT_FDCWD as usize;
    // SAFETY: the name ends with a zero.
    let opened = unsafe { raw::call(libc::SYS_openat, [directory, name, 0, 0, 0, 0]) };
    // Without `/proc` it is merely dearer.
    let Ok(maps) = opened else { return };
    let mut parser = Parser::default();
    loop {
        let arguments = [maps, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0];
        // SAFETY: the buffer has room for as much as is asked for.
        let Ok(length @ 1..) = (unsafe { raw::call(libc::SYS_read, arguments) }) else {
            break;
        };
        for byte in buffer.iter().take(length) {
            if let Some(mapping) = parser.take(*byte) {
                give_back(mapping, stack, kept);
            }
        }
    }
    raw::close(maps as c_int);
}

fn give_back(mapping: Mapping, stack: usize, kept: usize) {
    let Mapping { start, end, .. } = mapping;
    let has = |address: usize| start <= address && address < end;
    let length = end.wrapping_sub(start);
    if has(kept) || has(stack) {
        return;
    }
    let (number, advice) = match (mapping.is_shared, mapping.is_of_file) {
        // What is shared stays in memory for as long as anybody has it mapped.
        (true, _) => (libc::SYS_munmap, 0),
        // The supervisor's arguments and environment are there, and shown to whoever lists
        // processes. Without them the name is shown.
        (false, false) if mapping.is_first_stack => (libc::SYS_munmap, 0),
        // Only the content goes: a stray read finds zeroes, not nothing.
        (false, false) => (libc::SYS_madvise, libc::MADV_DONTNEED as usize),
        // Relocated data and changed programs would fall back to what the file says.
        (false, true) => return,
    };
    // SAFETY: nothing that runs in this process from now on uses that memory.
    let _ = unsafe { raw::call(number, [start, length, advice, 0, 0, 0]) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_told_apart() {
        let text = b"559dd1c00000-559dd1e00000 rw-p 00000000 00:00 0          [heap]\n\
                     7f0000000000-7f0000001000 r-xp 00001000 fe:01 1302       /lib/a 7 s\n\
                     7f0000002000-7f0000022000 rw-s 00000000 00:01 2061       /dev/zero (deleted)\n\
                     7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0          [stack]\n";
        let mut parser = Parser::default();
        let found: Vec<_> = text
            .iter()
            .filter_map(|byte| parser.take(*byte))
            .map(|found| {
                let is = [found.is_shared, found.is_of_file, found.is_first_stack];
                (found.start, found.end, is)
            })
            .collect();
        assert_eq!(
            found,
            [
                (0x559d_d1c0_0000, 0x559d_d1e0_0000, [false; 3]),
                (0x7f00_0000_0000, 0x7f00_0000_1000, [false, true, false]),
                (0x7f00_0000_2000, 0x7f00_0002_2000, [true, true, false]),
                (0x7ffc_0000_0000, 0x7ffc_0002_1000, [false, false, true]),
            ]
        );
    }
}
