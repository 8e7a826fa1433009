//! The operations of a program, and how a line of text says them.
//!
//! A path that starts with `@` is absolute: `@` stands for the room that the program runs in.

use std::fmt;

/// How many descriptors a program keeps.
pub const SLOTS: usize = 3;

/// What a relative path is relative to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// The current directory; the call without a descriptor is made.
    Here,
    /// A kept descriptor.
    Slot(usize),
}

/// A path as a call gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// What it is relative to.
    pub base: Base,
    /// The text.
    pub path: String,
}

/// How a file is opened, one letter each: `r`ead, `w`rite or `b`oth; `c`reate, e`x`clusive,
/// `t`runcate, `a`ppend, `d`irectory, `n`ofollow, `p`ath only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags(pub &'static str);

impl Flags {
    /// The sets of flags that programs use.
    pub const USEFUL: &'static [Self] = &[
        Self("r"),
        Self("rn"),
        Self("rd"),
        Self("rdn"),
        Self("rt"),
        Self("rc"),
        Self("p"),
        Self("pn"),
        Self("pd"),
        Self("w"),
        Self("wn"),
        Self("wt"),
        Self("wa"),
        Self("wc"),
        Self("wcn"),
        Self("wct"),
        Self("wca"),
        Self("wcta"),
        Self("wcx"),
        Self("b"),
        Self("ba"),
        Self("bt"),
        Self("bc"),
        Self("bca"),
        Self("bct"),
        Self("bcx"),
    ];

    /// Whether a letter is among them.
    #[must_use]
    pub fn has(self, letter: char) -> bool {
        self.0.contains(letter)
    }

    /// Whether the content can be read.
    #[must_use]
    pub fn reads(self) -> bool {
        self.has('r') || self.has('b')
    }

    /// Whether the content can be written.
    #[must_use]
    pub fn writes(self) -> bool {
        self.has('w') || self.has('b')
    }
}

/// What a rename does about what is at its target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Onto {
    /// Replaces it.
    Replace,
    /// Fails.
    Refuse,
    /// Puts it in the place of what is moved.
    Exchange,
}

/// One operation.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "they are the calls of their names")]
pub enum Op {
    /// Opens a file and keeps the descriptor in a slot, in place of what was there.
    Open(usize, Name, Flags),
    /// Reads a kept descriptor to its end.
    Read(usize),
    /// Writes a text, and what stands for everything seen so far, to a kept descriptor.
    Write(usize, String),
    Close(usize),
    /// Opens, reads and closes.
    Cat(Name),
    /// Opens, writes and closes.
    Put(Name, Flags, String),
    Stat(Name),
    Lstat(Name),
    /// With one of `f`, `r`, `w`, `x`.
    Access(Name, char),
    Readlink(Name),
    List(Name),
    /// Lists a kept descriptor.
    ListOpen(usize),
    Mkdir(Name),
    Rmdir(Name),
    Unlink(Name),
    Rename(Name, Name, Onto),
    Link(Name, Name),
    /// The text of the link, and where it is put.
    Symlink(String, Name),
    /// Sets or clears the executable bits.
    Chmod(Name, bool),
    Truncate(String, usize),
    Chdir(String),
    Fchdir(usize),
    /// Goes on in a child process, for which the parent only waits.
    Fork,
    /// Goes on in a thread, for which the first only waits.
    Thread,
    /// Goes on in a new image of the same program.
    Exec,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base {
            Base::Here => write!(formatter, "- {}", self.path),
            Base::Slot(slot) => write!(formatter, "{slot} {}", self.path),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(slot, name, flags) => write!(formatter, "open {slot} {name} {}", flags.0),
            Self::Read(slot) => write!(formatter, "read {slot}"),
            Self::Write(slot, text) => write!(formatter, "write {slot} {text}"),
            Self::Close(slot) => write!(formatter, "close {slot}"),
            Self::Cat(name) => write!(formatter, "cat {name}"),
            Self::Put(name, flags, text) => write!(formatter, "put {name} {} {text}", flags.0),
            Self::Stat(name) => write!(formatter, "stat {name}"),
            Self::Lstat(name) => write!(formatter, "lstat {name}"),
            Self::Access(name, mode) => write!(formatter, "access {name} {mode}"),
            Self::Readlink(name) => write!(formatter, "readlink {name}"),
            Self::List(name) => write!(formatter, "list {name}"),
            Self::ListOpen(slot) => write!(formatter, "listopen {slot}"),
            Self::Mkdir(name) => write!(formatter, "mkdir {name}"),
            Self::Rmdir(name) => write!(formatter, "rmdir {name}"),
            Self::Unlink(name) => write!(formatter, "unlink {name}"),
            Self::Rename(old, new, onto) => {
                let verb = match onto {
                    Onto::Replace => "rename",
                    Onto::Refuse => "renamenew",
                    Onto::Exchange => "exchange",
                };
                write!(formatter, "{verb} {old} {new}")
            }
            Self::Link(old, new) => write!(formatter, "link {old} {new}"),
            Self::Symlink(text, name) => write!(formatter, "symlink {text} {name}"),
            Self::Chmod(name, executable) => {
                let mode = if *executable { "755" } else { "644" };
                write!(formatter, "chmod {name} {mode}")
            }
            Self::Truncate(path, length) => write!(formatter, "truncate {path} {length}"),
            Self::Chdir(path) => write!(formatter, "chdir {path}"),
            Self::Fchdir(slot) => write!(formatter, "fchdir {slot}"),
            Self::Fork => formatter.write_str("fork"),
            Self::Thread => formatter.write_str("thread"),
            Self::Exec => formatter.write_str("exec"),
        }
    }
}
