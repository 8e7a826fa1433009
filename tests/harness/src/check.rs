//! Compares what came of a command with what a story expects. Every difference is one sentence; all are found.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::call::Outcome;
use crate::error::HarnessError;
use crate::pattern;
use crate::story::{Expect, StepExpect};
use crate::summary::{StepSummary, Summary};
use crate::tree::{Content, Snapshot};

/// Everything an expectation may be about.
pub(crate) struct Seen<'a> {
    pub(crate) root: &'a Path,
    pub(crate) outcome: &'a Outcome,
    /// Taken if the expectation is about an untouched tree.
    pub(crate) before: Option<&'a Snapshot>,
    /// What earlier steps of the case remembered.
    pub(crate) remembered: &'a mut BTreeMap<String, Content>,
}

pub(crate) fn differences(
    expect: &Expect,
    seen: &mut Seen<'_>,
) -> Result<Vec<String>, HarnessError> {
    let mut found = Vec::new();
    let outcome = seen.outcome;
    let code = expect.exit_code.unwrap_or(0);
    if outcome.exit_code != code {
        found.push(format!(
            "exit code: expected {code}, got {}",
            outcome.exit_code
        ));
    }
    steps(expect, outcome.summary.as_ref(), &mut found);
    text(expect, outcome, &mut found);
    files(expect, seen.root, &mut found);
    if let Some(before) = seen.before {
        found.extend(
            before
                .changes(&Snapshot::take(seen.root)?)
                .iter()
                .map(|line| format!("the tree was touched: {line}")),
        );
    }
    if let Some(processes) = outcome.processes.iter().flatten().next() {
        found.push(format!("a process was started: {processes}"));
    }
    contents(expect, seen, &mut found)?;
    Ok(found)
}

fn steps(expect: &Expect, summary: Option<&Summary>, found: &mut Vec<String>) {
    let only = expect.only();
    if only.is_none() && expect.steps.is_none() && expect.all.is_none() {
        return;
    }
    let Some(summary) = summary else {
        found.push("no summary was written".to_owned());
        return;
    };
    if let Some(only) = &only {
        match summary.steps.as_slice() {
            [step] => one_step(only, step, found),
            steps => found.push(format!("expected one step, got {:?}", ids(steps))),
        }
    }
    if let Some(expected) = &expect.steps {
        for step in &summary.steps {
            match expected.get(&step.id) {
                Some(expected) => one_step(expected, step, found),
                None => found.push(format!("unexpected step `{}`", step.id)),
            }
        }
        for id in expected.keys().filter(|id| summary.step(id).is_none()) {
            found.push(format!("no step `{id}`, only {:?}", ids(&summary.steps)));
        }
    }
    if let Some(all) = &expect.all {
        if summary.steps.is_empty() {
            found.push("the run has no steps".to_owned());
        }
        summary
            .steps
            .iter()
            .for_each(|step| one_step(all, step, found));
    }
}

fn ids(steps: &[StepSummary]) -> Vec<&str> {
    steps.iter().map(|step| step.id.as_str()).collect()
}

fn one_step(expect: &StepExpect, step: &StepSummary, found: &mut Vec<String>) {
    let mut add =
        |what: &str, difference: String| found.push(format!("`{}` {what}: {difference}", step.id));
    if let Some(status) = expect.status.filter(|status| *status != step.status) {
        add(
            "status",
            format!("expected {status:?}, got {:?}", step.status),
        );
    }
    if let Some(stored) = expect.stored.filter(|stored| *stored != step.stored) {
        add("stored", format!("expected {stored}, got {}", step.stored));
    }
    for (what, expected, got) in [
        ("restored", expect.restored, step.restored),
        ("removed", expect.removed, step.removed),
    ] {
        if let Some(expected) = expected.filter(|expected| Some(*expected) != got) {
            add(what, format!("expected {expected}, got {got:?}"));
        }
    }
    let exact = [
        ("why", &expect.why, &step.why),
        ("not stored", &expect.not_stored, &step.not_stored),
    ];
    for (what, expected, actual) in exact {
        if let Some(difference) = expected
            .as_ref()
            .and_then(|expected| pattern::difference(expected, actual))
        {
            add(what, difference);
        }
    }
    let some = [
        ("why", &expect.why_contains, &step.why),
        ("not stored", &expect.not_stored_contains, &step.not_stored),
    ];
    for (what, expected, actual) in some {
        if let Some(missing) = expected
            .as_ref()
            .and_then(|expected| pattern::missing(expected, actual))
        {
            add(what, missing);
        }
    }
}

fn text(expect: &Expect, outcome: &Outcome, found: &mut Vec<String>) {
    let (out, err) = (outcome.out(), outcome.err());
    for (name, said, wanted) in [
        ("stdout", &out, &expect.stdout_contains),
        ("stderr", &err, &expect.stderr_contains),
    ] {
        let missing = wanted
            .0
            .iter()
            .filter(|piece| !said.contains(piece.as_str()));
        found.extend(missing.map(|piece| format!("{name} does not contain `{piece}`")));
    }
    for (name, said, unwanted) in [
        ("stdout", &out, &expect.stdout_lacks),
        ("stderr", &err, &expect.stderr_lacks),
    ] {
        let present = unwanted
            .0
            .iter()
            .filter(|piece| said.contains(piece.as_str()));
        found.extend(present.map(|piece| format!("{name} contains `{piece}`")));
    }
    let mut rest = out.as_str();
    for piece in &expect.stdout_in_order {
        match rest.split_once(piece.as_str()) {
            Some((_, after)) => rest = after,
            None => found.push(format!(
                "stdout does not contain `{piece}` at its place in the order"
            )),
        }
    }
}

fn files(expect: &Expect, root: &Path, found: &mut Vec<String>) {
    for (path, text) in &expect.files {
        match fs::read(root.join(path)) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Ok(bytes) => {
                found.push(format!(
                    "`{path}`: expected {text:?}, got {:?}",
                    String::from_utf8_lossy(&bytes)
                ));
            }
            Err(error) => found.push(format!("`{path}`: expected {text:?}, got {error}")),
        }
    }
    let present = expect
        .absent
        .iter()
        .filter(|path| fs::symlink_metadata(root.join(path)).is_ok());
    found.extend(present.map(|path| format!("`{path}` is there")));
}

fn contents(
    expect: &Expect,
    seen: &mut Seen<'_>,
    found: &mut Vec<String>,
) -> Result<(), HarnessError> {
    for (name, path) in &expect.save {
        seen.remembered
            .insert(name.clone(), Content::take(&seen.root.join(path))?);
    }
    for (name, path) in &expect.same {
        let Some(before) = seen.remembered.get(name) else {
            found.push(format!("no step has saved `{name}`"));
            continue;
        };
        let now = Content::take(&seen.root.join(path))?;
        found.extend(
            before
                .changes(&now)
                .iter()
                .map(|line| format!("`{path}` is not as saved in `{name}`: {line}")),
        );
    }
    Ok(())
}
