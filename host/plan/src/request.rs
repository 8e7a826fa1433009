//! What somebody asked to run.

use vt_base::RelPath;

/// One wish to run a task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The task.
    pub target: TaskTarget,
    /// Further arguments for its last command.
    pub args: Vec<String>,
    /// The packages in which it is looked for.
    pub scope: Scope,
    /// What the command line says about the cache.
    pub cache: CacheRequest,
}

/// A task as it is named on the command line: `task` or `package#task`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskTarget {
    /// The name of the task.
    pub task: String,
    /// The name of the package, if one was given.
    pub package: Option<String>,
}

impl TaskTarget {
    /// Takes `task` or `package#task` apart; any text is one of the two.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('#') {
            Some((package, task)) => Self {
                task: task.to_owned(),
                package: Some(package.to_owned()),
            },
            None => Self {
                task: text.to_owned(),
                package: None,
            },
        }
    }
}

/// The packages in which a task is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The package that contains this directory.
    Package(RelPath),
    /// Every package, dependencies first.
    Recursive,
}

/// What the command line says about the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CacheRequest {
    /// Nothing: settings decide.
    #[default]
    Default,
    /// Scripts and tasks are cached, but for tasks that say `cache: false`.
    On,
    /// Nothing is cached.
    Off,
}
