//! What the variable says that every process of a tree finds in its environment.
//!
//! `<process>/<descriptor>/<token>/<session>` is where the shared memory is: open in that process by
//! that number. The numbers are decimal, the token is two words of 16 hexadecimal digits.
//! `/<process>/<descriptor>` may follow, where the variables on demand are. Then come the names that are
//! not asked for any more, because a process has set or taken away the variable itself: each after a `=`,
//! which is part of no name.

use core::fmt::{self, Display, Formatter};

/// The name of the variable.
pub const VARIABLE: &str = "VT_TRACKER";

/// What every name starts with by whose opening a process asks something of the supervisor. The version
/// covers the requests, and how it is told what a session saw.
pub const REQUEST: &str = "/.vt-tracker/2/";

/// A file that is open in some process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The number of the process.
    pub process: u32,
    /// The number of the file in it.
    pub descriptor: u32,
}

/// What the variable says of the tracker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Where the shared memory is.
    pub memory: Place,
    /// What only the processes of the tree know.
    pub token: [u64; 2],
    /// The session of the process; 0 is the tree's own.
    pub session: u32,
    /// Where the variables on demand are. Without it there are none.
    pub demand: Option<Place>,
}

impl Endpoint {
    /// Reads the value of the variable, whatever names follow.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = value
            .split(|byte| *byte == b'=')
            .next()?
            .split(|byte| *byte == b'/');
        let mut number = || decimal(parts.next()?);
        let memory = Place {
            process: number()?,
            descriptor: number()?,
        };
        let (first, second) = parts.next()?.split_at_checked(16)?;
        let token = [hexadecimal(first)?, hexadecimal(second)?];
        let session = decimal(parts.next()?)?;
        let demand = match parts.next() {
            None => None,
            Some(process) => Some(Place {
                process: decimal(process)?,
                descriptor: decimal(parts.next()?)?,
            }),
        };
        parts.next().is_none().then_some(Self {
            memory,
            token,
            session,
            demand,
        })
    }

    /// Whether the value of the variable says of a name that it is not asked for any more.
    #[must_use]
    pub fn is_ended(value: &[u8], name: &[u8]) -> bool {
        let mut parts = value.split(|byte| *byte == b'=').skip(1);
        parts.any(|part| part == name)
    }
}

impl Display for Endpoint {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Place {
            process,
            descriptor,
        } = self.memory;
        let ([first, second], session) = (self.token, self.session);
        write!(
            formatter,
            "{process}/{descriptor}/{first:016x}{second:016x}/{session}"
        )?;
        match self.demand {
            None => Ok(()),
            Some(Place {
                process,
                descriptor,
            }) => write!(formatter, "/{process}/{descriptor}"),
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(digit.into())
    })
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.len() != 16 {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: Endpoint = Endpoint {
        memory: Place {
            process: 123,
            descriptor: 45,
        },
        token: [0xab, u64::MAX],
        session: 6,
        demand: None,
    };

    #[test]
    fn it_is_read_as_it_is_written() {
        let demand = Some(Place {
            process: 7,
            descriptor: 8,
        });
        for endpoint in [ENDPOINT, Endpoint { demand, ..ENDPOINT }] {
            let mut value = endpoint.to_string();
            assert_eq!(Endpoint::parse(value.as_bytes()), Some(endpoint));
            value.push_str("=A=B/1");
            assert_eq!(Endpoint::parse(value.as_bytes()), Some(endpoint));
        }
    }

    #[test]
    fn anything_else_is_none() {
        let token = "0".repeat(32);
        for value in [
            String::new(),
            "1/2".to_owned(),
            format!("1/2/{token}"),
            format!("1/2/{token}/"),
            format!("1/2/{token}/3/4"),
            format!("1/2/{token}/3/4/"),
            format!("1/2/{token}/3/4/5/6"),
            format!("-1/2/{token}/3"),
            format!("1/x/{token}/3"),
            format!("/2/{token}/3"),
            format!("4294967296/2/{token}/3"),
            format!("1/2/{}/3", &token[1..]),
            format!("1/2/{token}0/3"),
            format!("1/2/{}G/3", &token[1..]),
            format!("1/2/{}A/3", &token[1..]),
            format!("1/2/{token}=/3"),
        ] {
            assert_eq!(Endpoint::parse(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn names_are_told_by_their_whole_text() {
        let is_ended = |value: &str| Endpoint::is_ended(value.as_bytes(), b"A");
        for value in ["1/2=A", "1/2=B=A", "1/2=A=B"] {
            assert!(is_ended(value), "{value}");
        }
        for value in ["1/2", "1/2=AB", "1/2=B", "1/2=BA=AA", "A", "A=B"] {
            assert!(!is_ended(value), "{value}");
        }
    }
}
