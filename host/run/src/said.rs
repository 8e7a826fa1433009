//! What the tools of a run said about it: reasons not to store it, and lines for people.

use std::borrow::Cow;
use std::collections::BTreeSet;

use vt_base::{Program, RelPath};
use vt_fingerprint::NotStored;
use vt_ipc::{EnvQuery, Hint, Refused, Reports, Trespass};
use vt_rules::Directive;

use crate::context::Context;
use crate::plugins::{Denied, Entry, Speaker};
use crate::rules::{Prepared, audit};

/// What lines begin with that tell of something taken out of account.
const TAKING: [&str; 4] = [
    "ignore-input ",
    "ignore-output ",
    "track-output ",
    "pass-env ",
];

/// The tool that speaks for a step: the program of its command.
fn tool(prepared: &Prepared<'_>) -> Speaker {
    let invocation = &prepared.planned.invocation;
    match &invocation.program {
        Program::Direct(name) => Speaker::tool(name),
        Program::Shell(_) => Speaker::tool(&invocation.command),
    }
}

/// What tools said, less what a policy denies them: they are held to what rules are held to.
pub(crate) fn permitted<'r>(
    context: &Context<'_>,
    prepared: &Prepared<'_>,
    reports: &'r Reports,
) -> (Cow<'r, Reports>, Vec<Denied>) {
    let policies = &context.in_use.policies;
    if !policies.limit_directives() {
        return (Cow::Borrowed(reports), Vec::new());
    }
    let tool = tool(prepared);
    let mut denied = Vec::new();
    let mut permit = |directive: Directive| match policies.permit(&tool, &directive) {
        Ok(()) => true,
        Err(reason) => {
            denied.push(reason);
            false
        }
    };
    // What is said of a path is said of all below it, unless it is a file.
    let root = &context.project.root;
    let glob = |path: &RelPath| match root.join_rel(path).as_path().is_file() {
        true => path.to_string(),
        false => format!("{path}/**"),
    };
    let mut kept = reports.clone();
    let mut sift = |paths: &mut BTreeSet<RelPath>, say: fn(String) -> Directive| {
        paths.retain(|path| permit(say(glob(path))));
    };
    sift(&mut kept.ignored_inputs, Directive::IgnoreInput);
    sift(&mut kept.ignored_outputs, Directive::IgnoreOutput);
    sift(&mut kept.tracked_outputs, Directive::Output);
    let envs = &kept.envs;
    kept.untracked
        .retain(|name| envs.contains_key(name) || permit(Directive::PassEnv(name.clone())));
    (Cow::Owned(kept), denied)
}

/// Writes down what tools took out of account, and what of that they were denied.
pub(crate) fn audit_reports(
    context: &Context<'_>,
    prepared: &Prepared<'_>,
    lines: &[String],
    denied: &[Denied],
) {
    if !context.in_use.policies.auditor.is_wanted() {
        return;
    }
    let tool = tool(prepared);
    let taking = lines.iter();
    let taking = taking.filter(|line| TAKING.iter().any(|taking| line.starts_with(taking)));
    let applied = taking.map(|line| Entry::Applied(&tool, line.clone()));
    let denied = denied.iter().map(Entry::Denied);
    let entries: Vec<Entry<'_>> = applied.chain(denied).collect();
    audit(context, &prepared.planned.invocation.step, &entries);
}

/// Why a run must not be stored, by what its tools and rules said.
pub(crate) fn report_reasons(prepared: &Prepared<'_>, reports: &Reports) -> Vec<NotStored> {
    let mut reasons = Vec::new();
    if let Some(opt_out) = &reports.opt_out
        && !prepared.directives.opt_out_is_noise()
    {
        let reason = opt_out.reason.clone();
        reasons.push(NotStored::OptedOut {
            by: "tool".to_owned(),
            reason,
        });
    }
    if let Some((plugin, reason)) = prepared.directives.cache_off() {
        let reason = Some(reason.to_owned());
        reasons.push(NotStored::OptedOut {
            by: plugin.to_owned(),
            reason,
        });
    }
    if let Some(detail) = &reports.failure {
        reasons.push(NotStored::IpcError {
            detail: detail.clone(),
        });
    }
    // A dependency that can't be looked at again must not be forgotten.
    let lost = reports
        .refused
        .iter()
        .find(|refused| refused.hint == Hint::TrackInput);
    reasons.extend(lost.map(|refused| NotStored::IpcError {
        detail: refused.to_string(),
    }));
    if let Some(name) = reports.values.keys().next() {
        // Whether it is still the same only the tool can say, and a hit does not run it.
        let reason = format!("it tracks the value `{name}`, which only it can check");
        reasons.push(NotStored::OptedOut {
            by: "tool".to_owned(),
            reason: Some(reason),
        });
    }
    reasons
}

/// What tools said, line by line, for people.
pub(crate) fn report_lines(reports: &Reports) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut paths = |what: &str, paths: &BTreeSet<RelPath>| {
        lines.extend(paths.iter().map(|path| format!("{what} {path}")));
    };
    paths("ignore-input", &reports.ignored_inputs);
    paths("ignore-output", &reports.ignored_outputs);
    paths("track-input", &reports.tracked_inputs);
    paths("track-output", &reports.tracked_outputs);
    lines.extend(reports.envs.keys().map(|name| format!("track-env {name}")));
    lines.extend(reports.queries.keys().map(|query| match query {
        EnvQuery::Glob(glob) => format!("track-env {glob}"),
        EnvQuery::Prefix(prefix) => format!("track-env {prefix}*"),
    }));
    let untracked = reports.untracked.iter();
    let untracked = untracked.filter(|name| !reports.envs.contains_key(*name));
    lines.extend(untracked.map(|name| format!("pass-env {name}")));
    lines.extend(
        reports
            .values
            .keys()
            .map(|name| format!("track-value {name}")),
    );
    if let Some(opt_out) = &reports.opt_out {
        lines.push(match &opt_out.reason {
            Some(reason) => format!("disable-cache {reason}"),
            None => "disable-cache".to_owned(),
        });
    }
    let worth_showing = |refused: &&Refused| refused.trespass == Trespass::CoversPackage;
    let refused = reports.refused.iter().filter(worth_showing);
    lines.extend(refused.map(|refused| format!("refused: {refused}")));
    lines
}
