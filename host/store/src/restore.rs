//! Brings a result set back: plans, unpacks beside, then swaps.
//!
//! Nothing of the tree is touched before everything is unpacked and checked, and before it is sure
//! that nothing is in the way. From then on a journal says how to finish.

use std::collections::{BTreeSet, HashMap};
use std::ffi::CString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, statat, symlinkat};
use rustix::io::Errno;
use vt_base::{AbsPath, Digest, RelPath};

use crate::beneath::Root;
use crate::failpoint::{Point, reach};
use crate::identity::{Identity, Inode, Judgement, Mount};
use crate::journal::Journal;
use crate::manifest::{Manifest, ManifestKind};
use crate::plan::{Plan, Put, StagingPlace};
use crate::store::{Store, make_directory};
use crate::swap::{Move, Slot, Swap, clear_slots};
use crate::unpack::unpack;
use crate::{Refusal, StoreError};

/// What [`Store::restore`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restored {
    /// How many files and links were written.
    pub written: u64,
}

impl Store {
    /// Writes the wanted paths of a manifest into the tree, and removes others.
    ///
    /// Paths of the manifest that are not wanted are taken to be in place. What is written gets the
    /// mode that it had, whatever mask this process has. A directory that its owner may not write to is
    /// opened up for as long as something is done in it. Removed are files, links
    /// and directories that are empty by then; what the manifest has is never removed. All of it
    /// happens or nothing. What is not what was judged any more is neither replaced nor removed. The
    /// caller holds the lock of the step.
    ///
    /// # Errors
    /// [`StoreError::Blocked`] when a symlink or a file is where a directory must be, or somebody
    /// changes the tree meanwhile; [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`] and
    /// [`StoreError::BadManifest`] when the entry is useless; [`StoreError::Io`].
    pub fn restore(
        &self,
        root: &AbsPath,
        blob: Option<&Digest>,
        manifest: &Manifest,
        wanted: &BTreeSet<RelPath>,
        remove: &[RelPath],
        judgement: &Judgement,
    ) -> Result<Restored, StoreError> {
        manifest.check()?;
        manifest.check_contains(wanted)?;
        let opened = Root::open(root).map_err(|error| StoreError::io("open", root, error))?;
        let staging = Staging::begin(self)?;
        let plan = Plan::make(&opened, &staging.place, manifest, wanted, remove, judgement)?;
        let besides: Vec<RelPath> = plan
            .puts
            .iter()
            .filter_map(|put| put.beside.clone())
            .collect();
        // Slots in the tree itself must not outlive a crash, so a journal names them before they
        // are made. It is held to the end: whoever got hold of it in between must not clear them.
        let slots: Vec<Move> = plan.puts.iter().filter_map(slot_only).collect();
        let early = match slots.as_slice() {
            [] => None,
            slots => Some(Journal::begin(self, &staging.place.name, root, slots)?),
        };
        let forget = |early: Option<Journal>| {
            clear_slots(&opened, &besides);
            early.map_or(Ok(()), Journal::end)
        };
        let moves = match staging.fill(self, &opened, blob, manifest, plan) {
            Ok(moves) => moves,
            Err(error) => {
                let _ = forget(early);
                return Err(error);
            }
        };
        if moves.is_empty() {
            return Ok(Restored { written: 0 });
        }
        let swap = Swap::new(&opened, &staging.opened);
        let outcome = reach(Point::BeforeJournal)
            .map_err(|error| StoreError::io("restore into", root, error))
            .and_then(|()| Journal::begin(self, &staging.place.name, root, &moves))
            .and_then(|journal| {
                let outcome = swap.perform(&moves);
                // Before the journal goes, since afterwards nobody would know of them.
                clear_slots(&opened, moves.iter().filter_map(Move::beside));
                if outcome.is_ok() {
                    swap.remove_emptied(&moves);
                }
                reach(Point::BeforeJournalRemoval)
                    .map_err(|error| StoreError::io("restore into", root, error))?;
                journal.end().and(outcome)
            });
        if let Err(error) = outcome {
            let _ = forget(early);
            return Err(error);
        }
        let written = moves
            .iter()
            .filter(|step| matches!(step, Move::Put { .. }))
            .count();
        Ok(Restored {
            written: written as u64,
        })
    }
}

/// A step that does nothing, and whose slot is cleared like that of any other.
fn slot_only(put: &Put<'_>) -> Option<Move> {
    Some(Move::Put {
        target: put.target.clone(),
        was: put.was,
        new: Inode::NONE,
        slot: Slot::Beside(put.beside.clone()?),
    })
}

/// A directory of this restore alone. Removed in the end, with the old files that landed in it.
struct Staging {
    place: StagingPlace,
    path: PathBuf,
    opened: OwnedFd,
}

impl Staging {
    fn begin(store: &Store) -> Result<Self, StoreError> {
        let outer = store.path("staging");
        make_directory(&outer)?;
        let random = getrandom::u64()
            .map_err(|error| StoreError::io("name", &outer, io::Error::other(error.to_string())))?;
        let name = format!("{}-{random:016x}", std::process::id());
        let path = outer.join(&name);
        let failed = |error| StoreError::io("create", &path, error);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(failed)?;
        let opened = open_directory(&path).map_err(|error| failed(error.into()))?;
        let (mount, _) = Mount::of(&opened).map_err(|error| failed(error.into()))?;
        Ok(Self {
            place: StagingPlace { name, mount },
            path,
            opened,
        })
    }

    /// Unpacks what the plan puts in place, and gives the steps that do so.
    fn fill(
        &self,
        store: &Store,
        root: &Root,
        blob: Option<&Digest>,
        manifest: &Manifest,
        plan: Plan<'_>,
    ) -> Result<Vec<Move>, StoreError> {
        // Which put gets the content of a file: that of its first name. The others are links to that.
        let mut files: HashMap<&RelPath, u32> = HashMap::new();
        let mut firsts: HashMap<&RelPath, &Put<'_>> = HashMap::new();
        for put in &plan.puts {
            if let Some(content) = put.content() {
                files.entry(content).or_insert(put.number);
                firsts.entry(content).or_insert(put);
            }
        }
        if let Some(target) = files.keys().next() {
            let blob = blob.ok_or_else(|| StoreError::BadManifest {
                path: (*target).clone(),
                why: Refusal::NoArchive,
            })?;
            unpack(store, blob, manifest, &files, &self.path)?;
        }
        let mut moves = plan.before;
        for put in &plan.puts {
            let slot = put
                .beside
                .clone()
                .map_or(Slot::Staged(put.number), Slot::Beside);
            let first = put.content().and_then(|content| firsts.get(content));
            let new = self.stage(root, manifest, put, first.copied())?;
            moves.push(Move::Put {
                target: put.target.clone(),
                was: put.was,
                new,
                slot,
            });
        }
        moves.extend(plan.after);
        Ok(moves)
    }

    /// The slot of a put: the directory that it is in, if that is one of the tree, and its name.
    fn slot(&self, root: &Root, put: &Put<'_>) -> Result<(Option<OwnedFd>, CString), Errno> {
        match &put.beside {
            Some(path) => {
                let (directory, name) = root.place(path)?.into_parts();
                Ok((Some(directory), name))
            }
            None => {
                let name = CString::new(put.number.to_string()).expect("digits hold no NUL");
                Ok((None, name))
            }
        }
    }

    /// Makes sure that what is to be put in place is in its slot. `first` is the put that got the content.
    fn stage(
        &self,
        root: &Root,
        manifest: &Manifest,
        put: &Put<'_>,
        first: Option<&Put<'_>>,
    ) -> Result<Inode, StoreError> {
        let failed = |error: Errno| StoreError::io("stage", put.target.as_path(), error);
        let (beside, name) = self.slot(root, put).map_err(failed)?;
        let directory = beside
            .as_ref()
            .map_or(self.opened.as_fd(), |beside| beside.as_fd());
        let is_linked = match first.filter(|first| first.number != put.number) {
            Some(first) => {
                let (from, from_name) = self.slot(root, first).map_err(failed)?;
                let from = from
                    .as_ref()
                    .map_or(self.opened.as_fd(), |from| from.as_fd());
                let linked = linkat(from, &from_name, directory, &name, AtFlags::empty());
                match linked {
                    Ok(()) => true,
                    // Two mounts, or a file system without links: two files of the same content.
                    Err(
                        Errno::XDEV | Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK,
                    ) => false,
                    Err(error) => return Err(failed(error)),
                }
            }
            None => beside.is_none(),
        };
        match put.kind {
            ManifestKind::Link { target } => {
                symlinkat(target.as_slice(), directory, &name).map_err(failed)?;
            }
            ManifestKind::File { .. } | ManifestKind::Name { .. } if !is_linked => {
                let content = first.unwrap_or(put);
                let mode = manifest
                    .get(put.target)
                    .and_then(|entry| manifest.kind(entry).mode());
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let private = Mode::from_raw_mode(0o600);
                let copy = openat(directory, &name, flags, private).map_err(failed)?;
                let from = self.path.join(content.number.to_string());
                // Its owner may be one of those who may not read it.
                fs::set_permissions(&from, Permissions::from_mode(0o600))
                    .and_then(|()| File::open(&from))
                    .and_then(|mut file| {
                        let mut copy = File::from(copy);
                        io::copy(&mut file, &mut copy)?;
                        let mode = Permissions::from_mode(mode.unwrap_or(0o600).into());
                        copy.set_permissions(mode.clone())?;
                        if content.beside.is_none() {
                            file.set_permissions(mode)?;
                        }
                        Ok(())
                    })
                    .map_err(|error| StoreError::io("copy", &from, error))?;
            }
            ManifestKind::File { .. }
            | ManifestKind::Name { .. }
            | ManifestKind::Directory { .. } => {}
        }
        let stat = statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        Ok(Identity::of(&stat).inode)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // It is empty, unless something was replaced. What can't be removed now is swept later.
        if fs::remove_dir(&self.path).is_err() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Opens a directory of the store itself.
pub(crate) fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    openat(
        CWD,
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}
