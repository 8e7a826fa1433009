//! What somebody asked to run.

use std::collections::BTreeMap;

use vt_base::RelPath;

use crate::{Filter, PlanError};

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
    /// Whether `dependsOn` counts.
    pub depends_on: DependsOn,
    /// Whether tasks wait for each other.
    pub ordering: Ordering,
    /// What becomes of a filter that matches no package.
    pub no_match: NoMatch,
    /// For every `[since]` of a filter, what changed since then.
    pub changes: Changes,
}

/// The paths that changed, by the text in the brackets of a filter.
pub type Changes = BTreeMap<String, Vec<RelPath>>;

impl Request {
    /// A wish without flags.
    #[must_use]
    pub fn new(target: TaskTarget, scope: Scope) -> Self {
        Self {
            target,
            args: Vec::new(),
            scope,
            cache: CacheRequest::default(),
            depends_on: DependsOn::default(),
            ordering: Ordering::default(),
            no_match: NoMatch::default(),
            changes: Changes::new(),
        }
    }
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

    /// The target as it was written.
    pub(crate) fn text(&self) -> String {
        match &self.package {
            Some(package) => format!("{package}#{}", self.task),
            None => self.task.clone(),
        }
    }
}

/// The packages in which a task is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The package that contains this directory.
    Package(RelPath),
    /// That package and all it depends on, directly or not.
    Transitive(RelPath),
    /// Every package, dependencies first.
    Recursive,
    /// The packages that filters select.
    Filtered {
        /// The filters, one at least.
        filters: Vec<Filter>,
        /// Where directories in filters start.
        directory: RelPath,
    },
}

/// The flags that choose packages, as they were given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// `--recursive`
    pub recursive: bool,
    /// `--transitive`
    pub transitive: bool,
    /// `--workspace-root`
    pub workspace_root: bool,
    /// The values of `--filter`, each of which may hold several, separated by white space.
    pub filters: Vec<String>,
}

impl Selection {
    /// What the flags mean together.
    ///
    /// # Errors
    /// When they contradict each other or the target, or when a filter cannot be understood.
    pub fn scope(
        &self,
        directory: &RelPath,
        target: Option<&TaskTarget>,
    ) -> Result<Scope, PlanError> {
        const RECURSIVE: &str = "--recursive";
        const TRANSITIVE: &str = "--transitive";
        const FILTER: &str = "--filter";
        let named = target.filter(|target| target.package.is_some());
        let named = named.map(TaskTarget::text);
        let filtered = !self.filters.is_empty();
        let conflicts = [
            (self.recursive, RECURSIVE, self.transitive, TRANSITIVE),
            (filtered, FILTER, self.recursive, RECURSIVE),
            (filtered, FILTER, self.transitive, TRANSITIVE),
        ];
        let flags = [
            (self.recursive, RECURSIVE),
            (filtered, FILTER),
            (self.workspace_root, "--workspace-root"),
        ];
        let conflict = |one: &str, other: &str| PlanError::Conflict {
            one: one.to_owned(),
            other: other.to_owned(),
        };
        if let Some((_, one, _, other)) = conflicts.iter().find(|(one, _, two, _)| *one && *two) {
            return Err(conflict(one, other));
        }
        if let Some(named) = named
            && let Some((_, flag)) = flags.iter().find(|(given, _)| *given)
        {
            return Err(conflict(flag, &named));
        }
        let here = if self.workspace_root {
            RelPath::root()
        } else {
            directory.clone()
        };
        Ok(match self {
            Self {
                recursive: true, ..
            } => Scope::Recursive,
            Self {
                transitive: true, ..
            } => Scope::Transitive(here),
            _ if filtered => Scope::Filtered {
                filters: self.filters()?,
                directory: directory.clone(),
            },
            _ => Scope::Package(here),
        })
    }

    fn filters(&self) -> Result<Vec<Filter>, PlanError> {
        let mut filters = Vec::new();
        for value in &self.filters {
            if value.trim().is_empty() {
                return Err(PlanError::InvalidFilter {
                    filter: value.clone(),
                    reason: "it is empty",
                });
            }
            for text in value.split_whitespace() {
                filters.push(Filter::parse(text)?);
            }
        }
        if self.workspace_root {
            filters.push(Filter::workspace_root());
        }
        Ok(filters)
    }
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

/// Whether `dependsOn` counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DependsOn {
    /// It does.
    #[default]
    Follow,
    /// Only the tasks that were asked for run.
    Ignore,
}

/// Whether tasks wait for each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ordering {
    /// For what they depend on, and for the same task of the packages theirs depends on.
    #[default]
    Dependencies,
    /// Not at all. The commands of one task and its hooks still run one after the other.
    None,
}

/// What becomes of a filter that matches no package.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NoMatch {
    /// It selects nothing.
    #[default]
    Accept,
    /// It is an error.
    Fail,
}
