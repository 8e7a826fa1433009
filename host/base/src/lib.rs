//! The words every crate of `vt` uses: paths, digests, ids, invocations.
//!
//! No I/O and no async. What is stored or hashed goes through [`RelPath`], [`Digest`] and
//! [`StableHasher`]; nothing here depends on where the workspace lies.
#![forbid(unsafe_code)]

mod digest;
mod env;
mod env_class;
mod id;
mod invocation;
mod path;
mod portable;
mod stable_hash;

pub use digest::Digest;
pub use env::{ClassedEnv, EnvMap, EnvPattern, EnvPatterns, OuterEnv, Variable};
pub use env_class::{ENV_NAMES, EnvClass, EnvNames};
pub use id::StepId;
pub use invocation::{
    CachePolicy, Declared, FilePolicy, GlobRule, Invocation, Program, Sign, Toolchain,
    WrittenPattern,
};
pub use path::{AbsPath, PathError, RelPath};
pub use portable::Portable;
pub use stable_hash::StableHasher;
