//! What a pattern matches on the disk now.
//!
//! Links are followed: who says `src/**` means what is found there. What lies behind a link goes by
//! its real path where that is in the workspace, as it does in a trace. Not followed are links that
//! lead to a directory they lie in, links in `node_modules`, which lead to every package of the
//! workspace and back, and links to places whose content is no matter of the workspace. `.git` is never
//! entered, nor is `node_modules` unless the pattern names it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use vt_base::{AbsPath, RelPath};

use crate::globs::{GlobError, Globs};

/// How many links may follow each other on the way to a file.
const LINKS: usize = 8;

/// Where no link outside the workspace is followed to.
const ELSEWHERE: [&str; 5] = ["/nix/store", "/proc", "/sys", "/dev", "/run"];

/// Which links are followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Links {
    /// That of the directory that the pattern names in full.
    OfBase,
    /// All of them.
    All,
}

/// A file or a link that a pattern matches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Match {
    /// Where it is: the real path if that is in the workspace, else the name.
    pub path: RelPath,
    /// What the pattern matches, if that is another name.
    pub named: Option<RelPath>,
    /// The file outside the workspace that it leads to, if it is a link to one.
    pub outside: Option<AbsPath>,
}

impl Match {
    /// What the pattern matches.
    #[must_use]
    pub fn named(&self) -> &RelPath {
        self.named.as_ref().unwrap_or(&self.path)
    }
}

/// The files and links that a pattern matches now, sorted.
///
/// # Errors
/// A pattern that is not a glob.
pub fn expand(
    root: &AbsPath,
    pattern: &str,
    hidden: &[RelPath],
    links: Links,
) -> Result<Vec<Match>, GlobError> {
    let Some(mut walk) = Walk::new(root, pattern, hidden, links)? else {
        return Ok(Vec::new());
    };
    while let Some(directory) = walk.pending.pop() {
        walk.enter(&directory);
    }
    walk.found.sort();
    walk.found.dedup();
    Ok(walk.found)
}

/// Whether a pattern matches anything now; a directory that it names counts as well.
#[must_use]
pub fn matches_anything(root: &AbsPath, pattern: &str, hidden: &[RelPath]) -> bool {
    let Ok(Some(mut walk)) = Walk::new(root, pattern, hidden, Links::All) else {
        return false;
    };
    if matches!(walk.reach, Reach::Itself) {
        return walk.is_there;
    }
    while let (true, Some(directory)) = (walk.found.is_empty(), walk.pending.pop()) {
        walk.enter(&directory);
    }
    !walk.found.is_empty()
}

/// What of that which lies in the directory to start in the pattern matches.
enum Reach {
    /// Nothing: the pattern is its path.
    Itself,
    /// All of it.
    Everything,
    /// What these match.
    Globs(Globs),
}

/// A directory that is to be entered.
struct Directory {
    /// Its path by the names that the pattern goes along.
    named: RelPath,
    /// Its path as it is stored, where that is another.
    path: Option<RelPath>,
    real: PathBuf,
    /// The links that led there.
    way: Option<Rc<Way>>,
}

/// A link that was followed, and those before it.
struct Way {
    /// The real path of the directory that it lies in.
    from: PathBuf,
    before: Option<Rc<Self>>,
    length: usize,
}

struct Walk<'a> {
    root: &'a AbsPath,
    hidden: &'a [RelPath],
    enter_modules: bool,
    links: Links,
    reach: Reach,
    /// Whether anything is where the pattern begins.
    is_there: bool,
    /// The directories that links led to, where the names below them are no matter.
    entered: BTreeSet<PathBuf>,
    found: Vec<Match>,
    pending: Vec<Directory>,
}

impl<'a> Walk<'a> {
    /// Stands where a pattern begins; `None` where it can't begin anywhere.
    fn new(
        root: &'a AbsPath,
        pattern: &str,
        hidden: &'a [RelPath],
        links: Links,
    ) -> Result<Option<Self>, GlobError> {
        let parts: Vec<&str> = pattern.split('/').collect();
        let plain = parts
            .iter()
            .take_while(|part| !part.contains(['*', '?', '[', '{', '\\']))
            .count();
        let reach = match parts[plain..] {
            [] => Reach::Itself,
            ["**"] => Reach::Everything,
            _ => {
                let globs = Globs::new([pattern]);
                globs.compile()?;
                Reach::Globs(globs)
            }
        };
        // The components without glob characters name the directory to start in.
        let Ok(base) = RelPath::new(parts[..plain].join("/")) else {
            return Ok(None);
        };
        let mut walk = Self {
            root,
            hidden,
            enter_modules: parts.contains(&"node_modules"),
            links,
            reach,
            is_there: false,
            entered: BTreeSet::new(),
            found: Vec::new(),
            pending: Vec::new(),
        };
        walk.start(&base);
        Ok(Some(walk))
    }

    fn start(&mut self, base: &RelPath) {
        let full = self.root.join_rel(base);
        let Ok(metadata) = fs::symlink_metadata(&full) else {
            return;
        };
        self.is_there = true;
        let parent = base.parent().unwrap_or_default();
        let real = match parent.is_root() {
            true => Ok(self.root.as_path().to_owned()),
            false => fs::canonicalize(self.root.join_rel(&parent)),
        };
        let Ok(real) = real else { return };
        if base.is_root() {
            self.pending.push(Directory {
                named: base.clone(),
                path: None,
                real,
                way: None,
            });
            return;
        }
        let path = self.inside(&real).filter(|path| *path != parent);
        let above = Directory {
            named: parent,
            path,
            real,
            way: None,
        };
        let name = OsStr::from_bytes(base.file_name().unwrap_or_default());
        self.visit(&above, base.clone(), name, metadata.file_type(), true);
    }

    fn enter(&mut self, directory: &Directory) {
        let Ok(entries) = fs::read_dir(&directory.real) else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            if name == ".git" || (name == "node_modules" && !self.enter_modules) {
                continue;
            }
            let named = directory.named.join(name.as_bytes());
            if let (Ok(named), Ok(kind)) = (named, entry.file_type()) {
                self.visit(directory, named, &name, kind, false);
            }
        }
    }

    /// Takes what is in a directory if the pattern matches it, and sees to it that it is entered.
    fn visit(
        &mut self,
        above: &Directory,
        named: RelPath,
        name: &OsStr,
        kind: FileType,
        is_base: bool,
    ) {
        let path = above.path.as_ref().map(|above| above.join(name.as_bytes()));
        let path = path.and_then(Result::ok);
        if self.hidden.contains(path.as_ref().unwrap_or(&named)) {
            return;
        }
        if kind.is_dir() {
            if !matches!(self.reach, Reach::Itself) {
                self.pending.push(Directory {
                    named,
                    path,
                    real: above.real.join(name),
                    way: above.way.clone(),
                });
            }
            return;
        }
        let is_match = match &self.reach {
            Reach::Itself => true,
            Reach::Everything => !is_base,
            Reach::Globs(globs) => globs.matches(&named),
        };
        if kind.is_symlink() {
            let link = above.real.join(name);
            // What the pattern names in full is meant wherever it leads.
            let path = path.as_ref().unwrap_or(&named);
            let is_followed = is_base || (self.links == Links::All && is_followed_from(path));
            let target = fs::canonicalize(&link).ok().filter(|_| is_followed);
            if let Some(target) = target.filter(|target| is_base || self.is_followed_to(target)) {
                self.follow(above, &named, path, target, is_match);
            }
        }
        if is_match {
            self.found.push(match path {
                Some(path) => Match {
                    path,
                    named: Some(named),
                    outside: None,
                },
                None => Match {
                    path: named,
                    named: None,
                    outside: None,
                },
            });
        }
    }

    /// Goes where a link leads.
    fn follow(
        &mut self,
        above: &Directory,
        named: &RelPath,
        path: &RelPath,
        target: PathBuf,
        is_match: bool,
    ) {
        let inside = self.inside(&target);
        if target.is_dir() {
            self.lead_to(above, named, target, inside);
        } else if is_match && self.links == Links::All {
            let outside = match inside {
                Some(_) => None,
                None => AbsPath::new(&target).ok(),
            };
            let path = inside.unwrap_or_else(|| path.clone());
            let named = Some(named.clone());
            self.found.push(Match {
                path,
                named,
                outside,
            });
        }
    }

    /// Sees to it that the directory that a link leads to is entered, once.
    fn lead_to(
        &mut self,
        above: &Directory,
        named: &RelPath,
        target: PathBuf,
        inside: Option<RelPath>,
    ) {
        let way = Way {
            from: above.real.clone(),
            before: above.way.clone(),
            length: above.way.as_ref().map_or(0, |way| way.length) + 1,
        };
        let mut before = std::iter::successors(Some(&way), |way| way.before.as_deref());
        let is_hidden = inside.as_ref().is_some_and(|path| {
            let of_git = path
                .as_bytes()
                .split(|byte| *byte == b'/')
                .any(|part| part == b".git");
            of_git || self.hidden.iter().any(|hidden| path.starts_with(hidden))
        });
        let leads_back = before.any(|way| way.from.starts_with(&target));
        let is_new = match self.reach {
            Reach::Itself => false,
            Reach::Everything => self.entered.insert(target.clone()),
            Reach::Globs(_) => true,
        };
        if is_new && !is_hidden && !leads_back && way.length <= LINKS {
            self.pending.push(Directory {
                named: named.clone(),
                path: inside.filter(|path| path != named),
                real: target,
                way: Some(Rc::new(way)),
            });
        }
    }

    /// Whether a link to this place is followed.
    fn is_followed_to(&self, target: &Path) -> bool {
        let is_cache = || target.components().any(|part| part.as_os_str() == ".cache");
        let is_elsewhere = || ELSEWHERE.iter().any(|place| target.starts_with(place));
        target.starts_with(self.root.as_path()) || !(is_cache() || is_elsewhere())
    }

    fn inside(&self, real: &Path) -> Option<RelPath> {
        let rest = real.strip_prefix(self.root.as_path()).ok()?;
        RelPath::new(rest.as_os_str().as_bytes()).ok()
    }
}

/// Whether a link at this path is followed.
fn is_followed_from(path: &RelPath) -> bool {
    let mut parts = path.as_bytes().split(|byte| *byte == b'/');
    !parts.any(|part| part == b"node_modules")
}

#[cfg(test)]
mod tests;
