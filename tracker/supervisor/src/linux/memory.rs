//! Reads the memory of a stopped thread.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use libc::c_void;

/// The longest path the kernel takes, its end mark included.
const LONGEST_PATH: usize = 4096;
/// Enough for nearly every path.
const FIRST_BYTES: usize = 256;
const PAGE: u64 = 4096;

/// Why memory could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MemoryError {
    /// There is nothing at the address: the call itself will fail.
    Fault,
    /// We may not look.
    Refused,
}

/// Reads text up to its zero byte, which is not part of it. `None` if the text is longer than any
/// path may be: the call itself will fail.
pub(crate) fn text(thread: u32, address: u64) -> Result<Option<Vec<u8>>, MemoryError> {
    let mut bytes = Vec::with_capacity(FIRST_BYTES);
    let mut wanted = FIRST_BYTES;
    while bytes.len() < LONGEST_PATH {
        let at = address
            .checked_add(bytes.len() as u64)
            .ok_or(MemoryError::Fault)?;
        // The page after the one that holds the end of the text may not exist.
        let left_on_page = (PAGE - at % PAGE) as usize;
        let length = wanted.min(left_on_page).min(LONGEST_PATH - bytes.len());
        let start = bytes.len();
        bytes.resize(start + length, 0);
        read(thread, at, &mut bytes[start..])?;
        if let Some(end) = bytes[start..].iter().position(|byte| *byte == 0) {
            bytes.truncate(start + end);
            return Ok(Some(bytes));
        }
        wanted = LONGEST_PATH;
    }
    Ok(None)
}

/// Fills a buffer from one address on.
pub(crate) fn read(thread: u32, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let remote = libc::iovec {
        iov_base: address as *mut c_void,
        iov_len: into.len(),
    };
    // SAFETY: the local buffer is ours for the time of the call; the remote one is only read.
    let got = unsafe {
        libc::process_vm_readv(thread as i32, &raw const local, 1, &raw const remote, 1, 0)
    };
    if usize::try_from(got) == Ok(into.len()) {
        return Ok(());
    }
    if got >= 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT) {
        return Err(MemoryError::Fault);
    }
    // Some sandboxes forbid that call, but not this file.
    let memory = File::open(format!("/proc/{thread}/mem")).map_err(|_| MemoryError::Refused)?;
    memory
        .read_exact_at(into, address)
        .map_err(|_| MemoryError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_up_to_its_end_and_not_beyond_its_page() {
        let me = std::process::id();
        // SAFETY: a fresh private mapping of two pages, of which the second is taken away.
        let base = unsafe {
            let base = libc::mmap(
                std::ptr::null_mut(),
                2 * PAGE as usize,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            libc::munmap(base.add(PAGE as usize), PAGE as usize);
            base.cast::<u8>()
        };
        let end = PAGE as usize - 5;
        // SAFETY: inside the page that is still there.
        unsafe { base.add(end).copy_from(c"/tmp".as_ptr().cast(), 5) };
        assert_eq!(
            text(me, base as u64 + end as u64),
            Ok(Some(b"/tmp".to_vec()))
        );
        // SAFETY: as above; now nothing ends the text.
        unsafe { base.add(PAGE as usize - 1).write(b'x') };
        assert_eq!(text(me, base as u64 + end as u64), Err(MemoryError::Fault));
    }

    #[test]
    fn long_text_is_whole_and_endless_text_is_none() {
        let me = std::process::id();
        let mut long = vec![b'a'; 4000];
        long.push(0);
        assert_eq!(
            text(me, long.as_ptr() as u64),
            Ok(Some(long[..4000].to_vec()))
        );
        let endless = vec![b'a'; 9000];
        assert_eq!(text(me, endless.as_ptr() as u64), Ok(None));
    }
}
