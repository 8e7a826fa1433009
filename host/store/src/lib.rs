//! Keeps entries and gives them back: a redb index and tar.zst blobs.
//!
//! Keys and values are bytes here and nobody in this crate knows what they mean. What it does
//! know: a value is given back whole or not at all, a blob is durable before the index can name
//! it, and a restore is finished or undone, never half done. `docs/formats/cache.md` has the bytes.
//!
//! A look-up writes nothing: not when the store is opened, not when a snapshot is read.
#![forbid(unsafe_code)]

mod archive;
mod beneath;
mod blob;
mod error;
mod failpoint;
mod fold;
mod guard;
mod identity;
mod index;
mod journal;
mod lock;
mod manifest;
mod mention;
mod pack;
mod panics;
mod place;
mod plan;
mod record;
mod restore;
mod store;
mod swap;
mod sweep;
mod unpack;
mod used;

#[cfg(test)]
mod tests;

pub use error::{Damage, Refusal, StoreError};
#[cfg(all(debug_assertions, not(test)))]
pub use failpoint::die_at;
pub use failpoint::{Point, reach};
pub use identity::{Judged, Judgement};
pub use index::{Compacted, Snapshot, Writer, Written};
pub use lock::StepLock;
pub use manifest::{Manifest, ManifestEntry, ManifestKind};
pub use mention::{Border, Seeker, Sought};
pub use pack::Packed;
pub use panics::silence_guarded_panics;
pub use place::differs;
pub use record::{Merge, Table};
pub use restore::Restored;
pub use store::{Notice, Store};
pub use sweep::Swept;
