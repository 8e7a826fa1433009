//! Why a rule component cannot be used, or may not be. Each text names the cure.

use std::fmt;

use vt_base::{AbsPath, Digest};
use vt_config::{ConfigErrors, PluginEntry, Position};

use super::policy::Denied;

/// Why a rule component cannot be used, or may not be.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The file, or the package, is not there or cannot be read.
    #[error("{place}: cannot read plugin `{plugin}`: {reason}")]
    Unreadable {
        /// Where the configuration names it.
        place: Place,
        /// How it names it.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
    /// The file is no component that this host can use.
    #[error("{place}: {error}")]
    Component {
        /// Where the configuration names it.
        place: Place,
        /// What is wrong with it.
        error: Box<vt_rules::RulesError>,
    },
    /// The file beside a component is not its signature.
    #[error(
        "{place}: plugin `{plugin}` has a signature that proves nothing: {reason}; get both files \
         from its publisher again"
    )]
    Signature {
        /// Where the configuration names it.
        place: Place,
        /// How it names it.
        plugin: String,
        /// What is wrong with the signature.
        reason: &'static str,
    },
    /// Two components give the same id.
    #[error("{place}: plugins `{other}` and `{plugin}` both call themselves `{id}`; leave one out")]
    SameId {
        /// Where the configuration names the second.
        place: Place,
        /// The second.
        plugin: String,
        /// The first.
        other: String,
        /// What both call themselves.
        id: String,
    },
    /// A rule of the configuration says what no rule may say.
    #[error("{place}: rule `{rule}`: {reason}")]
    Rule {
        /// Where it stands.
        place: Place,
        /// Its name.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The lock cannot be understood.
    #[error(
        "cannot use the lock `{file}`: {reason}; bring it back, or delete it and pin anew with `vt plugin add`"
    )]
    Lock {
        /// The lock.
        file: AbsPath,
        /// What is wrong.
        reason: String,
    },
    /// The lock cannot be written.
    #[error("cannot write the lock `{file}`")]
    WriteLock {
        /// The lock.
        file: AbsPath,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// The component is not the pinned one.
    #[error(
        "plugin `{plugin}` has changed: its digest is {found}, and {pinned} is pinned; look at it \
         with `vt plugin inspect {plugin}` and accept it with `vt plugin update {plugin}`"
    )]
    Changed {
        /// How the configuration names it.
        plugin: String,
        /// What is pinned.
        pinned: Digest,
        /// What there is.
        found: Digest,
    },
    /// What the lock says about a component is not what the component says.
    #[error(
        "the lock says something else about plugin `{plugin}` than the component with this digest \
         does: `{what}`; accept what it says with `vt plugin update {plugin}`"
    )]
    Differs {
        /// How the configuration names it.
        plugin: String,
        /// The key of the lock.
        what: &'static str,
    },
    /// The publisher is not the pinned one.
    #[error(
        "plugin `{plugin}` is pinned as signed by {pinned}, and is signed by {}; if its publisher \
         says so, accept it with `vt plugin update --new-publisher {plugin}`",
        found.as_deref().unwrap_or("nobody")
    )]
    Publisher {
        /// How the configuration names it.
        plugin: String,
        /// The pinned key.
        pinned: String,
        /// The key that signed it, if one did.
        found: Option<String>,
    },
    /// A component that is not pinned where only pinned ones may be used.
    #[error(
        "plugin `{plugin}` is not pinned, and on a CI service only pinned ones are used; pin it \
         with `vt plugin add {plugin}` on your machine and commit `vt-plugins.lock`"
    )]
    NotLocked {
        /// How the configuration names it.
        plugin: String,
    },
    /// The lock was to be changed where it may not be.
    #[error(
        "the lock is frozen on a CI service; run this on your machine and commit `vt-plugins.lock`"
    )]
    Frozen,
    /// A name that `plugins` does not have.
    #[error(
        "`{plugin}` is no plugin of this workspace that can be pinned; name it in `plugins` of \
         the configuration first"
    )]
    NotInUse {
        /// The name.
        plugin: String,
    },
    /// A plugin that is never pinned.
    #[error("`{plugin}` travels with vt and changes with it only: there is nothing to pin")]
    NothingToPin {
        /// Its name.
        plugin: String,
    },
    /// A policy file has mistakes.
    #[error("a policy file has mistakes")]
    Policy(#[source] ConfigErrors),
    /// A policy file that somebody names is not there.
    #[error("there is no policy file `{file}`, which `VT_POLICY` names")]
    NoPolicy {
        /// The file.
        file: AbsPath,
    },
    /// A policy denies it.
    #[error(transparent)]
    Denied(Box<Denied>),
}

/// Where a configuration names a plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file.
    pub file: AbsPath,
    /// Where in it.
    pub position: Position,
}

impl Place {
    pub(super) fn of(entry: &PluginEntry) -> Self {
        Self {
            file: entry.file.clone(),
            position: entry.position,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(formatter, "{}:{line}:{column}", self.file)
    }
}
