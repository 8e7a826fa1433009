//! Remembers a swap while it is going on, so that the next process can finish one that was killed.
//!
//! A journal is `checksum | postcard`, the checksum being XXH3-128. Who works on it holds a lock on
//! the file, so that a journal nobody holds is one whose process is dead. It is not synced: after a
//! power cut there may be none, and the tree is then what the file system made of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vt_base::AbsPath;
use xxhash_rust::xxh3::xxh3_128;

use crate::StoreError;
use crate::beneath::Root;
use crate::blob::remove_if_there;
use crate::failpoint::{Point, reach};
use crate::lock::{self, Share};
use crate::restore::open_directory;
use crate::store::{Store, make_directory, open_if_there};
use crate::swap::{Move, Swap, clear_slots};

/// The format of a journal. A higher one is left to whoever wrote it; a lower one knows fewer moves.
const FORMAT: u8 = 2;
/// The length of the checksum, in bytes.
const CHECKSUM: usize = 16;

/// A swap that is going on.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    format: u8,
    /// The absolute path of the workspace root. A journal never leaves the machine.
    root: Vec<u8>,
    moves: Vec<Move>,
}

/// The journal of a swap of this process.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    _locked: File,
}

impl Journal {
    /// Writes down what is about to be done. From here on another process may finish it.
    pub(crate) fn begin(
        store: &Store,
        name: &str,
        root: &AbsPath,
        moves: &[Move],
    ) -> Result<Self, StoreError> {
        let directory = store.path("journal");
        make_directory(&directory)?;
        let content = Content {
            format: FORMAT,
            root: root.as_bytes().to_vec(),
            moves: moves.to_vec(),
        };
        let content = postcard::to_stdvec(&content).expect("a journal can always be serialised");
        let checksum = xxh3_128(&content).to_le_bytes();
        let new = directory.join(format!(".{name}"));
        let path = directory.join(name);
        let written = || -> io::Result<File> {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&new)?;
            // Held before the file gets its name: nobody may take it for one that is left over.
            if !lock::try_lock(&file, Share::Exclusive)? {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            file.write_all(&[&checksum[..], &content].concat())?;
            reach(Point::Disk)?;
            fs::rename(&new, &path)?;
            Ok(file)
        };
        match written() {
            Ok(file) => Ok(Self {
                path,
                _locked: file,
            }),
            Err(error) => {
                let _ = fs::remove_file(&new);
                Err(StoreError::io("write", path, error))
            }
        }
    }

    /// Forgets the swap: it is done, or undone.
    pub(crate) fn end(self) -> Result<(), StoreError> {
        remove_if_there(&self.path)
    }
}

impl Store {
    /// Finishes restores into this workspace whose process was killed while it moved files.
    ///
    /// Call it before anything is looked up. Writes nothing when there is nothing to finish.
    /// Gives the number of restores that were finished.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a journal can be neither read nor removed.
    pub fn recover(&self, root: &AbsPath) -> Result<u64, StoreError> {
        if journals(self)?.is_empty() {
            return Ok(0);
        }
        // One recoverer at a time, and the others wait until the tree is right.
        let _lock = lock::wait(&self.path("locks").join("recover"))?;
        let mut finished = 0;
        for path in journals(self)? {
            let Some(Left {
                file: _held,
                content,
            }) = Left::open(&path)?
            else {
                continue;
            };
            if let Some(content) = &content {
                if content.format > FORMAT || content.root != root.as_bytes() {
                    continue;
                }
                self.finish(&path, root, &content.moves)?;
                finished += 1;
            }
            remove_if_there(&path)?;
            let _ = fs::remove_dir_all(self.staging_of(&path));
        }
        Ok(finished)
    }

    fn finish(&self, journal: &Path, root: &AbsPath, moves: &[Move]) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("open", root, error);
        let staging = self.staging_of(journal);
        let Ok(staging) = open_directory(&staging) else {
            return Ok(());
        };
        let opened = Root::open(root).map_err(failed)?;
        let swap = Swap::new(&opened, &staging);
        swap.finish(moves);
        clear_slots(&opened, moves.iter().filter_map(Move::beside));
        swap.remove_emptied(moves);
        Ok(())
    }

    /// Removes journals whose workspace is gone. Others are for [`Store::recover`].
    pub(crate) fn sweep_journals(&self) -> Result<(), StoreError> {
        for path in journals(self)? {
            let Some(Left {
                file: _held,
                content,
            }) = Left::open(&path)?
            else {
                continue;
            };
            let gone = content.is_none_or(|content| {
                use std::os::unix::ffi::OsStrExt as _;
                let root = Path::new(std::ffi::OsStr::from_bytes(&content.root));
                content.format <= FORMAT && !root.exists()
            });
            if gone {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    fn staging_of(&self, journal: &Path) -> PathBuf {
        self.path("staging")
            .join(journal.file_name().unwrap_or_default())
    }
}

/// A journal that nobody works on, held by this process. One that was torn has no content.
struct Left {
    file: File,
    content: Option<Content>,
}

impl Left {
    fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        let failed = |error| StoreError::io("read", path, error);
        let Some(mut file) = open_if_there(path)? else {
            return Ok(None);
        };
        let is_free = lock::try_lock(&file, Share::Exclusive).map_err(failed)?;
        // Its owner may have ended it between the opening and the lock.
        if !is_free || file.metadata().map_err(failed)?.nlink() == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(Self {
            file,
            content: decode(&bytes),
        }))
    }
}

fn decode(bytes: &[u8]) -> Option<Content> {
    let (checksum, content) = bytes.split_first_chunk::<CHECKSUM>()?;
    if *checksum != xxh3_128(content).to_le_bytes() {
        return None;
    }
    let format = *content.first()?;
    if format > FORMAT {
        // Whole, and of no use to anybody here.
        return Some(Content {
            format,
            root: Vec::new(),
            moves: Vec::new(),
        });
    }
    postcard::from_bytes(content).ok()
}

/// The journals there are, those still being written left out.
pub(crate) fn journals(store: &Store) -> Result<Vec<PathBuf>, StoreError> {
    let directory = store.path("journal");
    let failed = |error| StoreError::io("list", &directory, error);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
