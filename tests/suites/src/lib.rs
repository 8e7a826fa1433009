//! The black-box suites live in `tests/`; here is only what several of them share.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// Root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("suites lie two folders deep")
        .to_path_buf()
}

/// A folder of `examples/`.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    repository().join("examples").join(name)
}
