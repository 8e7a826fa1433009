//! The summary of a run for machines: stable, versioned, described in `docs/reference`.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vt_run::{Finished, Forecast, Status, StepForecast, StepOutcome, Why};

use crate::report::reasons;

/// The version of the format. Fields may be added within a version.
const VERSION: u32 = 1;
/// How much of a digest is shown.
const DIGITS: usize = 12;

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(crate) version: u32,
    pub(crate) exit_code: i32,
    pub(crate) duration_ms: u64,
    /// Whether it says what would happen instead of what did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dry_run: bool,
    pub(crate) steps: Vec<Step>,
}

/// A step of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) package: String,
    pub(crate) task: String,
    pub(crate) index: u32,
    pub(crate) command: String,
    pub(crate) cwd: String,
    pub(crate) status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    pub(crate) stored: bool,
    pub(crate) exit_code: Option<i32>,
    pub(crate) duration_ms: u64,
    pub(crate) saved_ms: u64,
    pub(crate) why: Vec<Value>,
    pub(crate) not_stored: Vec<Value>,
    pub(crate) restored: u64,
    #[serde(default)]
    pub(crate) removed: u64,
    pub(crate) reports: Vec<String>,
    pub(crate) directives: Vec<String>,
    pub(crate) looked_for: Vec<String>,
    /// What decided, if that is known.
    #[serde(default)]
    pub(crate) path_set: Option<PathSet>,
}

/// The path set whose states a step was compared with, or that its run left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct PathSet {
    /// The start of its digest.
    pub(crate) digest: String,
    /// How many items it has.
    pub(crate) items: u64,
}

impl Summary {
    /// The summary of a run.
    pub(crate) fn of(finished: &Finished) -> Self {
        Self {
            version: VERSION,
            exit_code: finished.exit_code,
            duration_ms: milliseconds(finished.duration),
            dry_run: false,
            steps: finished.steps.iter().map(step).collect(),
        }
    }

    /// What a run would come to.
    pub(crate) fn of_forecast(forecasts: &[StepForecast], took: Duration) -> Self {
        Self {
            version: VERSION,
            exit_code: 0,
            duration_ms: milliseconds(took),
            dry_run: true,
            steps: forecasts.iter().map(expected).collect(),
        }
    }
}

/// Writes the summary beside its name and renames it into place.
pub(crate) fn write(path: &Path, summary: &Summary) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(summary)?;
    text.push(b'\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    fs::write(&beside, text)?;
    fs::rename(&beside, path).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn expected(expected: &StepForecast) -> Step {
    let (status, why) = match &expected.forecast {
        Forecast::Hit => ("hit", Vec::new()),
        Forecast::Run(whys) => ("would-run", whys.iter().map(reasons::why).collect()),
        Forecast::Disabled => ("would-run", vec![reasons::why(&Why::CacheDisabled)]),
        Forecast::Unknown => ("unknown", Vec::new()),
    };
    Step {
        id: expected.step.to_string(),
        package: expected.step.package.clone(),
        task: expected.step.task.clone(),
        index: expected.step.index,
        command: expected.command.clone(),
        cwd: expected.directory.clone(),
        status: status.to_owned(),
        source: (expected.forecast == Forecast::Hit).then(|| "local".to_owned()),
        stored: false,
        exit_code: None,
        duration_ms: 0,
        saved_ms: 0,
        why,
        not_stored: Vec::new(),
        restored: 0,
        removed: 0,
        reports: Vec::new(),
        directives: Vec::new(),
        looked_for: Vec::new(),
        path_set: None,
    }
}

fn step(outcome: &StepOutcome) -> Step {
    Step {
        id: outcome.step.to_string(),
        package: outcome.step.package.clone(),
        task: outcome.step.task.clone(),
        index: outcome.step.index,
        command: outcome.command.clone(),
        cwd: outcome.directory.clone(),
        status: match outcome.status {
            Status::Hit => "hit",
            Status::Ran => "ran",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
            Status::Cancelled => "cancelled",
        }
        .to_owned(),
        source: (outcome.status == Status::Hit).then(|| "local".to_owned()),
        stored: outcome.stored,
        exit_code: outcome.exit_code,
        duration_ms: milliseconds(outcome.duration),
        saved_ms: outcome.saved.map_or(0, |saved| {
            milliseconds(saved.saturating_sub(outcome.duration))
        }),
        why: outcome.why.iter().map(reasons::why).collect(),
        not_stored: outcome.not_stored.iter().map(reasons::not_stored).collect(),
        restored: outcome.restored,
        removed: outcome.removed,
        reports: outcome.reports.clone(),
        directives: outcome.directives.clone(),
        looked_for: outcome.looked_for.clone(),
        path_set: outcome.path_set.as_ref().map(|set| PathSet {
            digest: set.digest.to_hex()[..DIGITS].to_owned(),
            items: set.items,
        }),
    }
}
