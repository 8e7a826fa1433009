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

/// The inode of the socket that a descriptor of the thread is open on.
pub(crate) fn socket(thread: u32, number: i32) -> Option<u64> {
    let target = rustix::fs::readlink(format!("/proc/{thread}/fd/{number}"), Vec::new()).ok()?;
    let inode = target
        .to_str()
        .ok()?
        .strip_prefix("socket:[")?
        .strip_suffix(']')?;
    inode.parse().ok()
}

/// Whether the socket that a descriptor of the thread is open on connects streams. It may where that can't be told.
pub(crate) fn is_stream(thread: u32, number: i32) -> bool {
    let mut protocol = [0; 32];
    // That is the one thing the kernel says of a socket that has no address yet.
    let name = format!("/proc/{thread}/fd/{number}");
    let length = rustix::fs::getxattr(name, "system.sockprotoname", &mut protocol);
    let protocol = length.map_or(&[][..], |length| &protocol[..length]);
    let without_streams: [&[u8]; 3] = [b"UDP", b"PING", b"RAW"];
    !without_streams
        .iter()
        .any(|prefix| protocol.starts_with(prefix))
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

/// The program that a thread runs; empty if that can't be found out, or it has ended.
pub(crate) fn program(thread: u32) -> Vec<u8> {
    rustix::fs::readlink(format!("/proc/{thread}/exe"), Vec::new())
        .map_or_else(|_| Vec::new(), std::ffi::CString::into_bytes)
}

/// The process that a descriptor of the thread stands for.
pub(crate) fn process(thread: u32, number: i32) -> Result<u32, NoPath> {
    let said = value(thread, number, "Pid:")?;
    match said.parse() {
        // In a place that can't be seen from here.
        Ok(0) => Err(NoPath::Refused),
        Ok(process) => Ok(process),
        // It has ended.
        Err(_) => Err(NoPath::None),
    }
}

/// The flags that a descriptor of the thread was opened with.
pub(crate) fn flags(thread: u32, number: i32) -> Result<i32, NoPath> {
    let said = value(thread, number, "flags:")?;
    i32::from_str_radix(&said, 8).map_err(|_| NoPath::Refused)
}

/// What the kernel says of a descriptor of the thread.
fn value(thread: u32, number: i32, name: &str) -> Result<String, NoPath> {
    let said = match std::fs::read_to_string(format!("/proc/{thread}/fdinfo/{number}")) {
        Ok(said) => said,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(NoPath::None),
        Err(_) => return Err(NoPath::Refused),
    };
    let mut lines = said.lines();
    let value = lines.find_map(|line| line.strip_prefix(name));
    Ok(value.ok_or(NoPath::None)?.trim().to_owned())
}

/// Whether a descriptor of the thread that has no path leads to nothing that has one either.
pub(crate) fn leads_nowhere(thread: u32, number: i32) -> bool {
    const HARMLESS: [&[u8]; 7] = [
        b"pipe:",
        b"socket:",
        b"anon_inode:[event",
        b"anon_inode:inotify",
        b"anon_inode:[pidfd]",
        b"anon_inode:[signalfd]",
        b"anon_inode:[timerfd]",
    ];
    rustix::fs::readlink(format!("/proc/{thread}/fd/{number}"), Vec::new()).is_ok_and(|text| {
        HARMLESS
            .iter()
            .any(|start| text.as_bytes().starts_with(start))
    })
}

/// Whether a thread's process may have its memory in common with another process, as one has until
/// it executes something if it was made by `vfork`. Asked when a current directory is about to
/// change; so a process that has its memory in common with its siblings is found when the first of
/// them, or their parent, does that.
pub(crate) fn may_share_memory(thread: u32) -> bool {
    let Some(parent) = parent_of(thread) else {
        return true;
    };
    // Whose parent is gone may have anything in common with anybody.
    let is_orphan = parent <= 1 && parent != std::process::id();
    if is_orphan || !has_other_memory(thread, parent) {
        return true;
    }
    let Ok(threads) = std::fs::read_dir(format!("/proc/{thread}/task")) else {
        return true;
    };
    for one in threads.flatten() {
        let Ok(children) = std::fs::read_to_string(one.path().join("children")) else {
            // The thread is gone, or the kernel does not tell.
            return true;
        };
        let children = children.split_ascii_whitespace();
        let mut numbers = children.filter_map(|number| number.parse().ok());
        if numbers.any(|child| !has_other_memory(thread, child)) {
            return true;
        }
    }
    false
}

fn parent_of(thread: u32) -> Option<u32> {
    let stat = std::fs::read(format!("/proc/{thread}/stat")).ok()?;
    // The name before it may have anything in it.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn has_other_memory(thread: u32, other: u32) -> bool {
    const MEMORY: libc::c_int = 1;
    // SAFETY: takes no pointers.
    let difference = unsafe { libc::syscall(libc::SYS_kcmp, thread, other, MEMORY, 0_u64, 0_u64) };
    difference > 0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_executed_something_has_memory_of_its_own() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let (own, other) = (std::process::id(), child.id());
        assert_eq!(parent_of(other), Some(own));
        assert!(has_other_memory(other, own));
        assert!(!has_other_memory(own, own));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(may_share_memory(other), "nobody knows of one that is gone");
    }
}
