//! Finds the packages and the tasks that a request names.

use std::collections::BTreeSet;

use vt_config::{Package, Project, TaskReference, suggest};

use crate::filter::{self, Filtered};
use crate::{NoMatch, PlanError, Request, Scope, TaskTarget};

/// How many tasks of other packages are suggested at most.
const SUGGESTIONS: usize = 5;

/// What a request means.
#[derive(Debug)]
pub(crate) struct Selected {
    /// The packages in which the task is looked for.
    pub(crate) packages: BTreeSet<usize>,
    /// The tasks, by package.
    pub(crate) tasks: BTreeSet<TaskReference>,
}

/// The tasks a request means. There is none only where filters match no package.
pub(crate) fn select(project: &Project, request: &Request) -> Result<Selected, PlanError> {
    let TaskTarget { task, .. } = &request.target;
    let Filtered {
        packages,
        unmatched,
    } = packages(project, request)?;
    if request.no_match == NoMatch::Fail && !unmatched.is_empty() {
        return Err(PlanError::NoMatch { filters: unmatched });
    }
    let tasks: BTreeSet<TaskReference> = all_with(project, task)
        .filter(|found| packages.contains(&found.package))
        .collect();
    if tasks.is_empty() && !packages.is_empty() {
        return Err(unknown(project, task, &packages, &request.scope));
    }
    Ok(Selected { packages, tasks })
}

/// The filters of a request that match no package.
///
/// # Errors
/// When the request names a package that does not exist, or holds no valid filter.
pub fn unmatched_filters(project: &Project, request: &Request) -> Result<Vec<String>, PlanError> {
    packages(project, request).map(|found| found.unmatched)
}

/// The indices of the packages a scope stands for, whether or not they have any task.
///
/// # Errors
/// When a filter cannot be understood.
pub fn packages_in(project: &Project, request: &Request) -> Result<BTreeSet<usize>, PlanError> {
    packages(project, request).map(|found| found.packages)
}

fn packages(project: &Project, request: &Request) -> Result<Filtered, PlanError> {
    let at = |directory| match &request.target.package {
        Some(name) => named(project, name),
        None => Ok(project.package_at(directory)),
    };
    let packages = match &request.scope {
        Scope::Package(directory) => [at(directory)?].into(),
        Scope::Transitive(directory) => filter::with_dependencies(project, at(directory)?),
        Scope::Recursive => (0..project.packages.len()).collect(),
        Scope::Filtered { filters, directory } => {
            return filter::apply(project, filters, directory, &request.changes);
        }
    };
    Ok(Filtered {
        packages,
        unmatched: Vec::new(),
    })
}

/// The task of that name of every package that has it.
fn all_with<'p>(project: &'p Project, task: &str) -> impl Iterator<Item = TaskReference> + use<'p> {
    let task = task.to_owned();
    let packages = project.packages.iter().enumerate();
    let name = task.clone();
    packages
        .filter(move |(_, package)| package.tasks.contains_key(&name))
        .map(move |(package, _)| TaskReference {
            package,
            task: task.clone(),
        })
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
fn unknown(project: &Project, task: &str, packages: &BTreeSet<usize>, scope: &Scope) -> PlanError {
    let names = packages.iter().flat_map(|index| {
        let tasks = &project.packages[*index].tasks;
        tasks.keys().map(String::as_str)
    });
    let mut suggestions: Vec<String> = suggest(task, names)
        .map(str::to_owned)
        .into_iter()
        .collect();
    suggestions.extend(
        all_with(project, task)
            .take(SUGGESTIONS)
            .map(|found| label(project, &found)),
    );
    let place = match (scope, Vec::from_iter(packages).as_slice()) {
        (Scope::Recursive, _) => "any package".to_owned(),
        (_, [package]) => format!("package `{}`", project.packages[**package].id),
        _ => "any of the packages selected".to_owned(),
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
