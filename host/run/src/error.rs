//! What keeps a run from starting at all. Everything later is an outcome of a step.

/// Why a run could not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The request names something that does not exist, or that cannot be ordered.
    #[error(transparent)]
    Plan(#[from] vt_plan::PlanError),
    /// A rule plugin cannot be used as it is, or may not be.
    #[error(transparent)]
    Plugin(#[from] crate::plugins::PluginError),
    /// The runtime could not be set up.
    #[error("cannot set up the runtime")]
    Runtime(#[source] std::io::Error),
}
