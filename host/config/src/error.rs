//! What can be wrong with a workspace and its files.

use std::fmt;

use vt_base::AbsPath;

use crate::Position;

/// Everything that is wrong, in the order of files and of places in them. Never empty.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            problem.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// One mistake and where it is.
#[derive(Debug)]
pub struct Problem {
    /// The file, or the directory when a file is missing.
    pub file: AbsPath,
    /// The place in the file, unless the whole file is meant.
    pub position: Option<Position>,
    /// What is wrong.
    pub error: ConfigError,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(formatter, ":{line}:{column}")?;
        }
        write!(formatter, ": {}", self.error)
    }
}

/// What is wrong.
///
/// `suggestion` fields hold what may have been meant; wording a hint is left to the caller.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    // Files.
    /// There is no package to work in.
    #[error("no `package.json` here or in a directory above")]
    NoPackage,
    /// A directory has tasks and is no package.
    #[error("tasks are configured here, but there is no `package.json` beside them")]
    NoManifest,
    /// The operating system refused.
    #[error("cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// The file is larger than anything a person writes.
    #[error("is larger than {limit} bytes")]
    TooLarge {
        /// The largest size that is read, in bytes.
        limit: u64,
    },
    /// The file is not text.
    #[error("is not valid UTF-8")]
    NotUtf8,
    /// The name of a directory is not text.
    #[error("the path of a package is not valid UTF-8")]
    PathNotUtf8,
    /// The text is not JSON, or not YAML.
    #[error("{0}")]
    Syntax(String),

    /// A program that says the configuration did not.
    #[error("its `run` block cannot be found out: {reason}")]
    NotEvaluated {
        /// Why not, in the words of the program.
        reason: String,
    },

    // Shape.
    /// A value has the wrong type.
    #[error("{place} must be {wanted}")]
    WrongType {
        /// The key, in backticks, or another description.
        place: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// A value has the right type and makes no sense.
    #[error("{place} must be {wanted}, not `{found}`")]
    WrongValue {
        /// The key, in backticks, or another description.
        place: String,
        /// What it must be.
        wanted: &'static str,
        /// What stands there.
        found: String,
    },
    /// A key that does not exist.
    #[error("unknown key `{key}` in {place}")]
    UnknownKey {
        /// The key.
        key: String,
        /// What it stands in.
        place: String,
        /// The key that may have been meant.
        suggestion: Option<String>,
    },
    /// A key that is missing.
    #[error("{place} has no `{key}`")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// What it is missing in.
        place: String,
    },
    /// A key that was written twice.
    #[error("`{key}` is said twice in {place}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// What it stands in.
        place: String,
    },
    /// A key of the workspace root in another package.
    #[error("`{key}` may stand only in the configuration of the workspace root")]
    RootOnly {
        /// The key.
        key: &'static str,
    },
    /// A policy for rule plugins where it would only bind whoever wrote it.
    #[error("policies stand in a file of their own, `vt-policy.json` in the workspace root")]
    PolicyElsewhere,
    /// A key whose feature this version does not have.
    #[error("`{key}` is not supported by this version of vt")]
    Unsupported {
        /// The key.
        key: &'static str,
    },

    // Meaning.
    /// A rule plugin that is not built in.
    #[error("unknown plugin `{plugin}`")]
    UnknownPlugin {
        /// The plugin.
        plugin: String,
        /// The built-in plugin that may have been meant.
        suggestion: Option<String>,
    },
    /// A rule plugin that is named twice.
    #[error("plugin `{plugin}` is named twice")]
    RepeatedPlugin {
        /// The plugin.
        plugin: String,
    },
    /// Two rules of one name.
    #[error("two rules are called `{rule}`")]
    RepeatedRule {
        /// Their name.
        rule: String,
    },
    /// A task in a configuration file and in `scripts`.
    #[error("task `{task}` is also a script of `package.json`")]
    TaskIsScript {
        /// The task.
        task: String,
    },
    /// A name that could not be asked for.
    #[error("`{task}` cannot be the name of a task: it is empty or contains `#`")]
    TaskName {
        /// The name.
        task: String,
    },
    /// Files of a task that is never cached.
    #[error("`{key}` has no meaning in task `{task}`, which says `cache: false`")]
    NotCached {
        /// `input` or `output`.
        key: &'static str,
        /// The task.
        task: String,
    },
    /// `dependsOn` names a package that does not exist.
    #[error("task `{task}` depends on package `{package}`, which is not in the workspace")]
    UnknownPackage {
        /// The task that depends.
        task: String,
        /// The package it names.
        package: String,
        /// The package that may have been meant.
        suggestion: Option<String>,
    },
    /// `dependsOn` names a package of which there are several.
    #[error("task `{task}` depends on package `{package}`, and several packages have that name")]
    AmbiguousPackage {
        /// The task that depends.
        task: String,
        /// The package it names.
        package: String,
    },
    /// `dependsOn` names a task that does not exist.
    #[error("task `{task}` depends on `{dependency}`, which does not exist")]
    UnknownTask {
        /// The task that depends.
        task: String,
        /// What it names.
        dependency: String,
        /// The task that may have been meant.
        suggestion: Option<String>,
    },
    /// A path that is not inside the workspace.
    #[error("`{path}` leaves the workspace")]
    Outside {
        /// The path, or the glob, as it was written.
        path: String,
    },
    /// A glob that cannot be understood.
    #[error("`{glob}` is not a glob: {reason}")]
    InvalidGlob {
        /// The glob as it was written.
        glob: String,
        /// Why not.
        reason: String,
    },
}

impl ConfigError {
    /// The word that may have been meant, if one comes close.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match self {
            Self::UnknownKey { suggestion, .. }
            | Self::UnknownPlugin { suggestion, .. }
            | Self::UnknownPackage { suggestion, .. }
            | Self::UnknownTask { suggestion, .. } => suggestion.as_deref(),
            _ => None,
        }
    }
}
