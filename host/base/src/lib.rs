//! The words every crate of `vt` uses: paths, digests, ids, invocations.
//!
//! No I/O and no async. What is stored or hashed goes through [`RelPath`], [`Digest`] and
//! [`StableHasher`]; nothing here depends on where the workspace lies.
#![forbid(unsafe_code)]

mod digest;
mod env;
mod id;
mod invocation;
mod path;
mod stable_hash;

pub use digest::Digest;
pub use env::{EnvMap, EnvPattern, EnvPatterns};
pub use id::StepId;
pub use invocation::{
    CachePolicy, Declared, FilePolicy, GlobRule, Invocation, Program, Sign, Toolchain,
    WrittenPattern,
};
pub use path::{AbsPath, PathError, RelPath};
pub use stable_hash::StableHasher;
