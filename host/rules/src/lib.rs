//! Loads rule components, asks them, validates their answers.
//!
//! A rule component knows a tool: where it keeps its private files, which variables shape its
//! output, when its wish not to be cached means nothing. It is asked one question and answers by
//! statements, each of which is checked as hostile. Nothing here reads a file or a variable: what a
//! component may see is read by the caller and handed over in a [`Question`].
//!
//! The usual order is [`built_in`] → [`Component::speaks_for`] → [`Component::needs`] →
//! [`Question::memo_key`] → on a memo miss [`Host::judge`] → [`validate`].
#![forbid(unsafe_code)]

mod answer;
#[cfg(test)]
mod boundaries;
mod built_in;
mod claim;
mod closed_wasi;
mod directive;
mod engine;
mod error;
mod excuse;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod hostile;
mod limits;
mod load;
mod manifest;
#[cfg(test)]
mod mutations;
mod outline;
mod precompile;
mod question;
mod signature;
mod since_0_1_0;
mod static_rule;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod wasi_doors;

pub use answer::validate;
pub use built_in::{built_in, built_in_names};
pub use claim::Claim;
pub use directive::{Answer, Directive};
pub use engine::{Host, Measured};
pub use error::{Failure, RulesError};
pub use limits::FUEL;
pub use load::Component;
pub use manifest::{Matches, Needs};
pub use outline::{MAX_COMPONENT, Outline};
pub use precompile::precompile_built_ins;
pub use question::{PackageFacts, Question};
pub use signature::{MAX_SIGNATURE, message as signed_message, publisher};
pub use static_rule::StaticRule;
pub use vt_precompiled::{Precompiled, Writes, carries_components};
