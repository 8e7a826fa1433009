//! Finds the workspace and reads what people wrote about their tasks.
//!
//! The result is a [`Project`] that cannot be wrong: names resolve, globs are relative to the
//! workspace root, and every mistake of every file has been reported at once as
//! [`ConfigErrors`]. Reads files and directories, and nothing else of the machine;
//! what only a program can say is asked for by whoever calls.
#![forbid(unsafe_code)]

mod dependencies;
mod discover;
mod error;
mod folder;
mod glob;
mod keys;
mod link;
mod load;
mod manifest;
mod members;
mod pattern;
mod plugins;
mod policy;
mod project;
mod quantity;
mod quick_manifest;
mod range;
mod raw;
mod reader;
mod rules;
#[cfg(test)]
mod schema;
mod script;
mod source;
mod start;
mod suggest;
mod validate;

pub use dependencies::Dependencies;
pub use error::{ConfigError, ConfigErrors, Problem};
pub use load::{load, load_with};
pub use plugins::{PluginEntry, PluginSource};
pub use policy::{DIRECTIVES, Policy, Ruled, Who, load_policy};
pub use project::{
    DependencyKind, DependencyKinds, Origin, Package, PackageDependency, Position, Project,
    Settings, Switch, Task, TaskReference, TaskSource,
};
pub use rules::{Rule, Statement};
pub use script::{Answer, Script, Scripts};
pub use start::{StartingFile, starting_files};
pub use suggest::suggest;
