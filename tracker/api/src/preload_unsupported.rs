//! Systems for which there is no preload.

use std::io;
use std::path::PathBuf;

/// There is none.
///
/// # Errors
/// Always.
pub(crate) fn library() -> io::Result<PathBuf> {
    Err(io::ErrorKind::Unsupported.into())
}
