//! Where a step's server listens, and the secret that opens it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use crate::ProtocolError;

/// The 128-bit secret of one server.
///
/// It has no `PartialEq`, since comparing it with `==` would tell by its duration how much of a
/// guess is right.
#[derive(Clone)]
pub struct Token([u8; Self::LENGTH]);

impl Token {
    /// How many bytes a token has.
    pub const LENGTH: usize = 16;

    /// Takes random bytes as a token.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a hello.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Whether two tokens are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let difference = self
            .0
            .iter()
            .zip(&other.0)
            .fold(0, |difference, (mine, theirs)| difference | (mine ^ theirs));
        std::hint::black_box(difference) == 0
    }

    fn from_hex(digits: &[u8]) -> Option<Self> {
        if digits.len() != Self::LENGTH * 2 {
            return None;
        }
        let mut bytes = [0; Self::LENGTH];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

/// What the variable [`ENDPOINT_VARIABLE`](crate::ENDPOINT_VARIABLE) holds:
/// `<absolute socket path>:<32 lower-case hexadecimal digits>`.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The socket file.
    pub socket: PathBuf,
    /// What the hello must carry.
    pub token: Token,
}

impl Endpoint {
    /// Reads the value of the variable. The path may hold colons and need not be UTF-8.
    ///
    /// # Errors
    /// When the text has another shape.
    pub fn parse(text: &OsStr) -> Result<Self, ProtocolError> {
        let bytes = text.as_bytes();
        let colon = bytes
            .iter()
            .rposition(|byte| *byte == b':')
            .ok_or(ProtocolError::BadEndpoint)?;
        let (socket, token) = bytes.split_at(colon);
        let token = token.get(1..).and_then(Token::from_hex);
        match token {
            Some(token) if socket.first() == Some(&b'/') => Ok(Self {
                socket: PathBuf::from(OsStr::from_bytes(socket)),
                token,
            }),
            _ => Err(ProtocolError::BadEndpoint),
        }
    }

    /// The value for the variable.
    #[must_use]
    pub fn to_os_string(&self) -> OsString {
        let mut text = self.socket.as_os_str().as_bytes().to_vec();
        text.push(b':');
        for byte in self.token.as_bytes() {
            text.extend(format!("{byte:02x}").into_bytes());
        }
        OsString::from_vec(text)
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_endpoint_round_trips(
            path in prop::collection::vec(1u8.., 0..60),
            token in any::<[u8; Token::LENGTH]>(),
        ) {
            let socket = PathBuf::from(OsString::from_vec([b"/".to_vec(), path].concat()));
            let endpoint = Endpoint { socket, token: Token::new(token) };
            let read = Endpoint::parse(&endpoint.to_os_string()).unwrap();
            prop_assert_eq!(&read.socket, &endpoint.socket);
            prop_assert!(read.token.is_same(&endpoint.token));
        }

        #[test]
        fn any_text_is_an_endpoint_or_an_error(text in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Endpoint::parse(OsStr::from_bytes(&text));
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let token = "0123456789abcdef0123456789abcdef";
        for text in [
            String::new(),
            token.to_owned(),
            format!("relative:{token}"),
            format!("/socket:{}", token.to_uppercase()),
            format!("/socket:{token}0"),
            "/socket:".to_owned(),
        ] {
            assert!(Endpoint::parse(OsStr::new(&text)).is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_differ_wherever_they_differ() {
        let token = Token::new([7; 16]);
        for position in 0..Token::LENGTH {
            let mut bytes = [7; 16];
            bytes[position] = 6;
            assert!(!token.is_same(&Token::new(bytes)));
        }
        assert!(token.is_same(&token.clone()));
        assert_eq!(format!("{token:?}"), "Token(..)");
    }
}
