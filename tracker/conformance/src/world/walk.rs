//! Finds what a path leads to, as the kernel does.

use std::collections::VecDeque;

use super::chronicle::What;
use super::files::{Content, Files, Id, ROOT, join};

/// How many links are crossed in one path.
const MOST_LINKS: usize = 40;

/// What is done about the last part of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Last {
    /// A link is followed.
    Follow,
    /// A link is kept, unless a slash follows it.
    Keep,
    /// Only the directory it lies in is found: it is about to be made, removed or moved.
    Entry,
}

/// What a path ends in if not in a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dots {
    /// The room itself.
    Room,
    /// `.`
    Here,
    /// `..`
    Up,
}

/// What a path leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A name in a directory, which stands for something or for nothing.
    Entry {
        directory: Id,
        name: String,
        node: Option<Id>,
        slash: bool,
    },
    /// A directory that was passed through.
    Itself(Id, Dots),
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Because {
    /// Something on the way is not there.
    Missing,
    /// Something on the way is in this form, below which nothing can be.
    Below(What),
    /// What is there, in this form, is no directory.
    NoDirectory(What),
    /// There are too many links.
    Loop,
}

/// A path that leads nowhere: the error, and the path at which it shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stop {
    pub(crate) errno: &'static str,
    /// None if it is below a removed directory.
    pub(crate) path: Option<String>,
    /// What nothing can be below, if that is why.
    pub(crate) above: Option<String>,
    pub(crate) because: Because,
}

/// A walk, with what was met on the way.
pub(crate) struct Walked {
    pub(crate) found: Result<Place, Stop>,
    /// The paths of the links that were crossed.
    pub(crate) crossed: Vec<String>,
    /// The paths of the directories from which it went up again.
    pub(crate) passed: Vec<String>,
    /// Whether it left the room, where nothing is known.
    pub(crate) escaped: bool,
}

struct Walk<'f> {
    files: &'f Files,
    start: Id,
    directory: Id,
    rest: VecDeque<String>,
    slash: bool,
    dots: Dots,
    crossed: Vec<String>,
    passed: Vec<String>,
    links: usize,
    /// Whether the directory is told of already: what is before is `..`, or a link in it.
    is_told: bool,
    escaped: bool,
}

/// Follows a path from a directory.
pub(crate) fn walk(files: &Files, start: Id, text: &str, last: Last) -> Walked {
    let mut walk = Walk {
        files,
        start,
        directory: start,
        rest: VecDeque::new(),
        slash: text.ends_with('/'),
        dots: Dots::Here,
        crossed: Vec::new(),
        passed: Vec::new(),
        links: 0,
        is_told: false,
        escaped: false,
    };
    walk.prepend(text);
    let found = walk.run(last);
    Walked {
        found,
        crossed: walk.crossed,
        passed: walk.passed,
        escaped: walk.escaped,
    }
}

impl Walk<'_> {
    fn prepend(&mut self, text: &str) {
        let mut text = text;
        if let Some(rest) = text.strip_prefix('@') {
            self.directory = ROOT;
            self.dots = Dots::Room;
            text = rest;
        }
        for part in text.split('/').filter(|part| !part.is_empty()).rev() {
            self.rest.push_front(part.to_owned());
        }
    }

    fn run(&mut self, last: Last) -> Result<Place, Stop> {
        while let Some(part) = self.rest.pop_front() {
            match part.as_str() {
                "." => self.dots = Dots::Here,
                ".." => {
                    if !self.is_told && !self.files.is_within(self.start, self.directory) {
                        self.passed.extend(self.files.path(self.directory));
                    }
                    self.is_told = true;
                    self.escaped |= self.directory == ROOT;
                    self.directory = self.files.parent(self.directory);
                    self.dots = Dots::Up;
                }
                _ => {
                    self.is_told = false;
                    if let Some(place) = self.enter(part, last)? {
                        return Ok(place);
                    }
                }
            }
        }
        Ok(Place::Itself(self.directory, self.dots))
    }

    fn enter(&mut self, part: String, last: Last) -> Result<Option<Place>, Stop> {
        let is_last = self.rest.is_empty();
        let path = self
            .files
            .path(self.directory)
            .map(|path| join(&path, &part));
        let node = self.files.entries(self.directory).get(&part).copied();
        let follows = !is_last || last == Last::Follow || (last == Last::Keep && self.slash);
        match node.map(|node| (node, self.files.content(node))) {
            None if !is_last => Err(self.missing(path)),
            Some((_, Content::Link(text))) if follows => {
                self.links += 1;
                self.crossed.extend(path.clone());
                if self.links > MOST_LINKS {
                    return Err(Stop {
                        errno: "ELOOP",
                        path,
                        above: None,
                        because: Because::Loop,
                    });
                }
                self.prepend(text);
                self.is_told = true;
                Ok(None)
            }
            Some((node, Content::Directory(_))) if !is_last => {
                self.directory = node;
                Ok(None)
            }
            Some((node, Content::File(_))) if !is_last => {
                // Where nothing can be said of what would be below, the file is what decided.
                let below = self.rest.iter().any(|part| part != ".");
                let goes_up = self.rest.iter().any(|part| part == "..");
                if below && !goes_up {
                    Err(Stop {
                        errno: "ENOTDIR",
                        above: path.clone(),
                        because: Because::Below(self.files.what(node)),
                        ..self.missing(path)
                    })
                } else {
                    Err(self.no_directory(path, node))
                }
            }
            Some((node, Content::File(_))) if self.slash && last != Last::Entry => {
                Err(self.no_directory(path, node))
            }
            _ => Ok(Some(Place::Entry {
                directory: self.directory,
                name: part,
                node,
                slash: self.slash,
            })),
        }
    }

    fn no_directory(&self, path: Option<String>, node: Id) -> Stop {
        Stop {
            errno: "ENOTDIR",
            path,
            above: None,
            because: Because::NoDirectory(self.files.what(node)),
        }
    }

    /// The whole path is missing, unless it leads back up: then only as far as can be said.
    fn missing(&self, path: Option<String>) -> Stop {
        let goes_up = self.rest.iter().any(|part| part == "..");
        let rest: Vec<&str> = if goes_up {
            Vec::new()
        } else {
            self.rest
                .iter()
                .map(String::as_str)
                .filter(|part| *part != ".")
                .collect()
        };
        Stop {
            errno: "ENOENT",
            path: path.map(|path| join(&path, &rest.join("/"))),
            above: None,
            because: Because::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn files() -> Files {
        let mut files = Files::default();
        let directory = files.make(Content::Directory(BTreeMap::new()));
        let file = files.make(Content::File(b"x".to_vec()));
        let link = files.make(Content::Link("d".into()));
        let looped = files.make(Content::Link("loop".into()));
        let absolute = files.make(Content::Link("@/link/f".into()));
        files.put(ROOT, "d", directory);
        files.put(directory, "f", file);
        files.put(ROOT, "link", link);
        files.put(ROOT, "loop", looped);
        files.put(directory, "abs", absolute);
        files
    }

    fn says(text: &str, last: Last) -> String {
        let files = files();
        let walked = walk(&files, ROOT, text, last);
        let end = match walked.found {
            Ok(Place::Entry {
                directory,
                name,
                node,
                ..
            }) => {
                let path = join(&files.path(directory).unwrap(), &name);
                format!("{path} {:?}", node.map(|node| files.what(node)))
            }
            Ok(Place::Itself(directory, _)) => format!("{}/", files.path(directory).unwrap()),
            Err(stop) => format!("{} {}", stop.errno, stop.path.unwrap()),
        };
        let mut crossed = walked.crossed;
        crossed.dedup();
        format!("{end} via {}", crossed.join(","))
    }

    #[test]
    fn links_are_crossed_as_the_kernel_does() {
        assert_eq!(says("link/f", Last::Keep), "d/f Some(File(1)) via link");
        assert_eq!(
            says("d/abs", Last::Follow),
            "d/f Some(File(1)) via d/abs,link"
        );
        assert_eq!(says("d/abs", Last::Keep), "d/abs Some(Link) via ");
        assert_eq!(says("link/", Last::Keep), "d Some(Directory) via link");
        assert_eq!(says("link/", Last::Entry), "link Some(Link) via ");
        assert_eq!(says("link/..", Last::Keep), "/ via link");
        assert_eq!(says("loop", Last::Follow), "ELOOP loop via loop");
    }

    #[test]
    fn what_leads_nowhere_says_how_far_it_got() {
        assert_eq!(says("d/no/x", Last::Keep), "ENOENT d/no/x via ");
        assert_eq!(says("d/no/../f", Last::Keep), "ENOENT d/no via ");
        assert_eq!(says("d/f/x", Last::Keep), "ENOTDIR d/f/x via ");
        assert_eq!(says("d/f/.", Last::Keep), "ENOTDIR d/f via ");
        assert_eq!(says("d/f/", Last::Keep), "ENOTDIR d/f via ");
        assert_eq!(says("d/no", Last::Keep), "d/no None via ");
    }
}
