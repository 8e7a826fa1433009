//! Runs the cases of a story and fails with a transcript of those that did not go as written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::binaries::Binaries;
use crate::call::Watched;
use crate::check::{Seen, differences};
use crate::error::HarnessError;
use crate::sandbox::{Sandbox, chain, copy_tree};
use crate::story::{Case, Step, Story};
use crate::transcript::Transcript;
use crate::tree::Snapshot;

/// Runs every case of `tests/fixtures/<suite>/<story>`.
///
/// # Panics
///
/// If a case does not go as written, with the transcripts of all that do not.
pub fn run_story(suite: &str, story: &str) {
    let run = Binaries::find()
        .and_then(|binaries| run_story_with(&binaries, &fixtures().join(suite).join(story)));
    let failures = run.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(
        failures.is_empty(),
        "{} of the cases went otherwise\n\n{}",
        failures.len(),
        failures.join("\n---\n\n")
    );
}

/// Runs every case of a story folder and gives the transcripts of those that did not go as written.
///
/// # Errors
///
/// Any [`HarnessError`]: the story is unreadable or the harness itself failed.
pub fn run_story_with(binaries: &Binaries, folder: &Path) -> Result<Vec<String>, HarnessError> {
    let story = Story::read(folder)?;
    let title = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut failures = Vec::new();
    for case in &story.case {
        failures.extend(run_case(binaries, folder, &title, case)?);
    }
    Ok(failures)
}

/// Fails unless `listed` names exactly the folders of `tests/fixtures/<suite>` that hold a story.
///
/// # Panics
///
/// If a folder is forgotten, or a listed one is not there.
pub fn assert_listed(suite: &str, listed: &[&str]) {
    let folder = fixtures().join(suite);
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list `{}`: {error}", folder.display()));
    let present: BTreeSet<String> = entries
        .map(|entry| entry.expect("a fixture folder can be listed"))
        .filter(|entry| entry.path().join("story.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = listed.iter().map(ToString::to_string).collect();
    assert_eq!(
        listed, present,
        "stories of `{suite}`: listed on the left, present on the right"
    );
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("fixtures")
}

fn run_case(
    binaries: &Binaries,
    folder: &Path,
    title: &str,
    case: &Case,
) -> Result<Option<String>, HarnessError> {
    let sandbox = Sandbox::with(binaries.clone())?;
    copy_tree(folder, &sandbox.root())?;
    let mut transcript = Transcript::new(title, &case.name);
    let mut remembered = BTreeMap::new();
    for step in &case.step {
        let before = step
            .expect
            .unchanged_tree
            .then(|| Snapshot::take(&sandbox.root()))
            .transpose()?;
        let outcome = call(&sandbox, case, step).try_run()?;
        transcript.step(step, &outcome);
        let root = sandbox.root();
        let mut seen = Seen {
            root: &root,
            outcome: &outcome,
            before: before.as_ref(),
            remembered: &mut remembered,
        };
        let differences = differences(&step.expect, &mut seen)?;
        if !differences.is_empty() {
            transcript.differences(&differences);
            return Ok(Some(transcript.text()));
        }
    }
    Ok(None)
}

fn call<'a>(sandbox: &'a Sandbox, case: &Case, step: &Step) -> crate::call::Call<'a> {
    let fill = |text: &str| {
        text.replace("{root}", &sandbox.root().to_string_lossy())
            .replace("{home}", &sandbox.home().to_string_lossy())
    };
    let watched = if step.expect.no_process {
        Watched::ForProcesses
    } else {
        Watched::Plainly
    };
    let mut call = sandbox.call(&fill(&step.run)).watched(watched);
    if let Some(directory) = &step.cwd {
        call = call.directory(directory);
    }
    for (name, value) in case.env.iter().chain(&step.env) {
        call = call.env(name, fill(value));
    }
    call
}
