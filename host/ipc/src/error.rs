//! Why a step has no endpoint or no Node client. The step can run without either.

use std::io;

use vt_base::AbsPath;

/// What can go wrong before a step is spawned.
#[derive(Debug, thiserror::Error)]
pub enum IpcError {
    /// The private directory or the socket in it cannot be made.
    #[error("cannot listen for clients in `{directory}`")]
    Listen {
        /// Where it was tried.
        directory: AbsPath,
        /// Why it failed.
        source: io::Error,
    },
    /// The operating system gave no random bytes for a token.
    #[error("cannot make a token")]
    Token {
        /// Why it failed.
        source: io::Error,
    },
    /// The serving thread cannot be started.
    #[error("cannot start the thread that serves clients")]
    Thread {
        /// Why it failed.
        source: io::Error,
    },
    /// The Node client cannot be put on disk.
    #[error("cannot write the Node client to `{path}`")]
    Materialise {
        /// The file or directory in question.
        path: AbsPath,
        /// Why it failed.
        source: io::Error,
    },
    /// Others could swap the Node client for something else.
    #[error("`{directory}` is not a private directory of this user")]
    NotPrivate {
        /// The directory.
        directory: AbsPath,
    },
}
