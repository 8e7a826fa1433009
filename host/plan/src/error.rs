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
    /// Two flags, or a flag and the target, that cannot both be meant.
    #[error("`{one}` and `{other}` contradict each other")]
    Conflict {
        /// A flag.
        one: String,
        /// Another flag, or the target.
        other: String,
    },
    /// A filter that cannot be understood.
    #[error("`{filter}` is not a filter: {reason}")]
    InvalidFilter {
        /// The filter as it was written.
        filter: String,
        /// Why not.
        reason: &'static str,
    },
    /// A filter asks what changed since a commit, and the request does not say.
    #[error("what changed since `{since}` is not known")]
    UnknownChanges {
        /// The text in the brackets of the filter.
        since: String,
    },
    /// Filters that match no package, where that was said to be an error.
    #[error("no package matches {}", .filters.iter().map(|filter| format!("`{filter}`")).collect::<Vec<_>>().join(" or "))]
    NoMatch {
        /// The filters as they were written, one at least.
        filters: Vec<String>,
    },
    /// Tasks wait for each other.
    #[error("tasks wait for each other: {}", .chain.join(" -> "))]
    Cycle {
        /// The tasks, each waiting for the next; the first one is repeated at the end.
        chain: Vec<String>,
    },
    /// Tasks run each other.
    #[error("tasks run each other without end: {}", .chain.join(" -> "))]
    Recursion {
        /// The tasks, each running the next; the first one is repeated at the end.
        chain: Vec<String>,
    },
    /// A task runs others, and that cannot be planned.
    #[error("cannot plan `{command}` of `{task}`")]
    Nested {
        /// The task that runs others, as `package#task`.
        task: String,
        /// The command that does.
        command: String,
        /// Why it cannot be planned.
        #[source]
        cause: Box<Self>,
    },
}

impl PlanError {
    /// The commit that a filter names, of which the request does not say what changed since.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        match self {
            Self::UnknownChanges { since } => Some(since),
            Self::Nested { cause, .. } => cause.commit(),
            _ => None,
        }
    }

    /// What may have been meant, best first.
    #[must_use]
    pub fn suggestions(&self) -> Vec<&str> {
        match self {
            Self::UnknownTask { suggestions, .. } => {
                suggestions.iter().map(String::as_str).collect()
            }
            Self::UnknownPackage { suggestion, .. } => suggestion.as_deref().into_iter().collect(),
            Self::Nested { cause, .. } => cause.suggestions(),
            _ => Vec::new(),
        }
    }
}
