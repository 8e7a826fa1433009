//! Compares what the tracker reports of a command with what `strace` saw of it.
//!
//! [`strace`] reads the log of the one, [`oracle`] works out of it what the other should have
//! reported, [`compare`] says where they differ. [`room`] prepares what a command finds, and
//! [`runtimes`] the programs that go through the rows of the matrix.
//!
//! `VT_CONFORMANCE_ROW=name` runs one row alone; with `VT_CONFORMANCE_REQUIRE=all` a runtime that is
//! not installed is a failure instead of a comparison that is visibly left out.
//!
//! The oracle shares no code with the tracker: it resolves names in a model of the tree that it
//! keeps up to date from the results of the calls, where the tracker looks at the disk before the
//! calls are made.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

pub mod allow;
pub mod compare;
pub mod expected;
mod meaning;
pub mod oracle;
pub mod ordinary;
mod process;
pub mod resolve;
pub mod room;
pub mod runtimes;
mod scratch;
pub mod strace;
mod table;
pub mod tree;
pub mod trial;
pub mod world;
