//! The English of it: reasons come in as data and leave as text. One line, task first, present
//! tense.

mod details;
pub(crate) mod plugin;
mod screen;

use std::time::Duration;

use vt_run::{Forecast, NotStored, StepForecast, StepOutcome, Why};

pub(crate) use details::{
    ago, compact, compared_with, details, not_there_then, run_of, step_details, step_differences,
};
pub(crate) use screen::{
    Counts, live_more, live_step, live_total, select_line, select_more, select_none, select_query,
};

/// How many reasons a line names before it counts.
const NAMED: usize = 3;

/// A step starts to run.
pub(crate) fn running(label: &str, command: &str, whys: &[Why]) -> String {
    let again = match whys {
        [] | [Why::FirstRun | Why::CacheDisabled | Why::Forced] => "",
        _ => " again",
    };
    format!("{label}: running `{command}`{again}, {}", list(whys, why))
}

/// A step is a hit.
pub(crate) fn hit(
    label: &str,
    command: &str,
    (restored, removed): (u64, u64),
    saved: Duration,
) -> String {
    let changed = changed_files(("restores", restored), ("removes", removed));
    format!(
        "{label}: hit `{command}`{changed}, saves {}",
        duration(saved)
    )
}

/// What a hit does to files, with the words for it.
fn changed_files(restored: (&str, u64), removed: (&str, u64)) -> String {
    [restored, removed]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verb, count)| format!(", {verb} {}", plural(count, "file", "files")))
        .collect()
}

/// A step is not started.
pub(crate) fn skipped(label: &str, waited_for: Option<&str>) -> String {
    match waited_for {
        Some(other) if other == label => {
            format!("{label}: skipped, the command before it did not succeed")
        }
        Some(other) => format!("{label}: skipped, {other} did not succeed"),
        None => format!("{label}: skipped, the run ended before its turn"),
    }
}

/// A step was stopped.
pub(crate) fn cancelled(label: &str) -> String {
    format!("{label}: cancelled")
}

/// A step failed.
pub(crate) fn failed(label: &str, outcome: &StepOutcome) -> String {
    let code = outcome.exit_code.unwrap_or(1);
    format!("{label}: failed, exit code {code}")
}

/// Why a run that succeeded is not stored; nothing where the cache is simply off.
pub(crate) fn not_stored(label: &str, outcome: &StepOutcome) -> Option<String> {
    match outcome.not_stored.as_slice() {
        [] | [NotStored::CacheDisabled] => None,
        reasons => Some(format!("{label}: not stored, {}", list(reasons, refusal))),
    }
}

/// The title of the output of a step that is shown in one piece.
pub(crate) fn group(label: &str) -> String {
    format!("── {label}")
}

/// Output that waited to be shown can't be read any more.
pub(crate) fn lost_output(label: &str, error: &std::io::Error) -> String {
    format!("{label}: some of its output cannot be shown: {error}")
}

/// What would become of a step.
pub(crate) fn forecast(step: &StepForecast) -> String {
    let StepForecast {
        step,
        command,
        forecast,
        ..
    } = step;
    let what = match forecast {
        Forecast::Hit => "would be a hit".to_owned(),
        Forecast::Run(whys) => format!("would run: {}", all(whys, why)),
        Forecast::Unknown => "unknown, something before it would run".to_owned(),
        Forecast::Disabled => "would run: not cached".to_owned(),
    };
    format!("{step}: {what}, `{command}`")
}

fn all<T>(reasons: &[T], word: impl Fn(&T) -> String) -> String {
    let words: Vec<String> = reasons.iter().map(word).collect();
    words.join(", ")
}

fn list<T>(reasons: &[T], word: impl Fn(&T) -> String) -> String {
    let mut words: Vec<String> = reasons.iter().take(NAMED).map(word).collect();
    if reasons.len() > NAMED {
        words.push(format!("and {} more", reasons.len() - NAMED));
    }
    words.join(", ")
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if milliseconds < 1_000 {
        format!("{milliseconds} ms")
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

fn why(why: &Why) -> String {
    match why {
        Why::FirstRun => "first run".to_owned(),
        Why::CommandChanged => "the command changed".to_owned(),
        Why::ArgsChanged => "the arguments changed".to_owned(),
        Why::CwdChanged => "the directory changed".to_owned(),
        Why::ProgramChanged { name } => format!("program `{name}` changed"),
        Why::InputModified { path } => format!("`{path}` changed"),
        Why::InputAdded { path } => format!("`{path}` was added"),
        Why::InputRemoved { path } => format!("`{path}` was removed"),
        Why::ListingChanged { path, entry } => {
            format!("directory `{path}` changed at `{entry}`")
        }
        Why::LinkChanged { path } => format!("link `{path}` changed"),
        Why::EnvChanged { name } => format!("variable `{name}` changed"),
        Why::EnvAdded { name } => format!("variable `{name}` was set"),
        Why::EnvRemoved { name } => format!("variable `{name}` was unset"),
        Why::UntrackedEnvListChanged => "the list of untracked variables changed".to_owned(),
        Why::InputConfigChanged => "the declared inputs changed".to_owned(),
        Why::OutputConfigChanged => "the declared outputs changed".to_owned(),
        Why::RulesChanged { plugin } if plugin == "policy/limits" => {
            "what the policies permit changed".to_owned()
        }
        Why::RulesChanged { plugin } => format!("the rules of plugin `{plugin}` changed"),
        Why::ToolChanged { path } => format!("tool `{path}` changed"),
        Why::OutputEdited { path } => format!("the output `{path}` was edited"),
        Why::OutputDiffers { path } => format!(
            "the output `{path}` is of another state, and the command was not seen to replace it"
        ),
        Why::OutputMissing { path } => {
            let cure = if is_dotenv(path) {
                " (name it in `output` to have it kept)"
            } else {
                ""
            };
            format!("the output `{path}` is missing, and the stored run did not keep it{cure}")
        }
        Why::PlatformChanged => "the platform changed".to_owned(),
        Why::BlobDamaged => "the stored result is damaged".to_owned(),
        Why::Unfinished => "the run before was killed".to_owned(),
        Why::Forced => "forced".to_owned(),
        Why::CacheDisabled => "not cached".to_owned(),
        Why::ServicesConfigChanged => "the declared services changed".to_owned(),
    }
}

fn refusal(reason: &NotStored) -> String {
    match reason {
        NotStored::ExitCode { code } => format!("exit code {code}"),
        NotStored::Cancelled => "it was cancelled".to_owned(),
        NotStored::ModifiedInput { path } => format!(
            "it read and then changed `{path}` (if that is its result, declare `\"output\": \
             [{{ \"auto\": true }}, \"{path}\"]`; if it does not matter, cut it with \
             `\"!{path}\"` in `input` and `output`)"
        ),
        NotStored::InputChangedDuringRun { path } => {
            format!("`{path}` was changed by somebody else while it ran")
        }
        NotStored::OptedOut { by, reason } => match reason {
            Some(reason) => format!("{by} asked not to be cached: {reason}"),
            None => format!("{by} asked not to be cached"),
        },
        NotStored::TraceIncomplete { detail } => {
            format!("its accesses are not all known: {detail}")
        }
        NotStored::EmptyTrace => {
            "it touched nothing in the workspace (declare its `input` to cache it)".to_owned()
        }
        NotStored::WroteOutside { path } => format!(
            "it left `{path}` outside the workspace (excuse it with `\"!{path}\"` in `output`)"
        ),
        NotStored::DoubtfulEnv { name } => format!(
            "variable `{name}` was asked for where it may have been taken out before \
             (`\"env\": [\"{name}\"]` decides that)"
        ),
        NotStored::WroteGit { path } => format!("it wrote to the repository: `{path}`"),
        NotStored::SharedOutput { path } => format!("another writer touched its result `{path}`"),
        NotStored::LostResult { path, state } => format!(
            "its result `{path}` is gone, and because of `{state}` it may not make it again (remove \
             `{state}` to have everything made anew)"
        ),
        NotStored::ReadTemporary { path } => format!(
            "it read the temporary file `{path}`, which another step left (have that step leave it in the \
             workspace instead)"
        ),
        NotStored::IpcError { detail } => format!("its reports cannot be trusted: {detail}"),
        NotStored::PluginError { detail } => format!("its rules are not known: {detail}"),
        NotStored::StoreError { detail } => format!("the store failed: {detail}"),
        NotStored::CacheDisabled => "the cache is off".to_owned(),
        NotStored::UsedService { address, by } => used_service(address, by.as_deref()),
        NotStored::Denied { detail } => detail.clone(),
    }
}

fn used_service(address: &str, by: Option<&str>) -> String {
    let is_docker = by == Some("docker-proxy") || address.ends_with("/docker.sock");
    let name = if is_docker { "docker" } else { address };
    let by = by.map_or(String::new(), |by| format!(" of `{by}`"));
    format!(
        "it used the service `{address}`{by}, and nobody knows what that answers next time (if it \
         never changes the result, add `\"services\": [\"{name}\"]` to the task)"
    )
}

/// A filter matches no package.
pub(crate) fn unmatched_filter(filter: &str) -> String {
    format!("warning: no package matches `{filter}`")
}

/// What changed since a commit cannot be found out.
pub(crate) fn no_changes(since: &str, cause: &str) -> String {
    format!("cannot tell what changed since `{since}`\n  caused by: git: {cause}")
}

/// Nothing is left to do until something changes.
pub(crate) const WAITING: &str = "vt: waiting for changes";

/// Something changed, and what that concerns runs again.
pub(crate) fn runs_again(changed: &str) -> String {
    format!("vt: `{changed}` changed")
}

/// Whether a file is kept only where the task names it.
fn is_dotenv(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(".env")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_says_why_in_one_line() {
        let changed = |path: &str| Why::InputModified { path: path.into() };
        assert_eq!(
            running("build", "vite build", &[changed("src/a.ts")]),
            "build: running `vite build` again, `src/a.ts` changed"
        );
        assert_eq!(
            running("build", "vite build", &[Why::FirstRun]),
            "build: running `vite build`, first run"
        );
        let many: Vec<Why> = ["a", "b", "c", "d", "e"].map(changed).into();
        assert_eq!(
            list(&many, why),
            "`a` changed, `b` changed, `c` changed, and 2 more"
        );
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_millis(12)), "12 ms");
        assert_eq!(duration(Duration::from_millis(2_140)), "2.1 s");
    }
}
