//! A line for each directive that is applied, in the files that policies name.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::SystemTime;

use serde::Serialize;
use vt_base::{AbsPath, StepId};
use vt_rules::Directive;

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    /// Milliseconds since 1970.
    at: u64,
    workspace: &'a str,
    step: String,
    plugin: &'a str,
    digest: String,
    directive: String,
}

/// Who says something: the name, and the digest of the component or rule.
pub(crate) type Speaker<'a> = (&'a str, &'a vt_base::Digest);

/// Adds the lines of a step to a file, in one write, so that those of two runs do not mix.
///
/// # Errors
/// When the file cannot be written, or is none.
pub(crate) fn note<'a>(
    file: &AbsPath,
    workspace: &AbsPath,
    step: &StepId,
    said: impl Iterator<Item = (Speaker<'a>, &'a Directive)>,
) -> std::io::Result<()> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at = now.map_or(0, |since| since.as_millis().try_into().unwrap_or(u64::MAX));
    let workspace = workspace.to_string();
    let mut text = String::new();
    for ((plugin, digest), directive) in said {
        let line = Line {
            at,
            workspace: &workspace,
            step: step.to_string(),
            plugin,
            digest: digest.to_hex(),
            directive: directive.to_string(),
        };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    if text.is_empty() {
        return Ok(());
    }
    // Opening a pipe would wait for a reader, and behind a link may be anything.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(file)?;
    if !opened.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    opened.write_all(text.as_bytes())
}
