//! The vocabulary of accesses that every tier of the tracker shares.
//!
//! No allocation, no system call, no knowledge of who listens: these words travel between
//! whatever watches a process tree and whatever makes sense of what was seen.

#![no_std]
#![forbid(unsafe_code)]

mod access;
mod blindness;
mod state;

pub use access::{Access, Change, Creation, Event, Look, Looks, Order, StartDigest};
pub use blindness::Blindness;
pub use state::{Identity, Kind, State};
