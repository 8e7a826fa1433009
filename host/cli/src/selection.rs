//! The flags that choose packages, and the request they make together with a task.

use std::collections::BTreeMap;
use std::process::Command;

use anstream::eprintln;
use vt_base::{AbsPath, RelPath};
use vt_config::Project;
use vt_plan::{Changes, DependsOn, NoMatch, Request, Scope, Selection, TaskTarget};

use crate::args::OrderFlags;
use crate::error::Error;
use crate::report::wording;

/// The flags that choose packages.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct SelectionFlags {
    /// In every package that has the task, dependencies first.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// In the package and all it depends on, dependencies first.
    #[arg(short, long)]
    pub(crate) transitive: bool,
    /// In the root of the workspace.
    #[arg(short, long)]
    pub(crate) workspace_root: bool,
    /// In the packages that match: `name`, `@scope/*`, `./directory`, `{directory}`, `[since]`,
    /// with `...` for dependencies (behind) and dependents (in front), `!` to leave out.
    #[arg(short = 'F', long, value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
    /// A filter that matches no package is an error.
    #[arg(long)]
    pub(crate) fail_if_no_match: bool,
}

impl SelectionFlags {
    /// Whether any of them was given.
    pub(crate) fn is_given(&self) -> bool {
        self.recursive || self.transitive || self.workspace_root || !self.filter.is_empty()
    }

    /// The request for a task. Filters that match no package are told here.
    pub(crate) fn request(
        &self,
        project: &Project,
        current_dir: &AbsPath,
        target: TaskTarget,
        order: &OrderFlags,
    ) -> Result<Request, Error> {
        let here = current_dir.relative_to(&project.root).unwrap_or_default();
        let selection = Selection {
            recursive: self.recursive,
            transitive: self.transitive,
            workspace_root: self.workspace_root,
            filters: self.filter.clone(),
        };
        let scope = selection.scope(&here, Some(&target));
        let mut request = Request::new(target, scope.map_err(Error::Plan)?);
        request.changes = changes(project, &request.scope)?;
        if order.ignore_depends_on {
            request.depends_on = DependsOn::Ignore;
        }
        ask_for_nested(project, &mut request)?;
        if self.fail_if_no_match {
            request.no_match = NoMatch::Fail;
        } else {
            let unmatched = vt_plan::unmatched_filters(project, &request);
            for filter in unmatched.map_err(Error::Plan)? {
                eprintln!("{}", wording::unmatched_filter(&filter));
            }
        }
        Ok(request)
    }
}

/// Adds what changed since the commits that filters of nested runs name.
pub(crate) fn ask_for_nested(project: &Project, request: &mut Request) -> Result<(), Error> {
    while let Some(since) = vt_plan::missing_commit(project, request) {
        let changed = changed_since(&project.root, &since)?;
        request.changes.insert(since, changed);
    }
    Ok(())
}

/// Finds out once more what changed since the commits that filters name.
pub(crate) fn ask_again(project: &Project, request: &mut Request) -> Result<(), Error> {
    for (since, changed) in &mut request.changes {
        *changed = changed_since(&project.root, since)?;
    }
    ask_for_nested(project, request)
}

/// What changed since the commits that filters name.
fn changes(project: &Project, scope: &Scope) -> Result<Changes, Error> {
    let mut changes = BTreeMap::new();
    let Scope::Filtered { filters, .. } = scope else {
        return Ok(changes);
    };
    for since in filters.iter().filter_map(|filter| filter.since()) {
        if !changes.contains_key(since) {
            changes.insert(since.to_owned(), changed_since(&project.root, since)?);
        }
    }
    Ok(changes)
}

/// The files that differ between a commit and the disk, and those git does not know yet.
fn changed_since(root: &AbsPath, since: &str) -> Result<Vec<RelPath>, Error> {
    let lists = [
        &["diff", "--name-only", "--relative", "-z", since, "--", "."][..],
        &["ls-files", "--others", "--exclude-standard", "-z"],
    ];
    let mut changed = Vec::new();
    // What starts with a dash would be a flag, and no commit is called so.
    if since.starts_with('-') {
        return Err(Error::Usage(wording::no_changes(since, "it is no commit")));
    }
    for words in lists {
        let mut git = Command::new("git");
        let output = git.args(words).current_dir(root).output();
        let output =
            output.map_err(|error| Error::Usage(wording::no_changes(since, &error.to_string())))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().next().unwrap_or_default();
            return Err(Error::Usage(wording::no_changes(since, first)));
        }
        let names = output.stdout.split(|byte| *byte == 0);
        changed.extend(
            names
                .filter(|name| !name.is_empty())
                .filter_map(|name| RelPath::new(name).ok()),
        );
    }
    Ok(changed)
}
