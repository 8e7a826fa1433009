//! `vt run --watch`: runs again what a change concerns, until somebody ends it.
//!
//! What concerns a step is what its run was seen to read, so a change asks the look-ups of a dry
//! run. Of a step that is not known that well (it is never cached, failed, or was not stored) any
//! change that did not happen during its run may be what it waits for.

use std::collections::BTreeSet;

use anstream::eprintln;
use vt_base::StepId;
use vt_config::Project;
use vt_plan::CacheRequest;
use vt_run::{
    Event, Finished, Forecast, Freshness, RunError, RunRequest, Status, Verdict, Watcher, Woken,
    World,
};

use crate::error::Error;
use crate::report::wording;
use crate::selection::ask_again;
use crate::settings;

/// The exit code of a run that ended by a signal.
const SIGNAL: i32 = 128;

/// Runs once, asking of each event whether it is shown.
type Runs<'r> = dyn FnMut(&Project, &RunRequest, &mut Shows<'_>) -> Result<Finished, Error> + 'r;
type Shows<'s> = dyn FnMut(&Event) -> Shown + 's;

/// Runs, and again after each change. `run` does it once and tells the events to who listens.
pub(crate) fn watch(
    world: &World,
    project: Project,
    mut request: RunRequest,
    run: &mut Runs<'_>,
) -> Result<i32, Error> {
    // What is not cached is not traced either.
    if request.target.cache == CacheRequest::Default {
        request.target.cache = CacheRequest::On;
    }
    let mut watcher = Watcher::new(&project, world).map_err(Error::Watch)?;
    let mut project = project;
    let mut known = BTreeSet::new();
    let mut is_first = true;
    loop {
        let mut hits: BTreeSet<StepId> = BTreeSet::new();
        let finished = run(&project, &request, &mut |event| {
            if is_first {
                return Shown::Yes;
            }
            // What did not change was shown when it ran.
            match event {
                Event::Decided {
                    step,
                    verdict: Verdict::Hit { .. },
                    ..
                } => {
                    hits.insert(step.clone());
                    Shown::No
                }
                Event::Output { step, .. } if hits.contains(step) => Shown::No,
                _ => Shown::Yes,
            }
        });
        match finished {
            Ok(finished) => {
                known = known_steps(&finished);
                if finished.exit_code > SIGNAL && was_cancelled(&finished) {
                    return Ok(finished.exit_code);
                }
            }
            Err(error) if is_first => return Err(error),
            Err(error) => error.show(),
        }
        is_first = false;
        request.freshness = Freshness::UseEntries;
        watcher.drain().map_err(Error::Watch)?;
        // What changed during the run is seen by a look, not by the events it made itself.
        if let Some(step) = concerned(&project, world, &request, &known) {
            eprintln!("{}", wording::runs_again(&step.to_string()));
            continue;
        }
        eprintln!("{}", wording::WAITING);
        loop {
            let path = match watcher.wait().map_err(Error::Watch)? {
                Woken::Interrupted(number) => return Ok(SIGNAL + number),
                Woken::Changed(path) => path,
            };
            let read = settings::project(world);
            let read = read.and_then(|read| {
                ask_again(&read, &mut request.target)?;
                Ok(read)
            });
            match read {
                Ok(read) => project = read,
                Err(error) => {
                    error.show();
                    continue;
                }
            }
            let is_any_unknown = has_unknown(&project, world, &request, &known);
            if is_any_unknown || concerned(&project, world, &request, &known).is_some() {
                eprintln!("{}", wording::runs_again(&path.display().to_string()));
                break;
            }
        }
    }
}

/// Whether an event is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Yes,
    No,
}

fn was_cancelled(finished: &Finished) -> bool {
    let is_over = |status| matches!(status, Status::Cancelled | Status::Skipped);
    finished.steps.iter().any(|step| is_over(step.status))
}

/// The steps of which it is known what they depend on.
fn known_steps(finished: &Finished) -> BTreeSet<StepId> {
    let steps = finished.steps.iter();
    let known = steps.filter(|step| step.status == Status::Hit || step.stored);
    known.map(|step| step.step.clone()).collect()
}

/// The first of the known steps that would not be a hit.
fn concerned(
    project: &Project,
    world: &World,
    request: &RunRequest,
    known: &BTreeSet<StepId>,
) -> Option<StepId> {
    let forecast = vt_run::forecast(project, world, request).ok()?;
    let mut concerned = forecast
        .into_iter()
        .filter(|step| matches!(step.forecast, Forecast::Run(_)) && known.contains(&step.step));
    concerned.next().map(|step| step.step)
}

/// Whether there is a step of which nothing is known, or no plan at all, which a run would tell.
fn has_unknown(
    project: &Project,
    world: &World,
    request: &RunRequest,
    known: &BTreeSet<StepId>,
) -> bool {
    match vt_run::forecast(project, world, request) {
        Ok(steps) => steps.iter().any(|step| !known.contains(&step.step)),
        Err(RunError::Plan(_)) => true,
        Err(_) => false,
    }
}
