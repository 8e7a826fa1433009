//! How a run is shown: while it goes on, and as data afterwards.

mod colour;
mod interleaved;
pub(crate) mod summary;
mod wording;

pub(crate) use interleaved::Reporter;
