//! Everything again, with a tracer instead of a listener.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(
    clippy::duplicate_mod,
    reason = "each of the others is whole by itself, with what supports it"
)]

#[path = "demand.rs"]
mod demand;
#[path = "directories.rs"]
mod directories;
#[path = "nested.rs"]
mod nested;
#[path = "processes.rs"]
mod processes;
#[path = "services.rs"]
mod services;
#[path = "stories.rs"]
mod stories;
#[path = "trees.rs"]
mod trees;
