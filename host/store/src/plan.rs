//! Plans a restore: looks at the tree and finds out what would have to be done, touching nothing.

use std::collections::{BTreeSet, HashMap};

use rustix::fs::OFlags;
use rustix::io::Errno;
use vt_base::RelPath;

use crate::StoreError;
use crate::beneath::Root;
use crate::identity::{Identity, Judged, Judgement, Mount, file_type};
use crate::manifest::{Manifest, ManifestKind};
use crate::swap::{Move, Slot};

/// Something to put in place.
pub(crate) struct Put<'m> {
    pub(crate) target: &'m RelPath,
    pub(crate) kind: &'m ManifestKind,
    pub(crate) number: u32,
    pub(crate) was: Option<Identity>,
    /// Its slot, if that can't be in the staging directory.
    pub(crate) beside: Option<RelPath>,
}

/// What a plan has to know of the staging directory.
pub(crate) struct StagingPlace {
    /// Its name, which no other restore has.
    pub(crate) name: String,
    pub(crate) mount: Mount,
}

/// What a restore will do to the tree, found without touching it.
pub(crate) struct Plan<'m> {
    /// Removals, then directories to make.
    pub(crate) moves: Vec<Move>,
    pub(crate) puts: Vec<Put<'m>>,
}

/// A directory as it will be.
#[derive(Clone)]
struct Directory {
    mount: Mount,
    /// Itself, or the nearest one above it that is there already.
    nearest: RelPath,
    exists: bool,
}

struct Planner<'p> {
    root: &'p Root,
    staging: &'p StagingPlace,
    judgement: &'p Judgement,
    directories: HashMap<RelPath, Directory>,
    /// Files and links that are taken out.
    removed: BTreeSet<RelPath>,
    removals: Vec<Move>,
    made: Vec<Move>,
    numbers: u32,
}

impl<'m> Plan<'m> {
    pub(crate) fn make(
        root: &Root,
        staging: &StagingPlace,
        manifest: &'m Manifest,
        wanted: &BTreeSet<RelPath>,
        remove: &[RelPath],
        judgement: &Judgement,
    ) -> Result<Self, StoreError> {
        let mut planner = Planner {
            root,
            staging,
            judgement,
            directories: HashMap::new(),
            removed: BTreeSet::new(),
            removals: Vec::new(),
            made: Vec::new(),
            numbers: 0,
        };
        let emptied = planner.plan_removals(manifest, remove)?;
        let mut puts = Vec::new();
        let mut replaced = Vec::new();
        for entry in &manifest.entries {
            if !wanted.contains(&entry.path) {
                continue;
            }
            let target = &entry.path;
            match (&entry.kind, planner.find(target)?) {
                (ManifestKind::Directory, Found::File(was)) => {
                    planner.remove(target, was)?;
                    planner.directory(target)?;
                }
                (ManifestKind::Directory, Found::Nothing | Found::Directory) => {
                    planner.directory(target)?;
                }
                (kind, found) => {
                    let was = match found {
                        Found::File(was) => Some(was),
                        Found::Nothing => None,
                        // Made since it was judged: a directory is never judged to be replaceable.
                        Found::Directory if judgement.contains_key(target) => {
                            return Err(StoreError::Blocked {
                                path: target.clone(),
                            });
                        }
                        Found::Directory => {
                            // One that is not empty by then stays, and is found in the way.
                            replaced.push(Move::RemoveDirectory {
                                target: target.clone(),
                            });
                            None
                        }
                    };
                    let number = planner.number();
                    let beside = planner.beside(target, number)?;
                    puts.push(Put {
                        target,
                        kind,
                        number,
                        was,
                        beside,
                    });
                }
            }
        }
        let mut moves = planner.removals;
        moves.extend(emptied);
        moves.extend(replaced);
        moves.extend(planner.made);
        Ok(Self { moves, puts })
    }
}

/// What lies at a path, once the removals are done.
enum Found {
    Nothing,
    File(Identity),
    Directory,
}

impl Planner<'_> {
    /// Plans the removal of files; gives that of directories, which comes after all files.
    fn plan_removals(
        &mut self,
        manifest: &Manifest,
        remove: &[RelPath],
    ) -> Result<Vec<Move>, StoreError> {
        if remove.is_empty() {
            return Ok(Vec::new());
        }
        let kept: BTreeSet<RelPath> = manifest
            .entries
            .iter()
            .flat_map(|entry| entry.path.ancestors().chain([entry.path.clone()]))
            .collect();
        let mut emptied = Vec::new();
        // Deepest first, so that a directory is empty when its turn comes.
        for path in remove.iter().collect::<BTreeSet<_>>().into_iter().rev() {
            let is_directory = match self.root.look(path) {
                Ok(None) => continue,
                // What lies behind a link now is not what was left there.
                Err(Errno::LOOP | Errno::NOTDIR | Errno::INVAL) => continue,
                Err(error) => return Err(StoreError::io("look at", path.as_path(), error)),
                Ok(Some(stat)) if file_type(&stat).is_dir() => {
                    // Made since it was judged that a file may go.
                    if self.judgement.contains_key(path) {
                        return Err(StoreError::Blocked { path: path.clone() });
                    }
                    true
                }
                Ok(Some(_)) => false,
            };
            if manifest.get(path).is_some() || (is_directory && kept.contains(path)) {
                continue;
            }
            if is_directory {
                emptied.push(Move::RemoveDirectory {
                    target: path.clone(),
                });
            } else if let Found::File(was) = self.find(path)? {
                self.remove(path, was)?;
            }
        }
        Ok(emptied)
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn remove(&mut self, target: &RelPath, was: Identity) -> Result<(), StoreError> {
        let number = self.number();
        let slot = self
            .beside(target, number)?
            .map_or(Slot::Staged(number), Slot::Beside);
        self.removed.insert(target.clone());
        self.removals.push(Move::Remove {
            target: target.clone(),
            was,
            slot,
        });
        Ok(())
    }

    /// Looks at a path, and makes sure that it will have a directory to lie in.
    fn find(&mut self, path: &RelPath) -> Result<Found, StoreError> {
        let parent = path.parent().unwrap_or_default();
        if !self.directory(&parent)?.exists || self.removed.contains(path) {
            return Ok(Found::Nothing);
        }
        let blocked = || StoreError::Blocked { path: path.clone() };
        match self.root.look(path) {
            Ok(None) => Ok(Found::Nothing),
            Ok(Some(stat)) => {
                let kind = file_type(&stat);
                let judged = self.judgement.get(path);
                let is_other = |judged: &Option<Judged>| *judged != Some(Judged::of(&stat));
                if !kind.is_dir() && judged.is_some_and(is_other) {
                    return Err(blocked());
                }
                if kind.is_dir() {
                    Ok(Found::Directory)
                } else if kind.is_file() || kind.is_symlink() {
                    Ok(Found::File(Identity::of(&stat)))
                } else {
                    Err(blocked())
                }
            }
            Err(Errno::LOOP | Errno::NOTDIR) => Err(blocked()),
            Err(error) => Err(StoreError::io("look at", path.as_path(), error)),
        }
    }

    /// Makes sure that there is, or will be, a directory at a path.
    fn directory(&mut self, path: &RelPath) -> Result<Directory, StoreError> {
        if let Some(known) = self.directories.get(path) {
            return Ok(known.clone());
        }
        let above = match path.parent() {
            Some(parent) => Some(self.directory(&parent)?),
            None => None,
        };
        let failed = |error: Errno| match error {
            Errno::LOOP | Errno::NOTDIR => StoreError::Blocked { path: path.clone() },
            error => StoreError::io("open", path.as_path(), error),
        };
        let to_make = above.filter(|above| !above.exists || self.removed.contains(path));
        let directory = match to_make {
            Some(above) => self.missing(path, &above),
            None => match self.root.file(path, OFlags::PATH | OFlags::DIRECTORY) {
                Ok(opened) => Directory {
                    mount: Mount::of(&opened).map_err(failed)?,
                    nearest: path.clone(),
                    exists: true,
                },
                Err(Errno::NOENT) if !path.is_root() => {
                    let above = self.directory(&path.parent().unwrap_or_default())?;
                    self.missing(path, &above)
                }
                Err(error) => return Err(failed(error)),
            },
        };
        self.directories.insert(path.clone(), directory.clone());
        Ok(directory)
    }

    fn missing(&mut self, path: &RelPath, above: &Directory) -> Directory {
        self.made.push(Move::MakeDirectory {
            target: path.clone(),
        });
        Directory {
            mount: above.mount,
            nearest: above.nearest.clone(),
            exists: false,
        }
    }

    /// The slot in the tree for something at this path; `None` when the staging directory serves.
    fn beside(&mut self, path: &RelPath, number: u32) -> Result<Option<RelPath>, StoreError> {
        let directory = self.directory(&path.parent().unwrap_or_default())?;
        if directory.mount == self.staging.mount {
            return Ok(None);
        }
        let name = format!(".vt-{}-{number}", self.staging.name);
        let slot = directory
            .nearest
            .join(name)
            .expect("a plain name stays inside");
        Ok(Some(slot))
    }
}
