//! What a name means in the model of the tree: which links it crosses and where it ends.

use std::collections::VecDeque;

use crate::process::Process;
use crate::tree::{Content, Id, ROOT, Tree, join};

/// How many links the kernel crosses in one name.
const MOST_LINKS: usize = 40;

/// Whether a link at the end of a name is followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// To where it points.
    Followed,
    /// The link itself is meant, unless a slash follows it.
    Kept,
    /// The link itself is meant, slash or not: something is made, moved or removed.
    Entry,
}

/// Where a name ends. Paths are real.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// At something. Directories may have no path left: then they are left out.
    Found {
        /// Its path.
        path: Vec<u8>,
        /// Its node.
        id: Id,
        /// The directory it is in and its name there; none if the name ends in `.` or `..`.
        entry: Option<(Id, Vec<u8>)>,
    },
    /// At something that is no directory, though the name ends in a slash.
    NoDirectory {
        /// Its path.
        path: Vec<u8>,
        /// Its node.
        id: Id,
    },
    /// At nothing.
    Missing {
        /// The whole of what is missing, or as far as it can be said.
        path: Vec<u8>,
        /// The directory it would be in and its name there, if that directory is there.
        entry: Option<(Id, Vec<u8>)>,
    },
    /// Nowhere: too many links.
    Loop {
        /// The link that was one too many.
        path: Vec<u8>,
    },
    /// At something that is not on a disk, or at nothing that could be found out.
    Elsewhere,
}

/// A name, resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// What decided on the way, by real paths: links, what is no directory, and directories from
    /// which it goes up again.
    pub crossed: Vec<(Vec<u8>, Id)>,
    /// Where it ends.
    pub place: Place,
}

/// Resolves a name for a process, from a directory on.
pub fn resolve(
    tree: &mut Tree,
    process: Process<'_>,
    start: Id,
    name: &[u8],
    end: End,
) -> Resolved {
    let mut walk = Walk {
        tree,
        process,
        start,
        at: start,
        is_told: false,
        rest: VecDeque::new(),
        ends_in_slash: false,
        crossed: Vec::new(),
        passed: Vec::new(),
    };
    walk.enter(name, true);
    let place = walk.run(end);
    let mut crossed = walk.crossed;
    crossed.extend(walk.passed);
    Resolved { crossed, place }
}

struct Walk<'w> {
    tree: &'w mut Tree,
    process: Process<'w>,
    start: Id,
    at: Id,
    /// Whether the directory is told of already: what is before is `..`, or a link in it.
    is_told: bool,
    rest: VecDeque<Vec<u8>>,
    ends_in_slash: bool,
    crossed: Vec<(Vec<u8>, Id)>,
    passed: Vec<(Vec<u8>, Id)>,
}

impl Walk<'_> {
    /// Puts a name, or the text of a link, before what is left.
    fn enter(&mut self, name: &[u8], is_last: bool) {
        if name.starts_with(b"/") {
            self.at = ROOT;
        }
        if is_last && name.ends_with(b"/") {
            self.ends_in_slash = true;
        }
        let parts = name
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty());
        for part in parts.rev() {
            self.rest.push_front(part.to_vec());
        }
    }

    fn run(&mut self, end: End) -> Place {
        while let Some(part) = self.rest.pop_front() {
            if part == b"." {
                continue;
            }
            let is_told = std::mem::replace(&mut self.is_told, part == b"..");
            if part == b".." {
                if !is_told {
                    self.pass();
                }
                self.at = self.tree.parent(self.at);
                continue;
            }
            let Some(directory) = self.tree.path(self.at) else {
                return Place::Elsewhere;
            };
            if directory == b"/" && part == b"proc" {
                return self.in_proc(end);
            }
            let path = join(&directory, &part);
            let Some(id) = self.tree.child(self.at, &part) else {
                return self.missing(path, part);
            };
            let is_last = self.rest.is_empty();
            match self.tree.content(id).clone() {
                Content::Directory(_) if is_last => return self.found(path, id, part),
                Content::Directory(_) => self.at = id,
                Content::Link(text)
                    if !is_last
                        || end == End::Followed
                        || end == End::Kept && self.ends_in_slash =>
                {
                    if self.crossed.len() >= MOST_LINKS {
                        return Place::Loop { path };
                    }
                    self.crossed.push((path, id));
                    self.enter(&text, is_last);
                    self.is_told = true;
                }
                _ if !is_last => {
                    let leads_below = self.rest.iter().any(|part| part != b".");
                    let leads_up = self.rest.iter().any(|part| part == b"..");
                    if !leads_below || leads_up {
                        return Place::NoDirectory { path, id };
                    }
                    // That it is no directory is why what is below it is missing.
                    self.crossed.push((path.clone(), id));
                    return self.missing(path, part);
                }
                _ if self.ends_in_slash => return Place::NoDirectory { path, id },
                _ => return self.found(path, id, part),
            }
        }
        match self.tree.path(self.at) {
            Some(path) => Place::Found {
                path,
                id: self.at,
                entry: None,
            },
            None => Place::Elsewhere,
        }
    }

    fn found(&self, path: Vec<u8>, id: Id, name: Vec<u8>) -> Place {
        Place::Found {
            path,
            id,
            entry: Some((self.at, name)),
        }
    }

    /// The name goes up again from here. Where it starts, and above, all is there anyway.
    fn pass(&mut self) {
        let mut above = self.start;
        while above != self.at && above != ROOT {
            above = self.tree.parent(above);
        }
        if above != self.at
            && let Some(path) = self.tree.path(self.at)
        {
            self.passed.push((path, self.at));
        }
    }

    /// What is missing is all of the name, unless the rest of it leads back up.
    fn missing(&self, path: Vec<u8>, name: Vec<u8>) -> Place {
        let is_last = self.rest.is_empty();
        let whole = if self.rest.iter().any(|part| part == b"..") {
            path
        } else {
            self.rest
                .iter()
                .filter(|part| part.as_slice() != b".")
                .fold(path, |path, part| join(&path, part))
        };
        Place::Missing {
            path: whole,
            entry: is_last.then_some((self.at, name)),
        }
    }

    /// Below `/proc`, only what leads back out is followed: descriptors, and where a process is.
    fn in_proc(&mut self, end: End) -> Place {
        let who = self.rest.pop_front();
        let is_own = who.is_some_and(|who| {
            who == b"self"
                || who == b"thread-self"
                || who == self.process.number.to_string().as_bytes()
        });
        if !is_own {
            return Place::Elsewhere;
        }
        let what = self.rest.pop_front().unwrap_or_default();
        let target = match what.as_slice() {
            b"fd" => {
                let number = self.rest.pop_front().unwrap_or_default();
                let number = String::from_utf8(number)
                    .ok()
                    .and_then(|text| text.parse().ok());
                number.and_then(|number: i32| Some(self.process.files.get(&number)?.path.clone()))
            }
            b"exe" => self.process.program.cloned(),
            b"cwd" => self.tree.path(self.process.directory),
            b"root" => Some(b"/".to_vec()),
            _ => None,
        };
        let is_last = self.rest.is_empty() && !self.ends_in_slash;
        match target {
            Some(target) if !is_last || end == End::Followed => {
                self.at = ROOT;
                // What a descriptor is open on is meant as it is, even if it is a link.
                let end = if is_last { End::Kept } else { end };
                self.enter(&target, false);
                match self.run(end) {
                    // What has been deleted has no path, but can still be opened.
                    Place::Missing { .. } if is_last => Place::Elsewhere,
                    place => place,
                }
            }
            _ => Place::Elsewhere,
        }
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
