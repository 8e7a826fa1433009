//! Reasons as data for machines, and back again.
//!
//! The kinds are described in `docs/reference/summary-json.md`. What a newer `vt` wrote may hold
//! kinds this one does not know: they are nothing here, and whoever shows them shows the kind.

use serde_json::{Map, Value, json};
use vt_run::{NotStored, Why};

/// An object with a kind and what belongs to it.
fn kind(kind: &str, fields: &[(&str, &str)]) -> Value {
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!(kind));
    for (name, value) in fields {
        object.insert((*name).to_owned(), json!(value));
    }
    Value::Object(object)
}

/// A reason of a miss as data.
pub(crate) fn why(why: &Why) -> Value {
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
        Why::OutputDiffers { path } => kind("output-differs", &[("path", path)]),
        Why::OutputMissing { path } => kind("output-missing", &[("path", path)]),
        Why::PlatformChanged => kind("platform-changed", &[]),
        Why::BlobDamaged => kind("blob-damaged", &[]),
        Why::Unfinished => kind("unfinished", &[]),
        Why::Forced => kind("forced", &[]),
        Why::CacheDisabled => kind("cache-disabled", &[]),
        Why::ServicesConfigChanged => kind("services-config-changed", &[]),
    }
}

/// A reason for not being stored as data.
pub(crate) fn not_stored(reason: &NotStored) -> Value {
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
        NotStored::DoubtfulEnv { name } => kind("doubtful-env", &[("name", name)]),
        NotStored::SharedOutput { path } => kind("shared-output", &[("path", path)]),
        NotStored::LostResult { path, state } => {
            kind("lost-result", &[("path", path), ("state", state)])
        }
        NotStored::ReadTemporary { path } => kind("read-temporary", &[("path", path)]),
        NotStored::IpcError { detail } => kind("ipc-error", &[("detail", detail)]),
        NotStored::PluginError { detail } => kind("plugin-error", &[("detail", detail)]),
        NotStored::StoreError { detail } => kind("store-error", &[("detail", detail)]),
        NotStored::CacheDisabled => kind("cache-disabled", &[]),
        NotStored::UsedService { address, by } => kind(
            "used-service",
            &[
                ("address", address),
                ("by", by.as_deref().unwrap_or_default()),
            ],
        ),
        NotStored::Denied { detail } => kind("denied", &[("detail", detail)]),
    }
}

/// The reason of a miss that [`why`] wrote.
pub(crate) fn why_of(value: &Value) -> Option<Why> {
    let field = |name: &str| text(value, name);
    Some(match value.get("kind")?.as_str()? {
        "first-run" => Why::FirstRun,
        "command-changed" => Why::CommandChanged,
        "args-changed" => Why::ArgsChanged,
        "cwd-changed" => Why::CwdChanged,
        "program-changed" => Why::ProgramChanged {
            name: field("name"),
        },
        "input-modified" => Why::InputModified {
            path: field("path"),
        },
        "input-added" => Why::InputAdded {
            path: field("path"),
        },
        "input-removed" => Why::InputRemoved {
            path: field("path"),
        },
        "listing-changed" => Why::ListingChanged {
            path: field("path"),
            entry: field("entry"),
        },
        "link-changed" => Why::LinkChanged {
            path: field("path"),
        },
        "env-changed" => Why::EnvChanged {
            name: field("name"),
        },
        "env-added" => Why::EnvAdded {
            name: field("name"),
        },
        "env-removed" => Why::EnvRemoved {
            name: field("name"),
        },
        "untracked-env-list-changed" => Why::UntrackedEnvListChanged,
        "input-config-changed" => Why::InputConfigChanged,
        "output-config-changed" => Why::OutputConfigChanged,
        "rules-changed" => Why::RulesChanged {
            plugin: field("plugin"),
        },
        "tool-changed" => Why::ToolChanged {
            path: field("path"),
        },
        "output-edited" => Why::OutputEdited {
            path: field("path"),
        },
        "output-differs" => Why::OutputDiffers {
            path: field("path"),
        },
        "output-missing" => Why::OutputMissing {
            path: field("path"),
        },
        "platform-changed" => Why::PlatformChanged,
        "blob-damaged" => Why::BlobDamaged,
        "unfinished" => Why::Unfinished,
        "forced" => Why::Forced,
        "cache-disabled" => Why::CacheDisabled,
        "services-config-changed" => Why::ServicesConfigChanged,
        _ => return None,
    })
}

/// The reason for not being stored that [`not_stored`] wrote.
pub(crate) fn not_stored_of(value: &Value) -> Option<NotStored> {
    let field = |name: &str| text(value, name);
    Some(match value.get("kind")?.as_str()? {
        "exit-code" => NotStored::ExitCode {
            code: field("code").parse().ok()?,
        },
        "cancelled" => NotStored::Cancelled,
        "modified-input" => NotStored::ModifiedInput {
            path: field("path"),
        },
        "input-changed-during-run" => NotStored::InputChangedDuringRun {
            path: field("path"),
        },
        "opted-out" => NotStored::OptedOut {
            by: field("by"),
            reason: Some(field("reason")).filter(|reason| !reason.is_empty()),
        },
        "trace-incomplete" => NotStored::TraceIncomplete {
            detail: field("detail"),
        },
        "empty-trace" => NotStored::EmptyTrace,
        "wrote-outside" => NotStored::WroteOutside {
            path: field("path"),
        },
        "wrote-git" => NotStored::WroteGit {
            path: field("path"),
        },
        "doubtful-env" => NotStored::DoubtfulEnv {
            name: field("name"),
        },
        "shared-output" => NotStored::SharedOutput {
            path: field("path"),
        },
        "lost-result" => NotStored::LostResult {
            path: field("path"),
            state: field("state"),
        },
        "read-temporary" => NotStored::ReadTemporary {
            path: field("path"),
        },
        "ipc-error" => NotStored::IpcError {
            detail: field("detail"),
        },
        "plugin-error" => NotStored::PluginError {
            detail: field("detail"),
        },
        "store-error" => NotStored::StoreError {
            detail: field("detail"),
        },
        "cache-disabled" => NotStored::CacheDisabled,
        "used-service" => NotStored::UsedService {
            address: field("address"),
            by: Some(field("by")).filter(|by| !by.is_empty()),
        },
        "denied" => NotStored::Denied {
            detail: field("detail"),
        },
        _ => return None,
    })
}

fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_come_back_as_they_were() {
        let whys = [
            Why::FirstRun,
            Why::InputModified { path: "a".into() },
            Why::ListingChanged {
                path: "a".into(),
                entry: "b".into(),
            },
            Why::EnvAdded { name: "N".into() },
            Why::RulesChanged { plugin: "p".into() },
        ];
        for reason in whys {
            assert_eq!(why_of(&why(&reason)), Some(reason));
        }
        let refusals = [
            NotStored::ExitCode { code: 7 },
            NotStored::OptedOut {
                by: "tool".into(),
                reason: None,
            },
            NotStored::OptedOut {
                by: "tool".into(),
                reason: Some("serves".into()),
            },
            NotStored::TraceIncomplete { detail: "d".into() },
            NotStored::CacheDisabled,
            NotStored::UsedService {
                address: "127.0.0.1:5432".into(),
                by: None,
            },
            NotStored::UsedService {
                address: "/run/a".into(),
                by: Some("node a.mjs".into()),
            },
        ];
        for reason in refusals {
            assert_eq!(not_stored_of(&not_stored(&reason)), Some(reason));
        }
        assert_eq!(why_of(&json!({ "kind": "of another time" })), None);
    }
}
