//! What a question about variables is made of.

use crate::fields::Reader;
use crate::{MAX_NAME, ProtocolError};

/// Whether what the runner answers becomes part of what the result depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tracking {
    /// It does: a change runs the step again.
    Tracked,
    /// It is served and leaves no trace.
    Untracked,
}

impl Tracking {
    pub(crate) const fn encode(self) -> [u8; 1] {
        match self {
            Self::Untracked => [0],
            Self::Tracked => [1],
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        match reader.array()? {
            [0] => Ok(Self::Untracked),
            [1] => Ok(Self::Tracked),
            _ => Err(reader.malformed("a flag is neither 0 nor 1")),
        }
    }
}

/// Which variables a tool asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EnvSelector {
    /// Names that match a glob as a whole.
    Glob(String),
    /// Names that begin with a text; `*` is a plain character in it, and an empty one means all.
    Prefix(String),
}

impl EnvSelector {
    pub(crate) const fn encode(&self) -> ([u8; 1], &[u8]) {
        match self {
            Self::Glob(text) => ([0], text.as_bytes()),
            Self::Prefix(text) => ([1], text.as_bytes()),
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        let tag = reader.array()?;
        let text = reader.text(MAX_NAME)?;
        match tag {
            [0] => Ok(Self::Glob(text)),
            [1] => Ok(Self::Prefix(text)),
            _ => Err(reader.malformed("a selector is neither glob nor prefix")),
        }
    }
}
