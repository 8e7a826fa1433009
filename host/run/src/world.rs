//! What a run is told about the world outside, once, as values.

use std::time::Duration;

use vt_base::{AbsPath, EnvMap};
use vt_config::Project;
use vt_plan::Request;

use crate::event::Stream;
use crate::plugins::LockMode;

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
    /// What a run around this one answers on demand.
    pub above: EnvMap,
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
    /// The terminals that output ends up on.
    pub screens: Screens,
    /// Who passes interrupts on.
    pub interrupts: Interrupts,
    /// What decides about rule plugins besides the workspace.
    pub plugins: PluginWorld,
}

/// What decides about rule plugins besides the workspace.
#[derive(Clone, Debug)]
pub struct PluginWorld {
    /// Whether what is not pinned may be used.
    pub lock: LockMode,
    /// The policy file of the machine, which need not exist.
    pub machine_policy: Option<AbsPath>,
    /// A policy file that somebody names, which must exist.
    pub named_policy: Option<AbsPath>,
    /// The number of the user, for audit files.
    pub user: u32,
}

/// Whether entries may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// Bring back what has not changed.
    UseEntries,
    /// Run everything and store anew.
    Force,
}

/// What a failed step means for the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFailure {
    /// What runs is stopped, and nothing more is started.
    Stop,
    /// Everything runs that does not depend on it.
    Continue,
}

/// Who has the terminal: steps that are not cached, or `vt`. Cached steps never have it; one that
/// has it to itself in effect gets another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Terminal {
    /// Each step that is not cached has what `vt` was given.
    OfSteps,
    /// A step that is not cached has it as long as nothing else can run beside it.
    OfWhoRunsAlone,
    /// All output goes through `vt`, and nobody reads from it.
    OfVt,
}

/// The sizes of the terminals that the streams of this process are, where these show all that
/// terminals can.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Screens {
    /// That of standard output.
    pub out: Option<TerminalSize>,
    /// That of standard error.
    pub err: Option<TerminalSize>,
}

impl Screens {
    /// That of a stream.
    #[must_use]
    pub const fn of(&self, stream: Stream) -> Option<TerminalSize> {
        match stream {
            Stream::Out => self.out,
            Stream::Err => self.err,
        }
    }
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TerminalSize {
    /// How wide it is.
    pub columns: u16,
    /// How high it is.
    pub rows: u16,
}

/// Who passes an interrupt on to steps that have the process group of `vt`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interrupts {
    /// The terminal sends it to all of them.
    FromTerminal,
    /// Nobody else does.
    FromVt,
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
    /// What a failed step means for the others.
    pub on_failure: OnFailure,
    /// Who has the terminal.
    pub terminal: Terminal,
    /// How often a pulse is told to who listens, if at all.
    pub pulse: Option<Duration>,
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
