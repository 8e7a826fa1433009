//! Hashes what was observed, compares then with now, and says why they differ.
//!
//! A run is described by [`Observation`]; [`seal`] decides from it and from the disk what was
//! input, what was output, and whether the run may be stored at all. A look-up asks
//! [`compare`] whether the states an entry was recorded under hold now. Nothing here opens the
//! store, runs a process or words a message.
#![forbid(unsafe_code)]

mod classify;
mod compare;
mod conduct;
mod disk;
mod env;
mod expand;
mod file_names;
mod git;
mod glance;
mod globs;
mod item;
mod key;
mod ledger;
mod observed;
mod outside;
mod portable;
mod programs;
mod redact;
mod rows;
mod seal;
mod why;

pub use compare::{
    Comparison, Covered, Look, Reasons, Recorded, compare, compare_recorded, covering,
};
pub use conduct::{Conduct, Fate, Fates, Met, Nature};
pub use disk::Disk;
pub use env::{EnvQueryKind, EnvSnapshot, Keyed, Secret, Variables};
pub use expand::{Links, Match, expand, matches_anything};
pub use file_names::FileNames;
pub use git::{IndexNames, index_names, repository_index};
pub use globs::{Filter, GlobError, Globs, PathRules};
pub use item::{EntryStates, Item, Listed, NodeKind, PathSet, State};
pub use key::{DeclaredEnv, WeakParts};
pub use ledger::{Ledger, LedgerRow};
pub use observed::{Change, ChangeKind, Observation, PathFacts, Seen, StartBytes, StateSeen};
pub use outside::{Outside, OutsideFacts, in_repository, is_temporary};
pub use rows::{StatRow, StatRows, now_ns};
pub use seal::{MemoryUse, ResultPath, SealRequest, Sealed, seal};
pub use why::{NotStored, Why};
