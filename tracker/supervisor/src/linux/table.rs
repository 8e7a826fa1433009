//! The calls that are reported, each with what makes sense of it.
//!
//! A call belongs here if it takes a path, lists a directory, changes the attributes of an open
//! file, changes what paths mean, or says who is at the other end of a stream. Reading and writing open files does not: the opening was seen.

use libc::c_long;

use crate::system::call::{Call, Skip};
use crate::system::handlers::{
    attributes, create, escape, execute, look, open, remove, rename, sockets,
};

/// A call that is reported.
pub(crate) struct Listed {
    /// Its number.
    pub(crate) number: c_long,
    /// Its name.
    pub(crate) name: &'static str,
    /// Notes what it is about to do.
    pub(crate) handle: fn(&mut Call<'_>) -> Result<(), Skip>,
}

macro_rules! calls {
    ($($number:expr, $name:literal => $handle:expr;)*) => {
        &[$(Listed { number: $number, name: $name, handle: $handle },)*]
    };
}

/// The calls that are reported.
pub(crate) const CALLS: &[Listed] = calls! {
    libc::SYS_open, "open" => open::open;
    libc::SYS_creat, "creat" => open::creat;
    libc::SYS_openat, "openat" => open::openat;
    libc::SYS_openat2, "openat2" => open::openat2;
    libc::SYS_truncate, "truncate" => open::truncate;

    libc::SYS_stat, "stat" => look::path_followed;
    libc::SYS_lstat, "lstat" => look::path_kept;
    libc::SYS_newfstatat, "newfstatat" => look::at_flags_3;
    libc::SYS_statx, "statx" => look::at_flags_2;
    libc::SYS_access, "access" => look::path_followed;
    libc::SYS_faccessat, "faccessat" => look::at_followed;
    libc::SYS_faccessat2, "faccessat2" => look::at_flags_3;
    libc::SYS_readlink, "readlink" => look::path_kept;
    libc::SYS_readlinkat, "readlinkat" => look::at_kept;
    libc::SYS_statfs, "statfs" => look::path_followed;
    libc::SYS_chdir, "chdir" => look::chdir;
    libc::SYS_fchdir, "fchdir" => look::fchdir;
    libc::SYS_getxattr, "getxattr" => look::path_followed;
    libc::SYS_lgetxattr, "lgetxattr" => look::path_kept;
    libc::SYS_listxattr, "listxattr" => look::path_followed;
    libc::SYS_llistxattr, "llistxattr" => look::path_kept;
    SYS_GETXATTRAT, "getxattrat" => look::at_flags_2;
    SYS_LISTXATTRAT, "listxattrat" => look::at_flags_2;
    SYS_FILE_GETATTR, "file_getattr" => look::at_flags_4;
    libc::SYS_inotify_add_watch, "inotify_add_watch" => look::inotify_add_watch;
    libc::SYS_fanotify_mark, "fanotify_mark" => look::fanotify_mark;
    libc::SYS_name_to_handle_at, "name_to_handle_at" => look::name_to_handle_at;
    libc::SYS_connect, "connect" => sockets::connect;
    libc::SYS_listen, "listen" => sockets::listen;
    libc::SYS_getdents, "getdents" => look::list;
    libc::SYS_getdents64, "getdents64" => look::list;
    libc::SYS_utime, "utime" => look::path_followed;
    libc::SYS_utimes, "utimes" => look::path_followed;
    libc::SYS_futimesat, "futimesat" => look::at_followed;
    libc::SYS_utimensat, "utimensat" => look::at_flags_3;

    libc::SYS_execve, "execve" => execute::execve;
    libc::SYS_execveat, "execveat" => execute::execveat;

    libc::SYS_mkdir, "mkdir" => create::mkdir;
    libc::SYS_mkdirat, "mkdirat" => create::mkdirat;
    libc::SYS_mknod, "mknod" => create::mknod;
    libc::SYS_mknodat, "mknodat" => create::mknodat;
    libc::SYS_symlink, "symlink" => create::symlink;
    libc::SYS_symlinkat, "symlinkat" => create::symlinkat;
    libc::SYS_link, "link" => create::link;
    libc::SYS_linkat, "linkat" => create::linkat;
    libc::SYS_bind, "bind" => create::bind;

    libc::SYS_unlink, "unlink" => remove::unlink;
    libc::SYS_unlinkat, "unlinkat" => remove::unlinkat;
    libc::SYS_rmdir, "rmdir" => remove::rmdir;

    libc::SYS_rename, "rename" => rename::rename;
    libc::SYS_renameat, "renameat" => rename::renameat;
    libc::SYS_renameat2, "renameat2" => rename::renameat2;

    libc::SYS_chmod, "chmod" => attributes::path_followed;
    libc::SYS_fchmod, "fchmod" => attributes::descriptor;
    libc::SYS_fchmodat, "fchmodat" => attributes::at_followed;
    libc::SYS_fchmodat2, "fchmodat2" => attributes::at_flags_3;
    libc::SYS_chown, "chown" => attributes::path_followed;
    libc::SYS_fchown, "fchown" => attributes::descriptor;
    libc::SYS_lchown, "lchown" => attributes::path_kept;
    libc::SYS_fchownat, "fchownat" => attributes::at_flags_4;
    libc::SYS_setxattr, "setxattr" => attributes::path_followed;
    libc::SYS_lsetxattr, "lsetxattr" => attributes::path_kept;
    libc::SYS_fsetxattr, "fsetxattr" => attributes::descriptor;
    libc::SYS_removexattr, "removexattr" => attributes::path_followed;
    libc::SYS_lremovexattr, "lremovexattr" => attributes::path_kept;
    libc::SYS_fremovexattr, "fremovexattr" => attributes::descriptor;
    SYS_SETXATTRAT, "setxattrat" => attributes::at_flags_2;
    SYS_REMOVEXATTRAT, "removexattrat" => attributes::at_flags_2;
    SYS_FILE_SETATTR, "file_setattr" => attributes::at_flags_4;

    libc::SYS_chroot, "chroot" => escape::chroot;
    libc::SYS_pivot_root, "pivot_root" => escape::namespace;
    libc::SYS_mount, "mount" => escape::mount;
    libc::SYS_umount2, "umount2" => escape::umount;
    libc::SYS_move_mount, "move_mount" => escape::namespace;
    libc::SYS_mount_setattr, "mount_setattr" => escape::namespace;
    libc::SYS_open_tree, "open_tree" => escape::open_tree;
    SYS_OPEN_TREE_ATTR, "open_tree_attr" => escape::namespace;
    libc::SYS_fsopen, "fsopen" => escape::namespace;
    libc::SYS_fsmount, "fsmount" => escape::namespace;
    libc::SYS_fspick, "fspick" => escape::namespace;
    libc::SYS_setns, "setns" => escape::setns;
    libc::SYS_open_by_handle_at, "open_by_handle_at" => escape::unsupported;
    libc::SYS_pidfd_getfd, "pidfd_getfd" => open::pidfd_getfd;
    libc::SYS_fanotify_init, "fanotify_init" => escape::fanotify_init;
    libc::SYS_bpf, "bpf" => escape::bpf;
    libc::SYS_seccomp, "seccomp" => escape::seccomp;
    libc::SYS_uselib, "uselib" => open::uselib;
    libc::SYS_acct, "acct" => escape::acct;
    libc::SYS_swapon, "swapon" => escape::swapon;
    libc::SYS_swapoff, "swapoff" => look::path_followed;
    libc::SYS_quotactl, "quotactl" => escape::quotactl;
};

// Newer than the names that the C library's headers have.
const SYS_SETXATTRAT: c_long = 463;
const SYS_GETXATTRAT: c_long = 464;
const SYS_LISTXATTRAT: c_long = 465;
const SYS_REMOVEXATTRAT: c_long = 466;
const SYS_OPEN_TREE_ATTR: c_long = 467;
const SYS_FILE_GETATTR: c_long = 468;
const SYS_FILE_SETATTR: c_long = 469;

/// The calls that are reported, by name, with their numbers.
pub fn reported_calls() -> impl Iterator<Item = (&'static str, i64)> {
    CALLS.iter().map(|call| (call.name, call.number))
}

/// The listed call with a number.
pub(crate) fn find(number: i32) -> Option<&'static Listed> {
    const LENGTH: usize = 512;
    const NONE: u8 = u8::MAX;
    const INDEX: [u8; LENGTH] = {
        let mut index = [NONE; LENGTH];
        let mut at = 0;
        while at < CALLS.len() {
            index[CALLS[at].number as usize] = at as u8;
            at += 1;
        }
        index
    };
    let at = *INDEX.get(usize::try_from(number).ok()?)?;
    CALLS.get(usize::from(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_call_is_found_by_its_number() {
        for call in CALLS {
            assert_eq!(
                find(call.number as i32).map(|found| found.name),
                Some(call.name)
            );
        }
        for number in [-1, 0, 511, 512, i32::MAX] {
            assert!(find(number).is_none());
        }
    }
}
