//! A directory in memory that only this thread, and what it starts, can see.
//!
//! Rooms have tens of thousands of files. On some disks making so many, right after as many were
//! removed, takes far longer than what is to be compared.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr;

use libc::{c_int, c_ulong};

/// A directory in memory; gone with the value.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

fn check(result: c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn mount(kind: Option<&str>, on: &Path, flags: c_ulong) -> io::Result<()> {
    let on = CString::new(on.as_os_str().as_bytes())?;
    let kind = kind.map(CString::new).transpose()?;
    let kind = kind.as_ref().map_or(ptr::null(), |kind| kind.as_ptr());
    // SAFETY: the texts end in zero bytes and outlive the call; the other pointers may be null.
    check(unsafe { libc::mount(kind, on.as_ptr(), kind, flags, ptr::null()) })
}

impl Scratch {
    /// Mounts memory on a directory, for this thread and what it starts.
    ///
    /// # Errors
    /// When this process may not.
    pub(crate) fn on(directory: &Path) -> io::Result<Self> {
        // SAFETY: takes no pointers; of this thread only.
        check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
        // What is mounted from here on stays here.
        mount(None, Path::new("/"), libc::MS_REC | libc::MS_PRIVATE)?;
        mount(Some("tmpfs"), directory, 0)?;
        Ok(Self(directory.to_owned()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Ok(directory) = CString::new(self.0.as_os_str().as_bytes()) {
            // SAFETY: the text ends in a zero byte and outlives the call. A failure costs memory
            // until the thread ends.
            unsafe { libc::umount2(directory.as_ptr(), libc::MNT_DETACH) };
        }
    }
}
