//! The tasks a request needs, what each of them waits for, and an order that respects it.

use std::collections::{BTreeSet, HashMap, HashSet};

use vt_config::{Project, Switch, Task, TaskReference, TaskSource};

use crate::select::{Selected, label};
use crate::{DependsOn, Ordering, PlanError, Request};

/// A task at its place in an order in which tasks can be run.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) task: TaskReference,
    /// The places of the tasks it waits for; all come before its own.
    pub(crate) waits: Vec<usize>,
}

/// Orders the selected tasks and everything they need. The result depends on nothing but the
/// project, the selection and the flags of the request.
pub(crate) fn order(
    project: &Project,
    selected: &Selected,
    request: &Request,
) -> Result<Vec<Ordered>, PlanError> {
    let asked = closure(project, &selected.tasks, request.depends_on);
    let hooks = Hooks::new(project, &asked);
    let mut nearest = Nearest::new(project, selected);
    let mut graph = Graph::default();
    for task in &asked {
        let mut before = Vec::new();
        if request.ordering == Ordering::Dependencies {
            if request.depends_on == DependsOn::Follow {
                let named = find(project, task).depends_on.iter();
                before.extend(named.map(|one| hooks.end(one)));
            }
            if selected.tasks.contains(task) {
                let nearest = nearest.of(task.package).into_iter();
                let same = |package| TaskReference {
                    package,
                    task: task.task.clone(),
                };
                before.extend(nearest.map(|package| hooks.end(&same(package))));
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

/// Finds the nearest packages with the same task.
struct Nearest<'a> {
    project: &'a Project,
    selected: &'a BTreeSet<usize>,
    /// Of each package, whether its task was selected.
    has_task: Vec<bool>,
    /// Of each package, for which one it was looked at last.
    seen: Vec<Option<usize>>,
}

impl<'a> Nearest<'a> {
    fn new(project: &'a Project, selected: &'a Selected) -> Self {
        let mut has_task = vec![false; project.packages.len()];
        for task in &selected.tasks {
            has_task[task.package] = true;
        }
        Self {
            project,
            selected: &selected.packages,
            has_task,
            seen: vec![None; project.packages.len()],
        }
    }

    /// Those of the selected packages that a package depends on. A selected package without the
    /// task is looked through, so that what it depends on still comes first.
    fn of(&mut self, package: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![package];
        self.seen[package] = Some(package);
        while let Some(one) = open.pop() {
            for next in &self.project.packages[one].workspace_dependencies {
                if self.seen[*next].replace(package) == Some(package)
                    || !self.selected.contains(next)
                {
                    continue;
                }
                if self.has_task[*next] {
                    found.insert(*next);
                } else {
                    open.push(*next);
                }
            }
        }
        found
    }
}

/// The scripts that run before and after a script because of their names.
struct Hooks<'a> {
    project: &'a Project,
    /// The tasks that were asked for by name. Only those have hooks: a hook has none of its own.
    asked: &'a BTreeSet<TaskReference>,
    /// Names of scripts that may be those of hooks, of any package.
    names: BTreeSet<&'a str>,
}

impl<'a> Hooks<'a> {
    fn new(project: &'a Project, asked: &'a BTreeSet<TaskReference>) -> Self {
        let mut names = BTreeSet::new();
        if project.settings.pre_post_scripts == Switch::On {
            let all = project.packages.iter().flat_map(|one| one.tasks.keys());
            let hooks = all.filter(|name| name.starts_with("pre") || name.starts_with("post"));
            names.extend(hooks.map(String::as_str));
        }
        Self {
            project,
            asked,
            names,
        }
    }
}

impl Hooks<'_> {
    fn of(&self, task: &TaskReference, prefix: &str) -> Option<TaskReference> {
        let mut names = self.names.iter();
        let name = names.find(|name| name.strip_prefix(prefix) == Some(&task.task))?;
        let is_script = |task: &TaskReference| {
            let found = self.project.packages[task.package].tasks.get(&task.task);
            found.is_some_and(|found| found.source == TaskSource::Script)
        };
        let hook = TaskReference {
            package: task.package,
            task: (*name).to_owned(),
        };
        (self.asked.contains(task) && is_script(task) && is_script(&hook)).then_some(hook)
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
    numbers: HashMap<TaskReference, usize>,
    tasks: Vec<TaskReference>,
    /// What each task waits for, in the order it was found.
    waits: Vec<Vec<usize>>,
    /// The same, for asking.
    known: HashSet<(usize, usize)>,
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
    fn sort(
        mut self,
        project: &Project,
        ends: &[TaskReference],
    ) -> Result<Vec<Ordered>, PlanError> {
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
        let mut places = vec![0; self.tasks.len()];
        for (place, task) in order.iter().enumerate() {
            places[*task] = place;
        }
        let mut tasks: Vec<Option<TaskReference>> = self.tasks.into_iter().map(Some).collect();
        let ordered = |task: usize| Ordered {
            task: tasks[task].take().expect("a task has one place"),
            waits: self.waits[task].iter().map(|one| places[*one]).collect(),
        };
        Ok(order.into_iter().map(ordered).collect())
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
