//! `vt run`: runs a task and what it depends on, and tells what happens.

use std::mem::ManuallyDrop;
use std::time::Duration;

use anstream::println;
use vt_base::RelPath;
use vt_config::{Package, Project};
use vt_plan::{CacheRequest, Ordering, PlanError, Request, TaskTarget};
use vt_run::{Finished, Freshness, OnFailure, RunError, RunRequest, Terminal, World};

use crate::args::{Args, Log, Run};
use crate::commands::choice::choices;
use crate::commands::select::select;
use crate::commands::watch::{self, Shown};
use crate::commands::{dry_run, last_details};
use crate::error::Error;
use crate::report::history::History;
use crate::report::screen::Screen;
use crate::report::summary::{self, Summary};
use crate::report::trace::Trace;
use crate::report::{Details, Reporter};
use crate::selection::ask_for_nested;
use crate::settings::{self, GRACE, Looks};

/// The exit code when somebody was asked for a task and left.
const LEFT: i32 = 130;
/// How often what is shown live is drawn again although nothing has happened.
const PULSE: Duration = Duration::from_millis(100);

/// Runs the command.
pub(crate) fn run(args: &Args, run: &Run) -> Result<i32, Error> {
    let mut world = settings::world(args)?;
    let concurrency = settings::concurrency(run)?;
    let looks = settings::looks(args);
    world.screens = settings::screens(looks);
    let log = settings::log(run);
    let project = settings::project_to_the_end(&world)?;
    if run.last_details {
        return last_details::show(&History::of(&project, &world));
    }
    let here = world
        .current_dir
        .relative_to(&project.root)
        .unwrap_or_default();
    if run.task.is_empty() && (run.selection.recursive || run.verbose) {
        return Err(Error::Usage("name a task to run".to_owned()));
    }
    let asked;
    let (task, task_args) = match run.task.split_first() {
        Some((task, args)) => (task, args),
        None if settings::can_ask() => match ask(&project, &here, looks, "")? {
            Some(task) => {
                asked = task;
                (&asked, &[][..])
            }
            None => return Ok(LEFT),
        },
        None => {
            list(&project, &here);
            return Ok(0);
        }
    };
    let target = TaskTarget::parse(task);
    let selection = &run.selection;
    let selected = selection.request(&project, &world.current_dir, target, &run.order)?;
    let mut request = RunRequest {
        target: Request {
            args: task_args.to_vec(),
            cache: match (run.cache, run.no_cache) {
                (true, _) => CacheRequest::On,
                (_, true) => CacheRequest::Off,
                _ => CacheRequest::Default,
            },
            ordering: if run.parallel {
                Ordering::None
            } else {
                Ordering::Dependencies
            },
            ..selected
        },
        freshness: if run.force {
            Freshness::Force
        } else {
            Freshness::UseEntries
        },
        concurrency,
        on_failure: if run.go_on {
            OnFailure::Continue
        } else {
            OnFailure::Stop
        },
        terminal: match log {
            Log::Interleaved => Terminal::OfSteps,
            Log::Live => Terminal::OfWhoRunsAlone,
            Log::Labeled | Log::Grouped => Terminal::OfVt,
        },
        pulse: (log == Log::Live).then_some(PULSE),
        grace: GRACE,
    };
    if run.dry_run {
        let summary_file = run.summary_json.as_deref();
        return dry_run::show(&project, &world, &request, summary_file);
    }
    if run.watch {
        let project = ManuallyDrop::into_inner(project);
        return watch::watch(&world, project, request, &mut |project, request, filter| {
            let mut reporter = Reporter::new(looks, log);
            let mut trace = Trace::new();
            let finished = vt_run::run(project, &world, request, &mut |event| {
                trace.take(event);
                if filter(event) == Shown::Yes {
                    reporter.take(event);
                }
            });
            let finished = finished.map_err(Error::Run)?;
            finish(run, project, &world, reporter, &trace, &finished)?;
            Ok(finished)
        });
    }
    let mut reporter = Reporter::new(looks, log);
    let mut trace = Trace::new();
    let finished = loop {
        let finished = vt_run::run(&project, &world, &request, &mut |event| {
            trace.take(event);
            reporter.take(event);
        });
        // Nothing has run then: what was meant instead can be chosen.
        match finished {
            Err(RunError::Plan(PlanError::UnknownTask { .. }))
                if !run.selection.recursive && settings::can_ask() =>
            {
                let typed = run.task.first().map_or("", String::as_str);
                match ask(&project, &here, looks, typed)? {
                    Some(task) => {
                        request.target.target = TaskTarget::parse(&task);
                        ask_for_nested(&project, &mut request.target)?;
                    }
                    None => return Ok(LEFT),
                }
            }
            finished => break finished.map_err(Error::Run)?,
        }
    };
    finish(run, &project, &world, reporter, &trace, &finished)?;
    Ok(finished.exit_code)
}

/// Says how it went, remembers it, and writes the files that were asked for.
fn finish(
    run: &Run,
    project: &Project,
    world: &World,
    mut reporter: Reporter,
    trace: &Trace,
    finished: &Finished,
) -> Result<(), Error> {
    let summary = Summary::of(finished);
    let details = if run.verbose {
        Details::Full
    } else {
        Details::Compact
    };
    reporter.finish(&summary, details);
    // A run that can't be remembered is a run like any other.
    let _ = History::of(project, world).add(&summary);
    if let Some(path) = &run.summary_json {
        let path = world.current_dir.join(path);
        summary::write(path.as_path(), &summary)
            .map_err(|error| Error::Write(path.as_path().to_owned(), error))?;
    }
    if let Some(path) = &run.profile {
        let path = world.current_dir.join(path);
        std::fs::write(path.as_path(), trace.text())
            .map_err(|error| Error::Write(path.as_path().to_owned(), error))?;
    }
    Ok(())
}

/// Asks which task is meant.
fn ask(
    project: &Project,
    here: &RelPath,
    looks: Looks,
    query: &str,
) -> Result<Option<String>, Error> {
    let mut screen = Screen::new(looks);
    select(&mut screen, &choices(project, here), query).map_err(Error::Terminal)
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
