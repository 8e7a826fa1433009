//! Every environment variable that `vt` reads or sets, by name.

use vt_run::EnvironmentNames;

/// Where the cache lies.
pub(crate) const CACHE_DIR: &str = "VT_CACHE_DIR";
/// How many steps run at once.
pub(crate) const CONCURRENCY_LIMIT: &str = "VT_CONCURRENCY_LIMIT";
/// Whose value matters is only whether there is one: a CI service.
pub(crate) const CI: &str = "CI";
/// A policy file for rule plugins, besides those of the machine and the workspace.
pub(crate) const POLICY: &str = "VT_POLICY";
/// No colours, if it is set to anything.
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// Colours everywhere, if it is set to anything but `0`.
pub(crate) const FORCE_COLOR: &str = "FORCE_COLOR";
/// The home directory of the user.
pub(crate) const HOME: &str = "HOME";
/// What the terminal can do.
pub(crate) const TERM: &str = "TERM";
/// Where the user's caches lie.
pub(crate) const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";

/// Where to die: for tests, and only where built for debugging.
#[cfg(debug_assertions)]
pub(crate) const DIE_AT: &str = "VT_TEST_DIE_AT";

/// What steps are given, and what they must not inherit.
pub(crate) const OF_STEPS: EnvironmentNames = EnvironmentNames {
    run: "VT_RUN",
    ipc: "VT_IPC",
    node_client: "VP_RUN_NODE_CLIENT_PATH",
    init_cwd: "INIT_CWD",
    scrub: &[
        "VT_IPC",
        "VP_RUN_NODE_CLIENT_PATH",
        "VP_RUN_IPC_NAME",
        "VP_IPC",
    ],
};
