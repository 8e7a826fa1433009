//! Numbers and layouts of the kernel's interface. The crate that has them all would bring the C
//! library along; a test compares with it.

use vt_tracker_abi::Identity;

/// Numbers of calls.
pub(crate) mod number {
    pub(crate) const OPEN: usize = 2;
    pub(crate) const CLOSE: usize = 3;
    pub(crate) const STAT: usize = 4;
    pub(crate) const FSTAT: usize = 5;
    pub(crate) const LSTAT: usize = 6;
    pub(crate) const LSEEK: usize = 8;
    pub(crate) const MMAP: usize = 9;
    pub(crate) const MPROTECT: usize = 10;
    pub(crate) const MUNMAP: usize = 11;
    pub(crate) const RT_SIGPROCMASK: usize = 14;
    pub(crate) const ACCESS: usize = 21;
    pub(crate) const GETPID: usize = 39;
    pub(crate) const GETCWD: usize = 79;
    pub(crate) const CHDIR: usize = 80;
    pub(crate) const FCHDIR: usize = 81;
    pub(crate) const READLINK: usize = 89;
    pub(crate) const GETUID: usize = 102;
    pub(crate) const GETGID: usize = 104;
    pub(crate) const GETEUID: usize = 107;
    pub(crate) const GETEGID: usize = 108;
    pub(crate) const GETGROUPS: usize = 115;
    pub(crate) const PRCTL: usize = 157;
    pub(crate) const GETTID: usize = 186;
    pub(crate) const GETDENTS64: usize = 217;
    pub(crate) const OPENAT: usize = 257;
    pub(crate) const NEWFSTATAT: usize = 262;
    pub(crate) const READLINKAT: usize = 267;
    pub(crate) const FACCESSAT: usize = 269;
    pub(crate) const SECCOMP: usize = 317;
    pub(crate) const TRUNCATE: usize = 76;
    pub(crate) const RENAME: usize = 82;
    pub(crate) const MKDIR: usize = 83;
    pub(crate) const RMDIR: usize = 84;
    pub(crate) const LINK: usize = 86;
    pub(crate) const UNLINK: usize = 87;
    pub(crate) const SYMLINK: usize = 88;
    pub(crate) const CHMOD: usize = 90;
    pub(crate) const EXECVE: usize = 59;
    pub(crate) const MKDIRAT: usize = 258;
    pub(crate) const UNLINKAT: usize = 263;
    pub(crate) const RENAMEAT: usize = 264;
    pub(crate) const LINKAT: usize = 265;
    pub(crate) const SYMLINKAT: usize = 266;
    pub(crate) const STATX: usize = 332;
    pub(crate) const FACCESSAT2: usize = 439;
}

/// Error numbers.
pub(crate) mod errno {
    pub(crate) const ENOENT: i32 = 2;
    pub(crate) const EINTR: i32 = 4;
    pub(crate) const EIO: i32 = 5;
    pub(crate) const EAGAIN: i32 = 11;
    pub(crate) const ENOMEM: i32 = 12;
    pub(crate) const EACCES: i32 = 13;
    pub(crate) const EFAULT: i32 = 14;
    pub(crate) const EBUSY: i32 = 16;
    pub(crate) const ENOTDIR: i32 = 20;
    pub(crate) const EINVAL: i32 = 22;
    pub(crate) const ENFILE: i32 = 23;
    pub(crate) const EMFILE: i32 = 24;
    pub(crate) const ENAMETOOLONG: i32 = 36;
    pub(crate) const ENOSYS: i32 = 38;
    pub(crate) const ELOOP: i32 = 40;
    pub(crate) const EOVERFLOW: i32 = 75;
    pub(crate) const EALREADY: i32 = 114;
}

pub(crate) const AT_FDCWD: i32 = -100;
pub(crate) const AT_SYMLINK_NOFOLLOW: i32 = 0x100;
pub(crate) const AT_EACCESS: i32 = 0x200;
pub(crate) const AT_NO_AUTOMOUNT: i32 = 0x800;
pub(crate) const AT_EMPTY_PATH: i32 = 0x1000;
/// How fresh the attributes of a file of another machine have to be.
pub(crate) const AT_STATX_SYNC_TYPE: i32 = 0x6000;

pub(crate) const O_ACCMODE: i32 = 0o3;
pub(crate) const O_RDONLY: i32 = 0;
pub(crate) const O_WRONLY: i32 = 0o1;
pub(crate) const O_RDWR: i32 = 0o2;
pub(crate) const O_CREAT: i32 = 0o100;
pub(crate) const O_EXCL: i32 = 0o200;
pub(crate) const O_NOCTTY: i32 = 0o400;
pub(crate) const O_TRUNC: i32 = 0o1000;
pub(crate) const O_APPEND: i32 = 0o2000;
pub(crate) const O_NONBLOCK: i32 = 0o4000;
pub(crate) const O_LARGEFILE: i32 = 0o100_000;
pub(crate) const O_DIRECTORY: i32 = 0o200_000;
pub(crate) const O_NOFOLLOW: u32 = 0o400_000;
pub(crate) const O_CLOEXEC: i32 = 0o2_000_000;
pub(crate) const O_PATH: i32 = 0o10_000_000;
/// Without the bit of [`O_DIRECTORY`] that comes along.
pub(crate) const O_TMPFILE_ALONE: i32 = 0o20_000_000;

pub(crate) const PROT_READ: usize = 1;
pub(crate) const PROT_WRITE: usize = 2;
pub(crate) const PROT_EXEC: usize = 4;
pub(crate) const MAP_SHARED: usize = 0x01;
pub(crate) const MAP_PRIVATE: usize = 0x02;
pub(crate) const MAP_ANONYMOUS: usize = 0x20;
pub(crate) const MAP_FIXED_NOREPLACE: usize = 0x10_0000;

pub(crate) const S_IFMT: u32 = 0o170_000;
pub(crate) const S_IFREG: u32 = 0o100_000;
pub(crate) const S_IFDIR: u32 = 0o040_000;

/// The longest name the kernel takes, with the zero byte at its end.
pub(crate) const PATH_MAX: usize = 4096;
/// The size of a page of memory in bytes.
pub(crate) const PAGE: usize = 4096;

/// `struct stat`
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Stat {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) nlink: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) unused: u32,
    pub(crate) rdev: u64,
    pub(crate) size: i64,
    pub(crate) blksize: i64,
    pub(crate) blocks: i64,
    pub(crate) atime: [i64; 2],
    pub(crate) mtime: [i64; 2],
    pub(crate) ctime: [i64; 2],
    pub(crate) reserved: [i64; 3],
}

impl Stat {
    /// What tells this state of the file from another.
    pub(crate) fn identity(&self) -> Identity {
        let [mtime, mtime_ns] = self.mtime;
        let [ctime, ctime_ns] = self.ctime;
        Identity {
            dev: self.dev,
            ino: self.ino,
            size: self.size.cast_unsigned(),
            mtime_ns: nanoseconds(mtime, mtime_ns),
            ctime_ns: nanoseconds(ctime, ctime_ns),
            mode: self.mode,
        }
    }
}

/// `struct statx_timestamp`
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Time {
    seconds: i64,
    nanoseconds: u32,
    reserved: i32,
}

/// `struct statx`, the part that has been there from the start.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Statx {
    pub(crate) mask: u32,
    blksize: u32,
    attributes: u64,
    nlink: u32,
    uid: u32,
    gid: u32,
    mode: u16,
    unused: u16,
    ino: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    atime: Time,
    btime: Time,
    ctime: Time,
    mtime: Time,
    rdev: [u32; 2],
    dev: [u32; 2],
    reserved: [u64; 14],
}

impl Statx {
    /// Type, mode, both times, number, size.
    const NEEDED: u32 = 0x1 | 0x2 | 0x40 | 0x80 | 0x100 | 0x200;

    /// What tells this state of the file from another, if it was asked for and is known.
    pub(crate) fn identity(&self) -> Option<Identity> {
        if self.mask & Self::NEEDED != Self::NEEDED {
            return None;
        }
        let [major, minor] = self.dev.map(u64::from);
        Some(Identity {
            // As `stat` has it.
            dev: minor & 0xff | major << 8 | (minor & !0xff) << 12,
            ino: self.ino,
            size: self.size,
            mtime_ns: nanoseconds(self.mtime.seconds, self.mtime.nanoseconds.into()),
            ctime_ns: nanoseconds(self.ctime.seconds, self.ctime.nanoseconds.into()),
            mode: self.mode.into(),
        })
    }
}

const fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_headers() {
        let calls = [
            (number::OPEN, libc::SYS_open),
            (number::CLOSE, libc::SYS_close),
            (number::STAT, libc::SYS_stat),
            (number::FSTAT, libc::SYS_fstat),
            (number::LSTAT, libc::SYS_lstat),
            (number::LSEEK, libc::SYS_lseek),
            (number::MMAP, libc::SYS_mmap),
            (number::MPROTECT, libc::SYS_mprotect),
            (number::MUNMAP, libc::SYS_munmap),
            (number::RT_SIGPROCMASK, libc::SYS_rt_sigprocmask),
            (number::ACCESS, libc::SYS_access),
            (number::GETPID, libc::SYS_getpid),
            (number::GETCWD, libc::SYS_getcwd),
            (number::CHDIR, libc::SYS_chdir),
            (number::FCHDIR, libc::SYS_fchdir),
            (number::READLINK, libc::SYS_readlink),
            (number::GETUID, libc::SYS_getuid),
            (number::GETGID, libc::SYS_getgid),
            (number::GETEUID, libc::SYS_geteuid),
            (number::GETEGID, libc::SYS_getegid),
            (number::GETGROUPS, libc::SYS_getgroups),
            (number::PRCTL, libc::SYS_prctl),
            (number::GETTID, libc::SYS_gettid),
            (number::GETDENTS64, libc::SYS_getdents64),
            (number::OPENAT, libc::SYS_openat),
            (number::NEWFSTATAT, libc::SYS_newfstatat),
            (number::READLINKAT, libc::SYS_readlinkat),
            (number::FACCESSAT, libc::SYS_faccessat),
            (number::SECCOMP, libc::SYS_seccomp),
            (number::TRUNCATE, libc::SYS_truncate),
            (number::RENAME, libc::SYS_rename),
            (number::MKDIR, libc::SYS_mkdir),
            (number::RMDIR, libc::SYS_rmdir),
            (number::LINK, libc::SYS_link),
            (number::UNLINK, libc::SYS_unlink),
            (number::SYMLINK, libc::SYS_symlink),
            (number::CHMOD, libc::SYS_chmod),
            (number::EXECVE, libc::SYS_execve),
            (number::MKDIRAT, libc::SYS_mkdirat),
            (number::UNLINKAT, libc::SYS_unlinkat),
            (number::RENAMEAT, libc::SYS_renameat),
            (number::LINKAT, libc::SYS_linkat),
            (number::SYMLINKAT, libc::SYS_symlinkat),
            (number::STATX, libc::SYS_statx),
            (number::FACCESSAT2, libc::SYS_faccessat2),
        ];
        for (ours, theirs) in calls {
            assert_eq!(ours as i64, theirs);
        }
        let flags = [
            (AT_FDCWD, libc::AT_FDCWD),
            (AT_SYMLINK_NOFOLLOW, libc::AT_SYMLINK_NOFOLLOW),
            (AT_EACCESS, libc::AT_EACCESS),
            (AT_NO_AUTOMOUNT, libc::AT_NO_AUTOMOUNT),
            (AT_EMPTY_PATH, libc::AT_EMPTY_PATH),
            (AT_STATX_SYNC_TYPE, libc::AT_STATX_SYNC_TYPE),
            (O_ACCMODE, libc::O_ACCMODE),
            (O_RDONLY, libc::O_RDONLY),
            (O_WRONLY, libc::O_WRONLY),
            (O_RDWR, libc::O_RDWR),
            (O_CREAT, libc::O_CREAT),
            (O_EXCL, libc::O_EXCL),
            (O_NOCTTY, libc::O_NOCTTY),
            (O_TRUNC, libc::O_TRUNC),
            (O_APPEND, libc::O_APPEND),
            (O_NONBLOCK, libc::O_NONBLOCK),
            (O_DIRECTORY, libc::O_DIRECTORY),
            (O_NOFOLLOW.cast_signed(), libc::O_NOFOLLOW),
            (O_CLOEXEC, libc::O_CLOEXEC),
            (O_PATH, libc::O_PATH),
            (O_TMPFILE_ALONE | O_DIRECTORY, libc::O_TMPFILE),
            (errno::ENOENT, libc::ENOENT),
            (errno::EINTR, libc::EINTR),
            (errno::EIO, libc::EIO),
            (errno::EAGAIN, libc::EAGAIN),
            (errno::ENOMEM, libc::ENOMEM),
            (errno::EACCES, libc::EACCES),
            (errno::EFAULT, libc::EFAULT),
            (errno::EBUSY, libc::EBUSY),
            (errno::ENOTDIR, libc::ENOTDIR),
            (errno::EINVAL, libc::EINVAL),
            (errno::ENFILE, libc::ENFILE),
            (errno::EMFILE, libc::EMFILE),
            (errno::ENAMETOOLONG, libc::ENAMETOOLONG),
            (errno::ENOSYS, libc::ENOSYS),
            (errno::ELOOP, libc::ELOOP),
            (errno::EOVERFLOW, libc::EOVERFLOW),
            (PROT_READ as i32, libc::PROT_READ),
            (PROT_WRITE as i32, libc::PROT_WRITE),
            (PROT_EXEC as i32, libc::PROT_EXEC),
            (MAP_SHARED as i32, libc::MAP_SHARED),
            (MAP_PRIVATE as i32, libc::MAP_PRIVATE),
            (MAP_ANONYMOUS as i32, libc::MAP_ANONYMOUS),
            (MAP_FIXED_NOREPLACE as i32, libc::MAP_FIXED_NOREPLACE),
            (PATH_MAX as i32, libc::PATH_MAX),
        ];
        for (ours, theirs) in flags {
            assert_eq!(ours, theirs);
        }
        assert_eq!(
            [S_IFMT, S_IFREG, S_IFDIR],
            [libc::S_IFMT, libc::S_IFREG, libc::S_IFDIR]
        );
    }

    #[test]
    fn both_ways_of_asking_find_the_same_file() {
        let (mut stat, mut statx) = (Stat::default(), Statx::default());
        assert_eq!(size_of::<Stat>(), size_of::<libc::stat>());
        assert_eq!(size_of::<Statx>(), size_of::<libc::statx>());
        for name in [c"/", c"/dev/null", c"/proc/self/exe"] {
            // SAFETY: the buffers have the layouts and sizes of those meant.
            unsafe {
                assert_eq!(libc::stat(name.as_ptr(), (&raw mut stat).cast()), 0);
                let (here, mask) = (libc::AT_FDCWD, libc::STATX_BASIC_STATS);
                let into = (&raw mut statx).cast();
                assert_eq!(libc::statx(here, name.as_ptr(), 0, mask, into), 0);
            }
            assert_eq!(statx.identity(), Some(stat.identity()), "{name:?}");
            assert_ne!(stat.identity().mode, 0);
        }
        statx.mask &= !0x200;
        assert_eq!(statx.identity(), None);
    }
}
