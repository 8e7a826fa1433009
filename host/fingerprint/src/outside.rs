//! What counts of the world outside the workspace.
//!
//! Programs count by the digest of what their name resolves to now, shared objects by the digest
//! of their path; the C runtime and the POSIX utilities of the system count by name, which the
//! command already holds. All else that was looked at counts like what lies inside, less what
//! [`cut`] lists. What a step leaves outside must be excused.

pub(crate) mod above;
pub(crate) mod cut;
pub(crate) mod names;
pub(crate) mod stores;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use vt_base::{AbsPath, RelPath, Toolchain};

use crate::disk::Disk;
use crate::globs::{GlobError, absolute};
use crate::item::{Item, NodeKind};
use crate::observed::{PathFacts, StateSeen};
use names::Names;

/// What a run did outside the workspace.
#[derive(Clone, Debug, Default)]
pub struct OutsideFacts {
    /// Programs that were executed: the path given, and what it really is.
    pub programs: Vec<(AbsPath, AbsPath)>,
    /// The accesses to each real path, except those in repositories.
    pub touched: BTreeMap<AbsPath, PathFacts>,
    /// Paths that were written and exist at the end.
    pub left: Vec<AbsPath>,
    /// What happened to paths of repositories.
    pub repository: BTreeMap<AbsPath, PathFacts>,
}

/// What decides how the outside counts.
#[derive(Clone, Copy, Debug)]
pub struct Outside<'a> {
    /// How programs count.
    pub toolchain: Toolchain,
    /// The cache directory of `vt` itself, where libraries lie that it loads into tools.
    pub own: &'a AbsPath,
    /// Directories anybody may write to: for temporary files and for caches of the user.
    pub scratch: &'a [AbsPath],
    /// Absolute or `~/` patterns that excuse what is left.
    pub excused: &'a [&'a str],
}

/// Directories whose programs and libraries belong to the system.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"];

/// Libraries that come with the C runtime and the compiler's runtime.
const RUNTIME: [&str; 16] = [
    "ld-linux-x86-64",
    "ld-linux-aarch64",
    "ld-musl-x86_64",
    "ld-musl-aarch64",
    "libc",
    "libm",
    "libdl",
    "libpthread",
    "librt",
    "libutil",
    "libresolv",
    "libgcc_s",
    "libstdc++",
    "libnss_files",
    "libselinux",
    "libtinfo",
];

/// Utilities that POSIX names, and those every system adds to them.
const UTILITIES: &[&str] = &[
    "[",
    "ar",
    "awk",
    "basename",
    "bash",
    "bc",
    "bunzip2",
    "bzip2",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cksum",
    "cmp",
    "comm",
    "cp",
    "cpio",
    "csplit",
    "cut",
    "dash",
    "date",
    "dd",
    "df",
    "diff",
    "dirname",
    "du",
    "echo",
    "ed",
    "egrep",
    "env",
    "expand",
    "expr",
    "false",
    "fgrep",
    "find",
    "fold",
    "gawk",
    "getconf",
    "getopt",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "hostname",
    "iconv",
    "id",
    "install",
    "join",
    "kill",
    "ln",
    "locale",
    "logger",
    "logname",
    "ls",
    "mawk",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mktemp",
    "mv",
    "nice",
    "nl",
    "nohup",
    "nproc",
    "od",
    "paste",
    "patch",
    "pathchk",
    "pr",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sh",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shuf",
    "sleep",
    "sort",
    "split",
    "stat",
    "stdbuf",
    "strings",
    "stty",
    "sync",
    "tac",
    "tail",
    "tar",
    "tee",
    "test",
    "time",
    "timeout",
    "touch",
    "tr",
    "true",
    "truncate",
    "tsort",
    "tty",
    "uname",
    "unexpand",
    "uniq",
    "unlink",
    "uptime",
    "wc",
    "which",
    "who",
    "whoami",
    "xargs",
    "xz",
    "yes",
    "zcat",
];

/// The items that stand for the tools a run used.
pub(crate) fn items(
    facts: &OutsideFacts,
    outside: &Outside<'_>,
    disk: &Disk<'_>,
    names: &Names<'_>,
) -> BTreeSet<Item> {
    let mut items = BTreeSet::new();
    if outside.toolchain == Toolchain::Ignore {
        return items;
    }
    let by_path = |path: &AbsPath| Item::Outside(serde_bytes::ByteBuf::from(names.name(path)));
    let known = known_programs(facts);
    for (given, real) in &facts.programs {
        // A link of the workspace that leads outside is an item of its own; its target counts.
        if given.starts_with(disk.root) {
            if !real.starts_with(disk.root) {
                items.insert(by_path(real));
            }
            continue;
        }
        let name = file_name(given);
        if disk.resolve_program(&name).as_ref() == Some(given) {
            items.insert(by_name(given, name));
        } else if !is_utility(given, &name) {
            items.insert(by_path(given));
        }
    }
    for (path, facts) in &facts.touched {
        let is_file = matches!(facts.first, StateSeen::Present(NodeKind::File, _));
        let is_own = path.starts_with(outside.own);
        if facts.seen.read && is_file && !is_own && !known.contains(path) && is_linked_in(path) {
            items.insert(by_path(path));
        }
    }
    items
}

/// The item that asks what the name of a program leads to, which is this file now.
pub(crate) fn by_name(found: &AbsPath, name: String) -> Item {
    if is_utility(found, &name) {
        Item::Utility(name)
    } else {
        Item::Program(name)
    }
}

/// The programs that were executed, by the paths given and the real ones.
pub(crate) fn known_programs(facts: &OutsideFacts) -> BTreeSet<&AbsPath> {
    let programs = facts.programs.iter();
    programs.flat_map(|(given, real)| [given, real]).collect()
}

fn is_utility(found: &AbsPath, name: &str) -> bool {
    is_of_distribution(found) && UTILITIES.contains(&name)
}

/// Whether a file that was read is a library that counts.
pub(crate) fn is_linked_in(path: &AbsPath) -> bool {
    is_library(path) && !(is_of_distribution(path) && is_runtime(path))
}

/// The directory that a program was installed into.
pub(crate) fn install_prefix(program: &AbsPath) -> Option<AbsPath> {
    // A global npm package brings its dependencies along in the same folder.
    let mut modules = None;
    let mut ancestor = program.parent();
    while let Some(directory) = ancestor {
        if directory.as_path().file_name() == Some(OsStr::new("node_modules")) {
            modules = Some(directory.clone());
        }
        ancestor = directory.parent();
    }
    if modules.is_some() {
        return modules;
    }
    let directory = program.parent()?;
    let prefix = if directory.as_path().file_name() == Some(OsStr::new("bin")) {
        directory.parent()?
    } else {
        directory
    };
    prefix.parent().is_some().then_some(prefix)
}

fn file_name(path: &AbsPath) -> String {
    path.as_path()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn is_system(path: &AbsPath) -> bool {
    SYSTEM
        .iter()
        .any(|directory| path.as_path().starts_with(directory))
}

/// Whether a path belongs to the system and not to what its administrator added.
pub(crate) fn is_of_distribution(path: &AbsPath) -> bool {
    is_system(path) && !path.as_path().starts_with("/usr/local")
}

fn is_library(path: &AbsPath) -> bool {
    let name = file_name(path);
    name.ends_with(".so") || name.contains(".so.") || name.ends_with(".node")
}

fn is_runtime(path: &AbsPath) -> bool {
    let name = file_name(path);
    RUNTIME.contains(&name.split(".so").next().unwrap_or_default())
}

/// The first path that a run left outside the workspace without an excuse.
pub(crate) fn unexcused(
    left: &[AbsPath],
    outside: &Outside<'_>,
    home: Option<&AbsPath>,
) -> Result<Option<AbsPath>, GlobError> {
    let excused = absolute(outside.excused, home)?;
    Ok(left
        .iter()
        .find(|path| {
            !outside
                .scratch
                .iter()
                .any(|directory| path.starts_with(directory))
                && !cut::is_compiled_python(path)
                && !excused(path)
        })
        .cloned())
}

/// Whether a path outside the workspace lies in a repository: that of a directory above, or the
/// one that a linked worktree leads to.
#[must_use]
pub fn in_repository(path: &AbsPath) -> bool {
    path.as_path()
        .components()
        .any(|part| part.as_os_str() == ".git")
}

/// Whether a path lies in a directory for temporary files, where everybody leaves things that may be
/// gone tomorrow.
///
/// A workspace may lie in such a directory itself: then the topmost directory below it that holds the
/// workspace is like any other, with all that lies beside the workspace.
#[must_use]
pub fn is_temporary(path: &AbsPath, root: &AbsPath, temp_dirs: &[AbsPath]) -> bool {
    temp_dirs.iter().any(|directory| {
        let below = path.relative_to(directory);
        let Some(below) = below.filter(|below| !below.is_root()) else {
            return false;
        };
        let of_workspace = root.relative_to(directory);
        let topmost = |path: &RelPath| {
            path.as_bytes()
                .split(|byte| *byte == b'/')
                .next()
                .map(<[u8]>::to_vec)
        };
        // A workspace that is the directory itself, or lies elsewhere, takes nothing out of it.
        of_workspace.is_none_or(|inside| inside.is_root() || topmost(&inside) != topmost(&below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abs(text: &str) -> AbsPath {
        AbsPath::new(text).unwrap()
    }

    #[test]
    fn the_prefix_of_a_program_is_where_its_own_files_lie() {
        assert_eq!(install_prefix(&abs("/usr/bin/node")), Some(abs("/usr")));
        assert_eq!(
            install_prefix(&abs("/home/u/.nvm/versions/node/v20/bin/node")),
            Some(abs("/home/u/.nvm/versions/node/v20"))
        );
        assert_eq!(
            install_prefix(&abs(
                "/usr/local/lib/node_modules/npm/node_modules/x/bin/a.js"
            )),
            Some(abs("/usr/local/lib/node_modules"))
        );
        assert_eq!(install_prefix(&abs("/tool")), None);
    }

    #[test]
    fn what_lies_around_a_workspace_is_not_temporary_wherever_that_is() {
        let temp_dirs = ["/tmp", "/tmp/job", "/dev/shm"].map(abs);
        let is_temporary =
            |path: &str, root: &str| is_temporary(&abs(path), &abs(root), &temp_dirs);
        assert!(is_temporary("/tmp/x/y", "/home/u/app"));
        assert!(is_temporary("/dev/shm/x", "/home/u/app"));
        assert!(!is_temporary("/tmp", "/home/u/app"));
        assert!(!is_temporary("/tmpx/y", "/home/u/app"));
        // The workspace lies in the temporary directory.
        assert!(!is_temporary("/tmp/test/sibling", "/tmp/test/app"));
        assert!(!is_temporary("/tmp/test", "/tmp/test/app"));
        assert!(is_temporary("/tmp/tests/x", "/tmp/test/app"));
        // One temporary directory lies in another.
        assert!(is_temporary("/tmp/job/x", "/tmp/job/app"));
        assert!(!is_temporary("/tmp/job/app-2/x", "/tmp/job/app-2/app"));
        // The workspace is the temporary directory.
        assert!(is_temporary("/dev/shm/x", "/dev/shm"));
    }

    #[test]
    fn repositories_are_recognised_wherever_they_are() {
        assert!(in_repository(&abs("/home/u/repo/.git/HEAD")));
        assert!(in_repository(&abs("/elsewhere/.git/worktrees/w/HEAD")));
        assert!(!in_repository(&abs("/home/u/repo/.github/x")));
    }
}
