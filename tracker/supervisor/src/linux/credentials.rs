//! What a watched process may do, which need not be what this one may.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::Access;

/// Whether a thread may do something to a path, with the identity it has now.
///
/// Only a supervisor that is root can have threads of another identity below it that it can watch.
pub(crate) fn may(thread: u32, path: &[u8], access: Access) -> bool {
    if rustix::process::geteuid().is_root()
        && let Some(identity) = other_identity(thread)
    {
        return as_other(&identity, path, access);
    }
    rustix::fs::access(path, access).is_ok()
}

/// Whether a thread gains no privileges by executing a program, whatever the program has.
pub(crate) fn gains_none(thread: u32) -> bool {
    fs::read_to_string(format!("/proc/{thread}/status"))
        .is_ok_and(|status| field(&status, "NoNewPrivs:") == Some("1"))
}

/// Whether a thread is known to have none of some capabilities.
pub(crate) fn lacks(thread: u32, capabilities: &[u32]) -> bool {
    let asked = capabilities
        .iter()
        .fold(0_u64, |bits, capability| bits | 1 << capability);
    fs::read_to_string(format!("/proc/{thread}/status"))
        .ok()
        .and_then(|status| u64::from_str_radix(field(&status, "CapEff:")?, 16).ok())
        .is_some_and(|effective| effective & asked == 0)
}

/// By what the kernel decides whether a file can be accessed.
struct Identity {
    user: u32,
    group: u32,
    groups: Vec<u32>,
}

fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

/// The identity of a thread, if it is not root's.
fn other_identity(thread: u32) -> Option<Identity> {
    // What belongs to a process belongs to its user, so this is the cheap way to ask.
    let owner = fs::metadata(format!("/proc/{thread}")).ok()?.uid();
    if owner == 0 {
        return None;
    }
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    // The real, effective, saved, and that for files.
    let last = |name| {
        field(&status, name)?
            .split_ascii_whitespace()
            .next_back()?
            .parse()
            .ok()
    };
    Some(Identity {
        user: last("Uid:")?,
        group: last("Gid:")?,
        groups: field(&status, "Groups:")?
            .split_ascii_whitespace()
            .filter_map(|group| group.parse().ok())
            .collect(),
    })
}

/// Asks the kernel with another identity, which this thread, and no other, takes on meanwhile.
fn as_other(identity: &Identity, path: &[u8], access: Access) -> bool {
    let Ok(path) = CString::new(path) else {
        return false;
    };
    let own = Identity {
        user: 0,
        group: rustix::process::getegid().as_raw(),
        groups: rustix::process::getgroups()
            .unwrap_or_default()
            .into_iter()
            .map(rustix::process::Gid::as_raw)
            .collect(),
    };
    take_on(identity);
    // SAFETY: the path is a terminated string.
    let result = unsafe {
        libc::syscall(
            libc::SYS_faccessat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            access.bits(),
            libc::AT_EACCESS,
        )
    };
    take_on(&own);
    result == 0
}

/// Takes on an identity for files. By raw calls: those of the C library would do it to every
/// thread of the process.
fn take_on(identity: &Identity) {
    let groups = &identity.groups;
    // While the user is root: groups can't be set without.
    let is_back = identity.user == 0;
    // SAFETY: the pointer is to as many groups as are said to be there; nothing else is passed by
    // pointer.
    unsafe {
        if is_back {
            libc::syscall(libc::SYS_setfsuid, identity.user);
        }
        libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr());
        libc::syscall(libc::SYS_setfsgid, identity.group);
        if !is_back {
            libc::syscall(libc::SYS_setfsuid, identity.user);
        }
    }
}
