//! What counts of the world outside the workspace.
//!
//! Programs count by the digest of what their name resolves to now, shared objects by the digest
//! of their path; the C runtime and the POSIX utilities of the system count by name, which the
//! command already holds. Below a program's own install prefix every file that was read counts.
//! Other reads are not recorded. What a step leaves outside must be excused.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::{AbsPath, Toolchain};

use crate::disk::Disk;
use crate::globs::{GlobError, absolute};
use crate::item::Item;
use crate::observed::PathFacts;

/// What a run did outside the workspace.
#[derive(Clone, Debug, Default)]
pub struct OutsideFacts {
    /// Programs that were executed: the path given, and what it really is.
    pub programs: Vec<(AbsPath, AbsPath)>,
    /// Files that were read, by real path.
    pub read: Vec<AbsPath>,
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
pub(crate) fn items(facts: &OutsideFacts, toolchain: Toolchain, disk: &Disk<'_>) -> BTreeSet<Item> {
    let mut items = BTreeSet::new();
    if toolchain == Toolchain::Ignore {
        return items;
    }
    let by_path =
        |path: &AbsPath| Item::Outside(serde_bytes::ByteBuf::from(disk.outside_name(path)));
    let mut prefixes = BTreeSet::new();
    let known: BTreeSet<&AbsPath> = facts
        .programs
        .iter()
        .flat_map(|(given, real)| [given, real])
        .collect();
    for (given, real) in &facts.programs {
        if !real.starts_with(disk.root) {
            prefixes.extend(install_prefix(real));
        }
        // A link of the workspace that leads outside is an item of its own; its target counts.
        if given.starts_with(disk.root) {
            if !real.starts_with(disk.root) {
                items.insert(by_path(real));
            }
            continue;
        }
        let name = file_name(given);
        let found_by_name = disk.resolve_program(&name).as_ref() == Some(given);
        let is_utility = is_of_distribution(given) && UTILITIES.contains(&name.as_str());
        match (is_utility, found_by_name) {
            (true, true) => items.insert(Item::Utility(name)),
            (true, false) => false,
            (false, true) => items.insert(Item::Program(name)),
            (false, false) => items.insert(by_path(given)),
        };
    }
    for path in facts.read.iter().filter(|path| !known.contains(path)) {
        let library = is_library(path) && !(is_of_distribution(path) && is_runtime(path));
        if library || prefixes.iter().any(|prefix| path.starts_with(prefix)) {
            items.insert(by_path(path));
        }
    }
    items
}

/// The directory a program that is not the system's was installed into.
fn install_prefix(real: &AbsPath) -> Option<AbsPath> {
    // A global npm package brings its dependencies along in the same folder.
    let mut modules = None;
    let mut ancestor = real.parent();
    while let Some(directory) = ancestor {
        if file_name(&directory) == "node_modules" {
            modules = Some(directory.clone());
        }
        ancestor = directory.parent();
    }
    if modules.is_some() {
        return modules;
    }
    if is_system(real) {
        return None;
    }
    let directory = real.parent()?;
    let prefix = if file_name(&directory) == "bin" {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn abs(text: &str) -> AbsPath {
        AbsPath::new(text).unwrap()
    }

    #[test]
    fn install_prefixes_are_those_of_tools_not_of_the_system() {
        assert_eq!(install_prefix(&abs("/usr/bin/node")), None);
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
    fn repositories_are_recognised_wherever_they_are() {
        assert!(in_repository(&abs("/home/u/repo/.git/HEAD")));
        assert!(in_repository(&abs("/elsewhere/.git/worktrees/w/HEAD")));
        assert!(!in_repository(&abs("/home/u/repo/.github/x")));
    }
}
