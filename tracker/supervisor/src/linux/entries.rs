//! What is known of the entries of directories in which many names are looked at: so that not each
//! of them has to be asked whether it is a link.
//!
//! Nothing here is believed by itself. An entry counts only if it is the file that a process says
//! it found by that name, and nothing only if the process found nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::mem::MaybeUninit;

use rustix::fs::{FileType, Mode, OFlags, RawDir};
use vt_tracker_abi::PathHashing;

/// After how many looks a directory is listed, if it is not too large for that.
const FIRST_LISTING: u32 = 4;
/// How much more looks there have to be until that is tried again.
const NEXT_LISTING: u32 = 4;
/// How many entries are read per look: together they cost about what asking for one does.
const ENTRIES_PER_LOOK: u32 = 16;
/// How many entries are remembered.
const MOST_ENTRIES: usize = 1 << 20;

/// What is known of the entries of one directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Directory {
    looks: u32,
    /// When to list it.
    due: u32,
    /// The number of its listing; 0 if there is none.
    listing: u32,
}

/// An entry as its directory shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    inode: u64,
    is_link: bool,
}

/// The entries of all directories that were listed, by the hash of their listing and name.
#[derive(Default)]
pub(crate) struct Entries {
    known: HashMap<u64, Entry, PathHashing>,
    listings: u32,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            looks: 0,
            due: FIRST_LISTING,
            listing: 0,
        }
    }
}

impl Directory {
    /// Notes a look at a name in it, and lists it if there have been enough.
    pub(crate) fn look(&mut self, path: &[u8], entries: &mut Entries) {
        if self.listing != 0 {
            return;
        }
        self.looks = self.looks.saturating_add(1);
        if self.looks < self.due {
            return;
        }
        // Each time more of it is read, so a large directory is listed when that pays.
        self.due = self.due.saturating_mul(NEXT_LISTING);
        if let Some(listing) = entries.list(path, self.looks.saturating_mul(ENTRIES_PER_LOOK)) {
            self.listing = listing;
        }
    }
}

impl Entries {
    /// Forgets everything. The directories have to be forgotten too.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    /// Whether a name in a directory was no link but a file, or whatever it is, with this number.
    pub(crate) fn is_itself(&self, directory: &Directory, name: &[u8], inode: u64) -> bool {
        directory.listing != 0
            && self
                .known
                .get(&key(directory.listing, name))
                .is_some_and(|entry| entry.inode == inode && !entry.is_link)
    }

    /// Whether there was nothing in a directory by a name.
    pub(crate) fn is_missing(&self, directory: &Directory, name: &[u8]) -> bool {
        directory.listing != 0 && !self.known.contains_key(&key(directory.listing, name))
    }

    /// Lists a directory with so many entries at most, and gives the number of the listing.
    fn list(&mut self, path: &[u8], most: u32) -> Option<u32> {
        if self.known.len().saturating_add(most as usize) > MOST_ENTRIES {
            return None;
        }
        // Where that can't be done without leaving a trace, it is not done.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOATIME | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        self.listings = self.listings.checked_add(1)?;
        let mut buffer = [MaybeUninit::uninit(); 8 << 10];
        let mut listed = RawDir::new(directory, &mut buffer);
        let mut left = most;
        while let Some(entry) = listed.next() {
            let entry = entry.ok()?;
            left = left.checked_sub(1)?;
            let kind = entry.file_type();
            if kind == FileType::Unknown {
                return None;
            }
            let known = Entry {
                inode: entry.ino(),
                is_link: kind == FileType::Symlink,
            };
            let key = key(self.listings, entry.file_name().to_bytes());
            self.known.insert(key, known);
        }
        Some(self.listings)
    }
}

fn key(listing: u32, name: &[u8]) -> u64 {
    let mut hasher = PathHashing::default().build_hasher();
    hasher.write_u32(listing);
    hasher.write(name);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_directory_that_is_looked_at_often_is_listed() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("file");
        std::fs::write(&file, "x").unwrap();
        symlink("file", room.path().join("link")).unwrap();
        let inode = std::fs::metadata(&file).unwrap().ino();
        let (mut directory, mut entries) = (Directory::default(), Entries::default());
        for _ in 1..FIRST_LISTING {
            directory.look(room.path().as_os_str().as_bytes(), &mut entries);
            assert!(!entries.is_itself(&directory, b"file", inode));
            assert!(!entries.is_missing(&directory, b"nothing"));
        }
        directory.look(room.path().as_os_str().as_bytes(), &mut entries);
        assert!(entries.is_itself(&directory, b"file", inode));
        assert!(!entries.is_itself(&directory, b"file", inode + 1));
        assert!(!entries.is_itself(&directory, b"link", inode));
        assert!(!entries.is_missing(&directory, b"link"));
        assert!(entries.is_missing(&directory, b"nothing"));
        assert!(!entries.is_missing(&Directory::default(), b"nothing"));
    }

    #[test]
    fn a_large_directory_is_listed_when_that_pays() {
        let room = tempfile::tempdir().unwrap();
        for number in 0..200 {
            std::fs::write(room.path().join(format!("{number}")), "").unwrap();
        }
        let (mut directory, mut entries) = (Directory::default(), Entries::default());
        let mut looks = 0;
        while directory.listing == 0 {
            directory.look(room.path().as_os_str().as_bytes(), &mut entries);
            looks += 1;
            assert!(looks <= 16, "never listed");
        }
        assert_eq!(looks, 16);
    }
}
