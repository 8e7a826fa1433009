//! What can go wrong in the harness itself, as opposed to in what it tests.

use std::io;
use std::path::{Path, PathBuf};

/// The harness could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// A binary under test is not there.
    #[error("no `{name}` at `{}`: build it first (`cargo build -p {name}`) or set `{variable}`", path.display())]
    NoBinary {
        /// Name of the binary.
        name: &'static str,
        /// The environment variable that may say where it is.
        variable: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The disk said no.
    #[error("cannot {doing} `{}`", path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A `story.toml` makes no sense.
    #[error("`{}` is not a story: {reason}", path.display())]
    BadStory {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the position.
        reason: String,
    },
    /// A `--summary-json` file does not have the documented shape.
    #[error("the summary is not as documented: {reason}\n{text}")]
    BadSummary {
        /// What is wrong.
        reason: String,
        /// The file as it is.
        text: String,
    },
    /// A rule cannot be taken away.
    #[error("cannot do without `{names}`: {reason}")]
    WithoutRule {
        /// What `VT_WITHOUT_RULE` says.
        names: String,
        /// Why not.
        reason: String,
    },
    /// A command could not be split into words.
    #[error("cannot split `{0}` into words")]
    BadWords(String),
    /// A command did not end in time and was killed.
    #[error("`{0}` did not end in time")]
    TimedOut(String),
    /// `npm ci` of a fixture failed.
    #[error("`npm ci` in `{}` failed:\n{output}", directory.display())]
    Npm {
        /// Where.
        directory: PathBuf,
        /// What npm said.
        output: String,
    },
}

pub(crate) fn disk(
    doing: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> HarnessError + use<> {
    let path = path.to_path_buf();
    move |source| HarnessError::Disk {
        doing,
        path,
        source,
    }
}
