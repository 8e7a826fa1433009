//! The per-step server that turns client messages into a sealed report.
//!
//! A cooperating tool connects to the endpoint of its step, says what it knows and asks for
//! variables it was not given. [`Server`] collects that; what a report does to an entry is decided
//! elsewhere. The bytes on the wire are documented in `docs/formats/ipc.md`.
//!
//! The one invariant: whatever clients do, [`Server::finish`] returns in bounded time, and
//! anything that was not understood is in [`Reports::failure`], so that the run is not stored.
#![forbid(unsafe_code)]

mod connection;
mod error;
mod listen;
mod node_client;
mod paths;
mod query;
mod recorder;
mod reports;
mod serve;
mod server;

pub use error::IpcError;
pub use node_client::materialise_node_client;
pub use query::{EnvQuery, counts_among_all};
pub use reports::{Hint, OptOut, Refused, Reports, Trespass};
pub use server::{Options, Server};
pub use vt_protocol::ENDPOINT_VARIABLE;
