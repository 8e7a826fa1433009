//! x86-64 Linux: seccomp user notification.

mod attached;
mod call;
mod channel;
mod control;
mod credentials;
mod dialogue;
mod digest;
mod elf;
mod filter;
mod handlers;
mod install;
mod keeper;
mod listener;
mod mapping;
mod membership;
mod memory;
mod note;
mod place;
mod reader;
mod recorder;
mod recorders;
mod resolve;
mod survivors;
mod table;
mod thread;
mod tracee;
mod unloading;
mod unsettled;
mod watch;
mod wire;
mod written;

pub use control::Watching;
pub use survivors::Survivors;
pub use table::reported_calls;
pub use thread::watch;
