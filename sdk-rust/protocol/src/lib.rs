//! The messages a tool and the runner exchange.
//!
//! What is here is a published contract: any language can speak it, and `docs/formats/ipc.md`
//! documents it byte for byte. This crate turns messages into bytes and back and knows neither
//! sockets nor what a message does to a cache.
//!
//! The one invariant: bytes from the other side are hostile. Decoding never panics and never
//! allocates more than what was received, and no frame is longer than [`MAX_FRAME`].
#![forbid(unsafe_code)]

mod endpoint;
mod error;
mod fields;
mod frame;
mod message;
mod question;
mod reply;

pub use endpoint::{Endpoint, Token};
pub use error::ProtocolError;
pub use frame::{Frames, MAX_FRAME, MAX_HELLO, frame};
pub use message::Message;
pub use question::{EnvSelector, Tracking};
pub use reply::Reply;

/// The environment variable that holds the [`Endpoint`] of a step.
pub const ENDPOINT_VARIABLE: &str = "VT_IPC";

/// The longest path a message may carry, in bytes.
pub const MAX_PATH: usize = 4096;

/// The longest name of a variable or of a tracked value, and the longest selector, in bytes.
pub const MAX_NAME: usize = 1024;

/// The longest reason of an opt-out, in bytes.
pub const MAX_REASON: usize = 1024;

/// A version of the protocol.
///
/// Another major version is another language and is refused. A higher minor version knows more
/// kinds of messages; each unknown one is answered, or counted against the run, by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// Changes when anything that exists means something else.
    pub major: u16,
    /// Changes when something is added.
    pub minor: u16,
}

/// The version this crate speaks.
pub const VERSION: Version = Version { major: 1, minor: 0 };

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}
