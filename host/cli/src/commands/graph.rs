//! `vt graph`: draws the steps of a run, or all tasks and what they depend on.
//!
//! An edge leads from what waits to what it waits for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::ManuallyDrop;

use vt_base::CachePolicy;
use vt_config::{Project, TaskReference};
use vt_plan::{Plan, TaskTarget};

use crate::args::{Args, Graph, GraphFormat};
use crate::error::Error;
use crate::report::draw::{Drawing, Node, page};
use crate::settings;

/// Runs the command.
pub(crate) fn graph(args: &Args, graph: &Graph) -> Result<i32, Error> {
    let world = settings::world(args)?;
    let project = settings::project_to_the_end(&world)?;
    let target = TaskTarget::parse(graph.task.as_deref().unwrap_or_default());
    let request = graph
        .selection
        .request(&project, &world.current_dir, target, &graph.order);
    let drawing = if graph.task.is_some() {
        let plan = vt_plan::plan(&project, &request?).map_err(Error::Plan)?;
        of_plan(&ManuallyDrop::new(plan))
    } else if graph.selection.is_given() {
        let chosen = vt_plan::packages_in(&project, &request?).map_err(Error::Plan)?;
        of_tasks(&project, &chosen)
    } else {
        of_tasks(&project, &(0..project.packages.len()).collect())
    };
    let text = match graph.format {
        GraphFormat::Dot => drawing.dot(),
        GraphFormat::Mermaid => drawing.mermaid(),
        GraphFormat::Json => drawing.json(),
        GraphFormat::Svg => drawing.svg(),
    };
    page(text.as_bytes())
}

/// The steps of a plan. A task of one step goes by its name; what is run twice is numbered.
fn of_plan(plan: &Plan) -> Drawing {
    let task = |index: usize| {
        let step = &plan.steps[index].invocation.step;
        (step.package.as_str(), step.task.as_str())
    };
    // Of each task one of its steps, unless it has several.
    let mut only: HashMap<(&str, &str), Option<u32>> = HashMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let number = step.invocation.step.index;
        let only = only.entry(task(index)).or_insert(Some(number));
        only.take_if(|one| *one != number);
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut drawing = Drawing::default();
    for (index, step) in plan.steps.iter().enumerate() {
        let invocation = &step.invocation;
        let (package, name) = task(index);
        let id = if only[&task(index)].is_some() {
            format!("{package}#{name}")
        } else {
            invocation.step.to_string()
        };
        let times = seen.entry(id.clone()).or_default();
        *times += 1;
        drawing.nodes.push(Node {
            label: match *times {
                1 => id,
                again => format!("{id} ({again})"),
            },
            package: package.to_owned(),
            task: name.to_owned(),
            command: invocation.command.clone(),
            directory: invocation.directory.to_string(),
            cached: invocation.cache == CachePolicy::Enabled,
        });
        drawing
            .edges
            .extend(step.after.iter().map(|before| (index, *before)));
    }
    drawing
}

/// The tasks of packages and everything they say they depend on.
fn of_tasks(project: &Project, chosen: &BTreeSet<usize>) -> Drawing {
    let mut numbers: BTreeMap<TaskReference, usize> = BTreeMap::new();
    let mut open: Vec<TaskReference> = chosen
        .iter()
        .flat_map(|package| {
            let tasks = project.packages[*package].tasks.keys();
            tasks.map(|task| TaskReference {
                package: *package,
                task: task.clone(),
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    while let Some(reference) = open.pop() {
        let task = &project.packages[reference.package].tasks[&reference.task];
        if all.insert(reference) {
            open.extend(task.depends_on.iter().cloned());
        }
    }
    let mut drawing = Drawing::default();
    for (number, reference) in all.iter().enumerate() {
        let package = &project.packages[reference.package];
        let task = &package.tasks[&reference.task];
        numbers.insert(reference.clone(), number);
        drawing.nodes.push(Node {
            label: format!("{}#{}", package.id, task.name),
            package: package.id.clone(),
            task: task.name.clone(),
            command: task.command.join(" && "),
            directory: task.directory.to_string(),
            cached: task.cache == CachePolicy::Enabled,
        });
    }
    for (number, reference) in all.iter().enumerate() {
        let task = &project.packages[reference.package].tasks[&reference.task];
        let before = task.depends_on.iter().map(|one| (number, numbers[one]));
        drawing.edges.extend(before);
    }
    drawing
}
