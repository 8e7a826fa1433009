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
            summary: summary.clone(),
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_last_runs_are_remembered_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = AbsPath::new(folder.path()).unwrap();
        let history = History::in_cache(&cache, &cache);
        assert!(history.load().is_empty());
        for exit_code in 0..25 {
            let summary = Summary {
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
