//! Carries out a program in memory: what it prints, and what the tracker should report.

mod attributes;
mod looking;
mod making;
mod moving;
mod opening;

use std::collections::BTreeSet;

use super::chronicle::{Change, Changed, Chronicle, Look, What};
use super::files::{Content, Files, Id, ROOT, join};
use super::known::Known;
use super::op::{Base, Name, Op, SLOTS};
use super::walk::{Because, Dots, Last, Place, Stop, walk};

/// The name of an error of the operating system.
pub(crate) type Errno = &'static str;

/// A kept descriptor.
#[derive(Clone, Debug)]
struct Kept {
    node: Id,
    offset: usize,
    reads: bool,
    writes: bool,
    appends: bool,
    path_only: bool,
}

/// A program that runs in memory.
#[derive(Clone, Debug)]
pub struct Machine {
    files: Files,
    directory: Id,
    slots: [Option<Kept>; SLOTS],
    chronicle: Chronicle,
    thread: usize,
    threads: usize,
    lines: Vec<String>,
    seen: u64,
    unpredictable: bool,
    known: BTreeSet<Known>,
}

/// The digest that programs use of what they see: FNV-1a.
pub(crate) fn digest(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// What the digest starts from.
pub(crate) const NOTHING_SEEN: u64 = 0xCBF2_9CE4_8422_2325;

impl Machine {
    /// A program that is about to start in a tree.
    #[must_use]
    pub fn new(files: Files) -> Self {
        Self {
            files,
            directory: ROOT,
            slots: [const { None }; SLOTS],
            chronicle: Chronicle::default(),
            thread: 0,
            threads: 1,
            lines: Vec::new(),
            seen: NOTHING_SEEN,
            unpredictable: false,
            known: BTreeSet::new(),
        }
    }

    /// Carries out the next operation.
    pub fn step(&mut self, op: &Op) {
        let result = self.carry_out(op).unwrap_or_else(str::to_owned);
        let line = format!("{} {result}", self.lines.len());
        self.seen = digest(self.seen, line.as_bytes());
        self.lines.push(line);
    }

    /// What the program printed.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What the tracker should report.
    #[must_use]
    pub const fn chronicle(&self) -> &Chronicle {
        &self.chronicle
    }

    /// The tree as it is now.
    #[must_use]
    pub const fn files(&self) -> &Files {
        &self.files
    }

    /// The current directory.
    #[must_use]
    pub const fn directory(&self) -> Id {
        self.directory
    }

    /// The directory that a slot is open on.
    #[must_use]
    pub fn kept_directory(&self, slot: usize) -> Option<Id> {
        let kept = self.slots[slot].as_ref()?;
        self.files.is_directory(kept.node).then_some(kept.node)
    }

    /// Whether a slot is in use.
    #[must_use]
    pub const fn keeps(&self, slot: usize) -> bool {
        self.slots[slot].is_some()
    }

    /// Whether it did something of which nothing can be predicted: it left the tree, or asked for
    /// what differs between systems.
    #[must_use]
    pub const fn is_unpredictable(&self) -> bool {
        self.unpredictable
    }

    /// Where it met that more than one answer is right, or that `strace` can't tell.
    #[must_use]
    pub const fn known(&self) -> &BTreeSet<Known> {
        &self.known
    }

    fn carry_out(&mut self, op: &Op) -> Result<String, Errno> {
        match op {
            Op::Open(slot, name, flags) => self.open_slot(*slot, name, *flags),
            Op::Read(slot) => self.read_slot(*slot),
            Op::Write(slot, text) => self.write_slot(*slot, text),
            Op::Close(slot) => self.close(*slot),
            Op::Cat(name) => self.cat(name),
            Op::Put(name, flags, text) => self.put(name, *flags, text),
            Op::Stat(name) => self.stat(name, Last::Follow),
            Op::Lstat(name) => self.stat(name, Last::Keep),
            Op::Access(name, mode) => self.access(name, *mode),
            Op::Readlink(name) => self.readlink(name),
            Op::List(name) => self.list(name),
            Op::ListOpen(slot) => self.list_open(*slot),
            Op::Mkdir(name) => self.mkdir(name),
            Op::Rmdir(name) => self.rmdir(name),
            Op::Unlink(name) => self.unlink(name),
            Op::Rename(old, new, onto) => self.rename(old, new, *onto),
            Op::Link(old, new) => self.hard_link(old, new),
            Op::Symlink(text, name) => self.symlink(text, name),
            Op::Chmod(name, executable) => self.chmod(name, *executable),
            Op::Truncate(path, length) => self.truncate(path, *length),
            Op::Chdir(path) => self.chdir(path),
            Op::Fchdir(slot) => self.fchdir(*slot),
            Op::Fork | Op::Thread => {
                self.thread = self.threads;
                self.threads += 1;
                Ok("ok".into())
            }
            Op::Exec => {
                // The call itself is seen; then all threads but one are gone.
                self.chronicle.begin(self.thread);
                self.thread = self.threads;
                self.threads += 1;
                Ok("ok".into())
            }
        }
    }

    /// Follows a name. Links on the way are looked at, and so is what makes it lead nowhere.
    fn find(&mut self, name: &Name, last: Last) -> Result<Place, Errno> {
        self.find_quietly(name, last).map_err(|stop| {
            self.see_stop(&stop);
            stop.errno
        })
    }

    /// Like [`Machine::find`], but leaves it to the caller to see why it leads nowhere.
    fn find_quietly(&mut self, name: &Name, last: Last) -> Result<Place, Stop> {
        self.chronicle.begin(self.thread);
        let start = match name.base {
            _ if name.path.starts_with('@') => ROOT,
            Base::Here => self.directory,
            Base::Slot(slot) => match &self.slots[slot] {
                Some(kept) if self.files.is_directory(kept.node) => kept.node,
                Some(_) => {
                    // What is below a file by its descriptor has no path to predict.
                    self.unpredictable = true;
                    ROOT
                }
                None => {
                    return Err(Stop {
                        errno: "EBADF",
                        path: None,
                        above: None,
                        because: Because::Missing,
                    });
                }
            },
        };
        let walked = walk(&self.files, start, &name.path, last);
        self.unpredictable |= walked.escaped;
        for path in &walked.crossed {
            self.chronicle.look(path, Look::Link, What::Link);
        }
        for path in &walked.passed {
            self.chronicle.look(path, Look::Probe, What::Directory);
        }
        if last == Last::Entry && matches!(walked.found, Ok(Place::Itself(_, Dots::Room))) {
            // Whoever changes the room itself changes what is around it.
            self.unpredictable = true;
        }
        walked.found
    }

    fn see_stop(&mut self, stop: &Stop) {
        let Some(path) = &stop.path else { return };
        match stop.because {
            Because::Missing => self.chronicle.look(path, Look::Miss, What::Missing),
            Because::Below(what) => {
                self.look(stop.above.as_deref(), Look::Probe, what);
                self.chronicle.look(path, Look::Miss, What::Missing);
            }
            Because::NoDirectory(what) => self.chronicle.look(path, Look::Probe, what),
            Because::Loop => self.chronicle.look(path, Look::Denied, What::Link),
        }
    }

    /// The path of a name in a directory; none below a removed one.
    fn path_of(&self, directory: Id, name: &str) -> Option<String> {
        self.files.path(directory).map(|path| join(&path, name))
    }

    fn look(&mut self, path: Option<&str>, look: Look, what: What) {
        if let Some(path) = path {
            self.chronicle.look(path, look, what);
        }
    }

    /// A directory was found, and nothing came of it.
    fn look_above(&mut self, directory: Id) {
        let path = self.files.path(directory);
        self.look(path.as_deref(), Look::Probe, What::Directory);
    }

    /// Something was found, and nothing but that mattered.
    fn probe(&mut self, path: Option<&str>, node: Id) {
        let what = self.files.what(node);
        let look = if what == What::Link {
            Look::Link
        } else {
            Look::Probe
        };
        self.look(path, look, what);
    }

    /// Like [`Machine::probe`], where of a link only that it is one mattered.
    fn glance(&mut self, path: Option<&str>, node: Id) {
        let what = self.files.what(node);
        match path {
            Some(path) if what == What::Link => {
                self.known.insert(Known::LinkProbed);
                self.chronicle
                    .look_somehow(path, &[Look::Link, Look::Probe], what);
            }
            _ => self.look(path, Look::Probe, what),
        }
    }

    /// Something is about to be changed.
    fn change(&mut self, path: Option<&str>, change: Change, before: Option<Id>) {
        self.change_as(path, change, before, false, true);
    }

    /// Something is about to be made where there must be nothing.
    fn make_exclusively(&mut self, path: Option<&str>) {
        self.look(path, Look::Miss, What::Missing);
        self.change_as(path, Change::Fresh, None, true, true);
    }

    fn change_as(
        &mut self,
        path: Option<&str>,
        change: Change,
        before: Option<Id>,
        exclusive: bool,
        digested: bool,
    ) {
        let Some(path) = path else { return };
        let bytes = before.map(|node| self.files.content(node));
        let bytes = match bytes {
            Some(Content::File(bytes)) if digested => Some(bytes.clone()),
            _ => None,
        };
        let before = before.map_or(What::Missing, |node| self.files.what(node));
        self.chronicle.change(
            path,
            Changed {
                change,
                before,
                bytes,
                exclusive,
            },
        );
    }
}
