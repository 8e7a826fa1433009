//! What can be wrong with bytes from the other side.

/// Why some bytes are not what the protocol asks for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// A frame announces more than its side may send.
    #[error("a frame of {length} bytes is longer than the {limit} allowed here")]
    FrameTooLong {
        /// What was announced, in bytes.
        length: u64,
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// A payload is too short, too long, or its fields do not add up.
    #[error("a message of kind {kind:#06x} is malformed: {what}")]
    Malformed {
        /// The kind it claims to be; 0 when it ends before that.
        kind: u16,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A well-framed message of a kind that this version does not know.
    #[error("a message of kind {kind:#06x} is unknown")]
    UnknownKind {
        /// The kind.
        kind: u16,
        /// The request it wants answered; 0 for a one-way message.
        request: u32,
    },
    /// The text is not an endpoint.
    #[error("the endpoint is not `<socket path>:<token>`")]
    BadEndpoint,
}
