//! Files with several names: whether all of them are the step's, so that nobody else sees what is
//! written under one of them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use vt_base::RelPath;

use crate::disk::Disk;

/// The first bytes of a `CACHEDIR.TAG` that means it.
const CACHE_TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// How many names private places are searched for at most. In larger ones a name counts as somebody
/// else's.
const SEARCHED: usize = 200_000;

/// The device and the inode of a file.
type FileId = (u64, u64);

/// The names that a step may have given its files.
pub struct FileNames<'n> {
    disk: &'n Disk<'n>,
    known: Box<dyn Fn() -> Vec<RelPath> + 'n>,
    by_file: OnceCell<BTreeMap<FileId, BTreeSet<RelPath>>>,
}

impl<'n> FileNames<'n> {
    /// With these known to be the step's; they are asked for only when a file has several names.
    pub fn new(disk: &'n Disk<'n>, known: impl Fn() -> Vec<RelPath> + 'n) -> Self {
        Self {
            disk,
            known: Box::new(known),
            by_file: OnceCell::new(),
        }
    }

    /// Whether the file at a path has a name that is not the step's: one that is neither known nor lies in a
    /// private place.
    #[must_use]
    pub fn has_strangers(&self, path: &RelPath) -> bool {
        let full = self.disk.root.join_rel(path);
        let Ok(there) = fs::symlink_metadata(full) else {
            return false;
        };
        if !there.is_file() || there.nlink() < 2 {
            return false;
        }
        let file = (there.dev(), there.ino());
        let mut names = self.by_file().get(&file).cloned().unwrap_or_default();
        names.insert(path.clone());
        let count = |names: &BTreeSet<RelPath>| names.len() as u64;
        if count(&names) < there.nlink() {
            let mut left = SEARCHED;
            for place in self.private_places(path) {
                self.search(&place, file, &mut names, &mut left);
            }
        }
        count(&names) < there.nlink()
    }

    fn by_file(&self) -> &BTreeMap<FileId, BTreeSet<RelPath>> {
        self.by_file.get_or_init(|| {
            let mut by_file: BTreeMap<FileId, BTreeSet<RelPath>> = BTreeMap::new();
            for path in (self.known)() {
                if let Some((_, row)) = self.disk.node(&path) {
                    let names = by_file.entry((row.device, row.inode)).or_default();
                    names.insert(path);
                }
            }
            by_file
        })
    }

    /// The directories around a path where tools keep what is nobody else's.
    fn private_places(&self, path: &RelPath) -> Vec<RelPath> {
        let mut places = Vec::new();
        for directory in path.ancestors() {
            let full = self.disk.root.join_rel(&directory);
            if !directory.is_root() && is_tagged(full.as_path()) {
                places.push(directory.clone());
            }
            places.extend(directory.join("node_modules/.cache").ok());
        }
        places
    }

    fn search(
        &self,
        place: &RelPath,
        file: FileId,
        names: &mut BTreeSet<RelPath>,
        left: &mut usize,
    ) {
        let root = self.disk.root.as_path();
        let mut open: Vec<PathBuf> = vec![root.join(place.as_path())];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if *left == 0 {
                    return;
                }
                *left -= 1;
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push(path);
                } else if entry.ino() == file.1 {
                    let is_file = fs::symlink_metadata(&path)
                        .is_ok_and(|there| (there.dev(), there.ino()) == file);
                    let inside = path.strip_prefix(root).ok();
                    let inside = inside
                        .and_then(|path| RelPath::new(path.as_os_str().as_encoded_bytes()).ok());
                    names.extend(inside.filter(|_| is_file));
                }
            }
        }
    }
}

/// Whether a directory says of itself that it is a cache.
pub(crate) fn is_tagged(directory: &Path) -> bool {
    let mut start = [0; CACHE_TAG.len()];
    let tag = directory.join("CACHEDIR.TAG");
    // Anything else that bears the name is not opened: a pipe would block.
    fs::symlink_metadata(&tag).is_ok_and(|there| there.is_file())
        && fs::File::open(tag)
            .and_then(|mut file| file.read_exact(&mut start))
            .is_ok_and(|()| start == *CACHE_TAG)
}
