//! What a workspace means, once everything people wrote has been read and found valid.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vt_base::{AbsPath, CachePolicy, Declared, RelPath, Toolchain};

use crate::{Dependencies, PluginEntry, Rule};

/// A workspace with its packages and tasks.
#[derive(Clone, Debug)]
pub struct Project {
    /// The real path of the workspace root.
    pub root: AbsPath,
    /// The packages by directory; the first one is the workspace root itself.
    pub packages: Vec<Package>,
    /// What the root configuration says about the whole workspace.
    pub settings: Settings,
    /// Every file that was read, sorted.
    pub sources: Vec<AbsPath>,
}

impl Project {
    /// The index of the package that contains a directory: the nearest one at or above it.
    #[must_use]
    pub fn package_at(&self, directory: &RelPath) -> usize {
        let depth = |package: &Package| package.directory.as_bytes().len();
        (0..self.packages.len())
            .filter(|index| directory.starts_with(&self.packages[*index].directory))
            .max_by_key(|index| depth(&self.packages[*index]))
            .unwrap_or(0)
    }
}

/// A member of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// The `name` of its `package.json`.
    pub name: Option<String>,
    /// The `version` of its `package.json`.
    pub version: Option<String>,
    /// What package managers tell its scripts of the rest of its `package.json`, by what follows
    /// `npm_package_`.
    pub told: BTreeMap<String, String>,
    /// What step ids and messages call it: its name if it has one nobody else has, else its
    /// directory. Unique in the workspace.
    pub id: String,
    /// Where it lies.
    pub directory: RelPath,
    /// Everything its `package.json` depends on, by the name it is imported under.
    pub dependencies: Dependencies,
    /// Indices of the packages of this workspace that it depends on directly, without itself, and
    /// without peers that whoever installs it has to bring along.
    pub workspace_dependencies: BTreeSet<usize>,
    /// Its tasks by name, those of its configuration and its scripts. Boxed, since a map has room for
    /// several more than most packages have.
    pub tasks: BTreeMap<String, Box<Task>>,
}

/// One dependency as `package.json` states it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackageDependency<'d> {
    /// The lists that name it.
    pub kinds: DependencyKinds,
    /// The version range, or whatever stands in its place, of the first of these lists that installs
    /// it, else of the peer dependencies.
    pub version: &'d str,
    /// The index of the package, if it is one of this workspace.
    pub package: Option<usize>,
}

/// The lists of dependencies in a `package.json`, the first one first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DependencyKind {
    /// `dependencies`
    Normal,
    /// `devDependencies`
    Development,
    /// `peerDependencies`
    Peer,
    /// `optionalDependencies`
    Optional,
}

/// Some of the lists of dependencies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DependencyKinds(u8);

impl DependencyKinds {
    /// Adds a list.
    pub fn insert(&mut self, kind: DependencyKind) {
        self.0 |= 1 << kind as u8;
    }

    /// Whether a list is the only one among them.
    #[must_use]
    pub const fn is_only(self, kind: DependencyKind) -> bool {
        self.0 == 1 << kind as u8
    }

    /// Whether a list is among them.
    #[must_use]
    pub const fn contains(self, kind: DependencyKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

impl DependencyKind {
    /// Every kind, in the order their lists are read.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Development, Self::Peer, Self::Optional];

    /// The key of the list in `package.json`, and the word for it in `from`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Normal => "dependencies",
            Self::Development => "devDependencies",
            Self::Peer => "peerDependencies",
            Self::Optional => "optionalDependencies",
        }
    }
}

/// A named command of a package.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name inside its package.
    pub name: String,
    /// Where it was written.
    pub source: TaskSource,
    /// The commands, to be run one after the other as if joined by `&&`. Never empty.
    pub command: Vec<String>,
    /// Where it runs.
    pub directory: RelPath,
    /// The tasks that must have succeeded before, in the order they were written.
    pub depends_on: Vec<TaskReference>,
    /// `Disabled` when the task itself says `cache: false`; whether the cache is used otherwise
    /// depends on the settings and on the command line.
    pub cache: CachePolicy,
    /// What it declares about its cache entries; globs are relative to the workspace root.
    pub declared: Declared,
    /// Where its name stands.
    pub origin: Origin,
}

/// Where a task comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskSource {
    /// `tasks` of a configuration file.
    Config,
    /// `scripts` of a `package.json`.
    Script,
}

/// A task of the project.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TaskReference {
    /// The index of its package.
    pub package: usize,
    /// Its name.
    pub task: String,
}

/// A place in a file of the workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The file.
    pub file: RelPath,
    /// The place in it.
    pub position: Position,
}

/// A place in a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// What the root configuration says about the whole workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Whether scripts are cached; they are not unless told.
    pub cache_scripts: Switch,
    /// Whether tasks of configuration files are cached.
    pub cache_tasks: Switch,
    /// Where the cache lies, if not at its usual place.
    pub cache_dir: Option<AbsPath>,
    /// The size the cache may reach, in bytes.
    pub max_size: Option<u64>,
    /// The age an entry may reach without being used.
    pub max_age: Option<Duration>,
    /// How programs outside the workspace count.
    pub toolchain: Toolchain,
    /// Whether `preNAME` and `postNAME` scripts run around the script `NAME`.
    pub pre_post_scripts: Switch,
    /// The rule plugins in use; `None` stands for every built-in one.
    pub plugins: Option<Vec<PluginEntry>>,
    /// The rules that the configuration itself makes.
    pub rules: Vec<Rule>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache_scripts: Switch::Off,
            cache_tasks: Switch::On,
            cache_dir: None,
            max_size: None,
            max_age: None,
            toolchain: Toolchain::Content,
            pre_post_scripts: Switch::On,
            plugins: None,
            rules: Vec::new(),
        }
    }
}

/// Whether something is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl From<bool> for Switch {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}
