//! The summary of a run for machines: stable, versioned, described in `docs/reference`.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};
use vt_run::{Finished, NotStored, Status, StepOutcome, Why};

/// The version of the format. Fields may be added within a version.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    version: u32,
    exit_code: i32,
    duration_ms: u64,
    steps: Vec<Step>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    id: String,
    package: String,
    task: String,
    index: u32,
    command: String,
    cwd: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    stored: bool,
    exit_code: Option<i32>,
    duration_ms: u64,
    saved_ms: u64,
    why: Vec<Value>,
    not_stored: Vec<Value>,
    restored: u64,
    reports: Vec<String>,
    directives: Vec<String>,
    looked_for: Vec<String>,
}

/// Writes the summary beside its name and renames it into place.
pub(crate) fn write(path: &Path, finished: &Finished) -> io::Result<()> {
    let summary = Summary {
        version: VERSION,
        exit_code: finished.exit_code,
        duration_ms: milliseconds(finished.duration),
        steps: finished.steps.iter().map(step).collect(),
    };
    let mut text = serde_json::to_vec_pretty(&summary)?;
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
        },
        source: (outcome.status == Status::Hit).then_some("local"),
        stored: outcome.stored,
        exit_code: outcome.exit_code,
        duration_ms: milliseconds(outcome.duration),
        saved_ms: outcome.saved.map_or(0, |saved| {
            milliseconds(saved.saturating_sub(outcome.duration))
        }),
        why: outcome.why.iter().map(why).collect(),
        not_stored: outcome.not_stored.iter().map(not_stored).collect(),
        restored: outcome.restored,
        reports: outcome.reports.clone(),
        directives: outcome.directives.clone(),
        looked_for: outcome.looked_for.clone(),
    }
}

/// An object with a kind and what belongs to it.
fn kind(kind: &str, fields: &[(&str, &str)]) -> Value {
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!(kind));
    for (name, value) in fields {
        object.insert((*name).to_owned(), json!(value));
    }
    Value::Object(object)
}

fn why(why: &Why) -> Value {
    match why {
        Why::FirstRun => kind("first-run", &[]),
        Why::CommandChanged => kind("command-changed", &[]),
        Why::ArgsChanged => kind("args-changed", &[]),
        Why::CwdChanged => kind("cwd-changed", &[]),
        Why::ProgramChanged { name } => kind("program-changed", &[("name", name)]),
        Why::InputModified { path } => kind("input-modified", &[("path", path)]),
        Why::InputAdded { path } => kind("input-added", &[("path", path)]),
        Why::InputRemoved { path } => kind("input-removed", &[("path", path)]),
        Why::ListingChanged { path, entry } => {
            kind("listing-changed", &[("path", path), ("entry", entry)])
        }
        Why::LinkChanged { path } => kind("link-changed", &[("path", path)]),
        Why::EnvChanged { name } => kind("env-changed", &[("name", name)]),
        Why::EnvAdded { name } => kind("env-added", &[("name", name)]),
        Why::EnvRemoved { name } => kind("env-removed", &[("name", name)]),
        Why::UntrackedEnvListChanged => kind("untracked-env-list-changed", &[]),
        Why::InputConfigChanged => kind("input-config-changed", &[]),
        Why::OutputConfigChanged => kind("output-config-changed", &[]),
        Why::RulesChanged { plugin } => kind("rules-changed", &[("plugin", plugin)]),
        Why::ToolChanged { path } => kind("tool-changed", &[("path", path)]),
        Why::OutputEdited { path } => kind("output-edited", &[("path", path)]),
        Why::PlatformChanged => kind("platform-changed", &[]),
        Why::BlobDamaged => kind("blob-damaged", &[]),
        Why::Forced => kind("forced", &[]),
        Why::CacheDisabled => kind("cache-disabled", &[]),
    }
}

fn not_stored(reason: &NotStored) -> Value {
    match reason {
        NotStored::ExitCode { code } => kind("exit-code", &[("code", &code.to_string())]),
        NotStored::Cancelled => kind("cancelled", &[]),
        NotStored::ModifiedInput { path } => kind("modified-input", &[("path", path)]),
        NotStored::InputChangedDuringRun { path } => {
            kind("input-changed-during-run", &[("path", path)])
        }
        NotStored::OptedOut { by, reason } => kind(
            "opted-out",
            &[
                ("by", by),
                ("reason", reason.as_deref().unwrap_or_default()),
            ],
        ),
        NotStored::TraceIncomplete { detail } => kind("trace-incomplete", &[("detail", detail)]),
        NotStored::EmptyTrace => kind("empty-trace", &[]),
        NotStored::WroteOutside { path } => kind("wrote-outside", &[("path", path)]),
        NotStored::WroteGit { path } => kind("wrote-git", &[("path", path)]),
        NotStored::SharedOutput { path } => kind("shared-output", &[("path", path)]),
        NotStored::IpcError { detail } => kind("ipc-error", &[("detail", detail)]),
        NotStored::PluginError { detail } => kind("plugin-error", &[("detail", detail)]),
        NotStored::StoreError { detail } => kind("store-error", &[("detail", detail)]),
        NotStored::CacheDisabled => kind("cache-disabled", &[]),
    }
}
