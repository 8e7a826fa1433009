//! What `/proc` says of a stopped thread.

use rustix::io::Errno;

use crate::system::place::look_at;

/// Why a descriptor or directory has no path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NoPath {
    /// There is none: a pipe, a number that is not open.
    None,
    /// It was removed; this was its path.
    Removed(Vec<u8>),
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
    if let Some(former) = path.strip_suffix(b" (deleted)")
        && look_at(&path).is_err()
    {
        return Err(NoPath::Removed(former.to_vec()));
    }
    Ok(path)
}

/// Whether all threads of a thread's process have one current directory in common. They need not:
/// each can leave that community.
pub(crate) fn threads_share_directory(thread: u32) -> bool {
    const CURRENT_DIRECTORY: libc::c_int = 3;
    let Ok(entries) = std::fs::read_dir(format!("/proc/{thread}/task")) else {
        return false;
    };
    let others = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|other| *other != thread);
    for other in others {
        // SAFETY: takes no pointers.
        let difference = unsafe {
            libc::syscall(
                libc::SYS_kcmp,
                thread,
                other,
                CURRENT_DIRECTORY,
                0_u64,
                0_u64,
            )
        };
        // A thread that is gone meanwhile shares nothing.
        let is_gone =
            difference < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
        if difference != 0 && !is_gone {
            return false;
        }
    }
    true
}
