//! The tasks a request needs, what each of them waits for, and an order that respects it.

use std::collections::{BTreeMap, BTreeSet};

use vt_config::{Project, Switch, Task, TaskReference, TaskSource};

use crate::select::label;
use crate::{PlanError, Scope};

/// Which task waits for which.
#[derive(Default, Debug)]
struct Graph {
    /// What each task waits for, in the order it was found.
    waits: BTreeMap<TaskReference, Vec<TaskReference>>,
}

/// The tasks in an order in which they can be run, each with those it waits for.
pub(crate) type Order = Vec<(TaskReference, Vec<TaskReference>)>;

/// Orders the selected tasks and everything they need. The result depends on nothing but the
/// project and the selection.
pub(crate) fn order(
    project: &Project,
    selected: &[TaskReference],
    scope: &Scope,
) -> Result<Order, PlanError> {
    let asked = closure(project, selected);
    let hooks = Hooks {
        project,
        asked: &asked,
    };
    let mut graph = Graph::default();
    for task in &asked {
        let mut before: Vec<TaskReference> = find(project, task)
            .depends_on
            .iter()
            .map(|one| hooks.end(one))
            .collect();
        if *scope == Scope::Recursive && selected.contains(task) {
            before.extend(nearest(project, task).iter().map(|one| hooks.end(one)));
        }
        match hooks.of(task, "pre") {
            // What the task waits for must be there for its hook, too.
            Some(pre) => {
                graph.wait(&pre, before);
                graph.wait(task, [hooks.end(&pre)]);
            }
            None => graph.wait(task, before),
        }
        if let Some(post) = hooks.of(task, "post") {
            graph.wait(&post, [task.clone()]);
        }
    }
    let ends: Vec<TaskReference> = selected.iter().map(|task| hooks.end(task)).collect();
    graph.sort(project, &ends)
}

pub(crate) fn find<'a>(project: &'a Project, task: &TaskReference) -> &'a Task {
    &project.packages[task.package].tasks[&task.task]
}

/// The tasks themselves and everything they depend on.
fn closure(project: &Project, selected: &[TaskReference]) -> BTreeSet<TaskReference> {
    let mut asked = BTreeSet::new();
    let mut open = selected.to_vec();
    while let Some(task) = open.pop() {
        if asked.insert(task.clone()) {
            open.extend(find(project, &task).depends_on.iter().cloned());
        }
    }
    asked
}

/// The same task of the packages that the package of a task depends on. A package without it is
/// looked through, so that what it depends on still comes first.
fn nearest(project: &Project, task: &TaskReference) -> BTreeSet<TaskReference> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([task.package]);
    let mut open = vec![task.package];
    while let Some(package) = open.pop() {
        for next in &project.packages[package].workspace_dependencies {
            if !seen.insert(*next) {
                continue;
            }
            if project.packages[*next].tasks.contains_key(&task.task) {
                found.insert(TaskReference {
                    package: *next,
                    task: task.task.clone(),
                });
            } else {
                open.push(*next);
            }
        }
    }
    found
}

/// The scripts that run before and after a script because of their names.
struct Hooks<'a> {
    project: &'a Project,
    /// The tasks that were asked for by name. Only those have hooks: a hook has none of its own.
    asked: &'a BTreeSet<TaskReference>,
}

impl Hooks<'_> {
    fn of(&self, task: &TaskReference, prefix: &str) -> Option<TaskReference> {
        let is_script = |task: &TaskReference| {
            let found = self.project.packages[task.package].tasks.get(&task.task);
            found.is_some_and(|found| found.source == TaskSource::Script)
        };
        let hook = TaskReference {
            package: task.package,
            task: format!("{prefix}{}", task.task),
        };
        let on = self.project.settings.pre_post_scripts == Switch::On;
        (on && self.asked.contains(task) && is_script(task) && is_script(&hook)).then_some(hook)
    }

    /// The task after which all that belongs to a task has run.
    fn end(&self, task: &TaskReference) -> TaskReference {
        let mut end = task.clone();
        while let Some(post) = self.of(&end, "post") {
            end = post;
        }
        end
    }
}

impl Graph {
    fn wait(&mut self, task: &TaskReference, before: impl IntoIterator<Item = TaskReference>) {
        let waits = self.waits.entry(task.clone()).or_default();
        for one in before {
            if !waits.contains(&one) {
                waits.push(one);
            }
        }
    }

    /// Depth first, so that a task comes as late as the first one that waits for it allows.
    fn sort(&self, project: &Project, ends: &[TaskReference]) -> Result<Order, PlanError> {
        let mut order = Order::new();
        let mut done = BTreeSet::new();
        // The tasks that wait for each other, and how many of its waits each has looked at.
        let mut path: Vec<(&TaskReference, usize)> = Vec::new();
        for end in ends {
            path.push((end, 0));
            while let Some((task, looked)) = path.last_mut() {
                let task = *task;
                let waits = self.waits.get(task).map(Vec::as_slice).unwrap_or_default();
                if done.contains(task) {
                    path.pop();
                } else if let Some(next) = waits.get(*looked) {
                    *looked += 1;
                    if let Some(start) = path.iter().position(|(open, _)| *open == next) {
                        let chain = path[start..].iter().map(|(open, _)| *open).chain([next]);
                        let chain = chain.map(|open| label(project, open)).collect();
                        return Err(PlanError::Cycle { chain });
                    }
                    path.push((next, 0));
                } else {
                    done.insert(task.clone());
                    order.push((task.clone(), waits.to_vec()));
                    path.pop();
                }
            }
        }
        Ok(order)
    }
}
