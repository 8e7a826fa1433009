//! The name of a step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names one cacheable command of a task: `package#task/index`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct StepId {
    /// The name of the package, or its directory relative to the workspace root when it has none.
    pub package: String,
    /// The name of the task inside its package.
    pub task: String,
    /// The position of the step in its task, from 0.
    pub index: u32,
}

impl fmt::Display for StepId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}/{}", self.package, self.task, self.index)
    }
}
