//! Ordered accesses in, the state of each path and an honest completeness out.
//!
//! Pure: it makes no system call and does not know where accesses come from, nor what a caller
//! concludes from a history.

#![forbid(unsafe_code)]

mod builder;
mod history;
mod service;
mod trace;

pub use builder::TraceBuilder;
pub use history::{PathHistory, Seen};
pub use service::{Address, Service};
pub use trace::{Completeness, Executed, Trace};
pub use vt_tracker_abi::{Blindness, Change, Creation, Identity, Kind, StartDigest, State, Tier};
