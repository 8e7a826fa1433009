//! What a run would do: the look-ups of a run, and nothing that writes.

use vt_base::{CachePolicy, StepId};
use vt_config::Project;
use vt_fingerprint::Why;

use crate::context::{Context, MESSAGES, Purpose};
use crate::error::RunError;
use crate::glimpse::Glimpse;
use crate::join::joined;
use crate::lookup::Found;
use crate::plugins::InUse;
use crate::rules::{admit, prepare};
use crate::task::find;
use crate::world::{RunRequest, World};

/// What would become of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Forecast {
    /// It would be brought back.
    Hit,
    /// It would run, for these reasons.
    Run(Vec<Why>),
    /// That depends on what a step before it leaves, which would run.
    Unknown,
    /// It would run, since it is not cached.
    Disabled,
}

/// A step and what would become of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepForecast {
    /// The step.
    pub step: StepId,
    /// Its command as it was written.
    pub command: String,
    /// Its directory relative to the workspace.
    pub directory: String,
    /// What would become of it.
    pub forecast: Forecast,
}

/// Says what a run would do, in the order of the plan. Writes nothing, not even a memo.
///
/// # Errors
/// When the request does not fit the project.
pub fn forecast(
    project: &Project,
    world: &World,
    request: &RunRequest,
) -> Result<Vec<StepForecast>, RunError> {
    let plan = vt_plan::plan(project, &request.target)?;
    let in_use = InUse::load(project, world, Purpose::Look)?;
    // Nobody is told anything.
    let (events, _) = tokio::sync::mpsc::channel(MESSAGES);
    let mut context = Context::new(project, world, Purpose::Look, request, in_use, events);
    let (plan, segments) = joined(context.store.as_ref().ok(), plan);
    context.segments = segments;
    admit(&context, &plan)?;
    let mut forecasts: Vec<StepForecast> = Vec::with_capacity(plan.steps.len());
    for planned in &plan.steps {
        let is_open = planned
            .after
            .iter()
            .any(|before| forecasts[*before].forecast != Forecast::Hit);
        let forecast = match (planned.invocation.cache, &context.store) {
            (CachePolicy::Disabled, _) => Forecast::Disabled,
            _ if is_open => Forecast::Unknown,
            (CachePolicy::Enabled, Err(_)) => Forecast::Run(vec![Why::FirstRun]),
            (CachePolicy::Enabled, Ok(opened)) => {
                let mut glimpse = Glimpse::default();
                let prepared = prepare(&context, opened, planned, &mut glimpse);
                match find(&context, opened, &prepared, glimpse, None) {
                    Ok((_, Found::Hit(_))) => Forecast::Hit,
                    Ok((_, Found::Miss(whys))) => Forecast::Run(whys),
                    Err(_) => Forecast::Run(vec![Why::FirstRun]),
                }
            }
        };
        forecasts.push(StepForecast {
            step: planned.invocation.step.clone(),
            command: planned.invocation.command.clone(),
            directory: planned.invocation.directory.to_string(),
            forecast,
        });
    }
    Ok(forecasts)
}
