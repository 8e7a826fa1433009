//! What is said of a run afterwards, as it is remembered.

use std::time::Duration;

use serde_json::Value;
use vt_run::NotStored;

use super::{changed_files, duration, plural, refusal, why};
use crate::report::reasons;
use crate::report::summary::{Step, Summary};

/// How a run of several steps went.
pub(crate) fn compact(summary: &Summary) -> Vec<String> {
    let mut lines = vec![total(summary)];
    let modified: Vec<(&Step, String)> = summary
        .steps
        .iter()
        .filter_map(|step| Some((step, modified_input(step)?)))
        .collect();
    if let Some((step, path)) = modified.first() {
        let more = match modified.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        lines.push(format!(
            "vt: not stored because it changed its own input: {}#{} (`{path}`){more}",
            step.package, step.task
        ));
    }
    lines
}

fn modified_input(step: &Step) -> Option<String> {
    step.not_stored.iter().find_map(|reason| {
        let NotStored::ModifiedInput { path } = reasons::not_stored_of(reason)? else {
            return None;
        };
        Some(path)
    })
}

fn total(summary: &Summary) -> String {
    let count = |status: &str| {
        let steps = summary.steps.iter();
        steps.filter(|step| step.status == status).count() as u64
    };
    let saved: u64 = summary.steps.iter().map(|step| step.saved_ms).sum();
    let mut parts = vec![
        plural(summary.steps.len() as u64, "step", "steps"),
        plural(count("hit"), "hit", "hits"),
    ];
    if saved > 0 {
        parts.push(format!("saves {}", duration(Duration::from_millis(saved))));
    }
    for status in ["failed", "skipped", "cancelled"] {
        if count(status) > 0 {
            parts.push(format!("{} {status}", count(status)));
        }
    }
    format!("vt: {}", parts.join(", "))
}

/// Everything there is to say about a run.
pub(crate) fn details(summary: &Summary) -> Vec<String> {
    let took = duration(Duration::from_millis(summary.duration_ms));
    let mut lines = vec![format!(
        "{}, exit code {}, took {took}",
        total(summary),
        summary.exit_code
    )];
    lines.extend(summary.steps.iter().flat_map(step_details));
    lines
}

/// Everything there is to say about a step of a run: a line about how it ended, and below it one
/// for each reason, report, directive and name.
pub(crate) fn step_details(step: &Step) -> Vec<String> {
    let took = duration(Duration::from_millis(step.duration_ms));
    let ended = match step.status.as_str() {
        "hit" => {
            let changed = changed_files(("restored", step.restored), ("removed", step.removed));
            let saved = duration(Duration::from_millis(step.saved_ms));
            format!("hit, took {took}, saved {saved}{changed}")
        }
        "ran" if step.stored => format!("ran, took {took}, stored"),
        "ran" => format!("ran, took {took}"),
        "failed" => format!(
            "failed, exit code {}, took {took}",
            step.exit_code.unwrap_or(1)
        ),
        other => other.to_owned(),
    };
    let mut lines = vec![format!("{}: {ended}, `{}`", step.id, step.command)];
    let mut say = |text: String| lines.push(format!("  {text}"));
    if let Some(set) = &step.path_set {
        let items = plural(set.items, "item", "items");
        say(if step.status == "hit" {
            format!("path set {} of {items} holds", set.digest)
        } else {
            format!("path set {} of {items}", set.digest)
        });
    }
    for reason in &step.why {
        say(format!("ran because: {}", why_of(reason)));
    }
    for reason in &step.not_stored {
        say(format!("not stored because: {}", refusal_of(reason)));
    }
    for line in &step.reports {
        say(format!("the tool said: {line}"));
    }
    for line in &step.directives {
        say(format!("a rule said: {line}"));
    }
    for name in &step.looked_for {
        say(format!(
            "it looked for the variable `{name}`, which is set but not declared (add it to \
             `env` or `untrackedEnv`)"
        ));
    }
    lines
}

/// What is different between two runs of a step, the older one second.
pub(crate) fn step_differences(now: &Step, then: &Step) -> Vec<String> {
    let mut lines = Vec::new();
    if now.status != then.status {
        lines.push(format!("it was `{}` then", then.status));
    }
    if now.command != then.command {
        lines.push(format!("its command was `{}` then", then.command));
    }
    lines.push(match (&now.path_set, &then.path_set) {
        (Some(now), Some(then)) if now == then => {
            format!("the same path set {}", now.digest)
        }
        (_, Some(then)) => {
            let items = plural(then.items, "item", "items");
            format!("path set {} of {items} then", then.digest)
        }
        (_, None) => "the path set of then is not known".to_owned(),
    });
    let mut one_sided = |here: Vec<String>, there: Vec<String>, what: &str| {
        for reason in here.iter().filter(|reason| !there.contains(reason)) {
            lines.push(format!("only now: {what}{reason}"));
        }
        for reason in there.iter().filter(|reason| !here.contains(reason)) {
            lines.push(format!("only then: {what}{reason}"));
        }
    };
    let words = |step: &Step, word: fn(&Value) -> String, reasons: fn(&Step) -> &[Value]| {
        reasons(step).iter().map(word).collect::<Vec<String>>()
    };
    let whys = |step: &Step| words(step, why_of, |step| &step.why);
    let refusals = |step: &Step| words(step, refusal_of, |step| &step.not_stored);
    one_sided(whys(now), whys(then), "ran because ");
    one_sided(refusals(now), refusals(then), "not stored because ");
    one_sided(now.reports.clone(), then.reports.clone(), "the tool said ");
    one_sided(
        now.directives.clone(),
        then.directives.clone(),
        "a rule said ",
    );
    one_sided(
        now.looked_for.clone(),
        then.looked_for.clone(),
        "looked for ",
    );
    lines
}

/// How long ago something was.
pub(crate) fn ago(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        0 => "just now".to_owned(),
        1..60 => format!("{} ago", plural(seconds, "second", "seconds")),
        60..3_600 => format!("{} ago", plural(seconds / 60, "minute", "minutes")),
        3_600..172_800 => format!("{} ago", plural(seconds / 3_600, "hour", "hours")),
        _ => format!("{} ago", plural(seconds / 86_400, "day", "days")),
    }
}

/// Which run is spoken of.
pub(crate) fn run_of(ago: &str) -> String {
    format!("of the run that ended {ago}:")
}

/// Which run another one is compared with.
pub(crate) fn compared_with(ago: &str) -> String {
    format!("compared with the run that ended {ago}:")
}

/// A step was not part of an older run.
pub(crate) fn not_there_then() -> String {
    "it was not part of the run then".to_owned()
}

fn kind(reason: &Value) -> String {
    let kind = reason.get("kind").and_then(Value::as_str);
    kind.unwrap_or_default().to_owned()
}

fn why_of(reason: &Value) -> String {
    reasons::why_of(reason).map_or_else(|| kind(reason), |reason| why(&reason))
}

fn refusal_of(reason: &Value) -> String {
    reasons::not_stored_of(reason).map_or_else(|| kind(reason), |reason| refusal(&reason))
}
