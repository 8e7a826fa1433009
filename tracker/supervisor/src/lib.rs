//! The seccomp filter, its installation in the child, and the thread that answers it.
//!
//! A filter inherited by the whole process tree stops every call that names a path and tells this
//! crate's thread, which notes what the call is about to do and lets it go on. Nothing is ever
//! denied or changed, but for `io_uring`, which would escape the filter. What cannot be followed
//! is reported as a reason for blindness; it never disturbs the tree.
//!
//! Where the kernel refuses a listener, the thread traces the tree, and the same filter stops the
//! calls for the tracer. Where both are refused, the command runs as it is. It never fails because
//! it could not be watched.
//!
//! What an access means for a path is the business of whoever implements [`Sink`].

mod sink;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "linux/mod.rs"]
mod system;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[path = "unsupported.rs"]
mod system;

pub use sink::{Options, Sink};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[doc(hidden)]
pub use system::reported_calls;
pub use system::{Survivors, Watching, demand_above, tell_demanded, watch};
