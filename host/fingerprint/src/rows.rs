//! Identities of files, and the digests that are known by them.
//!
//! Digests outlive a look-up, but only under an identity that can't have been left behind by a later write
//! in the same clock tick.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use vt_base::Digest;

use crate::disk::Disk;
use crate::item::{EntryStates, State};
use crate::outside::stores::{self, Store};
use crate::portable::Texts;
use crate::programs::Programs;
use crate::redact::Redacted;

/// A file younger than this when it is digested may change again under the same identity: the
/// clocks that kernels stamp files with tick every 1 to 10 ms.
const GRANULARITY_NS: i64 = 20_000_000;

/// What opening a file costs, in bytes that could be digested meanwhile.
const OPENING: u64 = 16 << 10;

/// The identity of a file: whatever changes its bytes changes this, but for a second write within
/// one tick of the file system's clock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct StatRow {
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
    /// Type and permission bits.
    pub mode: u32,
}

impl StatRow {
    /// The identity in a set of metadata.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            mode: metadata.mode(),
        }
    }

    /// Whether the owner may execute the file.
    #[must_use]
    pub const fn executable(&self) -> bool {
        self.mode & 0o100 != 0
    }

    /// The permission bits: the last nine bits of the mode.
    #[must_use]
    pub const fn permissions(&self) -> u16 {
        (self.mode & 0o777) as u16
    }

    /// Whether it is a directory.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        const TYPE: u32 = 0o170_000;
        const DIRECTORY: u32 = 0o040_000;
        self.mode & TYPE == DIRECTORY
    }

    /// Whether the file has been left alone long enough for its identity to name its content.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled_at(now_ns())
    }

    /// Whether the file was last changed long enough before `now_ns` that a later change can't
    /// have left the same identity.
    #[must_use]
    pub const fn settled_at(&self, now_ns: i64) -> bool {
        let limit = now_ns - GRANULARITY_NS;
        self.mtime_ns < limit && self.ctime_ns < limit
    }
}

/// Now, in nanoseconds since the epoch.
#[must_use]
pub fn now_ns() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Digests by identity, shared by everything one process looks up.
#[derive(Default)]
pub struct StatRows {
    known: Mutex<Known>,
    /// See [`StatRows::effort`].
    effort: AtomicU64,
    pub(crate) programs: Programs,
    pub(crate) redacted: Redacted,
    pub(crate) texts: Texts,
    stores: OnceLock<Vec<Store>>,
    /// Which directories above the workspace hold a name.
    above: Mutex<HashMap<Box<[u8]>, State>>,
}

#[derive(Default)]
struct Known {
    digests: HashMap<StatRow, Digest, BuildHasherDefault<RowHasher>>,
    /// What entries were stored with, to be taken over when the first digest is asked for: a hit
    /// that finds everything as it was asks for none.
    pending: Vec<(EntryStates, Vec<Option<StatRow>>)>,
}

/// Mixes the numbers of a row: inodes and times, which are dealt out in order.
#[derive(Default)]
struct RowHasher(u64);

impl Hasher for RowHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The constant of Fibonacci hashing; the rotation brings the high bits down again.
        self.0 = (self.0 ^ number)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }
}

impl StatRows {
    /// A step of this process runs from now on, or a program is written: names of programs may lead
    /// elsewhere.
    pub fn stir(&self) {
        self.programs.stir();
    }

    /// The stores of this user and of this workspace.
    pub(crate) fn stores(&self, disk: &Disk<'_>) -> &[Store] {
        self.stores.get_or_init(|| stores::find(disk))
    }

    /// What is known of a name in the directories above the workspace, for as long as nothing runs.
    pub(crate) fn above(&self, name: &[u8], look: impl FnOnce() -> State) -> State {
        if self.programs.is_stirred() {
            return look();
        }
        let mut known = self.above.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(name.into()).or_insert_with(look).clone()
    }

    /// Takes over a row that an entry was stored with.
    pub fn learn(&self, row: StatRow, digest: Digest) {
        self.lock().digests.insert(row, digest);
    }

    /// Takes over the rows of an entry, which are in the order of its states.
    pub fn learn_entry(&self, states: EntryStates, rows: Vec<Option<StatRow>>) {
        self.lock().pending.push((states, rows));
    }

    /// How much had to be read so far because identities were not known: in bytes, where opening
    /// a file counts like 16 KiB of it.
    #[must_use]
    pub fn effort(&self) -> u64 {
        self.effort.load(Ordering::Relaxed)
    }

    /// A file of this size, in bytes, has to be read.
    pub(crate) fn spent(&self, size: u64) {
        self.effort
            .fetch_add(size.saturating_add(OPENING), Ordering::Relaxed);
    }

    /// The digest of a file with this identity, if it is known.
    #[must_use]
    pub fn get(&self, row: &StatRow) -> Option<Digest> {
        let mut known = self.lock();
        let Known { digests, pending } = &mut *known;
        for (states, rows) in pending.drain(..) {
            for (state, row) in states.0.iter().zip(rows) {
                if let (State::File { digest, .. }, Some(row)) = (state, row) {
                    digests.insert(row, *digest);
                }
            }
        }
        digests.get(row).copied()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The digest of the file at `path`, by its row or by reading it.
    ///
    /// # Errors
    /// Whatever opening or reading the file fails with.
    pub fn digest(&self, path: &Path, row: StatRow) -> io::Result<Digest> {
        if let Some(digest) = self.get(&row) {
            return Ok(digest);
        }
        self.spent(row.size);
        // What became a pipe since it was looked at would block whoever opens it.
        let mut file = fs::OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        for _ in 0..3 {
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::Error::other("it is no regular file any more"));
            }
            let before = StatRow::of(&metadata);
            let started = now_ns();
            let digest = Digest::of_reader(&mut file)?;
            let after = StatRow::of(&file.metadata()?);
            if before == after {
                if before.settled_at(started) {
                    self.learn(before, digest);
                }
                return Ok(digest);
            }
            io::Seek::rewind(&mut file)?;
        }
        Err(io::Error::other("the file keeps changing while it is read"))
    }
}
