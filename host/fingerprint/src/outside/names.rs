//! One name for each path outside the workspace.
//!
//! The same file has the same name wherever workspace, home and tools lie, so that an entry of
//! one clone can be asked for in another. The first that fits is taken:
//!
//! | name | stands for |
//! |---|---|
//! | `<node>/x` | below the directory that the program `node`, as it is found on `PATH`, was installed into |
//! | `<real node>/x` | the same of the file that this one leads to |
//! | `<pnpm store>/x` | below a store that is addressed by content |
//! | `~/.x` | hidden names of the home directory, and what is below them |
//! | `../x` | reached from the workspace without going up to the home directory or `/` |
//! | `~/x`, `/x` | all else |

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use vt_base::AbsPath;

use super::{OutsideFacts, install_prefix, is_of_distribution};
use crate::disk::Disk;
use crate::git::name_from;
use crate::globs::expand_outside;
use crate::item::{NodeKind, State};

/// Directories of the home that a variable may put elsewhere, and where they are else.
const MOVABLE: [(&str, &str); 4] = [
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_STATE_HOME", ".local/state"),
    ("XDG_CACHE_HOME", ".cache"),
];

/// What a name begins with that stands for the place of a program's target.
const REAL: &[u8] = b"real ";

/// Gives names to paths outside the workspace.
pub(crate) struct Names<'d> {
    disk: &'d Disk<'d>,
    /// Where tools were installed, the longest path first, with what their names begin with.
    tools: Vec<(AbsPath, Vec<u8>)>,
}

impl<'d> Names<'d> {
    /// Names for what a run looked at that executed these programs.
    pub(crate) fn new(disk: &'d Disk<'d>, facts: &OutsideFacts) -> Self {
        let mut tools: BTreeMap<AbsPath, Vec<u8>> = BTreeMap::new();
        let mut add = |program: &AbsPath, token: Vec<u8>| {
            let prefix = install_prefix(program).filter(|_| !is_of_distribution(program));
            let Some(prefix) = prefix.filter(|prefix| is_apart(prefix, disk)) else {
                return;
            };
            let known = tools.entry(prefix).or_insert_with(|| token.clone());
            if token < *known {
                *known = token;
            }
        };
        for (given, real) in &facts.programs {
            let name = given.as_path().file_name().unwrap_or_default();
            let is_found = |name: &&str| disk.resolve_program(name).as_ref() == Some(given);
            let Some(name) = name.to_str().filter(is_found) else {
                continue;
            };
            if name.contains('>') {
                continue;
            }
            add(given, name.as_bytes().to_vec());
            add(real, [REAL, name.as_bytes()].concat());
        }
        let mut tools: Vec<_> = tools.into_iter().collect();
        tools.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.as_bytes().len()));
        Self { disk, tools }
    }

    /// The name of a path.
    pub(crate) fn name(&self, path: &AbsPath) -> Vec<u8> {
        let below = |(prefix, token): &(AbsPath, Vec<u8>)| {
            let rest = path.relative_to(prefix)?;
            Some([b"<", &token[..], b">/", rest.as_bytes()].concat())
        };
        self.tools
            .iter()
            .find_map(below)
            .unwrap_or_else(|| plain(self.disk, path))
    }

    /// Whether a path lies below the directory that a tool was installed into.
    pub(crate) fn is_of_tool(&self, path: &AbsPath) -> bool {
        self.tools
            .iter()
            .any(|(prefix, _)| path.starts_with(prefix))
    }
}

/// Whether a directory holds neither the workspace nor the home directory: what holds one of them
/// is no tool's own.
fn is_apart(prefix: &AbsPath, disk: &Disk<'_>) -> bool {
    let holds = |path: &AbsPath| path.starts_with(prefix);
    !holds(disk.root) && !disk.home.is_some_and(holds)
}

/// The name of a path that has nothing to do with a tool.
pub(crate) fn plain(disk: &Disk<'_>, path: &AbsPath) -> Vec<u8> {
    let stores = disk.rows.stores(disk);
    let mut in_store = stores.iter().filter_map(|(root, token)| {
        let rest = path.relative_to(root)?;
        Some([b"<", token.as_bytes(), b">/", rest.as_bytes()].concat())
    });
    if let Some(name) = in_store.next() {
        return name;
    }
    let in_home = |rest: &[u8]| [b"~/", rest].concat();
    for (variable, usual) in MOVABLE {
        let moved = moved(disk, variable);
        if let Some(rest) = moved.and_then(|moved| path.relative_to(&moved)) {
            return in_home(&[usual.as_bytes(), b"/", rest.as_bytes()].concat());
        }
    }
    let below_home = disk.home.and_then(|home| path.relative_to(home));
    if let Some(rest) = below_home
        .as_ref()
        .filter(|rest| is_hidden(rest.as_bytes()))
    {
        return in_home(rest.as_bytes());
    }
    if is_beside(disk, path) {
        return name_from(disk.root, path);
    }
    match below_home {
        Some(rest) => in_home(rest.as_bytes()),
        None => path.as_bytes().to_vec(),
    }
}

fn is_hidden(name: &[u8]) -> bool {
    name.first() == Some(&b'.')
}

fn moved(disk: &Disk<'_>, variable: &str) -> Option<AbsPath> {
    let value = disk.env.variables.exact(variable)?;
    AbsPath::new(value).ok()
}

/// Whether a path is reached from the workspace without going up too far: to `/`, or to the home
/// directory unless the workspace lies right below it.
fn is_beside(disk: &Disk<'_>, path: &AbsPath) -> bool {
    let Some(common) = common_ancestor(disk.root, path) else {
        return false;
    };
    let Some(home) = disk.home.filter(|home| path.starts_with(home)) else {
        return true;
    };
    let is_below_home = common.starts_with(home) && common != *home;
    is_below_home || disk.root.parent().as_ref() == Some(home)
}

/// The lowest directory above the workspace that a path lies in; none if that is `/`.
pub(crate) fn common_ancestor(root: &AbsPath, path: &AbsPath) -> Option<AbsPath> {
    let mut above = root.parent();
    while let Some(directory) = above {
        if path.starts_with(&directory) {
            return directory.parent().is_some().then_some(directory);
        }
        above = directory.parent();
    }
    None
}

/// Where a name leads to now.
pub(crate) fn resolve(disk: &Disk<'_>, name: &[u8]) -> Option<AbsPath> {
    let text = |bytes| OsStr::from_bytes(bytes);
    if let Some((token, rest)) = split_token(name) {
        return Some(tool_prefix(disk, token)?.join(text(rest)));
    }
    if let Some(rest) = name.strip_prefix(b"~/") {
        for (variable, usual) in MOVABLE {
            let rest = rest.strip_prefix(usual.as_bytes());
            let rest = rest.and_then(|rest| rest.strip_prefix(b"/"));
            if let (Some(rest), Some(moved)) = (rest, moved(disk, variable)) {
                return Some(moved.join(text(rest)));
            }
        }
        return Some(disk.home?.join(text(rest)));
    }
    // Above `/` is `/`, to the kernel as well.
    Some(disk.root.join(text(name)))
}

/// The token that a name begins with, and what follows it.
pub(crate) fn split_token(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = name.strip_prefix(b"<")?;
    let end = memchr::memmem::find(inner, b">/")?;
    Some((&inner[..end], &inner[end + 2..]))
}

/// The directory that a token stands for. A store has none: nothing asks for what lies there.
pub(crate) fn tool_prefix(disk: &Disk<'_>, token: &[u8]) -> Option<AbsPath> {
    let (name, is_real) = match token.strip_prefix(REAL) {
        Some(name) => (name, true),
        None => (token, false),
    };
    let program = disk.resolve_program(std::str::from_utf8(name).ok()?)?;
    if is_real {
        let real = std::fs::canonicalize(&program).ok()?;
        return install_prefix(&AbsPath::new(real).ok()?);
    }
    install_prefix(&program)
}

/// A name as people read it.
pub(crate) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// The files outside the workspace that a declared pattern matches, by name.
pub(crate) fn glob_state(disk: &Disk<'_>, pattern: &str) -> State {
    let found = expand_outside(disk.root, disk.home, pattern);
    // A pattern that is no glob was refused when the run was sealed.
    let found = found.unwrap_or_default().into_iter();
    let named = |path: AbsPath| {
        let name = plain(disk, &path);
        (serde_bytes::ByteBuf::from(name), NodeKind::File)
    };
    State::Listing(found.map(named).collect())
}
