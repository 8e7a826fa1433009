//! The plan: steps in an order in which they can be run.

use std::collections::HashMap;

use vt_base::{CachePolicy, Invocation, StepId};
use vt_config::{Project, Switch, Task, TaskReference, TaskSource};

use crate::command::{NestedCommand, StepCommand, Unit, units};
use crate::graph::{self, Ordered, find};
use crate::select::{label, select, unmatched_filters};
use crate::{CacheRequest, DependsOn, NoMatch, PlanError, Request, Scope, TaskTarget};

/// Steps in an order in which they can be run one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The steps; what a step waits for stands before it. A step may be there more than once,
    /// when tasks run it several times; each time then waits for the one before.
    pub steps: Vec<PlannedStep>,
    /// The filters of nested runs that match no package, each with the task whose command has it.
    pub unmatched: Vec<(String, String)>,
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
/// When the target does not exist or is ambiguous, when tasks wait for each other, or when tasks
/// run each other.
pub fn plan(project: &Project, request: &Request) -> Result<Plan, PlanError> {
    let mut planner = Planner {
        project,
        steps: Vec::new(),
        last: HashMap::new(),
        unmatched: Vec::new(),
    };
    planner.expand(request, &[], None, Vec::new())?;
    Ok(Plan {
        steps: planner.steps,
        unmatched: planner.unmatched,
    })
}

/// A commit named by a filter of a nested run, of which the request does not say what changed
/// since. Who asks adds that to [`Request::changes`] and asks again.
#[must_use]
pub fn missing_commit(project: &Project, request: &Request) -> Option<String> {
    let tasks = project.packages.iter().flat_map(|one| one.tasks.values());
    // Most workspaces have no such command, and then there is nothing to plan.
    if !tasks
        .flat_map(|task| &task.command)
        .any(|text| text.contains('['))
    {
        return None;
    }
    let error = plan(project, request).err()?;
    error.commit().map(str::to_owned)
}

struct Planner<'p> {
    project: &'p Project,
    steps: Vec<PlannedStep>,
    /// Where each step was planned last, by its package, task and index.
    last: HashMap<(usize, &'p str, u32), usize>,
    /// See [`Plan::unmatched`].
    unmatched: Vec<(String, String)>,
}

/// What makes two requests the same, so that one inside the other would never end.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Query<'q> {
    target: &'q TaskTarget,
    scope: &'q Scope,
    depends_on: DependsOn,
}

impl<'q> Query<'q> {
    fn of(request: &'q Request) -> Self {
        Self {
            target: &request.target,
            scope: &request.scope,
            depends_on: request.depends_on,
        }
    }
}

/// A task whose command runs tasks.
struct Frame<'f> {
    /// The request the task was planned for.
    query: Query<'f>,
    task: &'f TaskReference,
    /// The task whose command runs this one.
    parent: Option<&'f Self>,
}

impl<'p> Planner<'p> {
    /// Plans a request behind some steps; returns the steps after which all of it has run.
    fn expand(
        &mut self,
        request: &Request,
        env_prefix: &[(String, String)],
        frame: Option<&Frame<'_>>,
        entry: Vec<usize>,
    ) -> Result<Vec<usize>, PlanError> {
        let project = self.project;
        let query = Query::of(request);
        if frame.is_some_and(|frame| frame.query == query) {
            // `build` that says `vt run -r build` was itself run by `vt run -r build`.
            return Ok(entry);
        }
        let mut selected = select(project, request)?;
        if let Some(frame) = frame {
            selected.tasks.remove(frame.task);
        }
        let order = graph::order(project, &selected, request)?;
        // Of each task the steps after which it has run, and whether another one waits for it.
        let mut ends: Vec<Vec<usize>> = Vec::with_capacity(order.len());
        let mut is_waited_for = vec![false; order.len()];
        for Ordered {
            task: reference,
            waits,
        } in &order
        {
            refuse_recursion(project, frame, reference)?;
            let mut after = match waits.is_empty() {
                true => entry.clone(),
                false => waits.iter().flat_map(|one| &ends[*one]).copied().collect(),
            };
            // Arguments are for the named task, not for what it depends on.
            let args = match selected.tasks.contains(reference) {
                true => &request.args[..],
                false => &[],
            };
            let here = Frame {
                query,
                task: reference,
                parent: frame,
            };
            let task = find(project, reference);
            for (index, unit) in (0..).zip(units(&task.command, args, &task.directory)) {
                after.sort_unstable();
                after.dedup();
                after = match unit {
                    Unit::Step(command) => {
                        let invocation =
                            invocation(project, &here, index, command, env_prefix, request.cache);
                        let name = (reference.package, &task.name[..], index);
                        vec![self.push(invocation, after, name)]
                    }
                    Unit::Nested(nested) => {
                        self.nested(&nested, request, env_prefix, &here, after)?
                    }
                };
            }
            for one in waits {
                is_waited_for[*one] = true;
            }
            ends.push(after);
        }
        if order.is_empty() {
            return Ok(entry);
        }
        let last = ends.into_iter().zip(is_waited_for);
        let last = last.filter(|(_, is_waited_for)| !is_waited_for);
        let mut end: Vec<usize> = last.flat_map(|(end, _)| end).collect();
        end.sort_unstable();
        end.dedup();
        Ok(end)
    }

    /// Plans the tasks that a command runs.
    fn nested(
        &mut self,
        nested: &NestedCommand,
        around: &Request,
        env_prefix: &[(String, String)],
        frame: &Frame<'_>,
        entry: Vec<usize>,
    ) -> Result<Vec<usize>, PlanError> {
        let run = &nested.run;
        let scope = run.selection.scope(&nested.directory, Some(&run.target));
        let planned = scope.and_then(|scope| {
            let request = Request {
                args: run.args.clone(),
                cache: run.cache.unwrap_or(around.cache),
                depends_on: run.depends_on,
                ordering: run.ordering,
                no_match: run.no_match,
                changes: around.changes.clone(),
                ..Request::new(run.target.clone(), scope)
            };
            if request.no_match == NoMatch::Accept {
                let task = label(self.project, frame.task);
                for filter in unmatched_filters(self.project, &request)? {
                    let pair = (task.clone(), filter);
                    if !self.unmatched.contains(&pair) {
                        self.unmatched.push(pair);
                    }
                }
            }
            let prefix = [env_prefix, &nested.env_prefix].concat();
            self.expand(&request, &prefix, Some(frame), entry)
        });
        planned.map_err(|cause| match cause {
            // These speak of the whole chain already.
            PlanError::Recursion { .. } | PlanError::Nested { .. } => cause,
            cause => PlanError::Nested {
                task: label(self.project, frame.task),
                command: nested.text.clone(),
                cause: Box::new(cause),
            },
        })
    }

    fn push(
        &mut self,
        invocation: Invocation,
        mut after: Vec<usize>,
        name: (usize, &'p str, u32),
    ) -> usize {
        let own = self.steps.len();
        // One step at two times has one set of results: never both at once.
        if let Some(before) = self.last.insert(name, own)
            && let Err(at) = after.binary_search(&before)
        {
            after.insert(at, before);
        }
        self.steps.push(PlannedStep {
            invocation,
            after,
            package: name.0,
        });
        own
    }
}

/// A task may not be run by a command that it runs itself, however indirectly.
fn refuse_recursion(
    project: &Project,
    frame: Option<&Frame<'_>>,
    task: &TaskReference,
) -> Result<(), PlanError> {
    let frames: Vec<&Frame<'_>> = std::iter::successors(frame, |frame| frame.parent).collect();
    let Some(at) = frames.iter().position(|frame| frame.task == task) else {
        return Ok(());
    };
    let chain = frames[..=at].iter().rev().map(|frame| frame.task);
    let chain = chain.chain([task]).map(|task| label(project, task));
    Err(PlanError::Recursion {
        chain: chain.collect(),
    })
}

fn invocation(
    project: &Project,
    frame: &Frame<'_>,
    index: u32,
    command: StepCommand,
    env_prefix: &[(String, String)],
    cache: CacheRequest,
) -> Invocation {
    let package = &project.packages[frame.task.package];
    let task = find(project, frame.task);
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
        env_prefix: [env_prefix, &command.env_prefix].concat(),
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
