//! Finds the root of the workspace and the patterns of its members.

use std::rc::Rc;

use serde::Deserialize;
use vt_base::AbsPath;

use crate::reader::{Reader, Spanned};
use crate::source::{Dialect, Source};
use crate::{ConfigError, Problem, manifest};

/// The file that makes a directory the root of a pnpm workspace.
const PNPM_FILE: &str = "pnpm-workspace.yaml";

/// The root of a workspace, and the file that lists its members, if one does.
pub(crate) struct Found {
    pub(crate) root: AbsPath,
    pub(crate) members: Option<MemberList>,
    /// The manifest of the root, if it had to be read to find it.
    pub(crate) manifest: Option<Rc<Source>>,
}

/// The patterns of the members, as they were written.
pub(crate) struct MemberList {
    pub(crate) source: Rc<Source>,
    pub(crate) patterns: Vec<Spanned<String>>,
}

/// The part of `pnpm-workspace.yaml` that says where packages are.
#[derive(Deserialize)]
struct PnpmFile {
    packages: Option<Vec<String>>,
}

/// Looks upwards from a directory. The files that were read are added to `sources`; `None` means
/// that a problem was noted without which nothing can be said.
pub(crate) fn workspace(
    start: &AbsPath,
    sources: &mut Vec<AbsPath>,
    problems: &mut Vec<Problem>,
) -> Option<Found> {
    let mut nearest = None;
    for directory in std::iter::successors(Some(start.clone()), AbsPath::parent) {
        let pnpm = read(directory.join(PNPM_FILE), sources, problems)?;
        if let Some(source) = pnpm {
            let patterns = pnpm_patterns(&source, problems)?;
            let source = Rc::new(source);
            return Some(Found {
                root: directory,
                members: Some(MemberList { source, patterns }),
                manifest: None,
            });
        }
        let manifest = read(directory.join(manifest::FILE_NAME), sources, problems)?;
        let Some(source) = manifest else { continue };
        // A manifest that cannot be parsed might be the root: guessing would pick another one.
        let value = source
            .parse(Dialect::Strict)
            .map_err(|problem| problems.push(*problem))
            .ok()?;
        let patterns = manifest::workspaces(
            &mut Reader {
                source: &source,
                problems,
            },
            &value,
        );
        drop(value);
        let source = Rc::new(source);
        if let Some(patterns) = patterns {
            let manifest = Some(Rc::clone(&source));
            return Some(Found {
                root: directory,
                members: Some(MemberList { source, patterns }),
                manifest,
            });
        }
        nearest.get_or_insert((directory, source));
    }
    if nearest.is_none() {
        let error = ConfigError::NoPackage;
        problems.push(Problem {
            file: start.clone(),
            position: None,
            error,
        });
    }
    nearest.map(|(root, manifest)| Found {
        root,
        members: None,
        manifest: Some(manifest),
    })
}

/// Reads a file that may be missing; `None` when a problem was noted.
fn read(
    file: AbsPath,
    sources: &mut Vec<AbsPath>,
    problems: &mut Vec<Problem>,
) -> Option<Option<Source>> {
    let source = Source::read(file)
        .map_err(|problem| problems.push(*problem))
        .ok()?;
    sources.extend(source.as_ref().map(|source| source.file.clone()));
    Some(source)
}

fn pnpm_patterns(source: &Source, problems: &mut Vec<Problem>) -> Option<Vec<Spanned<String>>> {
    match serde_norway::from_str::<Option<PnpmFile>>(&source.text) {
        Ok(file) => {
            let patterns = file.and_then(|file| file.packages).unwrap_or_default();
            // The YAML reader gives no places, but a pattern is seldom written twice.
            let place = |pattern: &String| source.text.find(pattern.as_str()).unwrap_or(0);
            Some(
                patterns
                    .into_iter()
                    .map(|pattern| Spanned {
                        offset: place(&pattern),
                        value: pattern,
                    })
                    .collect(),
            )
        }
        Err(error) => {
            let offset = error.location().map_or(0, |location| location.index());
            let text = error.to_string();
            // Its place is told by the problem.
            let text = text
                .split(" at line ")
                .next()
                .unwrap_or_default()
                .to_owned();
            problems.push(source.problem(offset, ConfigError::Syntax(text)));
            None
        }
    }
}
