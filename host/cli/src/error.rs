//! What `vt` says when it can't do what was asked, and the exit code that goes with it.

use std::fmt::Write as _;
use std::path::PathBuf;

use anstream::eprintln;
use vt_plan::PlanError;

/// Why nothing was run, or why it could not be told.
#[derive(Debug)]
pub(crate) enum Error {
    /// The configuration has mistakes.
    Config(vt_config::ConfigErrors),
    /// The request does not fit the project, or nothing could be set up.
    Run(vt_run::RunError),
    /// A rule plugin cannot be used as it is, or may not be.
    Plugin(vt_run::PluginError),
    /// The request does not fit the project.
    Plan(PlanError),
    /// The environment or the arguments ask for something impossible.
    Usage(String),
    /// No run is remembered.
    NoRun,
    /// No run of a task is remembered.
    NeverRan(String),
    /// Not so many runs are remembered.
    NoOlderRun(u16),
    /// The terminal cannot be used.
    Terminal(std::io::Error),
    /// There is a runner, and it did not take what was to be reported.
    Report(vt_client::ClientError),
    /// The cache could not be looked at or changed.
    Cache(vt_store::StoreError),
    /// A rule component cannot be asked.
    Component(vt_rules::RulesError),
    /// The workspace cannot be watched.
    Watch(std::io::Error),
    /// A file could not be written.
    Write(PathBuf, std::io::Error),
}

impl Error {
    /// 2 for a usage or configuration error, 1 for anything else.
    pub(crate) const fn exit_code(&self) -> i32 {
        match self {
            Self::Config(_)
            | Self::Usage(_)
            | Self::Plan(_)
            | Self::Run(vt_run::RunError::Plan(_) | vt_run::RunError::Plugin(_))
            | Self::Plugin(_)
            | Self::Report(vt_client::ClientError::BadArgument(_)) => 2,
            Self::Run(_)
            | Self::NoRun
            | Self::NeverRan(_)
            | Self::NoOlderRun(_)
            | Self::Terminal(_)
            | Self::Report(_)
            | Self::Cache(_)
            | Self::Component(_)
            | Self::Watch(_)
            | Self::Write(..) => 1,
        }
    }

    /// Says it on standard error.
    pub(crate) fn show(&self) {
        match self {
            Self::Config(errors) => errors.0.iter().for_each(show_problem),
            Self::Run(error) => {
                eprintln!("error: {}", with_causes(error));
                if let vt_run::RunError::Plan(error) = error {
                    show_hint(&error.suggestions());
                }
            }
            Self::Plugin(error) => eprintln!("error: {}", with_causes(error)),
            Self::Plan(error) => {
                eprintln!("error: {}", with_causes(error));
                show_hint(&error.suggestions());
            }
            Self::Usage(text) => eprintln!("error: {text}"),
            Self::Component(error) => eprintln!("error: {}", with_causes(error)),
            Self::NoRun => eprintln!("error: no run of this workspace is remembered"),
            Self::NeverRan(task) => {
                eprintln!("error: no run of `{task}` is remembered");
                eprintln!("hint: `vt run {task}` runs it");
            }
            Self::NoOlderRun(count) => {
                eprintln!("error: no run of it that is {count} older is remembered");
            }
            Self::Terminal(error) => {
                eprintln!("error: cannot use the terminal\n  caused by: {error}");
            }
            Self::Report(error) => eprintln!("error: {}", with_causes(error)),
            Self::Cache(error) => eprintln!("error: {}", with_causes(error)),
            Self::Watch(error) => {
                eprintln!("error: cannot watch the workspace\n  caused by: {error}");
            }
            Self::Write(path, error) => {
                eprintln!(
                    "error: cannot write `{}`\n  caused by: {error}",
                    path.display()
                );
            }
        }
    }
}

fn show_problem(problem: &vt_config::Problem) {
    eprintln!("error: {problem}");
    if let Some(cause) = std::error::Error::source(&problem.error) {
        eprintln!("  caused by: {}", with_causes(cause));
    }
    show_hint(&problem.error.suggestion().into_iter().collect::<Vec<_>>());
}

fn show_hint(words: &[&str]) {
    if !words.is_empty() {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        eprintln!("hint: did you mean {}?", words.join(" or "));
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, "\n  caused by: {cause}");
        source = cause.source();
    }
    text
}
