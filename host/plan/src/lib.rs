//! Turns a project and a request into an ordered plan of invocations.
//!
//! Pure: what a task means is decided here, from values alone. Nothing is spawned, no file is
//! read, and the cache is not asked.
#![forbid(unsafe_code)]

mod command;
mod env;
mod error;
mod filter;
mod graph;
mod join;
mod nested;
mod plan;
mod request;
mod select;
mod shell;
mod split;
mod words;

pub use env::{CI_PRESENCE, StepEnvironment, step_environment};
pub use error::PlanError;
pub use filter::Filter;
pub use join::{Join, JoinedPlan, command_name, join};
pub use plan::{Plan, PlannedStep, missing_commit, plan};
pub use request::{
    CacheRequest, Changes, DependsOn, NoMatch, Ordering, Request, Scope, Selection, TaskTarget,
};
pub use select::{packages_in, unmatched_filters};
