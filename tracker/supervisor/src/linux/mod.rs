//! x86-64 Linux: seccomp user notification.

mod call;
mod channel;
mod control;
mod digest;
mod filter;
mod handlers;
mod install;
mod listener;
mod memory;
mod note;
mod place;
mod recorder;
mod resolve;
mod survivors;
mod table;
mod thread;
mod tracee;

pub use control::Watching;
pub use survivors::{Survivors, keep_answering};
pub use thread::watch;
