//! The plan: steps in an order in which they can be run.

use std::collections::BTreeMap;

use vt_base::{CachePolicy, Invocation, StepId};
use vt_config::{Project, Switch, Task, TaskReference, TaskSource};

use crate::command::{StepCommand, steps};
use crate::graph::{self, find};
use crate::select::select;
use crate::{CacheRequest, PlanError, Request};

/// Steps in an order in which they can be run one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The steps; what a step waits for stands before it.
    pub steps: Vec<PlannedStep>,
}

/// One step of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedStep {
    /// What is spawned, or looked up.
    pub invocation: Invocation,
    /// Indices of the steps that must have succeeded before, sorted; all are smaller than the
    /// index of this one.
    pub after: Vec<usize>,
    /// The index of its package in [`Project::packages`].
    pub package: usize,
}

/// Finds the tasks a request means and puts their steps in order.
///
/// # Errors
/// When the target does not exist or is ambiguous, or when tasks wait for each other.
pub fn plan(project: &Project, request: &Request) -> Result<Plan, PlanError> {
    let selected = select(project, request)?;
    let mut plan = Plan { steps: Vec::new() };
    let mut last_steps: BTreeMap<TaskReference, usize> = BTreeMap::new();
    for (reference, waits) in graph::order(project, &selected, &request.scope)? {
        let task = find(project, &reference);
        // Arguments are for the named task, not for what it depends on.
        let args = if selected.contains(&reference) {
            &request.args[..]
        } else {
            &[]
        };
        let mut after: Vec<usize> = waits.iter().map(|task| last_steps[task]).collect();
        after.sort_unstable();
        after.dedup();
        for (index, command) in (0..).zip(steps(&task.command, args, &task.directory)) {
            let invocation = invocation(project, &reference, task, index, command, request.cache);
            let own = plan.steps.len();
            plan.steps.push(PlannedStep {
                invocation,
                after,
                package: reference.package,
            });
            after = vec![own];
        }
        last_steps.insert(reference, plan.steps.len() - 1);
    }
    Ok(plan)
}

fn invocation(
    project: &Project,
    reference: &TaskReference,
    task: &Task,
    index: u32,
    command: StepCommand,
    cache: CacheRequest,
) -> Invocation {
    let package = &project.packages[reference.package];
    Invocation {
        step: StepId {
            package: package.id.clone(),
            task: task.name.clone(),
            index,
        },
        command: command.text,
        program: command.program,
        args: command.args,
        directory: command.directory,
        package_dir: package.directory.clone(),
        env_prefix: command.env_prefix,
        cache: cache_policy(project, task, cache),
        declared: task.declared.clone(),
    }
}

/// The command line beats the settings, but for a task that refuses to be cached.
fn cache_policy(project: &Project, task: &Task, request: CacheRequest) -> CachePolicy {
    let setting = match task.source {
        TaskSource::Config => project.settings.cache_tasks,
        TaskSource::Script => project.settings.cache_scripts,
    };
    match (request, task.cache, setting) {
        (CacheRequest::Off, ..) | (_, CachePolicy::Disabled, _) => CachePolicy::Disabled,
        (CacheRequest::On, ..) | (CacheRequest::Default, _, Switch::On) => CachePolicy::Enabled,
        (CacheRequest::Default, _, Switch::Off) => CachePolicy::Disabled,
    }
}
