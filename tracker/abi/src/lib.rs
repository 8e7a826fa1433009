//! The vocabulary of accesses that every tier of the tracker shares.
//!
//! No allocation, no system call, no knowledge of who listens: these words travel between
//! whatever watches a process tree and whatever makes sense of what was seen.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod access;
mod asked;
mod blindness;
pub mod demand;
mod endpoint;
mod hash;
mod service;
mod shared;
mod state;
mod tier;

pub use access::{Access, Change, Creation, Event, Look, Looks, Order, StartDigest};
pub use asked::Asked;
pub use blindness::{Blindness, Told};
pub use endpoint::{Endpoint, Place, REQUEST, VARIABLE};
pub use hash::{PathHasher, PathHashing, in_path_order};
pub use service::ServiceAddress;
pub use shared::{
    Claim, Found, GATE, GATE_CODE, GATE_RETURN, Intent, LONGEST_TEXT, MAGIC, Operation, Outcome,
    Recalled, Record, Rough, SLOTS, Shared, Tag,
};
pub use state::{Identity, Kind, State};
pub use tier::{Tier, Tiers};
