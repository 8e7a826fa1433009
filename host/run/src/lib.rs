//! The life of a task: look up, bring back or run, watch, seal, record.
//!
//! The only crate that knows everybody below it. What happens is told as [`Event`]s, one way;
//! whoever listens can't change an outcome. Nothing here prints, reads the environment of the
//! process or its current directory: those come in as [`World`].
#![forbid(unsafe_code)]

mod cancel;
mod context;
mod dispatch;
mod error;
mod event;
mod forecast;
mod inventory;
mod join;
mod lookup;
mod observe;
mod order;
mod output;
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
mod settled;
mod spawn;
mod sweep;
mod task;
mod tree;
mod upkeep;
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
    PluginError, grants, look_at_plugins, pin_plugins,
};
pub use sweep::Limits;
pub use upkeep::{CacheInfo, Cleaned, Collected, TaskUse, cache_clean, cache_collect, cache_info};
pub use verify::{CacheDamage, Verified, cache_verify};
pub use vt_fingerprint::{NotStored, Why};
pub use watch::{Watcher, Woken};
pub use world::{
    EnvironmentNames, Freshness, Interrupts, OnFailure, PluginWorld, RunRequest, Terminal,
    TerminalSize, World, cache_directory,
};

/// The names of the rule plugins that travel with `vt`.
#[must_use]
pub fn built_in_plugins() -> Vec<String> {
    vt_rules::built_in()
        .iter()
        .map(|component| component.id().to_owned())
        .collect()
}
