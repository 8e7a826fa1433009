//! Tells whether what lies at a path is still what lay there before, without reading it.

use std::collections::BTreeMap;

use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, Stat, StatxFlags, statx};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use vt_base::RelPath;

/// Which file it is, and whether it was written since.
///
/// Without the change time, which renaming and linking move.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) inode: Inode,
    size: u64,
    mtime: (i64, u64),
}

/// Which file it is, whatever is in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    /// No file there is.
    pub(crate) const NONE: Self = Self {
        device: 0,
        number: 0,
    };
}

/// What was there when somebody decided that it may be replaced or removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judged {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// Modification time in nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Change time in nanoseconds since the epoch.
    pub ctime_ns: i64,
}

/// What was judged, by path; nothing was there where it says `None`. A path that it lacks may be
/// replaced whatever is there.
pub type Judgement = BTreeMap<RelPath, Option<Judged>>;

impl Judged {
    #[expect(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        reason = "the fields of `Stat` differ in width and sign between platforms"
    )]
    pub(crate) const fn of(stat: &Stat) -> Self {
        const fn nanoseconds(seconds: i64, rest: i64) -> i64 {
            seconds.saturating_mul(1_000_000_000).saturating_add(rest)
        }
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

/// Within what a file can be renamed: the device and the mount, since even two mounts of one
/// device refuse it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mount {
    device: (u32, u32),
    /// 0 before Linux 5.8.
    number: u64,
}

impl Mount {
    /// The mount that a directory lies on, and the permission bits of the directory.
    pub(crate) fn of(directory: impl AsFd) -> Result<(Self, u16), Errno> {
        let mask = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let found = statx(directory, "", AtFlags::EMPTY_PATH, mask)?;
        let known = found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        let mount = Self {
            device: (found.stx_dev_major, found.stx_dev_minor),
            number: if known { found.stx_mnt_id } else { 0 },
        };
        Ok((mount, permissions(found.stx_mode.into())))
    }
}

impl Identity {
    #[expect(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        reason = "the fields of `Stat` differ in width and sign between platforms"
    )]
    pub(crate) const fn of(stat: &Stat) -> Self {
        Self {
            inode: Inode {
                device: stat.st_dev as u64,
                number: stat.st_ino as u64,
            },
            size: stat.st_size as u64,
            mtime: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        }
    }
}

/// Whether nothing about a file changed between two looks, its change time included.
pub(crate) fn unchanged(before: &Stat, after: &Stat) -> bool {
    Identity::of(before) == Identity::of(after)
        && before.st_mode == after.st_mode
        && (before.st_ctime, before.st_ctime_nsec) == (after.st_ctime, after.st_ctime_nsec)
}

pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The bits of a mode that are stored and given back.
pub(crate) const PERMISSIONS: u16 = 0o777;

/// The permission bits of what lies there.
pub(crate) const fn permissions(mode: u32) -> u16 {
    (mode & PERMISSIONS as u32) as u16
}
