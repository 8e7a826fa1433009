//! The life of a task: look up, bring back or run, watch, seal, record.
//!
//! The only crate that knows everybody below it. What happens is told as [`Event`]s, one way;
//! whoever listens can't change an outcome. Nothing here prints, reads the environment of the
//! process or its current directory: those come in as [`World`].
#![forbid(unsafe_code)]

mod at_once;
mod cancel;
mod clocks;
mod context;
mod directives;
mod dispatch;
mod error;
mod event;
mod forecast;
mod glimpse;
mod inventory;
mod join;
mod lookup;
mod memory;
mod moment;
mod observe;
mod order;
mod output;
mod package_manager;
mod picture;
mod place;
mod plugins;
mod quick;
mod record;
mod records;
mod renewal;
mod replay;
mod rules;
mod said;
mod seal;
mod services;
mod settled;
mod spawn;
mod sweep;
mod task;
mod temporary;
mod tree;
mod upkeep;
mod variables;
mod verify;
mod watch;
mod workers;
mod world;

pub use dispatch::{Finished, run};
pub use error::RunError;
pub use event::{Event, PathSetName, Status, StepOutcome, Stream, Verdict};
pub use forecast::{Forecast, StepForecast, forecast};
pub use plugins::{
    Accept, Capabilities, Denied, Grant, Loaded, LockMode, Pin, Pinned, Pinning, Place,
    PluginError, Speaker, SpeakerKind, grants, last_fuel, look_at_plugins, offline, pin_plugins,
};
pub use sweep::Limits;
pub use upkeep::{CacheInfo, Cleaned, Collected, TaskUse, cache_clean, cache_collect, cache_info};
pub use variables::demand_above;
pub use verify::{CacheDamage, Verified, cache_verify};
pub use vt_fingerprint::{NotStored, Why};
pub use watch::{Watcher, Woken};
pub use world::{
    EnvironmentNames, Freshness, Interrupts, OnFailure, PluginWorld, RunRequest, Screens, Terminal,
    TerminalSize, World, cache_directory,
};

/// How much fuel a rule plugin may use for an answer.
pub const PLUGIN_FUEL: u64 = vt_rules::FUEL;

/// Whether the rule plugins that travel with `vt` were compiled when it was built.
#[must_use]
pub fn travels_compiled() -> bool {
    vt_rules::carries_components()
}

/// The compiled code of these, for a build that is to travel with it.
///
/// # Errors
/// When this machine can't compile them; a text that says why.
pub fn precompile_built_ins() -> Result<Vec<u8>, String> {
    vt_rules::precompile_built_ins().map_err(|error| context::chain(&error))
}

/// The names of the rule plugins that travel with `vt`.
#[must_use]
pub fn built_in_plugins() -> Vec<String> {
    vt_rules::built_in_names().map(str::to_owned).collect()
}
