//! Names of files as programs give them, made absolute without looking at anything.

use core::mem::MaybeUninit;

use vt_tracker_abi::LONGEST_TEXT;

use crate::arch::Call;
use crate::attach::Tracker;
use crate::directory;
use crate::library::errno_of;
use crate::system::{AT_FDCWD, PAGE, errno, number};

/// Text that somebody else holds.
#[derive(Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) bytes: &'t [u8],
    /// Whether there are two dots in a row somewhere.
    has_dots: bool,
}

/// Text up to its zero byte. `None` if it is longer than that, or if there can't be any there.
///
/// # Safety
/// If the address is neither null nor out of reach of programs, there has to be such text.
pub(crate) unsafe fn text<'t>(start: *const u8, longest: usize) -> Option<Text<'t>> {
    const END_OF_USER_SPACE: usize = 1 << 47;
    if !(PAGE..END_OF_USER_SPACE - PAGE).contains(&start.addr()) {
        return None;
    }
    let (mut length, mut last, mut has_dots) = (0, 0, false);
    loop {
        // SAFETY: no byte so far was the zero at the end.
        let byte = unsafe { *start.add(length) };
        if byte == 0 {
            break;
        }
        if length == longest {
            return None;
        }
        has_dots |= byte == b'.' && last == b'.';
        last = byte;
        length += 1;
    }
    // SAFETY: just read.
    let bytes = unsafe { core::slice::from_raw_parts(start, length) };
    Some(Text { bytes, has_dots })
}

/// Whether text can be read at an address. Some programs ask for the permissions of a file only to
/// learn from the error whether memory is there.
pub(crate) fn is_readable(start: *const u8) -> bool {
    const NO_SUCH_CHANGE: usize = usize::MAX;
    let readable = |address: usize| {
        let word = address & !7;
        let call = Call::new(number::RT_SIGPROCMASK, [NO_SUCH_CHANGE, word, 0, 8]);
        // SAFETY: it reads the word, then fails.
        errno_of(unsafe { call.plain() }) != errno::EFAULT
    };
    let mut at = start.addr();
    // Asked about the first page, the call would take the null pointer for no pointer.
    if at < PAGE || !readable(at) {
        return false;
    }
    for _ in 0..LONGEST_TEXT {
        // SAFETY: on a page that was just found to be readable.
        if unsafe { *(at as *const u8) } == 0 {
            return true;
        }
        at = at.wrapping_add(1);
        if at.is_multiple_of(PAGE) && !readable(at) {
            return false;
        }
    }
    true
}

/// Room for a name that is put together.
pub(crate) struct Buffer {
    bytes: [MaybeUninit<u8>; LONGEST_TEXT],
    length: usize,
}

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [MaybeUninit::uninit(); LONGEST_TEXT],
            length: 0,
        }
    }

    pub(crate) fn push(&mut self, more: &[u8]) -> Option<()> {
        let end = self.length.checked_add(more.len())?;
        let place = self.bytes.get_mut(self.length..end)?;
        for (to, from) in place.iter_mut().zip(more) {
            to.write(*from);
        }
        self.length = end;
        Some(())
    }

    /// Has somebody fill it, who gives the length of what he wrote.
    pub(crate) fn fill(&mut self, by: impl FnOnce(*mut u8, usize) -> Option<usize>) -> Option<()> {
        let length = by(self.bytes.as_mut_ptr().cast(), self.bytes.len())?;
        self.length = (length <= self.bytes.len()).then_some(length)?;
        Some(())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: that much was written.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.length) }
    }
}

/// A name made absolute.
#[derive(Clone, Copy)]
pub(crate) struct Name<'n> {
    pub(crate) bytes: &'n [u8],
    /// How many of the bytes are a real path already.
    pub(crate) known: u16,
    /// The state of current directories that it is true for, if it depends on one.
    pub(crate) directories: Option<u64>,
}

/// Makes a name absolute. `None` if that can't be done, or not so that it means the same to
/// somebody else at another time.
///
/// The absolute name is the directory, a slash, and the name as it was given.
pub(crate) fn absolute<'n>(
    tracker: &Tracker,
    directory: i32,
    given: Text<'n>,
    names: u64,
    buffer: &'n mut Buffer,
) -> Option<Name<'n>> {
    let mut directories = None;
    let mut known = 0;
    let first = given.bytes.first()?;
    let bytes = if *first == b'/' {
        given.bytes
    } else {
        if directory == AT_FDCWD {
            directories = Some(directory::current(tracker, names, buffer)?);
        } else {
            directory::open(directory, buffer)?;
        }
        known = u16::try_from(buffer.length).ok()?;
        buffer.push(b"/")?;
        buffer.push(given.bytes)?;
        buffer.bytes()
    };
    (!is_of_the_kernel(bytes, given.has_dots)).then_some(Name {
        bytes,
        known,
        directories,
    })
}

/// A real path as a name.
pub(crate) fn real(path: &[u8]) -> Option<Name<'_>> {
    (!is_of_the_kernel(path, false)).then_some(Name {
        bytes: path,
        known: u16::try_from(path.len()).ok()?,
        directories: None,
    })
}

/// Whether an absolute name may lead to where names mean something else to each process.
fn is_of_the_kernel(name: &[u8], has_dots: bool) -> bool {
    let is_kept = |part: &[u8]| matches!(part, b"proc" | b"dev" | b"sys");
    let mut parts = name
        .split(|byte| *byte == b'/')
        .filter(|part| !matches!(*part, b"" | b"."));
    let is_below = parts.next().is_some_and(is_kept);
    is_below || has_dots && parts.any(is_kept)
}

/// Writes a name with numbers in it and a zero byte at its end: each piece of text is followed by
/// a number.
pub(crate) fn number_path(into: &mut [u8], texts: &[&[u8]], numbers: &[u32]) -> Option<()> {
    let mut at = 0;
    let mut put = |byte: u8| -> Option<()> {
        *into.get_mut(at)? = byte;
        at += 1;
        Some(())
    };
    for (text, number) in texts.iter().zip(numbers) {
        for byte in *text {
            put(*byte)?;
        }
        let mut digits = 1;
        let mut power = 1_u32;
        while number / power >= 10 {
            power = power.checked_mul(10)?;
            digits += 1;
        }
        for _ in 0..digits {
            put(b'0' + (number / power % 10) as u8)?;
            power /= 10;
            power = power.max(1);
        }
    }
    put(0)
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    fn text_of(text: &str, longest: usize) -> Option<(String, bool)> {
        let held = CString::new(text).unwrap();
        // SAFETY: text with a zero byte at its end.
        let found = unsafe { super::text(held.as_ptr().cast(), longest) }?;
        let copy = String::from_utf8(found.bytes.to_vec()).unwrap();
        Some((copy, found.has_dots))
    }

    #[test]
    fn text_ends_at_its_zero_byte_and_must_fit() {
        assert_eq!(text_of("", 3), Some((String::new(), false)));
        assert_eq!(text_of("abc", 3), Some(("abc".to_owned(), false)));
        assert_eq!(text_of("abcd", 3), None);
        assert_eq!(text_of("a/../b", 9), Some(("a/../b".to_owned(), true)));
        assert_eq!(text_of("a.b.c", 9), Some(("a.b.c".to_owned(), false)));
        // SAFETY: no program has anything at these addresses.
        unsafe {
            for address in [0, 1, 4095, 1 << 47, usize::MAX] {
                assert!(super::text(address as *const u8, 9).is_none(), "{address}");
            }
        }
    }

    #[test]
    fn memory_that_is_not_there_is_not_readable() {
        assert!(is_readable(c"abc".as_ptr().cast()));
        for address in [0, 1, 8, 1_usize << 50] {
            assert!(!is_readable(address as *const u8), "{address}");
        }
        // SAFETY: makes two pages, of which the second goes away again.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let pages = libc::mmap(std::ptr::null_mut(), 2 * PAGE, protection, flags, -1, 0);
            assert_eq!(libc::munmap(pages.byte_add(PAGE), PAGE), 0);
            let end = pages.cast::<u8>().add(PAGE);
            end.sub(3).copy_from(c"ab".as_ptr().cast(), 3);
            assert!(is_readable(end.sub(3)));
            end.sub(1).write(b'c');
            assert!(!is_readable(end.sub(3)));
        }
    }

    #[test]
    fn names_of_the_kernel_are_found_out() {
        for name in [
            "/proc",
            "/proc/self",
            "//proc/self",
            "/./proc/x",
            "/dev/null",
            "/sys/a",
            "/../proc",
            "/a/../proc/self",
            "/a/b/../../dev/fd/3",
        ] {
            assert!(
                is_of_the_kernel(name.as_bytes(), name.contains("..")),
                "{name}"
            );
        }
        for name in ["/", "/process", "/a/proc/b", "/a/../b", "/device", "/a/dev"] {
            assert!(
                !is_of_the_kernel(name.as_bytes(), name.contains("..")),
                "{name}"
            );
        }
    }

    #[test]
    fn numbers_are_written_as_people_read_them() {
        let written = |numbers: [u32; 2]| {
            let mut buffer = [b'x'; 40];
            number_path(&mut buffer, &[b"/a/", b"/b"], &numbers).unwrap();
            let end = buffer.iter().position(|byte| *byte == 0).unwrap();
            String::from_utf8(buffer[..end].to_vec()).unwrap()
        };
        assert_eq!(written([0, 7]), "/a/0/b7");
        assert_eq!(written([10, 99]), "/a/10/b99");
        assert_eq!(written([u32::MAX, 1_000_000]), "/a/4294967295/b1000000");
        assert_eq!(number_path(&mut [0; 3], &[b"/a/"], &[1]), None);
    }

    #[test]
    fn what_does_not_fit_is_not_put_together() {
        let mut buffer = Buffer::new();
        assert!(buffer.push(&[b'a'; LONGEST_TEXT - 1]).is_some());
        assert!(buffer.push(b"bc").is_none());
        assert!(buffer.push(b"b").is_some());
        assert_eq!(buffer.bytes().len(), LONGEST_TEXT);
        assert_eq!(buffer.bytes().last(), Some(&b'b'));
    }
}
