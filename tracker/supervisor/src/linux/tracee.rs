//! What `/proc` says of a stopped thread.

use rustix::io::Errno;

use crate::system::place::look_at;

/// Why a descriptor or directory has no path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoPath {
    /// There is none: a pipe, a deleted file, a number that is not open.
    None,
    /// We may not look, or the path can't be reached from here.
    Refused,
}

/// The real path of the thread's current directory.
pub(crate) fn directory(thread: u32) -> Result<Vec<u8>, NoPath> {
    link(&format!("/proc/{thread}/cwd"))
}

/// The real path of what a descriptor of the thread is open on.
pub(crate) fn descriptor(thread: u32, number: i32) -> Result<Vec<u8>, NoPath> {
    link(&format!("/proc/{thread}/fd/{number}"))
}

fn link(name: &str) -> Result<Vec<u8>, NoPath> {
    let path = match rustix::fs::readlink(name, Vec::with_capacity(256)) {
        Ok(path) => path.into_bytes(),
        Err(Errno::NOENT) => return Err(NoPath::None),
        Err(_) => return Err(NoPath::Refused),
    };
    if path.starts_with(b"(unreachable)") {
        return Err(NoPath::Refused);
    }
    if path.first() != Some(&b'/') {
        return Err(NoPath::None);
    }
    // A file may really be called like that.
    if path.ends_with(b" (deleted)") && look_at(&path).is_err() {
        return Err(NoPath::None);
    }
    Ok(path)
}
