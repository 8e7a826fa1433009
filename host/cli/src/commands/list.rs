//! `vt list`: which tasks there are.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use vt_base::CachePolicy;
use vt_config::{Project, Task, TaskSource};
use vt_plan::TaskTarget;

use crate::args::{Args, List, OrderFlags};
use crate::commands::choice::choices;
use crate::error::Error;
use crate::report::draw::page;
use crate::settings;

/// Runs the command.
pub(crate) fn list(args: &Args, list: &List) -> Result<i32, Error> {
    let world = settings::world(args)?;
    let project = settings::project_to_the_end(&world)?;
    let here = world
        .current_dir
        .relative_to(&project.root)
        .unwrap_or_default();
    let current = project.package_at(&here);
    let chosen = if list.selection.is_given() {
        let (target, order) = (TaskTarget::parse(""), OrderFlags::default());
        let request = list
            .selection
            .request(&project, &world.current_dir, target, &order)?;
        vt_plan::packages_in(&project, &request).map_err(Error::Plan)?
    } else {
        (0..project.packages.len()).collect()
    };
    let text = if list.names {
        let names = choices(&project, &here)
            .into_iter()
            .map(|choice| choice.name + "\n");
        names.collect()
    } else if list.json {
        let tasks =
            tasks(&project, &chosen).map(|(package, task)| described(&project, package, task));
        format!("{:#}\n", Value::Array(tasks.collect()))
    } else {
        lines(&project, &chosen, current)
    };
    page(text.as_bytes())
}

/// The tasks of these packages, by package.
fn tasks<'p>(
    project: &'p Project,
    chosen: &BTreeSet<usize>,
) -> impl Iterator<Item = (usize, &'p Task)> {
    chosen.iter().flat_map(|index| {
        let tasks = project.packages[*index].tasks.values();
        tasks.map(|task| (*index, &**task))
    })
}

/// A line for each task: those of the current package first, by their bare names.
fn lines(project: &Project, chosen: &BTreeSet<usize>, current: usize) -> String {
    let mut text = String::new();
    let (here, others): (Vec<_>, Vec<_>) =
        tasks(project, chosen).partition(|(package, _)| *package == current);
    for (package, task) in here.into_iter().chain(others) {
        if package != current {
            let _ = write!(text, "{}#", project.packages[package].id);
        }
        let _ = writeln!(text, "{}: {}", task.name, task.command.join(" && "));
    }
    text
}

fn described(project: &Project, package: usize, task: &Task) -> Value {
    let id = |package: usize, task: &str| format!("{}#{task}", project.packages[package].id);
    let depends_on = task.depends_on.iter();
    let depends_on: Vec<String> = depends_on.map(|one| id(one.package, &one.task)).collect();
    json!({
        "id": id(package, &task.name),
        "package": project.packages[package].id,
        "task": task.name,
        "command": task.command.join(" && "),
        "cwd": task.directory.to_string(),
        "source": match task.source {
            TaskSource::Config => "config",
            TaskSource::Script => "script",
        },
        "file": task.origin.file.to_string(),
        "line": task.origin.position.line,
        "mayBeCached": task.cache == CachePolicy::Enabled,
        "dependsOn": depends_on,
    })
}
