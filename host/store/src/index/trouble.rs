//! Calls into redb, with what goes wrong there sorted by what to do about it.

use std::io;

use crate::panics::guarded;

/// What redb said, sorted by what to do about it.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The writer before was killed: opening for writing puts it right.
    NeedsRepair,
    Damaged(String),
    Newer(u64),
    Busy,
    Io(io::Error),
}

impl From<redb::Error> for Trouble {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::RepairAborted => Self::NeedsRepair,
            redb::Error::DatabaseAlreadyOpen => Self::Busy,
            redb::Error::Io(error) => match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                    Self::Damaged(error.to_string())
                }
                _ => Self::Io(error),
            },
            error @ (redb::Error::PreviousIo | redb::Error::ValueTooLarge(_)) => {
                Self::Io(io::Error::other(error.to_string()))
            }
            error => Self::Damaged(error.to_string()),
        }
    }
}

impl Trouble {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Damaged(why) => why.clone(),
            Self::Io(error) => error.to_string(),
            Self::NeedsRepair => "it needs repair".to_owned(),
            Self::Busy => "it is in use".to_owned(),
            Self::Newer(format) => format!("it has format {format}"),
        }
    }
}

/// Calls into redb: errors are sorted, a panic is damage.
pub(super) fn call<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Trouble> {
    match guarded(work) {
        Ok(result) => result.map_err(Trouble::from),
        Err(panic) => Err(Trouble::Damaged(panic)),
    }
}
