//! What a cooperating tool links: tells the runner what it knows, and is silent without one.
//!
//! A task runner watches which files a tool reads and writes. The tool often knows better: that a
//! directory is its own cache, that an environment variable it was not given would change the
//! result, that this run is a server and has no result. [`Client`] says so.
//!
//! Calls block. Those that only tell something return once the bytes are with the kernel, and
//! what was told counts even if the process exits right away. Without a runner there is no client,
//! and nothing is to be done:
//!
//! ```
//! use vt_client::{Client, Tracking};
//!
//! # fn main() -> Result<(), vt_client::ClientError> {
//! let runner = Client::connect()?;
//! if let Some(runner) = &runner {
//!     runner.ignore_input("node_modules/.my-tool")?;
//!     runner.ignore_output("node_modules/.my-tool")?;
//! }
//!
//! // A variable that the step did not declare is not in the tool's own environment.
//! let mode = match &runner {
//!     Some(runner) => runner.get_env("MY_TOOL_MODE", Tracking::Tracked)?,
//!     None => std::env::var_os("MY_TOOL_MODE"),
//! };
//! # assert_eq!(mode, None);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Client`] may be shared between threads. After a fork it makes a connection of its own.
#![forbid(unsafe_code)]

mod channel;
mod client;
mod error;

pub use client::Client;
pub use error::ClientError;
pub use vt_protocol::{ENDPOINT_VARIABLE, EnvSelector, Tracking};
