//! The summaries of the last runs of a workspace, for `vt why` and `--last-details`.
//!
//! They lie in the cache directory, a file for each run, readable by their owner only. A run that
//! can't be remembered is a run like any other: nothing here fails one.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use vt_base::{AbsPath, Digest};
use vt_config::Project;
use vt_run::World;

use crate::report::summary::Summary;

/// How many runs are remembered.
const KEPT: usize = 20;
/// How much of a digest names a workspace.
const DIGITS: usize = 16;

/// A run that is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// When it ended, in milliseconds since 1970.
    pub(crate) ended_ms: u64,
    /// What came of it.
    pub(crate) summary: Summary,
}

/// The runs of a workspace.
pub(crate) struct History(PathBuf);

impl History {
    /// The runs of this workspace.
    pub(crate) fn of(project: &Project, world: &World) -> Self {
        let cache = vt_run::cache_directory(project, world.cache_dir.as_ref());
        Self::in_cache(&cache, &project.root)
    }

    fn in_cache(cache: &AbsPath, root: &AbsPath) -> Self {
        let workspace = &Digest::of(root.as_bytes()).to_hex()[..DIGITS];
        Self(cache.as_path().join("history").join(workspace))
    }

    /// Remembers a run, and forgets those that are too old.
    pub(crate) fn add(&self, summary: &Summary) -> io::Result<()> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let record = Record {
            ended_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            summary: without_values(summary),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        let name = format!("{:020}-{}", now.as_nanos(), std::process::id());
        let beside = self.0.join(format!("{name}.tmp"));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(&serde_json::to_vec(&record)?))
            .and_then(|()| fs::rename(&beside, self.0.join(format!("{name}.json"))));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        for old in self.names()?.into_iter().skip(KEPT) {
            // Somebody else may have been faster.
            let _ = fs::remove_file(self.0.join(old));
        }
        written
    }

    /// The runs that are remembered, the last one first. What can't be read is left out.
    pub(crate) fn load(&self) -> Vec<Record> {
        let names = self.names().unwrap_or_default();
        names
            .into_iter()
            .filter_map(|name| fs::read(self.0.join(name)).ok())
            .filter_map(|bytes| serde_json::from_slice(&bytes).ok())
            .collect()
    }

    /// The names of the files, the last one first.
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = fs::read_dir(&self.0)?
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".json"))
            .collect();
        names.sort_by(|left, right| right.cmp(left));
        Ok(names)
    }
}

/// What is kept of a summary: all but the values of variables that stand in commands.
fn without_values(summary: &Summary) -> Summary {
    let mut summary = summary.clone();
    for step in &mut summary.steps {
        step.command = masked(&step.command);
    }
    summary
}

/// A command with the values of its assignments left out.
fn masked(command: &str) -> String {
    let mut shown = String::with_capacity(command.len());
    let mut rest = command;
    while !rest.is_empty() {
        let starts_word = shown
            .chars()
            .next_back()
            .is_none_or(|before| before.is_whitespace() || "\"'`(;&|".contains(before));
        let name = rest
            .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
            .filter(|end| *end > 0 && rest[*end..].starts_with('='));
        let Some(end) = name.filter(|_| starts_word) else {
            let mut characters = rest.chars();
            shown.extend(characters.next());
            rest = characters.as_str();
            continue;
        };
        shown.push_str(&rest[..=end]);
        shown.push('…');
        rest = &rest[end + 1..];
        rest = &rest[value_length(rest)..];
    }
    shown
}

/// How long the value at the start of a text is, as a shell would read it.
fn value_length(text: &str) -> usize {
    let mut quote = None;
    let mut is_escaped = false;
    for (position, character) in text.char_indices() {
        match (quote, character) {
            _ if is_escaped => is_escaped = false,
            (None | Some('"'), '\\') => is_escaped = true,
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, _) if character.is_whitespace() || ";&|)".contains(character) => {
                return position;
            }
            (None, _) => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_assigned_in_a_command_is_left_out() {
        for (command, shown) in [
            ("vite build --mode=test", "vite build --mode=test"),
            ("KEY=a B='x y' vite", "KEY=… B=… vite"),
            ("a && KEY=\"x\\\" y\" b; C=d", "a && KEY=… b; C=…"),
            ("(KEY=é) | K= x", "(KEY=…) | K=… x"),
            ("sh -c 'KEY=s x'", "sh -c 'KEY=… x'"),
            ("KEY='never closed", "KEY=…"),
        ] {
            assert_eq!(masked(command), shown);
        }
    }

    #[test]
    fn the_last_runs_are_remembered_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = AbsPath::new(folder.path()).unwrap();
        let history = History::in_cache(&cache, &cache);
        assert!(history.load().is_empty());
        for exit_code in 0..25 {
            let summary = Summary {
                dry_run: false,
                version: 1,
                exit_code,
                duration_ms: 0,
                steps: Vec::new(),
            };
            history.add(&summary).unwrap();
        }
        let codes: Vec<i32> = history
            .load()
            .iter()
            .map(|record| record.summary.exit_code)
            .collect();
        assert_eq!(codes, (5..25).rev().collect::<Vec<_>>());
        for entry in fs::read_dir(&history.0).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
