//! Turns a project and a request into an ordered plan of invocations.
//!
//! Pure: what a task means is decided here, from values alone. Nothing is spawned, no file is
//! read, and the cache is not asked.
#![forbid(unsafe_code)]

mod command;
mod counted;
mod env;
mod error;
mod filter;
mod graph;
mod join;
mod nested;
mod plan;
mod request;
mod scripts;
mod select;
mod shell;
mod split;
mod words;

pub use counted::counted;
pub use env::{Around, Standing, StepEnvironment, step_environment};
pub use error::PlanError;
pub use filter::Filter;
pub use join::{Join, JoinedPlan, command_name, join};
pub use plan::{Plan, PlannedStep, missing_commit, plan};
pub use request::{
    CacheRequest, Changes, DependsOn, NoMatch, Ordering, Request, Scope, Selection, TaskTarget,
};
pub use scripts::{Language, ScriptFile, ScriptText, script_files};
pub use select::{packages_in, unmatched_filters};
