//! What `vt run --summary-json FILE` writes, as types. Unknown fields of a step are refused: the format is documented,
//! and a new field belongs into the documentation and here.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::error::HarnessError;

/// One run.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Summary {
    /// Version of the format.
    pub version: u32,
    /// What `vt` exited with.
    pub exit_code: i32,
    /// Milliseconds, start to end.
    pub duration_ms: u64,
    /// Every step of the plan.
    pub steps: Vec<StepSummary>,
}

/// One step of a run.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepSummary {
    /// `package#task/index`.
    pub id: String,
    /// Name of the package, if it has one.
    pub package: Option<String>,
    /// Name of the task.
    pub task: String,
    /// Which command of the task.
    pub index: u32,
    /// The command as the user wrote it.
    pub command: String,
    /// Relative to the workspace root.
    pub cwd: String,
    /// How it ended.
    pub status: Status,
    /// `local` or `remote`, for hits.
    pub source: Option<String>,
    /// Whether this run wrote an entry.
    pub stored: bool,
    /// Of the command, or of the run that was replayed. None for what never started.
    pub exit_code: Option<i32>,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Milliseconds a hit saved.
    pub saved_ms: Option<u64>,
    /// Why it was not a hit.
    pub why: Vec<Reason>,
    /// Why no entry was written.
    pub not_stored: Vec<Reason>,
    /// Files written by this hit.
    pub restored: Option<u64>,
    /// Files removed by this hit.
    pub removed: Option<u64>,
    /// What cooperating tools said.
    pub reports: Vec<Value>,
    /// What rule plugins said.
    pub directives: Vec<Value>,
    /// Names of variables that programs looked for and were not given.
    pub looked_for: Vec<String>,
    /// What decided, if that is known.
    pub path_set: Option<PathSet>,
}

/// The set of paths whose states decided.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PathSet {
    /// The start of its digest.
    pub digest: String,
    /// How many items it has.
    pub items: u64,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Replayed.
    Hit,
    /// Executed, exit code 0.
    Ran,
    /// Executed, another exit code.
    Failed,
    /// Not executed, since something before it failed.
    Skipped,
    /// Stopped on the way.
    Cancelled,
}

/// One `why` or `notStored`.
#[derive(Debug, Clone, Deserialize)]
pub struct Reason {
    /// The first word.
    pub kind: String,
    /// Whatever else the kind comes with.
    #[serde(flatten)]
    pub details: BTreeMap<String, Value>,
}

impl Summary {
    /// Reads the text of a summary file.
    ///
    /// # Errors
    ///
    /// [`HarnessError::BadSummary`] if it does not have the documented shape.
    pub fn parse(text: &str) -> Result<Self, HarnessError> {
        serde_json::from_str(text).map_err(|error| HarnessError::BadSummary {
            reason: error.to_string(),
            text: text.to_owned(),
        })
    }

    /// The step of this id.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&StepSummary> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The only step of the run.
    ///
    /// # Panics
    ///
    /// If the run has more steps, or none.
    #[must_use]
    pub fn only(&self) -> &StepSummary {
        match self.steps.as_slice() {
            [only] => only,
            steps => panic!(
                "expected one step, got {:?}",
                steps.iter().map(|step| &step.id).collect::<Vec<_>>()
            ),
        }
    }
}

impl StepSummary {
    /// Whether one of the reasons of the miss is written like this (see [`Reason`]'s `Display`).
    #[must_use]
    pub fn says_why(&self, text: &str) -> bool {
        self.why.iter().any(|reason| reason.to_string() == text)
    }
}

/// Kind first, then the details in a fixed order: what it is about, then what is said of it.
impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FIRST: [&str; 6] = ["path", "entry", "name", "plugin", "by", "code"];
        write!(formatter, "{}", self.kind)?;
        let first = FIRST.iter().filter_map(|key| self.details.get(*key));
        let rest = self
            .details
            .iter()
            .filter(|(key, _)| !FIRST.contains(&key.as_str()))
            .map(|(_, value)| value);
        for value in first.chain(rest) {
            match value {
                Value::Null => {}
                Value::String(text) => write!(formatter, " {text}")?,
                other => write!(formatter, " {other}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Reason, Status, Summary};

    const TEXT: &str = r#"{
        "version": 1, "exitCode": 0, "durationMs": 812,
        "steps": [{
            "id": "@my/app#build/0", "package": "@my/app", "task": "build", "index": 0,
            "command": "vite build", "cwd": "packages/app", "status": "hit", "source": "local", "stored": false,
            "exitCode": 0, "durationMs": 3, "savedMs": 2140, "why": [], "notStored": [], "restored": 14,
            "reports": [], "directives": [], "lookedFor": []
        }]
    }"#;

    #[test]
    fn the_documented_example_parses() {
        let summary = Summary::parse(TEXT).unwrap();
        assert_eq!(summary.only().status, Status::Hit);
        assert_eq!(summary.step("@my/app#build/0").unwrap().restored, Some(14));
    }

    #[test]
    fn an_undocumented_field_or_status_is_refused_and_shown() {
        let error = Summary::parse(&TEXT.replace("\"restored\"", "\"revived\"")).unwrap_err();
        assert!(error.to_string().contains("revived"), "{error}");
        assert!(Summary::parse(&TEXT.replace("\"hit\"", "\"cached\"")).is_err());
    }

    #[test]
    fn a_reason_reads_kind_first_then_what_it_is_about() {
        let reason: Reason =
            serde_json::from_str(r#"{"entry":"new.ts","kind":"listing-changed","path":"src"}"#)
                .unwrap();
        assert_eq!(reason.to_string(), "listing-changed src new.ts");
        let reason: Reason =
            serde_json::from_str(r#"{"kind":"opted-out","reason":"dev server","by":"tool"}"#)
                .unwrap();
        assert_eq!(reason.to_string(), "opted-out tool dev server");
    }
}
