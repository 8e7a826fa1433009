//! Finds the real path of a name: component by component, as the kernel will a moment later.

use std::collections::HashMap;

use rustix::io::Errno;
use vt_tracker_abi::{Kind, PathHashing, State};

use crate::system::entries::{Directory, Entries};
use crate::system::place::{Last, Parent, Place, is_below, is_kernel_path, look_at, parent_length};
use crate::system::unsettled::Unsettled;

/// How many links the kernel crosses in one name.
const MOST_LINKS: usize = 40;
/// Above this the remembered facts are dropped and collected anew.
const MOST_FACTS: usize = 1 << 19;

/// What is remembered of a real path that leads on to others.
enum Fact {
    Directory(Directory),
    Link(Box<[u8]>, State),
}

/// What decided on the way where a name leads: a link, something that is no directory, or a
/// directory that is only passed on the way up again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Crossed {
    /// Its real path.
    pub(crate) path: Vec<u8>,
    /// It, itself.
    pub(crate) state: State,
}

/// Finds real paths, and remembers which directories and links it met.
///
/// Only what exists is remembered, so creating something never makes a fact wrong; removing or
/// renaming a directory or a link does, see [`Resolver::forget`].
#[derive(Default)]
pub(crate) struct Resolver {
    facts: HashMap<Box<[u8]>, Fact, PathHashing>,
    entries: Entries,
    /// Threads that are about to remove or rename a directory or a link: meanwhile nothing is
    /// remembered.
    unsettled: Unsettled,
    /// Whether a name has led through a descriptor of a process, or another of the links below
    /// `/proc` that lead to what the process has.
    pub(crate) has_followed_descriptor: bool,
}

/// A name on its way to a real path.
struct Walk<'w> {
    real: Vec<u8>,
    rest: Vec<u8>,
    at: usize,
    /// The directory that the name starts from; empty if that is the root.
    base: &'w [u8],
    /// Whether the real path so far is told of already: what is before is `..`, or a link in it.
    is_told: bool,
    links: usize,
    thread: u32,
    crossed: &'w mut Vec<Crossed>,
}

enum Step {
    On,
    Done(Place),
}

impl Resolver {
    /// Notes that a thread makes its next call: what it was about to do is done. Says whether
    /// names have settled by that.
    pub(crate) fn settle(&mut self, thread: u32) -> bool {
        self.unsettled.settle(thread)
    }

    /// Forgets everything, because a thread is about to remove or rename a directory or a link.
    pub(crate) fn forget(&mut self, thread: u32) {
        self.clear();
        self.unsettled.add(thread);
    }

    fn clear(&mut self) {
        self.facts.clear();
        self.entries.clear();
    }

    /// What is known of a name that leads nowhere else: its directory is one by its real path.
    /// The first `known` bytes of `name` are a real path already.
    pub(crate) fn directly<'r>(&'r mut self, name: &'r [u8], known: usize) -> Option<Direct<'r>> {
        let length = parent_length(name);
        let (parent, last) = (&name[..length], name.get(length + 1..)?);
        // Below the root the name of the directory is the empty one, or a slash too many.
        let is_plain = length >= known && length > 1 && has_plain_parts(&name[known..]);
        if !is_plain || !self.unsettled.is_empty() || is_kernel_path(name) {
            return None;
        }
        if length == known && !self.facts.contains_key(parent) {
            self.insert(parent, Fact::Directory(Directory::default()));
        }
        let Some(Fact::Directory(directory)) = self.facts.get_mut(parent) else {
            return None;
        };
        let entries = &mut self.entries;
        Some(Direct {
            directory,
            entries,
            parent,
            last,
        })
    }

    /// Finds what a name leads to. The first `known` bytes of `name` are a real path already.
    pub(crate) fn resolve(
        &mut self,
        name: &[u8],
        known: usize,
        last: Last,
        thread: u32,
        crossed: &mut Vec<Crossed>,
    ) -> Place {
        let (mut real, mut rest) = name.split_at(known);
        if let Some(at) = self.known_parent(name, known) {
            (real, rest) = name.split_at(at);
        }
        if real == b"/" {
            real = b"";
        }
        let mut walk = Walk {
            real: real.to_vec(),
            rest: rest.to_vec(),
            at: 0,
            base: &name[..known],
            is_told: false,
            links: 0,
            thread,
            crossed,
        };
        loop {
            if let Step::Done(place) = self.step(&mut walk, last) {
                return place;
            }
        }
    }

    /// The length of the part of a name that is known to be the real path of a directory.
    fn known_parent(&self, name: &[u8], known: usize) -> Option<usize> {
        let length = parent_length(name);
        let is_plain =
            name.len() > length + 1 && length > known && has_plain_parts(&name[..length]);
        (is_plain && matches!(self.facts.get(&name[..length]), Some(Fact::Directory(_))))
            .then_some(length)
    }

    fn step(&mut self, walk: &mut Walk<'_>, last: Last) -> Step {
        let Some((start, end)) = walk.next_part() else {
            return walk.arrive();
        };
        walk.at = end;
        match &walk.rest[start..end] {
            b"." => return Step::On,
            b".." => {
                walk.pass();
                walk.real.truncate(parent_length(&walk.real));
                return Step::On;
            }
            _ => walk.is_told = false,
        }
        walk.real.push(b'/');
        walk.real.extend_from_slice(&walk.rest[start..end]);
        walk.replace_self();
        self.has_followed_descriptor |= leads_to_a_possession(&walk.real);
        let is_last = walk.next_part().is_none();
        if !is_last {
            match self.facts.get(walk.real.as_slice()) {
                Some(Fact::Directory(_)) => return Step::On,
                Some(Fact::Link(target, state)) => {
                    walk.cross(*state);
                    return walk.follow(target);
                }
                None => {}
            }
        }
        let found = match look_at(&walk.real) {
            Ok(found) => found,
            Err(Errno::NOENT | Errno::NOTDIR) => {
                // The process may be gone that had it.
                self.has_followed_descriptor |=
                    walk.real.starts_with(b"/proc/") && leads_to_a_possession(&walk.whole());
                return walk.miss();
            }
            Err(_) => return Step::Done(Place::Refused { path: walk.whole() }),
        };
        let kind = found.kind().expect("what was found has a kind");
        let ends_in_slash = is_last && walk.at < walk.rest.len();
        match kind {
            Kind::Link if !is_last || ends_in_slash || last == Last::Follow => {
                self.cross(walk, found)
            }
            Kind::Directory if !is_last => {
                self.remember(walk, Fact::Directory(Directory::default()));
                Step::On
            }
            _ if !is_last => walk.blocked(found),
            Kind::File | Kind::Link | Kind::Other if ends_in_slash => {
                Step::Done(Place::NotADirectory {
                    path: walk.take_real(),
                    state: found,
                })
            }
            _ => Step::Done(Place::Present {
                path: walk.take_real(),
                kind,
                state: found,
            }),
        }
    }

    fn cross(&mut self, walk: &mut Walk<'_>, state: State) -> Step {
        let Ok(target) = rustix::fs::readlink(walk.real.as_slice(), Vec::new()) else {
            return walk.miss();
        };
        let target = target.into_bytes();
        if walk.real.starts_with(b"/proc/") {
            if !is_file_name(&target) {
                return Step::Done(Place::Elsewhere);
            }
        } else {
            walk.cross(state);
        }
        self.remember(walk, Fact::Link(target.as_slice().into(), state));
        walk.follow(&target)
    }

    fn remember(&mut self, walk: &Walk<'_>, fact: Fact) {
        // What lies below `/proc` differs from process to process.
        if !self.unsettled.is_empty() || walk.real.starts_with(b"/proc/") {
            return;
        }
        self.insert(&walk.real, fact);
    }

    fn insert(&mut self, real: &[u8], fact: Fact) {
        if self.facts.len() >= MOST_FACTS {
            self.clear();
        }
        self.facts.insert(real.into(), fact);
    }
}

/// Whether what comes after the slash that text starts with is names of files only, with one slash
/// between them.
fn has_plain_parts(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'/')
        .skip(1)
        .all(|part| !matches!(part, b"" | b"." | b".."))
}

/// A name in a directory that is one by its real path.
pub(crate) struct Direct<'r> {
    directory: &'r mut Directory,
    entries: &'r mut Entries,
    parent: &'r [u8],
    last: &'r [u8],
}

impl Direct<'_> {
    /// Whether it is no link, but the very file with this number that was found by it.
    pub(crate) fn is_itself(&mut self, inode: u64) -> bool {
        self.directory.look(self.parent, self.entries);
        self.entries.is_itself(self.directory, self.last, inode)
    }

    /// Whether nothing is there, not even a link, if nothing was found by it.
    pub(crate) fn is_missing(&mut self) -> bool {
        self.directory.look(self.parent, self.entries);
        self.entries.is_missing(self.directory, self.last)
    }
}

/// Whether a path is one of the links, or below one of the directories of links, by which a
/// process has what it has: `/proc/7/fd`, `/proc/7/cwd`.
fn leads_to_a_possession(path: &[u8]) -> bool {
    const POSSESSIONS: [&[u8]; 6] = [b"fd", b"cwd", b"root", b"exe", b"map_files", b"task"];
    let Some(rest) = path.strip_prefix(b"/proc/") else {
        return false;
    };
    let mut parts = rest.split(|byte| *byte == b'/');
    let is_process = parts
        .next()
        .is_some_and(|number| number.iter().all(u8::is_ascii_digit));
    is_process && parts.next().is_some_and(|part| POSSESSIONS.contains(&part))
}

/// Whether the text of a link below `/proc` names a file, rather than a pipe, a namespace or
/// something deleted.
fn is_file_name(target: &[u8]) -> bool {
    if target.first() != Some(&b'/') {
        let is_made_up =
            target.starts_with(b"anon_inode:") || target.windows(2).any(|two| two == b":[");
        return !is_made_up;
    }
    !target.ends_with(b" (deleted)") || look_at(target).is_ok()
}

impl Walk<'_> {
    /// Where the next component of the rest starts and ends.
    fn next_part(&self) -> Option<(usize, usize)> {
        let start = self.at + self.rest[self.at..].iter().position(|byte| *byte != b'/')?;
        let length = self.rest[start..].iter().position(|byte| *byte == b'/');
        Some((
            start,
            length.map_or(self.rest.len(), |length| start + length),
        ))
    }

    /// `self` means the process that asks, not us.
    fn replace_self(&mut self) {
        if self.real == b"/proc/self" || self.real == b"/proc/thread-self" {
            self.real = format!("/proc/{}", self.thread).into_bytes();
        }
    }

    /// Hands out what the real path leads to so far.
    fn cross(&mut self, state: State) {
        self.crossed.push(Crossed {
            path: self.real.clone(),
            state,
        });
    }

    /// Hands out the directory that the real path leads to so far, from which the name goes up again:
    /// it leads nowhere without that. Those above where it starts are there anyway.
    fn pass(&mut self) {
        let is_told = std::mem::replace(&mut self.is_told, true);
        if is_told || self.real.is_empty() || is_below(self.base, &self.real) {
            return;
        }
        if let Ok(state) = look_at(&self.real) {
            self.cross(state);
        }
    }

    fn take_real(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.real)
    }

    /// The real path so far with the rest as it is.
    fn whole(&self) -> Vec<u8> {
        let mut whole = self.real.clone();
        for part in self.rest[self.at..].split(|byte| *byte == b'/') {
            if !matches!(part, b"" | b"." | b"..") {
                whole.push(b'/');
                whole.extend_from_slice(part);
            }
        }
        whole
    }

    /// The name ended in something that was passed through: `/`, `.` or `..`.
    fn arrive(&mut self) -> Step {
        if self.real.is_empty() {
            self.real.push(b'/');
        }
        Step::Done(match look_at(&self.real) {
            Ok(state) => {
                let kind = state.kind().expect("what was found has a kind");
                Place::Present {
                    path: self.take_real(),
                    kind,
                    state,
                }
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Place::Missing {
                path: self.take_real(),
                parent: Parent::Missing,
            },
            Err(_) => Place::Refused {
                path: self.take_real(),
            },
        })
    }

    /// Nothing is here. What is missing is the whole name, unless it leads back up: then only
    /// this far can be said what it means.
    fn miss(&mut self) -> Step {
        let rest = &self.rest[self.at..];
        let goes_up = rest.split(|byte| *byte == b'/').any(|part| part == b"..");
        let parent = if self.next_part().is_some() {
            Parent::Missing
        } else {
            Parent::Exists
        };
        let path = if goes_up {
            self.take_real()
        } else {
            self.whole()
        };
        Step::Done(Place::Missing { path, parent })
    }

    /// What is here is no directory, but the name goes on.
    fn blocked(&mut self, found: State) -> Step {
        let mut rest = self.rest[self.at..].split(|byte| *byte == b'/');
        let leads_below = rest.clone().any(|part| !matches!(part, b"" | b"."));
        let goes_up = rest.any(|part| part == b"..");
        if !leads_below || goes_up {
            return Step::Done(Place::NotADirectory {
                path: self.take_real(),
                state: found,
            });
        }
        // Were it a directory, the name would be missing in another way.
        self.cross(found);
        self.miss()
    }

    fn follow(&mut self, target: &[u8]) -> Step {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Step::Done(Place::Refused {
                path: self.take_real(),
            });
        }
        if target.first() == Some(&b'/') {
            self.real.clear();
        } else {
            self.real.truncate(parent_length(&self.real));
        }
        let mut rest = target.to_vec();
        if self.at < self.rest.len() {
            rest.push(b'/');
            rest.extend_from_slice(&self.rest[self.at..]);
        }
        self.rest = rest;
        self.at = 0;
        self.is_told = true;
        Step::On
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
