//! What a run is told about the world outside, once, as values.

use std::time::Duration;

use vt_base::{AbsPath, EnvMap};
use vt_config::Project;
use vt_plan::Request;

/// The names of the environment variables that steps are given. They live with whoever reads the
/// environment; this is how they come in.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentNames {
    /// Set to `1` for every step.
    pub run: &'static str,
    /// The endpoint and token of the step's server.
    pub ipc: &'static str,
    /// The path of the loadable Node client.
    pub node_client: &'static str,
    /// The directory `vt` was invoked in.
    pub init_cwd: &'static str,
    /// Names that another runner's channel may have left, and that steps must not inherit.
    pub scrub: &'static [&'static str],
}

/// What only the process itself knows.
#[derive(Clone, Debug)]
pub struct World {
    /// The environment of the process.
    pub env: EnvMap,
    /// The names that steps are given.
    pub names: EnvironmentNames,
    /// The directory of invocation.
    pub current_dir: AbsPath,
    /// The home directory of the user.
    pub home: Option<AbsPath>,
    /// Where temporary files go.
    pub temp_dir: AbsPath,
    /// Where the user's caches lie, besides `.cache` of the home directory.
    pub user_cache: Option<AbsPath>,
    /// Where the cache of `vt` lies, if the user says so.
    pub cache_dir: Option<AbsPath>,
    /// How many threads may digest files.
    pub threads: usize,
}

/// Whether entries may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// Bring back what has not changed.
    UseEntries,
    /// Run everything and store anew.
    Force,
}

/// One run of a task and of what it depends on.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// What to run.
    pub target: Request,
    /// Whether entries may be used.
    pub freshness: Freshness,
    /// How many steps may run at once.
    pub concurrency: usize,
    /// How long a step's descendants may outlive it before the trace is given up.
    pub grace: Duration,
}

/// Where the cache of a project lies: where the user says, else where the configuration says,
/// else with the other caches below `node_modules`, else in `.vt`.
#[must_use]
pub fn cache_directory(project: &Project, user: Option<&AbsPath>) -> AbsPath {
    if let Some(directory) = user.or(project.settings.cache_dir.as_ref()) {
        return directory.clone();
    }
    let modules = project.root.join("node_modules");
    if modules.as_path().is_dir() {
        modules.join(".cache/vt")
    } else {
        project.root.join(".vt/cache")
    }
}
