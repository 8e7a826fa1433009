//! What of the outside does not count, with the reason for each.
//!
//! By name: what belongs to the system, as long as it is called the same. Cut: what is no file of
//! anybody's, what is there for a moment, caches, what tools remember for themselves, and what says
//! who somebody is or how he logs in.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use vt_base::AbsPath;

use super::stores::Store;
use super::{Outside, is_of_distribution};
use crate::disk::Disk;
use crate::globs::{GlobError, absolute};

/// What the kernel or the machine makes up, and what only says where a program runs.
const MADE_UP: [&str; 6] = ["/proc", "/sys", "/run", "/dev", "/var/run", "/.dockerenv"];

/// Directories for files of a moment, besides the one of the environment.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// In the home directory: caches, and what tools remember for themselves.
const MEMORY: [&str; 34] = [
    ".cache",
    ".npm",
    ".pnpm-store",
    ".local/state",
    ".local/share/pnpm/.tools",
    ".local/share/Trash",
    ".local/share/recently-used.xbel",
    ".local/share/turborepo",
    ".local/share/vite-plus/tmp",
    ".config/configstore",
    ".config/turborepo",
    ".config/nextjs-nodejs",
    ".config/astro",
    ".config/gatsby",
    ".config/nuxt",
    ".config/storybook",
    ".config/angular",
    ".config/.wrangler",
    ".config/google-chrome",
    ".config/chromium",
    ".yarn/berry/index",
    ".yarn/berry/telemetry.json",
    ".yarn/berry/metadata",
    ".bun/install/cache",
    ".cargo/.package-cache",
    ".cargo/.package-cache-mutate",
    ".cargo/.global-cache",
    ".rustup/tmp",
    ".rustup/update-hashes",
    ".gradle/caches",
    ".gradle/daemon",
    ".m2/repository",
    ".nuget/packages",
    ".storybook/settings.json",
];

/// In the home directory: what was typed, by the ends of the names.
const HISTORY: [&str; 4] = ["_history", ".lesshst", ".viminfo", ".wget-hsts"];

/// In the home directory: what says who somebody is, or how he logs in.
const IDENTITY: [&str; 14] = [
    ".netrc",
    ".ssh",
    ".gnupg",
    ".git-credentials",
    ".config/git/credentials",
    ".config/gh",
    ".config/gcloud",
    ".config/glab-cli",
    ".docker/config.json",
    ".aws/credentials",
    ".kube",
    ".vault-token",
    ".cargo/credentials.toml",
    ".config/pnpm/auth.ini",
];

/// Directories of the home that hold what many programs put there: that they are there says nothing.
const SHARED: [&str; 6] = [
    ".config",
    ".local",
    ".local/share",
    ".local/bin",
    ".local/lib",
    ".var",
];

/// A directory that does not count, less the one in it that holds the workspace.
struct Scratch {
    directory: AbsPath,
    kept: Option<AbsPath>,
}

/// Says what does not count.
pub(crate) struct Cut<'d> {
    disk: &'d Disk<'d>,
    scratch: Vec<Scratch>,
    stores: &'d [Store],
    excused: Box<dyn Fn(&AbsPath) -> bool>,
}

impl<'d> Cut<'d> {
    /// What does not count for this step.
    ///
    /// # Errors
    /// An excuse that is not a glob.
    pub(crate) fn new(disk: &'d Disk<'d>, outside: &Outside<'_>) -> Result<Self, GlobError> {
        let temporary = TEMPORARY.map(|path| AbsPath::new(path).expect("the path is absolute"));
        let given = temporary.iter().chain(outside.scratch);
        let real = |path: &AbsPath| {
            let real = fs::canonicalize(path).ok()?;
            AbsPath::new(real).ok()
        };
        let mut scratch: Vec<AbsPath> = given.clone().cloned().collect();
        scratch.extend(given.filter_map(real));
        scratch.sort();
        scratch.dedup();
        let scratch = scratch.into_iter().map(|directory| Scratch {
            kept: child_towards(&directory, disk.root),
            directory,
        });
        Ok(Self {
            disk,
            scratch: scratch.collect(),
            stores: disk.rows.stores(disk),
            excused: Box::new(absolute(outside.excused, disk.home)?),
        })
    }

    /// Whether a path does not count, whatever was done to it.
    pub(crate) fn is_cut(&self, path: &AbsPath) -> bool {
        let made_up = MADE_UP.iter().any(|made| path.as_path().starts_with(made));
        let is_memory = |home: &AbsPath| {
            path.relative_to(home)
                .is_some_and(|rest| is_memory(rest.as_bytes()))
        };
        made_up
            || is_of_distribution(path)
            || self.is_scratch(path)
            || self.stores.iter().any(|(store, _)| path.starts_with(store))
            || self.disk.home.is_some_and(is_memory)
            || is_compiled_python(path)
            || (self.excused)(path)
    }

    /// Whether a path lies where files are for a moment only, or in a cache.
    pub(crate) fn is_scratch(&self, path: &AbsPath) -> bool {
        self.scratch.iter().any(|scratch| {
            let is_kept = |kept: &AbsPath| path.starts_with(kept);
            path.starts_with(&scratch.directory) && !scratch.kept.as_ref().is_some_and(is_kept)
        })
    }

    /// Whether that a directory or a link is there says nothing: it is on the way to the workspace,
    /// to the home directory or to what many programs put there.
    pub(crate) fn is_on_the_way(&self, path: &AbsPath) -> bool {
        let given = self.disk.env.variables.exact("HOME");
        let given = given.and_then(|home| AbsPath::new(home).ok());
        let home = self.disk.home;
        let shared = |home: &AbsPath| {
            path.relative_to(home)
                .is_some_and(|rest| SHARED.iter().any(|name| name.as_bytes() == rest.as_bytes()))
        };
        self.disk.root.starts_with(path)
            || home.is_some_and(|home| home.starts_with(path) || shared(home))
            || given.is_some_and(|home| home.starts_with(path))
            || self
                .scratch
                .iter()
                .any(|scratch| scratch.directory.starts_with(path))
            || self.stores.iter().any(|(store, _)| store.starts_with(path))
    }
}

/// The entry of a directory that holds the workspace, or is it.
fn child_towards(directory: &AbsPath, root: &AbsPath) -> Option<AbsPath> {
    let below = root.relative_to(directory)?;
    let first = below.as_bytes().split(|byte| *byte == b'/').next()?;
    Some(directory.join(std::ffi::OsStr::from_bytes(first)))
}

fn is_memory(rest: &[u8]) -> bool {
    let lies_in = |name: &str| {
        let behind = rest.strip_prefix(name.as_bytes());
        behind.is_some_and(|behind| behind.is_empty() || behind[0] == b'/')
    };
    MEMORY.iter().chain(&IDENTITY).any(|name| lies_in(name))
        || (!rest.contains(&b'/') && HISTORY.iter().any(|end| rest.ends_with(end.as_bytes())))
}

/// What Python compiled for itself: the source that it is checked against counts.
pub(crate) fn is_compiled_python(path: &AbsPath) -> bool {
    let mut parts = path.as_path().components();
    parts.any(|part| part.as_os_str() == "__pycache__")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abs(text: &str) -> AbsPath {
        AbsPath::new(text).unwrap()
    }

    #[test]
    fn the_directory_that_holds_the_workspace_is_no_temporary_one() {
        let temporary = abs("/tmp");
        let kept = |root: &str| child_towards(&temporary, &abs(root));
        assert_eq!(kept("/tmp/x/workspace"), Some(abs("/tmp/x")));
        assert_eq!(kept("/tmp/workspace"), Some(abs("/tmp/workspace")));
        assert_eq!(kept("/work"), None);
    }

    #[test]
    fn what_tools_remember_is_told_from_what_they_are_told() {
        for path in [
            ".npm/_logs/x",
            ".bash_history",
            ".config/gh/hosts.yml",
            ".cache",
        ] {
            assert!(is_memory(path.as_bytes()), "{path}");
        }
        for path in [
            ".npmrc",
            ".prettierrc",
            ".config/prettier",
            "x/_history",
            ".cached",
        ] {
            assert!(!is_memory(path.as_bytes()), "{path}");
        }
    }
}
