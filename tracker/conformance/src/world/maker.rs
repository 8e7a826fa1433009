//! Makes up one operation against the state that the ones before it led to.

use super::files::{Content, Files, Id, ROOT, join};
use super::generate::{Dialect, a_name, link_text, relative};
use super::machine::Machine;
use super::op::{Base, Flags, Name, Onto, Op, SLOTS};
use super::random::Random;

/// Makes up one operation.
pub(crate) struct Maker<'m> {
    pub(crate) random: &'m mut Random,
    pub(crate) machine: &'m Machine,
    pub(crate) dialect: Dialect,
}

/// What an operation would like to find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Anything,
    File,
    Directory,
    Link,
    Free,
}

impl Maker<'_> {
    pub(crate) fn op(&mut self) -> Op {
        let full = usize::from(self.dialect != Dialect::PathsOnly);
        let weights = [
            10,       // open
            5,        // read
            4,        // write
            1,        // close
            9,        // cat
            10,       // put
            8,        // stat
            5,        // lstat
            3,        // access
            4,        // readlink
            8,        // list
            3 * full, // list a descriptor
            5,        // mkdir
            5,        // rmdir
            6,        // unlink
            10,       // rename
            4,        // link
            5,        // symlink
            3,        // chmod
            3 * full, // truncate
            3,        // chdir
            2 * full, // fchdir
            full,     // fork
            full,     // thread
            full,     // exec
        ];
        let slot = self.random.below(SLOTS);
        match self.random.weighted(&weights) {
            0 => self.open(slot),
            1 => Op::Read(self.used_slot(slot)),
            2 => Op::Write(self.used_slot(slot), self.word()),
            3 => Op::Close(self.used_slot(slot)),
            4 => Op::Cat(self.name(Wish::File)),
            5 => self.put(),
            6 => Op::Stat(self.name(Wish::Anything)),
            7 => Op::Lstat(self.name(Wish::Anything)),
            8 => Op::Access(
                self.name(Wish::Anything),
                *self.random.pick(&['f', 'r', 'w', 'x']),
            ),
            9 => Op::Readlink(self.name(Wish::Link)),
            10 => Op::List(self.name(Wish::Directory)),
            11 => Op::ListOpen(self.used_slot(slot)),
            12 => Op::Mkdir(self.name(Wish::Free)),
            13 => Op::Rmdir(self.name(Wish::Directory)),
            14 => Op::Unlink(self.name(Wish::File)),
            15 => self.rename(),
            16 => Op::Link(self.name(Wish::File), self.name(Wish::Free)),
            17 => Op::Symlink(self.link_text(), self.name(Wish::Free)),
            18 => Op::Chmod(self.name(Wish::File), self.random.chance(60)),
            19 => Op::Truncate(self.path_here(Wish::File), self.random.below(3) * 4),
            20 => Op::Chdir(self.path_here(Wish::Directory)),
            21 => Op::Fchdir(self.used_slot(slot)),
            22 => Op::Fork,
            23 => Op::Thread,
            _ => Op::Exec,
        }
    }

    fn open(&mut self, slot: usize) -> Op {
        let flags = *self.random.pick(Flags::USEFUL);
        let wish = if flags.has('d') || self.random.chance(25) {
            Wish::Directory
        } else if flags.has('n') && self.random.chance(40) {
            Wish::Link
        } else if flags.has('c') && self.random.chance(50) {
            Wish::Free
        } else {
            Wish::File
        };
        Op::Open(slot, self.name(wish), flags)
    }

    fn put(&mut self) -> Op {
        let flags: Vec<Flags> = Flags::USEFUL
            .iter()
            .copied()
            .filter(|flags| flags.writes())
            .collect();
        let flags = *self.random.pick(&flags);
        let wish = if flags.has('c') && self.random.chance(60) {
            Wish::Free
        } else {
            Wish::File
        };
        Op::Put(self.name(wish), flags, self.word())
    }

    fn rename(&mut self) -> Op {
        let onto = match self.random.below(10) {
            0 | 1 if self.dialect == Dialect::Full => Onto::Exchange,
            2 if self.dialect == Dialect::Full => Onto::Refuse,
            _ => Onto::Replace,
        };
        let old = *self
            .random
            .pick(&[Wish::File, Wish::Directory, Wish::Link, Wish::Anything]);
        let new = if self.random.chance(50) && onto != Onto::Exchange {
            Wish::Free
        } else {
            *self.random.pick(&[old, Wish::Anything])
        };
        Op::Rename(self.name(old), self.name(new), onto)
    }

    fn word(&mut self) -> String {
        let length = 1 + self.random.below(4);
        (0..length).map(|_| a_name(self.random)).collect()
    }

    fn link_text(&mut self) -> String {
        let known: Vec<String> = self.known(Wish::Anything);
        let known: Vec<&String> = known.iter().collect();
        link_text(self.random, "", &known)
    }

    fn used_slot(&mut self, wished: usize) -> usize {
        let used: Vec<usize> = (0..SLOTS)
            .filter(|slot| self.machine.keeps(*slot))
            .collect();
        if used.is_empty() {
            wished
        } else {
            *self.random.pick(&used)
        }
    }

    fn files(&self) -> &Files {
        self.machine.files()
    }

    /// The paths of what is there, of a kind.
    fn known(&self, wish: Wish) -> Vec<String> {
        let fits = |id: Id| match wish {
            Wish::Anything | Wish::Free => true,
            Wish::File => matches!(self.files().content(id), Content::File(_)),
            Wish::Directory => self.files().is_directory(id),
            Wish::Link => self.files().is_link(id),
        };
        self.files()
            .below(ROOT)
            .into_iter()
            .filter(|(_, id)| fits(*id))
            .map(|(path, _)| path)
            .collect()
    }

    /// A path relative to the room.
    fn target(&mut self, wish: Wish) -> String {
        if wish == Wish::Free || self.random.chance(12) {
            let mut directories = self.known(Wish::Directory);
            directories.push(String::new());
            directories.push(String::new());
            let directory = self.random.pick(&directories).clone();
            if wish != Wish::Free && self.random.chance(20) {
                return directory;
            }
            return join(&directory, a_name(self.random));
        }
        let mut known = self.known(wish);
        if known.is_empty() || self.random.chance(8) {
            known = self.known(Wish::Anything);
        }
        if known.is_empty() {
            return a_name(self.random).to_owned();
        }
        let mut path = self.random.pick(&known).clone();
        // Now and then through a link: to a directory, or to whatever it leads to.
        let links = self.known(Wish::Link);
        if !links.is_empty() && self.random.chance(25) {
            path = self.random.pick(&links).clone();
            if self.random.chance(50) {
                path = join(&path, a_name(self.random));
            }
        }
        if self.random.chance(4) {
            path = join(&path, a_name(self.random));
        }
        path
    }

    fn name(&mut self, wish: Wish) -> Name {
        let kept: Vec<usize> = (0..SLOTS)
            .filter(|slot| self.machine.kept_directory(*slot).is_some())
            .collect();
        let may_start_there = self.dialect != Dialect::PathsOnly && !kept.is_empty();
        let base = if may_start_there && self.random.chance(40) {
            Base::Slot(*self.random.pick(&kept))
        } else {
            Base::Here
        };
        let path = self.spelled(base, wish);
        Name { base, path }
    }

    fn path_here(&mut self, wish: Wish) -> String {
        self.spelled(Base::Here, wish)
    }

    /// One of the many ways to spell a path.
    fn spelled(&mut self, base: Base, wish: Wish) -> String {
        let target = self.target(wish);
        let start = match base {
            Base::Here => Some(self.machine.directory()),
            Base::Slot(slot) => self.machine.kept_directory(slot),
        };
        let start = start.and_then(|start| self.files().path(start));
        let mut path = match start {
            Some(start) if self.random.chance(80) => relative(&start, &target),
            _ if target.is_empty() => "@".to_owned(),
            _ => format!("@/{target}"),
        };
        match self.random.below(30) {
            0 => path.push('/'),
            1 => path = path.replacen('/', "//", 1),
            2 => path = path.replacen('/', "/./", 1),
            3 if !path.starts_with('@') => path = format!("./{path}"),
            4 => path += "/.",
            5 => path += "/..",
            6 => {
                let up = format!("/{}/../", a_name(self.random));
                path = path.replacen('/', &up, 1);
            }
            _ => {}
        }
        path
    }
}
