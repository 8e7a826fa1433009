//! What a tool says to the runner.

use crate::fields::{Reader, Writer};
use crate::question::{EnvSelector, Tracking};
use crate::{MAX_FRAME, MAX_NAME, MAX_PATH, MAX_REASON, ProtocolError, Token, Version};

const HELLO: u16 = 0x0001;
const IGNORE_INPUT: u16 = 0x0010;
const IGNORE_OUTPUT: u16 = 0x0011;
const TRACK_INPUT: u16 = 0x0012;
const TRACK_OUTPUT: u16 = 0x0013;
const TRACK_VALUE: u16 = 0x0014;
const DISABLE_CACHE: u16 = 0x0015;
const GET_ENV: u16 = 0x0020;
const GET_ENVS: u16 = 0x0021;

const MAGIC: &[u8] = b"vt-ipc";

/// One message of a tool.
///
/// Paths are bytes, absolute, and need not be UTF-8. Names are UTF-8. A `request` is any number
/// but 0 and comes back in the answer; messages without one are not answered.
#[derive(Clone, Debug)]
pub enum Message {
    /// The first message of each connection.
    Hello {
        /// What the tool speaks.
        version: Version,
        /// The secret of the endpoint.
        token: Token,
    },
    /// What the step reads at or below a path does not matter.
    IgnoreInput(Vec<u8>),
    /// What the step writes at or below a path is no result.
    IgnoreOutput(Vec<u8>),
    /// The step depends on a path, whether it was seen to read it or not.
    TrackInput(Vec<u8>),
    /// A path is a result of the step, whether it was seen to write it or not.
    TrackOutput(Vec<u8>),
    /// The step depends on a value that only the tool knows.
    TrackValue {
        /// What the value is called.
        key: String,
        /// The value.
        value: Vec<u8>,
    },
    /// The run must not be stored.
    DisableCache {
        /// Why, for people.
        reason: Option<String>,
    },
    /// Asks for one variable.
    GetEnv {
        /// The number that the answer repeats.
        request: u32,
        /// The variable.
        name: String,
        /// Whether it counts.
        tracking: Tracking,
    },
    /// Asks for all variables that a selector names.
    GetEnvs {
        /// The number that the answer repeats.
        request: u32,
        /// The variables.
        selector: EnvSelector,
        /// Whether they, and the absence of further ones, count.
        tracking: Tracking,
    },
}

impl Message {
    /// The payload of the message; a frame is still to be put around it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello { version, token } => Writer::new(HELLO, 0)
                .field(MAGIC)
                .field(&encode_version(*version))
                .field(token.as_bytes()),
            Self::IgnoreInput(path) => Writer::new(IGNORE_INPUT, 0).field(path),
            Self::IgnoreOutput(path) => Writer::new(IGNORE_OUTPUT, 0).field(path),
            Self::TrackInput(path) => Writer::new(TRACK_INPUT, 0).field(path),
            Self::TrackOutput(path) => Writer::new(TRACK_OUTPUT, 0).field(path),
            Self::TrackValue { key, value } => Writer::new(TRACK_VALUE, 0)
                .field(key.as_bytes())
                .field(value),
            Self::DisableCache { reason: None } => Writer::new(DISABLE_CACHE, 0),
            Self::DisableCache {
                reason: Some(reason),
            } => Writer::new(DISABLE_CACHE, 0).field(reason.as_bytes()),
            Self::GetEnv {
                request,
                name,
                tracking,
            } => Writer::new(GET_ENV, *request)
                .field(name.as_bytes())
                .field(&tracking.encode()),
            Self::GetEnvs {
                request,
                selector,
                tracking,
            } => {
                let (tag, text) = selector.encode();
                Writer::new(GET_ENVS, *request)
                    .field(&tag)
                    .field(text)
                    .field(&tracking.encode())
            }
        }
        .finish()
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`ProtocolError::UnknownKind`] when a newer minor version may know it,
    /// [`ProtocolError::Malformed`] when no version does.
    pub fn decode(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload)?;
        let asks = matches!(reader.kind, GET_ENV | GET_ENVS);
        let message = match reader.kind {
            HELLO => decode_hello(&mut reader)?,
            IGNORE_INPUT => Self::IgnoreInput(path(&mut reader)?),
            IGNORE_OUTPUT => Self::IgnoreOutput(path(&mut reader)?),
            TRACK_INPUT => Self::TrackInput(path(&mut reader)?),
            TRACK_OUTPUT => Self::TrackOutput(path(&mut reader)?),
            TRACK_VALUE => Self::TrackValue {
                key: name(&mut reader)?,
                value: reader.bytes(MAX_FRAME)?,
            },
            DISABLE_CACHE => Self::DisableCache {
                reason: match reader.has_more() {
                    true => Some(reader.text(MAX_REASON)?),
                    false => None,
                },
            },
            GET_ENV => Self::GetEnv {
                request: reader.request,
                name: name(&mut reader)?,
                tracking: Tracking::decode(&mut reader)?,
            },
            GET_ENVS => Self::GetEnvs {
                request: reader.request,
                selector: EnvSelector::decode(&mut reader)?,
                tracking: Tracking::decode(&mut reader)?,
            },
            kind => {
                return Err(ProtocolError::UnknownKind {
                    kind,
                    request: reader.request,
                });
            }
        };
        reader.end()?;
        match (asks, reader.request) {
            (true, 0) => Err(reader.malformed("a request has no number")),
            (false, 1..) => Err(reader.malformed("a one-way message has a request number")),
            _ => Ok(message),
        }
    }
}

pub(crate) fn encode_version(version: Version) -> [u8; 4] {
    let [a, b] = version.major.to_le_bytes();
    let [c, d] = version.minor.to_le_bytes();
    [a, b, c, d]
}

pub(crate) fn decode_version(reader: &mut Reader<'_>) -> Result<Version, ProtocolError> {
    let [a, b, c, d] = reader.array::<4>()?;
    Ok(Version {
        major: u16::from_le_bytes([a, b]),
        minor: u16::from_le_bytes([c, d]),
    })
}

fn decode_hello(reader: &mut Reader<'_>) -> Result<Message, ProtocolError> {
    if reader.field()? != MAGIC {
        return Err(reader.malformed("it does not begin with `vt-ipc`"));
    }
    Ok(Message::Hello {
        version: decode_version(reader)?,
        token: Token::new(reader.array()?),
    })
}

fn path(reader: &mut Reader<'_>) -> Result<Vec<u8>, ProtocolError> {
    let path = reader.bytes(MAX_PATH)?;
    if path.first() != Some(&b'/') {
        return Err(reader.malformed("a path is not absolute"));
    }
    if path.contains(&0) {
        return Err(reader.malformed("a path holds a NUL"));
    }
    Ok(path)
}

fn name(reader: &mut Reader<'_>) -> Result<String, ProtocolError> {
    let name = reader.text(MAX_NAME)?;
    if name.is_empty() || name.contains('\0') {
        return Err(reader.malformed("a name is empty or holds a NUL"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        "[^\0]{1,20}"
    }

    fn tracking() -> impl Strategy<Value = Tracking> {
        prop_oneof![Just(Tracking::Tracked), Just(Tracking::Untracked)]
    }

    fn path() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(1u8.., 0..40).prop_map(|tail| [b"/".to_vec(), tail].concat())
    }

    fn message() -> impl Strategy<Value = Message> {
        let version = (any::<u16>(), any::<u16>());
        let value = prop::collection::vec(any::<u8>(), 0..40);
        let selector = prop_oneof![
            "[^\0]{0,20}".prop_map(EnvSelector::Glob),
            "[^\0]{0,20}".prop_map(EnvSelector::Prefix)
        ];
        prop_oneof![
            (version, any::<[u8; 16]>()).prop_map(|((major, minor), token)| Message::Hello {
                version: Version { major, minor },
                token: Token::new(token)
            }),
            path().prop_map(Message::IgnoreInput),
            path().prop_map(Message::IgnoreOutput),
            path().prop_map(Message::TrackInput),
            path().prop_map(Message::TrackOutput),
            (text(), value).prop_map(|(key, value)| Message::TrackValue { key, value }),
            prop::option::of(".{0,20}").prop_map(|reason| Message::DisableCache { reason }),
            (1u32.., text(), tracking()).prop_map(|(request, name, tracking)| Message::GetEnv {
                request,
                name,
                tracking
            }),
            (1u32.., selector, tracking()).prop_map(|(request, selector, tracking)| {
                Message::GetEnvs {
                    request,
                    selector,
                    tracking,
                }
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_message_round_trips(message in message()) {
            let bytes = message.encode();
            let read = Message::decode(&bytes).unwrap();
            prop_assert_eq!(read.encode(), bytes);
            prop_assert_eq!(
                std::mem::discriminant(&read),
                std::mem::discriminant(&message)
            );
        }

        #[test]
        fn what_is_accepted_has_one_spelling(payload in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(message) = Message::decode(&payload) {
                prop_assert_eq!(message.encode(), payload);
            }
        }

        #[test]
        fn a_damaged_message_is_accepted_in_one_spelling_or_refused(
            message in message(),
            position in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = message.encode();
            let position = position.index(bytes.len());
            bytes[position] = byte;
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(message.encode(), bytes);
            }
        }

        #[test]
        fn a_message_that_was_cut_is_refused(
            message in message(),
            end in any::<prop::sample::Index>(),
        ) {
            let bytes = message.encode();
            let cut = &bytes[..end.index(bytes.len())];
            // The reason of an opt-out is optional, so that one cut makes sense.
            let whole = matches!(Message::decode(cut), Ok(Message::DisableCache { reason: None }));
            prop_assert!(whole || Message::decode(cut).is_err());
        }
    }

    #[test]
    fn unknown_kinds_name_the_request_they_want_answered() {
        let payload = Writer::new(0x0777, 9).field(b"new").finish();
        assert_eq!(
            Message::decode(&payload).unwrap_err(),
            ProtocolError::UnknownKind {
                kind: 0x0777,
                request: 9
            }
        );
    }

    #[test]
    fn senseless_messages_are_refused() {
        let senseless = [
            Writer::new(IGNORE_INPUT, 0).field(b"relative"),
            Writer::new(IGNORE_INPUT, 0).field(b""),
            Writer::new(IGNORE_INPUT, 0).field(b"/a\0b"),
            Writer::new(IGNORE_INPUT, 0).field(&[b'/'; MAX_PATH + 1]),
            Writer::new(IGNORE_INPUT, 1).field(b"/a"),
            Writer::new(IGNORE_INPUT, 0).field(b"/a").field(b"/b"),
            Writer::new(GET_ENV, 0).field(b"A").field(&[1]),
            Writer::new(GET_ENV, 1).field(b"A").field(&[2]),
            Writer::new(GET_ENV, 1).field(b"").field(&[1]),
            Writer::new(GET_ENV, 1).field(b"\xff").field(&[1]),
            Writer::new(GET_ENV, 1)
                .field(&[b'A'; MAX_NAME + 1])
                .field(&[1]),
            Writer::new(GET_ENVS, 1).field(&[2]).field(b"A").field(&[1]),
            Writer::new(HELLO, 0).field(b"http"),
        ];
        for writer in senseless {
            let payload = writer.finish();
            assert!(Message::decode(&payload).is_err(), "{payload:?}");
        }
    }

    #[test]
    fn the_documented_example_is_what_is_sent() {
        let hex = |payload: &[u8]| {
            let bytes = crate::frame(payload).unwrap();
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            digits.join(" ")
        };
        let question = Message::GetEnv {
            request: 7,
            name: "CI".to_owned(),
            tracking: Tracking::Tracked,
        };
        let answer = crate::Reply::Env {
            request: 7,
            value: Some(b"1".to_vec()),
        };
        let page = include_str!("../../../docs/formats/ipc.md").replace("   ", " ");
        assert!(page.contains(&hex(&question.encode())));
        assert!(page.contains(&hex(&answer.encode())));
    }
}
