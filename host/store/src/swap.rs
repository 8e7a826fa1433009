//! Moves a restored result into the tree, step by step, so that every step can be undone here or
//! finished by another process later.
//!
//! Every new file waits in a slot on the same mount. Putting it in place exchanges it with what was
//! there, so that nothing is ever missing and the slot then holds the old file. From that follows
//! what a crash left to do: a step is done exactly when its slot no longer holds the new file.
//! A step is done only to what was there when the restore was planned. Who edits a file in between
//! keeps the edit.

use std::cell::RefCell;
use std::ffi::CString;
use std::rc::Rc;

use rustix::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, chmod, fstat, mkdirat, renameat, renameat_with, statat,
    unlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use vt_base::RelPath;

use crate::StoreError;
use crate::beneath::{Root, file_name};
use crate::failpoint::{Point, reach};
use crate::identity::{Identity, Inode, file_type, permissions};

/// Where something waits, before it is put in place or after it was taken out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Slot {
    /// In the staging directory, under a number.
    Staged(u32),
    /// In the tree itself, since the staging directory is on another mount.
    Beside(RelPath),
}

/// One step of a swap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Move {
    /// Takes a file or a link out.
    Remove {
        target: RelPath,
        was: Identity,
        slot: Slot,
    },
    /// Removes a directory if it is empty.
    RemoveDirectory { target: RelPath },
    /// Makes a directory unless it is there.
    MakeDirectory { target: RelPath },
    /// Puts a file or a link in place.
    Put {
        target: RelPath,
        was: Option<Identity>,
        new: Inode,
        slot: Slot,
    },
    /// Makes a directory unless it is there, which nobody but its owner may enter.
    MakePrivateDirectory { target: RelPath },
    /// Sets the permission bits of a directory that has these.
    SetMode { target: RelPath, was: u16, to: u16 },
}

/// What a step did, which is what undoing it takes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Done {
    Nothing,
    TookOut,
    /// With these permission bits.
    RemovedDirectory(u16),
    MadeDirectory,
    Created,
    Exchanged,
    /// It had these permission bits.
    SetMode(u16),
}

/// The two places that steps move things between.
pub(crate) struct Swap<'s> {
    root: &'s Root,
    staging: &'s OwnedFd,
    /// The directory something was put into last, opened: mostly the next is put there, too.
    last: RefCell<Option<(RelPath, Rc<OwnedFd>)>>,
}

/// A slot or a target, resolved.
struct Spot<'s> {
    directory: Held<'s>,
    name: CString,
}

enum Held<'s> {
    Staging(BorrowedFd<'s>),
    Tree(Rc<OwnedFd>),
}

impl Move {
    pub(crate) const fn target(&self) -> &RelPath {
        match self {
            Self::Remove { target, .. }
            | Self::RemoveDirectory { target }
            | Self::MakeDirectory { target }
            | Self::MakePrivateDirectory { target }
            | Self::SetMode { target, .. }
            | Self::Put { target, .. } => target,
        }
    }

    /// The slot of the step, if it is in the tree itself.
    pub(crate) const fn beside(&self) -> Option<&RelPath> {
        match self.slot() {
            Some(Slot::Beside(path)) => Some(path),
            _ => None,
        }
    }

    const fn slot(&self) -> Option<&Slot> {
        match self {
            Self::Remove { slot, .. } | Self::Put { slot, .. } => Some(slot),
            Self::RemoveDirectory { .. }
            | Self::MakeDirectory { .. }
            | Self::MakePrivateDirectory { .. }
            | Self::SetMode { .. } => None,
        }
    }
}

impl<'s> Swap<'s> {
    pub(crate) const fn new(root: &'s Root, staging: &'s OwnedFd) -> Self {
        Self {
            root,
            staging,
            last: RefCell::new(None),
        }
    }

    /// Does all steps, or none: when one fails, those before it are undone.
    pub(crate) fn perform(&self, moves: &[Move]) -> Result<(), StoreError> {
        let mut done = Vec::with_capacity(moves.len());
        for (number, next) in moves.iter().enumerate() {
            let outcome = reach(Point::Swap(number))
                .map_err(|error| StoreError::io("restore", next.target().as_path(), error))
                .and_then(|()| {
                    self.apply(next)
                        .map_err(|error| report(next.target(), error))
                });
            match outcome {
                Ok(did) => done.push((next, did)),
                Err(error) => {
                    for (step, did) in done.into_iter().rev() {
                        // What can't be undone was touched by somebody else since.
                        let _ = self.undo(step, did);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Does those steps that a crash left undone, as far as the tree is still as it was then.
    pub(crate) fn finish(&self, moves: &[Move]) {
        for step in moves {
            let _ = self.apply(step);
        }
    }

    /// Removes the directories that only slots in the tree itself had kept from being empty.
    pub(crate) fn remove_emptied(&self, moves: &[Move]) {
        let is_removal = |step: &&Move| matches!(step, Move::RemoveDirectory { .. });
        for step in moves.iter().filter(is_removal) {
            let _ = self.apply(step);
        }
    }

    fn slot(&self, slot: &Slot) -> Result<Spot<'_>, Errno> {
        match slot {
            Slot::Staged(number) => {
                let name = CString::new(number.to_string()).expect("digits hold no NUL");
                Ok(Spot {
                    directory: Held::Staging(self.staging.as_fd()),
                    name,
                })
            }
            Slot::Beside(path) => self.target(path),
        }
    }

    fn target(&self, path: &RelPath) -> Result<Spot<'_>, Errno> {
        let (directory, name) = self.root.place(path)?.into_parts();
        Ok(Spot {
            directory: Held::Tree(Rc::new(directory)),
            name,
        })
    }

    /// What [`Swap::target`] gives, from the directory that is open already if it lies there.
    fn target_of_put(&self, path: &RelPath) -> Result<Spot<'_>, Errno> {
        let parent = path.parent().ok_or(Errno::INVAL)?;
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(path, _)| *path != parent) {
            let (directory, _) = self.root.place(path)?.into_parts();
            *last = Some((parent, Rc::new(directory)));
        }
        let (_, directory) = last.as_ref().expect("it was just opened");
        Ok(Spot {
            directory: Held::Tree(Rc::clone(directory)),
            name: file_name(path)?,
        })
    }

    fn apply(&self, step: &Move) -> Result<Done, Errno> {
        match step {
            Move::Remove { target, was, slot } => {
                let target = self.target(target)?;
                match target.identity()? {
                    None => return Ok(Done::Nothing),
                    Some(now) if now != *was => return Err(Errno::EXIST),
                    Some(_) => {}
                }
                let slot = self.slot(slot)?;
                checked()?;
                rename_onto_nothing(&target, &slot)?;
                if slot.identity()?.as_ref() != Some(was) {
                    // Written between the look and the renaming.
                    rename_onto_nothing(&slot, &target)?;
                    return Err(Errno::EXIST);
                }
                Ok(Done::TookOut)
            }
            Move::RemoveDirectory { target } => {
                self.last.take();
                let mode = self
                    .root
                    .look(target)?
                    .map_or(0, |stat| permissions(stat.st_mode));
                let target = self.target(target)?;
                match unlinkat(target.directory.as_fd(), &target.name, AtFlags::REMOVEDIR) {
                    Ok(()) => Ok(Done::RemovedDirectory(mode)),
                    // Somebody else keeps things in it, or it is none any more.
                    Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::NOTDIR) => {
                        Ok(Done::Nothing)
                    }
                    Err(error) => Err(error),
                }
            }
            Move::MakeDirectory { target } => self.make_directory(target, 0o777),
            Move::MakePrivateDirectory { target } => self.make_directory(target, 0o700),
            Move::SetMode { target, was, to } => {
                let Some(directory) = self.directory(target)? else {
                    return Ok(Done::Nothing);
                };
                let now = fstat(&directory)?.st_mode;
                if permissions(now) != *was {
                    return Ok(Done::Nothing);
                }
                set_mode(&directory, now, *to)?;
                Ok(Done::SetMode(*was))
            }
            Move::Put {
                target,
                was,
                new,
                slot,
            } => {
                let slot = self.slot(slot)?;
                if slot.identity()?.is_none_or(|waiting| waiting.inode != *new) {
                    return Ok(Done::Nothing);
                }
                let target = self.target_of_put(target)?;
                let Some(was) = was else {
                    rename_onto_nothing(&slot, &target)?;
                    return Ok(Done::Created);
                };
                match target.identity()? {
                    None => {
                        rename_onto_nothing(&slot, &target)?;
                        Ok(Done::Created)
                    }
                    Some(now) if now == *was => {
                        checked()?;
                        exchange(&slot, &target)?;
                        if slot.identity()?.as_ref() != Some(was) {
                            // Written between the look and the exchange: it goes back.
                            exchange(&slot, &target)?;
                            return Err(Errno::EXIST);
                        }
                        Ok(Done::Exchanged)
                    }
                    Some(_) => Err(Errno::EXIST),
                }
            }
        }
    }

    /// Opens a directory to have its mode set; `None` when none is there.
    fn directory(&self, path: &RelPath) -> Result<Option<OwnedFd>, Errno> {
        match self.root.file(path, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn make_directory(&self, path: &RelPath, mode: u32) -> Result<Done, Errno> {
        let target = self.target(path)?;
        let mode = Mode::from_raw_mode(mode);
        match mkdirat(target.directory.as_fd(), &target.name, mode) {
            Ok(()) => Ok(Done::MadeDirectory),
            Err(Errno::EXIST) => match self.root.look(path)? {
                Some(stat) if file_type(&stat).is_dir() => Ok(Done::Nothing),
                _ => Err(Errno::EXIST),
            },
            Err(error) => Err(error),
        }
    }

    fn undo(&self, step: &Move, did: Done) -> Result<(), Errno> {
        let target = self.target(step.target())?;
        let slot = || self.slot(step.slot().expect("only steps with a slot move files"));
        match did {
            Done::Nothing => Ok(()),
            Done::TookOut => rename_onto_nothing(&slot()?, &target),
            Done::RemovedDirectory(mode) => {
                let private = Mode::from_raw_mode(0o700);
                mkdirat(target.directory.as_fd(), &target.name, private)?;
                self.undo(step, Done::SetMode(mode))
            }
            Done::SetMode(was) => match self.directory(step.target())? {
                Some(directory) => set_mode(&directory, fstat(&directory)?.st_mode, was),
                None => Ok(()),
            },
            Done::MadeDirectory => {
                unlinkat(target.directory.as_fd(), &target.name, AtFlags::REMOVEDIR)
            }
            Done::Created => rename_onto_nothing(&target, &slot()?),
            Done::Exchanged => exchange(&target, &slot()?),
        }
    }
}

impl Spot<'_> {
    fn identity(&self) -> Result<Option<Identity>, Errno> {
        match statat(
            self.directory.as_fd(),
            &self.name,
            AtFlags::SYMLINK_NOFOLLOW,
        ) {
            Ok(stat) => Ok(Some(Identity::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Held<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Held::Staging(directory) => directory.as_fd(),
            Held::Tree(directory) => directory.as_fd(),
        }
    }
}

/// Gives a directory other permission bits. What else its mode has stays.
fn set_mode(directory: &OwnedFd, now: u32, to: u16) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(now & 0o7000 | u32::from(to));
    // What is opened only by its path refuses `fchmod`; opening it otherwise takes a permission
    // that it may lack.
    let name = format!("/proc/self/fd/{}", directory.as_raw_fd());
    chmod(name, mode)
}

fn checked() -> Result<(), Errno> {
    reach(Point::TargetChecked).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Removes slots in the tree itself, with whatever is in them.
pub(crate) fn clear_slots<'p>(root: &Root, slots: impl IntoIterator<Item = &'p RelPath>) {
    for slot in slots {
        let Ok(place) = root.place(slot) else {
            continue;
        };
        for name in [place.name().clone(), spare(place.name())] {
            let _ = unlinkat(place.directory(), &name, AtFlags::empty());
        }
    }
}

/// Another name beside a slot, for exchanging without help from the file system.
fn spare(name: &CString) -> CString {
    CString::new([name.as_bytes(), b".old"].concat()).expect("both parts hold no NUL")
}

/// What file systems answer that do not know a flag of `renameat2`.
const fn is_unsupported(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

fn rename_onto_nothing(from: &Spot<'_>, to: &Spot<'_>) -> Result<(), Errno> {
    let flags = RenameFlags::NOREPLACE;
    match renameat_with(
        from.directory.as_fd(),
        &from.name,
        to.directory.as_fd(),
        &to.name,
        flags,
    ) {
        Err(error) if is_unsupported(error) => {
            if to.identity()?.is_some() {
                return Err(Errno::EXIST);
            }
            renameat(
                from.directory.as_fd(),
                &from.name,
                to.directory.as_fd(),
                &to.name,
            )
        }
        answer => answer,
    }
}

fn exchange(slot: &Spot<'_>, target: &Spot<'_>) -> Result<(), Errno> {
    let (from, to) = (slot.directory.as_fd(), target.directory.as_fd());
    match renameat_with(from, &slot.name, to, &target.name, RenameFlags::EXCHANGE) {
        Err(error) if is_unsupported(error) => {
            // A crash in between leaves nothing at the target and the new file in the slot, which
            // reads as a step that is still to be done.
            let spare = spare(&slot.name);
            renameat(to, &target.name, from, &spare)?;
            renameat(from, &slot.name, to, &target.name)?;
            renameat(from, &spare, from, &slot.name)
        }
        answer => answer,
    }
}

fn report(target: &RelPath, error: Errno) -> StoreError {
    match error {
        Errno::EXIST | Errno::NOTEMPTY | Errno::LOOP | Errno::NOTDIR | Errno::ISDIR => {
            StoreError::Blocked {
                path: target.clone(),
            }
        }
        error => StoreError::io("restore", target.as_path(), error),
    }
}
