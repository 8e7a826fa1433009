//! Runs a command and reports every path its process tree touched.
//!
//! [`spawn`] starts it, [`TrackedChild::wait`] gives the [`Trace`]. Tracking never makes a command
//! fail: where it can't be done, the command runs as it is and [`Trace::completeness`] says why.
//!
//! Knows nothing of what accesses are good for.

mod child;
mod killer;
mod options;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod preload;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[path = "preload_unsupported.rs"]
mod preload;
mod spawn;

pub use child::{Tracked, TrackedChild};
pub use killer::Killer;
pub use options::{Environment, Options};
pub use spawn::spawn;
pub use vt_tracker_abi::Tiers;
pub use vt_tracker_model::{
    Address, Blindness, Change, Completeness, Executed, Identity, Kind, PathHistory, Seen, Service,
    StartDigest, State, Tier, Trace,
};
pub use vt_tracker_supervisor::{Survivors, demand_above, tell_demanded};
