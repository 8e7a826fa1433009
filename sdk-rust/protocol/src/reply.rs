//! What the runner answers.

use crate::fields::{Reader, Writer};
use crate::message::{decode_version, encode_version};
use crate::{MAX_FRAME, ProtocolError, Version};

const WELCOME: u16 = 0x8001;
const ENV: u16 = 0x8020;
const ENVS: u16 = 0x8021;
const ERROR: u16 = 0x80ff;

/// One message of the runner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Answers a hello that is accepted.
    Welcome {
        /// What the runner speaks.
        version: Version,
    },
    /// Answers [`Message::GetEnv`](crate::Message::GetEnv).
    Env {
        /// The number of the request.
        request: u32,
        /// The value; `None` when the variable is unset.
        value: Option<Vec<u8>>,
    },
    /// Answers [`Message::GetEnvs`](crate::Message::GetEnvs).
    Envs {
        /// The number of the request.
        request: u32,
        /// Names with values, sorted by name.
        pairs: Vec<(String, Vec<u8>)>,
    },
    /// Answers what cannot be answered otherwise.
    Error {
        /// The number of the request; 0 when the connection ends.
        request: u32,
        /// What is wrong, for people.
        text: String,
    },
}

impl Reply {
    /// The payload of the reply; a frame is still to be put around it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Welcome { version } => Writer::new(WELCOME, 0).field(&encode_version(*version)),
            Self::Env {
                request,
                value: None,
            } => Writer::new(ENV, *request),
            Self::Env {
                request,
                value: Some(value),
            } => Writer::new(ENV, *request).field(value),
            Self::Envs { request, pairs } => pairs
                .iter()
                .fold(Writer::new(ENVS, *request), |writer, (name, value)| {
                    writer.field(name.as_bytes()).field(value)
                }),
            Self::Error { request, text } => Writer::new(ERROR, *request).field(text.as_bytes()),
        }
        .finish()
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// As for [`Message::decode`](crate::Message::decode).
    pub fn decode(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload)?;
        let request = reader.request;
        let reply = match reader.kind {
            WELCOME => Self::Welcome {
                version: decode_version(&mut reader)?,
            },
            ENV => Self::Env {
                request,
                value: match reader.has_more() {
                    true => Some(reader.bytes(MAX_FRAME)?),
                    false => None,
                },
            },
            ENVS => {
                let mut pairs = Vec::new();
                while reader.has_more() {
                    pairs.push((reader.text(MAX_FRAME)?, reader.bytes(MAX_FRAME)?));
                }
                Self::Envs { request, pairs }
            }
            ERROR => Self::Error {
                request,
                text: reader.text(MAX_FRAME)?,
            },
            kind => return Err(ProtocolError::UnknownKind { kind, request }),
        };
        reader.end()?;
        match (&reply, request) {
            (Self::Welcome { .. }, 1..) => Err(reader.malformed("a welcome has a request number")),
            _ => Ok(reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply() -> impl Strategy<Value = Reply> {
        let value = || prop::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            (any::<u16>(), any::<u16>()).prop_map(|(major, minor)| Reply::Welcome {
                version: Version { major, minor }
            }),
            (any::<u32>(), prop::option::of(value()))
                .prop_map(|(request, value)| Reply::Env { request, value }),
            (
                any::<u32>(),
                prop::collection::vec((".{0,10}", value()), 0..6)
            )
                .prop_map(|(request, pairs)| Reply::Envs { request, pairs }),
            (any::<u32>(), ".{0,20}").prop_map(|(request, text)| Reply::Error { request, text }),
        ]
    }

    proptest! {
        #[test]
        fn a_reply_round_trips(reply in reply()) {
            prop_assert_eq!(Reply::decode(&reply.encode()).unwrap(), reply);
        }

        #[test]
        fn arbitrary_bytes_never_panic(payload in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Reply::decode(&payload);
        }
    }

    #[test]
    fn a_welcome_answers_no_request() {
        let version = crate::VERSION;
        let payload = Writer::new(WELCOME, 1).field(&encode_version(version));
        assert!(Reply::decode(&payload.finish()).is_err());
    }

    #[test]
    fn unset_and_empty_are_two_answers() {
        let unset = Reply::Env {
            request: 1,
            value: None,
        };
        let empty = Reply::Env {
            request: 1,
            value: Some(Vec::new()),
        };
        assert_ne!(unset.encode(), empty.encode());
        assert_eq!(Reply::decode(&empty.encode()).unwrap(), empty);
    }
}
