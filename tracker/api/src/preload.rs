//! The preload library.

use std::io;
use std::path::PathBuf;

pub(crate) fn library() -> io::Result<PathBuf> {
    Err(io::ErrorKind::Unsupported.into())
}
