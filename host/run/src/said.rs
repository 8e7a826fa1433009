//! What the tools of a run said about it: reasons not to store it, and lines for people.

use std::collections::BTreeSet;

use vt_base::RelPath;
use vt_fingerprint::NotStored;
use vt_ipc::{EnvQuery, Hint, Refused, Reports, Trespass};

use crate::rules::Prepared;

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
