//! Lines about what is applied and what is denied, in the files that policies name.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::SystemTime;

use serde::Serialize;
use vt_base::{AbsPath, StepId};

use super::policy::{Denied, Speaker};

/// Where the names of users stand.
const USERS: &str = "/etc/passwd";

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    /// Milliseconds since 1970.
    at: u64,
    run: &'a str,
    user: &'a str,
    uid: u32,
    workspace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// What says it: a plugin, a task or a tool.
    speaker: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    directive: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    denied: Option<By>,
}

/// What denies it.
#[derive(Serialize)]
struct By {
    rule: &'static str,
    file: String,
    line: usize,
    column: usize,
}

/// What happened, and to what.
pub(crate) enum Entry<'a> {
    /// It applies to a step.
    Applied(&'a Speaker, String),
    /// A policy denies it.
    Denied(&'a Denied),
}

/// Writes the audit files of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Auditor {
    pub(super) files: Vec<AbsPath>,
    pub(super) workspace: String,
    pub(super) user: u32,
    pub(super) run: String,
}

impl Auditor {
    /// Whether any file is written.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.files.is_empty()
    }

    /// Adds lines to every file, in one write, so that those of two runs do not mix. Gives those that
    /// cannot be written, or are none, with the reason.
    pub(crate) fn note(
        &self,
        step: Option<&StepId>,
        entries: &[Entry<'_>],
    ) -> Vec<(&AbsPath, std::io::Error)> {
        if entries.is_empty() || !self.is_wanted() {
            return Vec::new();
        }
        let text = match self.text(step, entries) {
            Ok(text) => text,
            Err(error) => return vec![(&self.files[0], error.into())],
        };
        let failed = |file| add(file, &text).err().map(|error| (file, error));
        self.files.iter().filter_map(failed).collect()
    }

    fn text(&self, step: Option<&StepId>, entries: &[Entry<'_>]) -> serde_json::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let at = now.map_or(0, |since| since.as_millis().try_into().unwrap_or(u64::MAX));
        let user = user_name(self.user);
        let mut text = String::new();
        for entry in entries {
            let (speaker, directive, denied) = match entry {
                Entry::Applied(speaker, directive) => (*speaker, directive.as_str(), None),
                Entry::Denied(denied) => {
                    let by = By {
                        rule: denied.rule,
                        file: denied.file.to_string(),
                        line: denied.position.line,
                        column: denied.position.column,
                    };
                    (&*denied.speaker, denied.what.trim_matches('`'), Some(by))
                }
            };
            let line = Line {
                at,
                run: &self.run,
                user: &user,
                uid: self.user,
                workspace: &self.workspace,
                step: step.map(ToString::to_string),
                speaker: speaker.kind.name(),
                name: &speaker.name,
                plugin: speaker.id.as_deref(),
                version: speaker.version.as_deref(),
                digest: speaker.digest.map(|digest| digest.to_hex()),
                directive,
                denied,
            };
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        Ok(text)
    }
}

/// The name of a user, or the number of one who has none here.
fn user_name(user: u32) -> String {
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    let mut users = users.lines().map(|line| line.split(':'));
    let number = user.to_string();
    let found = users.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    found.unwrap_or(number)
}

fn add(file: &AbsPath, text: &str) -> std::io::Result<()> {
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
