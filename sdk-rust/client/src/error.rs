//! What can go wrong between a tool and a runner that is there.

use std::io;

use vt_protocol::ProtocolError;

/// Why a call did not do what it says.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The endpoint variable holds something that is no endpoint.
    #[error("the runner is named by a text that makes no sense")]
    BadEndpoint(#[source] ProtocolError),
    /// There should be a runner, and it cannot be reached.
    #[error("cannot reach the runner")]
    Unreachable(#[source] io::Error),
    /// The runner does not want what was sent, or this client at all.
    #[error("the runner refuses: {0}")]
    Refused(String),
    /// The connection broke, and a new one did not help.
    #[error("the connection to the runner is broken")]
    Broken(#[source] io::Error),
    /// The runner said something that makes no sense.
    #[error("the runner is not understood")]
    Misunderstood(#[source] ProtocolError),
    /// An argument that cannot be sent.
    #[error("cannot send {0}")]
    BadArgument(&'static str),
    /// A relative path, and the current directory is gone.
    #[error("cannot tell the current directory")]
    NoCurrentDirectory(#[source] io::Error),
}
