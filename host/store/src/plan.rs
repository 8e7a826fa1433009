//! Plans a restore: looks at the tree and finds out what would have to be done, touching nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rustix::fs::OFlags;
use rustix::io::Errno;
use vt_base::RelPath;

use crate::StoreError;
use crate::beneath::Root;
use crate::identity::{Identity, Judged, Judgement, Mount, file_type};
use crate::manifest::{Manifest, ManifestEntry, ManifestKind};
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

impl<'m> Put<'m> {
    /// The path under which the content of the file stands; `None` of a link.
    pub(crate) const fn content(&self) -> Option<&'m RelPath> {
        match self.kind {
            ManifestKind::File { .. } => Some(self.target),
            ManifestKind::Name { of } => Some(of),
            ManifestKind::Directory { .. } | ManifestKind::Link { .. } => None,
        }
    }
}

/// What a plan has to know of the staging directory.
pub(crate) struct StagingPlace {
    /// Its name, which no other restore has.
    pub(crate) name: String,
    pub(crate) mount: Mount,
}

/// What a restore will do to the tree, found without touching it.
pub(crate) struct Plan<'m> {
    /// Directories to open up, removals, then directories to make.
    pub(crate) before: Vec<Move>,
    pub(crate) puts: Vec<Put<'m>>,
    /// The modes of directories: nothing is done in them any more.
    pub(crate) after: Vec<Move>,
}

/// A directory as it will be.
#[derive(Clone)]
struct Directory {
    mount: Mount,
    /// Itself, or the nearest one above it that is there already and that its owner may write to.
    nearest: RelPath,
    /// Its permission bits, if it exists.
    mode: Option<u16>,
}

/// What the owner of a directory needs to change anything in it.
const OPEN: u16 = 0o300;
/// The permission bits of a directory whose mode is yet to be set.
const PRIVATE: u16 = 0o700;

const fn is_open(mode: u16) -> bool {
    mode & OPEN == OPEN
}

impl Directory {
    const fn exists(&self) -> bool {
        self.mode.is_some()
    }
}

/// The permission bits of the directories that are wanted.
fn modes<'p>(manifest: &'p Manifest, wanted: &BTreeSet<RelPath>) -> BTreeMap<&'p RelPath, u16> {
    let wanted = manifest
        .entries
        .iter()
        .filter(|entry| wanted.contains(&entry.path));
    let mode = |entry: &'p ManifestEntry| match entry.kind {
        ManifestKind::Directory { mode } => Some((&entry.path, mode)),
        _ => None,
    };
    wanted.filter_map(mode).collect()
}

struct Planner<'p> {
    root: &'p Root,
    staging: &'p StagingPlace,
    judgement: &'p Judgement,
    /// The directories that are wanted, with the permission bits that they get.
    modes: BTreeMap<&'p RelPath, u16>,
    directories: HashMap<RelPath, Directory>,
    /// Directories that exist and in which something is done.
    used: BTreeSet<RelPath>,
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
            modes: modes(manifest, wanted),
            directories: HashMap::new(),
            used: BTreeSet::new(),
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
                (ManifestKind::Directory { .. }, Found::File(was)) => {
                    planner.remove(target, was)?;
                    planner.directory(target)?;
                }
                (ManifestKind::Directory { .. }, Found::Nothing | Found::Directory) => {
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
                            planner.used.extend(target.parent());
                            replaced.push(Move::RemoveDirectory {
                                target: target.clone(),
                            });
                            None
                        }
                    };
                    let number = planner.number();
                    let beside = planner.beside(target, number)?;
                    planner.used.extend(target.parent());
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
        let (mut before, after) = planner.modes()?;
        before.extend(planner.removals);
        before.extend(emptied);
        before.extend(replaced);
        before.extend(planner.made);
        Ok(Self {
            before,
            puts,
            after,
        })
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
                self.used.extend(path.parent());
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
        self.used.extend(target.parent());
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
        if !self.directory(&parent)?.exists() || self.removed.contains(path) {
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
        let to_make = above.filter(|above| !above.exists() || self.removed.contains(path));
        let directory = match to_make {
            Some(above) => self.missing(path, &above),
            None => match self.root.file(path, OFlags::PATH | OFlags::DIRECTORY) {
                Ok(opened) => {
                    let (mount, mode) = Mount::of(&opened).map_err(failed)?;
                    let above = path.parent().and_then(|above| self.directories.get(&above));
                    let nearest = match above {
                        Some(above) if !is_open(mode) && above.mount == mount => {
                            above.nearest.clone()
                        }
                        _ => path.clone(),
                    };
                    Directory {
                        mount,
                        nearest,
                        mode: Some(mode),
                    }
                }
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
        self.used.extend(path.parent());
        let target = path.clone();
        self.made.push(if self.modes.contains_key(path) {
            Move::MakePrivateDirectory { target }
        } else {
            Move::MakeDirectory { target }
        });
        Directory {
            mount: above.mount,
            nearest: above.nearest.clone(),
            mode: None,
        }
    }

    /// Plans the modes of directories: those that have to be opened up before anything is done in them,
    /// and those that directories have in the end.
    fn modes(&mut self) -> Result<(Vec<Move>, Vec<Move>), StoreError> {
        let (mut opened, mut closed) = (Vec::new(), Vec::new());
        let used = std::mem::take(&mut self.used);
        let wanted = self.modes.keys().map(|path| (*path).clone());
        for target in used.iter().cloned().chain(wanted).collect::<BTreeSet<_>>() {
            let wanted = self.modes.get(&target).copied();
            let found = self.directory(&target)?.mode;
            // One that is made without being wanted gets the mode of any new directory.
            let Some(before) = found.or(wanted) else {
                continue;
            };
            let mut now = found.unwrap_or(PRIVATE);
            if used.contains(&target) && !is_open(now) {
                let to = now | OPEN;
                opened.push(Move::SetMode {
                    target: target.clone(),
                    was: now,
                    to,
                });
                now = to;
            }
            let to = wanted.unwrap_or(before);
            if now != to {
                closed.push(Move::SetMode {
                    target,
                    was: now,
                    to,
                });
            }
        }
        // What lies in a directory may be out of reach once that is closed.
        closed.reverse();
        Ok((opened, closed))
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
