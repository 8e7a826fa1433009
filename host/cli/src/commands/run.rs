//! `vt run`: runs a task and what it depends on, and tells what happens.

use anstream::println;
use vt_base::RelPath;
use vt_config::{Package, Project};
use vt_plan::{CacheRequest, Request, Scope, TaskTarget};
use vt_run::{Freshness, RunRequest};

use crate::args::{Args, Run};
use crate::error::Error;
use crate::report::{Reporter, summary};
use crate::settings::{self, GRACE};

/// Runs the command.
pub(crate) fn run(args: &Args, run: &Run) -> Result<i32, Error> {
    let world = settings::world(args)?;
    let concurrency = settings::concurrency(run)?;
    let plugins = vt_run::built_in_plugins();
    let plugins: Vec<&str> = plugins.iter().map(String::as_str).collect();
    let project = vt_config::load(&world.current_dir, &plugins).map_err(Error::Config)?;
    let here = world
        .current_dir
        .relative_to(&project.root)
        .unwrap_or_default();
    let Some((task, task_args)) = run.task.split_first() else {
        list(&project, &here);
        return Ok(0);
    };
    let request = RunRequest {
        target: Request {
            target: TaskTarget::parse(task),
            args: task_args.to_vec(),
            scope: if run.recursive {
                Scope::Recursive
            } else {
                Scope::Package(here)
            },
            cache: match (run.cache, run.no_cache) {
                (true, _) => CacheRequest::On,
                (_, true) => CacheRequest::Off,
                _ => CacheRequest::Default,
            },
        },
        freshness: if run.force {
            Freshness::Force
        } else {
            Freshness::UseEntries
        },
        concurrency,
        grace: GRACE,
    };
    let mut reporter = Reporter::new(args.color, run.recursive);
    let finished = vt_run::run(&project, &world, &request, &mut |event| {
        reporter.take(event);
    })
    .map_err(Error::Run)?;
    reporter.finish(&finished);
    if let Some(path) = &run.summary_json {
        let path = world.current_dir.join(path);
        summary::write(path.as_path(), &finished)
            .map_err(|error| Error::Write(path.as_path().to_owned(), error))?;
    }
    Ok(finished.exit_code)
}

/// Without a task, says which there are: those of this package by name, then all others.
fn list(project: &Project, here: &RelPath) {
    let current = project.package_at(here);
    let show = |package: &Package, prefix: &str| {
        for (name, task) in &package.tasks {
            println!("{prefix}{name}: {}", task.command.join(" && "));
        }
    };
    show(&project.packages[current], "");
    for (index, package) in project.packages.iter().enumerate() {
        if index != current {
            show(package, &format!("{}#", package.id));
        }
    }
}
