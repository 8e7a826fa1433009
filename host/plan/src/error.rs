//! Why a request cannot be planned.

/// Why a request cannot be planned.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanError {
    /// No package in scope has the task.
    #[error("no task `{task}` in {place}")]
    UnknownTask {
        /// The task that was asked for.
        task: String,
        /// Where it was looked for.
        place: String,
        /// What may have been meant, best first: `task`, or `package#task` when it lies elsewhere.
        suggestions: Vec<String>,
    },
    /// No package has the name.
    #[error("no package `{package}` in the workspace")]
    UnknownPackage {
        /// The name that was asked for.
        package: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// Several packages have the name.
    #[error("`{package}` is the name of several packages: {}", .ids.join(", "))]
    AmbiguousPackage {
        /// The name that was asked for.
        package: String,
        /// What the packages are called without doubt.
        ids: Vec<String>,
    },
    /// A task of one package was asked for in all packages.
    #[error("`{target}` names one package, which contradicts running in all of them")]
    PackageInRecursive {
        /// The target as it was written.
        target: String,
    },
    /// Tasks wait for each other.
    #[error("tasks wait for each other: {}", .chain.join(" -> "))]
    Cycle {
        /// The tasks, each waiting for the next; the first one is repeated at the end.
        chain: Vec<String>,
    },
}
