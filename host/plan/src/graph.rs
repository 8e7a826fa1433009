//! The tasks a request needs, what each of them waits for, and an order that respects it.

use std::collections::{BTreeMap, BTreeSet};

use vt_config::{Project, Switch, Task, TaskReference, TaskSource};

use crate::select::{Selected, label};
use crate::{DependsOn, Ordering, PlanError, Request};

/// The tasks in an order in which they can be run, each with those it waits for.
pub(crate) type Order = Vec<(TaskReference, Vec<TaskReference>)>;

/// Orders the selected tasks and everything they need. The result depends on nothing but the
/// project, the selection and the flags of the request.
pub(crate) fn order(
    project: &Project,
    selected: &Selected,
    request: &Request,
) -> Result<Order, PlanError> {
    let asked = closure(project, &selected.tasks, request.depends_on);
    let hooks = Hooks {
        project,
        asked: &asked,
    };
    let mut graph = Graph::default();
    for task in &asked {
        let mut before = Vec::new();
        if request.ordering == Ordering::Dependencies {
            if request.depends_on == DependsOn::Follow {
                let named = find(project, task).depends_on.iter();
                before.extend(named.map(|one| hooks.end(one)));
            }
            if selected.tasks.contains(task) {
                let nearest = nearest(project, task, selected);
                before.extend(nearest.iter().map(|one| hooks.end(one)));
            }
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
    // Without an order, nothing leads from one task to what it depends on.
    let ends = match request.ordering {
        Ordering::Dependencies => &selected.tasks,
        Ordering::None => &asked,
    };
    let ends: Vec<TaskReference> = ends.iter().map(|task| hooks.end(task)).collect();
    graph.sort(project, &ends)
}

pub(crate) fn find<'a>(project: &'a Project, task: &TaskReference) -> &'a Task {
    &project.packages[task.package].tasks[&task.task]
}

/// The tasks themselves and everything they depend on.
fn closure(
    project: &Project,
    selected: &BTreeSet<TaskReference>,
    depends_on: DependsOn,
) -> BTreeSet<TaskReference> {
    if depends_on == DependsOn::Ignore {
        return selected.clone();
    }
    let mut asked = BTreeSet::new();
    let mut open = Vec::from_iter(selected.iter().cloned());
    while let Some(task) = open.pop() {
        if asked.insert(task.clone()) {
            open.extend(find(project, &task).depends_on.iter().cloned());
        }
    }
    asked
}

/// The same task of the selected packages that the package of a task depends on. A selected
/// package without it is looked through, so that what it depends on still comes first.
fn nearest(project: &Project, task: &TaskReference, selected: &Selected) -> Vec<TaskReference> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([task.package]);
    let mut open = vec![task.package];
    while let Some(package) = open.pop() {
        for next in &project.packages[package].workspace_dependencies {
            if !selected.packages.contains(next) || !seen.insert(*next) {
                continue;
            }
            let there = TaskReference {
                package: *next,
                task: task.task.clone(),
            };
            if selected.tasks.contains(&there) {
                found.insert(there);
            } else {
                open.push(*next);
            }
        }
    }
    Vec::from_iter(found)
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

/// Which task waits for which.
#[derive(Default, Debug)]
struct Graph {
    /// The number of each task.
    numbers: BTreeMap<TaskReference, usize>,
    tasks: Vec<TaskReference>,
    /// What each task waits for, in the order it was found.
    waits: Vec<Vec<usize>>,
    /// The same, for asking.
    known: BTreeSet<(usize, usize)>,
}

impl Graph {
    fn number(&mut self, task: &TaskReference) -> usize {
        if let Some(number) = self.numbers.get(task) {
            return *number;
        }
        let number = self.tasks.len();
        self.numbers.insert(task.clone(), number);
        self.tasks.push(task.clone());
        self.waits.push(Vec::new());
        number
    }

    fn wait(&mut self, task: &TaskReference, before: impl IntoIterator<Item = TaskReference>) {
        let task = self.number(task);
        for one in before {
            let one = self.number(&one);
            if self.known.insert((task, one)) {
                self.waits[task].push(one);
            }
        }
    }

    /// Depth first, so that a task comes as late as the first one that waits for it allows.
    fn sort(mut self, project: &Project, ends: &[TaskReference]) -> Result<Order, PlanError> {
        let mut order = Vec::with_capacity(self.tasks.len());
        let ends: Vec<usize> = ends.iter().map(|end| self.number(end)).collect();
        let mut state = vec![State::Unseen; self.tasks.len()];
        // The tasks that wait for each other, and how many of its waits each has looked at.
        let mut path: Vec<(usize, usize)> = Vec::new();
        for end in ends {
            path.push((end, 0));
            while let Some((task, looked)) = path.last_mut() {
                let task = *task;
                if state[task] == State::Done {
                    path.pop();
                } else if let Some(next) = self.waits[task].get(*looked).copied() {
                    *looked += 1;
                    state[task] = State::Open;
                    if state[next] == State::Open || next == task {
                        let start = path.iter().position(|(open, _)| *open == next);
                        let start = start.expect("an open task is on the path");
                        let chain = path[start..].iter().map(|(open, _)| *open).chain([next]);
                        let chain = chain
                            .map(|open| label(project, &self.tasks[open]))
                            .collect();
                        return Err(PlanError::Cycle { chain });
                    }
                    path.push((next, 0));
                } else {
                    state[task] = State::Done;
                    order.push(task);
                    path.pop();
                }
            }
        }
        let reference = |number: &usize| self.tasks[*number].clone();
        let with_waits = |task: usize| {
            let waits = self.waits[task].iter().map(reference).collect();
            (reference(&task), waits)
        };
        Ok(order.into_iter().map(with_waits).collect())
    }
}

/// How far the order has come with a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Unseen,
    /// It is on the path.
    Open,
    Done,
}
