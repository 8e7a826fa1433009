//! Finds the tasks that a request names.

use vt_config::{Package, Project, TaskReference, suggest};

use crate::{PlanError, Request, Scope, TaskTarget};

/// How many tasks of other packages are suggested at most.
const SUGGESTIONS: usize = 5;

/// The tasks a request means, by package; one at least.
pub(crate) fn select(
    project: &Project,
    request: &Request,
) -> Result<Vec<TaskReference>, PlanError> {
    let TaskTarget { task, package } = &request.target;
    match (&request.scope, package) {
        (Scope::Recursive, Some(package)) => Err(PlanError::PackageInRecursive {
            target: format!("{package}#{task}"),
        }),
        (Scope::Recursive, None) => {
            let found = all_with(project, task);
            if found.is_empty() {
                return Err(unknown(project, task, None));
            }
            Ok(found)
        }
        (Scope::Package(_), Some(name)) => one(project, named(project, name)?, task),
        (Scope::Package(directory), None) => one(project, project.package_at(directory), task),
    }
}

/// The task of that name of every package that has it.
fn all_with(project: &Project, task: &str) -> Vec<TaskReference> {
    let packages = project.packages.iter().enumerate();
    let having = packages.filter(|(_, package)| package.tasks.contains_key(task));
    having
        .map(|(package, _)| TaskReference {
            package,
            task: task.to_owned(),
        })
        .collect()
}

fn one(project: &Project, package: usize, task: &str) -> Result<Vec<TaskReference>, PlanError> {
    if project.packages[package].tasks.contains_key(task) {
        Ok(vec![TaskReference {
            package,
            task: task.to_owned(),
        }])
    } else {
        Err(unknown(project, task, Some(package)))
    }
}

/// The package of a name. A name without its scope will do if only one package has it, and so
/// will the id of a package without a name of its own.
fn named(project: &Project, name: &str) -> Result<usize, PlanError> {
    let matching = |fits: &dyn Fn(&Package) -> bool| -> Vec<usize> {
        (0..project.packages.len())
            .filter(|index| fits(&project.packages[*index]))
            .collect()
    };
    let unscoped = |package: &Package| {
        let name = package.name.as_deref()?.strip_prefix('@')?;
        name.split_once('/').map(|(_, name)| name.to_owned())
    };
    let tries = [
        matching(&|package| package.name.as_deref() == Some(name)),
        matching(&|package| package.id == name),
        matching(&|package| unscoped(package).as_deref() == Some(name)),
    ];
    match tries
        .iter()
        .find(|found| !found.is_empty())
        .map(Vec::as_slice)
    {
        Some([package]) => Ok(*package),
        Some(several) => {
            let ids = several
                .iter()
                .map(|index| project.packages[*index].id.clone())
                .collect();
            Err(PlanError::AmbiguousPackage {
                package: name.to_owned(),
                ids,
            })
        }
        None => {
            let names = project
                .packages
                .iter()
                .filter_map(|package| package.name.as_deref());
            let suggestion = suggest(name, names).map(str::to_owned);
            Err(PlanError::UnknownPackage {
                package: name.to_owned(),
                suggestion,
            })
        }
    }
}

/// Says that a task does not exist, and what may have been meant: another task here, or the same
/// one elsewhere.
fn unknown(project: &Project, task: &str, package: Option<usize>) -> PlanError {
    let here = project.packages.iter().enumerate();
    let here = here.filter(|(index, _)| package.is_none_or(|package| package == *index));
    let names = here.flat_map(|(_, one)| one.tasks.keys().map(String::as_str));
    let mut suggestions: Vec<String> = suggest(task, names)
        .map(str::to_owned)
        .into_iter()
        .collect();
    let elsewhere = all_with(project, task);
    suggestions.extend(
        elsewhere
            .iter()
            .take(SUGGESTIONS)
            .map(|found| label(project, found)),
    );
    let place = match package {
        Some(package) => format!("package `{}`", project.packages[package].id),
        None => "any package".to_owned(),
    };
    PlanError::UnknownTask {
        task: task.to_owned(),
        place,
        suggestions,
    }
}

/// What a task is called in messages.
pub(crate) fn label(project: &Project, task: &TaskReference) -> String {
    format!("{}#{}", project.packages[task.package].id, task.task)
}
