//! The shape of a `story.toml`.
//!
//! Each case runs in a fresh copy of the folder. In `run` and in values of `env`, `{root}` is the workspace and `{home}`
//! the home directory. A command is expected to exit with 0 unless `exit-code` says otherwise; what an expectation does
//! not mention is not looked at.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::{HarnessError, disk};
use crate::summary::Status;

/// A whole `story.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// In the order of the file.
    pub case: Vec<Case>,
}

/// One thing that must be so.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// Variables of every step.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// In order.
    pub step: Vec<Step>,
}

/// One command.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The command: `vt …`, `vtt …`, or a program of the `PATH`.
    pub run: String,
    /// Relative to the root.
    pub cwd: Option<String>,
    /// Variables of this step.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What comes of it.
    #[serde(default)]
    pub expect: Expect,
}

/// What comes of a command.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expect {
    /// Of the command; 0 if not said.
    pub exit_code: Option<i32>,
    /// Of the only step.
    pub status: Option<Status>,
    /// All reasons of the miss of the only step.
    pub why: Option<Vec<String>>,
    /// Some of them.
    pub why_contains: Option<Vec<String>>,
    /// Whether the only step left an entry.
    pub stored: Option<bool>,
    /// All reasons why not.
    pub not_stored: Option<Vec<String>>,
    /// Some of them.
    pub not_stored_contains: Option<Vec<String>>,
    /// Files the hit of the only step wrote.
    pub restored: Option<u64>,
    /// Files the hit of the only step removed.
    pub removed: Option<u64>,
    /// Each step of the run by id; these and no others.
    pub steps: Option<BTreeMap<String, StepExpect>>,
    /// What holds for every step of the run.
    pub all: Option<StepExpect>,
    /// Pieces of stdout.
    #[serde(default)]
    pub stdout_contains: Pieces,
    /// Pieces of stdout, in this order.
    #[serde(default)]
    pub stdout_in_order: Vec<String>,
    /// What stdout must not say.
    #[serde(default)]
    pub stdout_lacks: Pieces,
    /// Pieces of stderr.
    #[serde(default)]
    pub stderr_contains: Pieces,
    /// What stderr must not say.
    #[serde(default)]
    pub stderr_lacks: Pieces,
    /// Files and their whole text.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Paths that are not there.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Nothing in the workspace was touched.
    #[serde(default)]
    pub unchanged_tree: bool,
    /// No process was started. Slower: the command runs under strace.
    #[serde(default)]
    pub no_process: bool,
    /// Remembers the content of a path (value) under a name (key).
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// The content of a path (value) is what was remembered under a name (key).
    #[serde(default)]
    pub same: BTreeMap<String, String>,
}

/// What comes of one step of a run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepExpect {
    /// How it ended.
    pub status: Option<Status>,
    /// All reasons of the miss.
    pub why: Option<Vec<String>>,
    /// Some of them.
    pub why_contains: Option<Vec<String>>,
    /// Whether it left an entry.
    pub stored: Option<bool>,
    /// All reasons why not.
    pub not_stored: Option<Vec<String>>,
    /// Some of them.
    pub not_stored_contains: Option<Vec<String>>,
    /// Files the hit wrote.
    pub restored: Option<u64>,
    /// Files the hit removed.
    pub removed: Option<u64>,
}

/// One piece of text, or several.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "OneOrMany")]
pub struct Pieces(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Pieces {
    fn from(said: OneOrMany) -> Self {
        match said {
            OneOrMany::One(text) => Self(vec![text]),
            OneOrMany::Many(texts) => Self(texts),
        }
    }
}

impl Story {
    /// Reads `story.toml` of a folder.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Disk`] if there is none, [`HarnessError::BadStory`] if it makes no sense.
    pub fn read(folder: &Path) -> Result<Self, HarnessError> {
        let path = folder.join("story.toml");
        let text = fs::read_to_string(&path).map_err(disk("read", &path))?;
        toml::from_str(&text).map_err(|error| HarnessError::BadStory {
            path,
            reason: error.to_string(),
        })
    }
}

impl Expect {
    /// What is said of the only step, if anything is.
    pub(crate) fn only(&self) -> Option<StepExpect> {
        let only = StepExpect {
            status: self.status,
            why: self.why.clone(),
            why_contains: self.why_contains.clone(),
            stored: self.stored,
            not_stored: self.not_stored.clone(),
            not_stored_contains: self.not_stored_contains.clone(),
            restored: self.restored,
            removed: self.removed,
        };
        only.says_something().then_some(only)
    }
}

impl StepExpect {
    fn says_something(&self) -> bool {
        self.status.is_some()
            || self.why.is_some()
            || self.why_contains.is_some()
            || self.stored.is_some()
            || self.not_stored.is_some()
            || self.not_stored_contains.is_some()
            || self.restored.is_some()
            || self.removed.is_some()
    }
}
