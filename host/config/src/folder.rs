//! The directory of a package, opened once.
//!
//! A workspace has hundreds of them, and most of what reading them costs is finding them: so its
//! files are found from the open directory, and one look at its names is cheaper than one at each
//! name it may have. What can't be opened or listed is left to whoever goes by paths.

use std::fs::File;
use std::io::Read as _;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
use vt_base::{AbsPath, RelPath};

/// Room for the names of a directory, or for what a file holds, until it is known how much that is.
const ROOM: usize = 32 << 10;

/// An open directory.
pub(crate) struct Folder(OwnedFd);

/// Room that all directories are read with.
pub(crate) struct Room {
    names: Box<[MaybeUninit<u8>]>,
    bytes: Vec<u8>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            names: vec![MaybeUninit::uninit(); ROOM].into(),
            bytes: vec![0; ROOM],
        }
    }
}

impl Folder {
    /// Opens a directory; `None` where that can't be done.
    pub(crate) fn open(path: &AbsPath) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, path.as_path(), flags, Mode::empty());
        opened.ok().map(Self)
    }

    /// Opens a directory below it; a path of one name is found quicker than a whole one.
    pub(crate) fn below(&self, path: &RelPath) -> Option<Self> {
        let path = match path.is_root() {
            true => Path::new("."),
            false => path.as_path(),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&self.0, path, flags, Mode::empty()).ok().map(Self)
    }

    /// Opens a file of it.
    pub(crate) fn file(&self, name: &str) -> std::io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// The first of some names, in their order, that it holds; `Err` where it can't be listed. May be
    /// asked once, since that moves the place in an open directory.
    pub(crate) fn first_of<'n>(
        &self,
        room: &mut Room,
        names: &[&'n str],
    ) -> std::io::Result<Option<&'n str>> {
        let mut found = names.len();
        let mut entries = RawDir::new(&self.0, &mut room.names);
        while let Some(entry) = entries.next() {
            let name = entry?;
            let name = name.file_name().to_bytes();
            let before = names[..found].iter().position(|one| one.as_bytes() == name);
            found = before.unwrap_or(found);
        }
        Ok(names.get(found).copied())
    }
}

/// The bytes of a file, but for those beyond a limit and one more.
pub(crate) fn bytes(mut file: File, limit: u64, room: &mut Room) -> std::io::Result<Vec<u8>> {
    let mut length = 0;
    // Whoever asks a file how long it is asks once more than necessary: most are short.
    while length < room.bytes.len() {
        match file.read(&mut room.bytes[length..]) {
            Ok(0) => return Ok(room.bytes[..length].to_vec()),
            Ok(more) => length += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut bytes = room.bytes.clone();
    let rest = (limit + 1).saturating_sub(length as u64);
    file.take(rest).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let directory = tempfile::tempdir().unwrap();
        let path = AbsPath::new(directory.path()).unwrap();
        let folder = Folder::open(&path).unwrap();
        (directory, folder)
    }

    #[test]
    fn files_of_any_length_are_read_whole_up_to_the_limit_and_one_byte_more() {
        const LIMIT: u64 = 3 * ROOM as u64;
        let (directory, folder) = folder();
        let mut room = Room::default();
        for length in [
            0,
            1,
            ROOM - 1,
            ROOM,
            ROOM + 1,
            3 * ROOM,
            3 * ROOM + 1,
            4 * ROOM,
        ] {
            let written: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            std::fs::write(directory.path().join("file"), &written).unwrap();
            let read = bytes(folder.file("file").unwrap(), LIMIT, &mut room).unwrap();
            assert_eq!(read, written[..length.min(3 * ROOM + 1)], "{length}");
        }
    }

    #[test]
    fn the_first_of_the_names_is_found_among_many_others() {
        let (directory, folder) = folder();
        let mut room = Room::default();
        let names = ["one.json", "two.json", "three.json"];
        assert_eq!(folder.first_of(&mut room, &names).unwrap(), None);
        for number in 0..3000 {
            let name = format!("{number}-{}", "x".repeat(60));
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        for found in ["three.json", "two.json", "one.json"] {
            std::fs::write(directory.path().join(found), "").unwrap();
            // An open directory is listed once.
            let path = AbsPath::new(directory.path()).unwrap();
            let folder = Folder::open(&path).unwrap();
            let first = folder.first_of(&mut room, &names).unwrap();
            assert_eq!(first, Some(found));
        }
    }

    #[test]
    fn what_is_not_there_is_not_opened() {
        let (directory, folder) = folder();
        std::fs::create_dir(directory.path().join("inner")).unwrap();
        std::fs::write(directory.path().join("file"), "").unwrap();
        let below = |path: &str| folder.below(&RelPath::new(path).unwrap());
        assert!(below("inner").is_some() && below("").is_some());
        assert!(below("file").is_none() && below("missing").is_none());
        assert!(folder.file("missing").is_err());
    }
}
