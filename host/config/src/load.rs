//! Reads a whole workspace.

use vt_base::{AbsPath, RelPath};

use crate::discover::{self, MemberList};
use crate::manifest::Manifest;
use crate::raw::{RawFile, Role};
use crate::reader::Reader;
use crate::source::{Dialect, Source};
use crate::{
    ConfigError, ConfigErrors, Problem, Project, manifest, members, quick_manifest, raw, validate,
};

/// The configuration files of a package; the first one found counts.
const CONFIG_FILES: [&str; 2] = ["vite-task.json", "vite-task.jsonc"];

/// What the files of one package say.
pub(crate) struct RawPackage {
    pub(crate) directory: RelPath,
    /// Missing for a root that is no package itself.
    pub(crate) manifest: Option<(Source, Manifest)>,
    pub(crate) config: Option<(Source, RawFile)>,
}

/// Finds the workspace that contains a directory and reads it.
///
/// `built_in_plugins` are the names that may stand in `plugins`.
///
/// # Errors
/// Everything that is wrong with any of its files.
pub fn load(start: &AbsPath, built_in_plugins: &[&str]) -> Result<Project, ConfigErrors> {
    let mut loading = Loading::default();
    let Some((root, packages)) = loading.read(start) else {
        return Err(ConfigErrors(loading.problems));
    };
    let Loading {
        mut sources,
        mut problems,
    } = loading;
    let (packages, settings) = validate::project(&root, packages, built_in_plugins, &mut problems);
    if !problems.is_empty() {
        let place = |problem: &Problem| (problem.file.clone(), problem.position);
        problems.sort_by_key(place);
        return Err(ConfigErrors(problems));
    }
    sources.sort();
    sources.dedup();
    Ok(Project {
        root,
        packages,
        settings,
        sources,
    })
}

#[derive(Default)]
struct Loading {
    sources: Vec<AbsPath>,
    problems: Vec<Problem>,
}

impl Loading {
    /// Reads every file; `None` when there is nothing to judge.
    fn read(&mut self, start: &AbsPath) -> Option<(AbsPath, Vec<RawPackage>)> {
        let real = std::fs::canonicalize(start.as_path());
        let start = match real.map(AbsPath::new) {
            Ok(real) => real.expect("a canonical path is absolute"),
            Err(error) => {
                self.problem(start.clone(), ConfigError::Unreadable(error));
                return None;
            }
        };
        let found = discover::workspace(&start, &mut self.sources, &mut self.problems)?;
        let root = found.root;
        let mut packages = vec![self.package(&root, RelPath::root())];
        for directory in self.members(&root, found.members.as_ref()) {
            let package = self.package(&root, directory);
            if package.manifest.is_some() {
                packages.push(package);
            } else if let Some((source, _)) = package.config {
                self.problem(source.file, ConfigError::NoManifest);
            }
        }
        Some((root, packages))
    }

    /// The directories below the root that the workspace lists.
    fn members(&mut self, root: &AbsPath, list: Option<&MemberList>) -> Vec<RelPath> {
        let Some(list) = list else { return Vec::new() };
        let found = members::directories(root, list, &mut self.problems);
        found
            .into_iter()
            .filter(|directory| !directory.is_root())
            .collect()
    }

    /// Reads the files of one directory.
    fn package(&mut self, root: &AbsPath, directory: RelPath) -> RawPackage {
        let absolute = root.join_rel(&directory);
        let manifest = self
            .source(absolute.join(manifest::FILE_NAME))
            .map(|source| {
                if let Some(read) = quick_manifest::read(&source.text) {
                    return (source, read);
                }
                let read = match source.parse(Dialect::Strict) {
                    Ok(value) => {
                        let problems = &mut self.problems;
                        manifest::read(
                            &mut Reader {
                                source: &source,
                                problems,
                            },
                            &value,
                        )
                    }
                    Err(problem) => {
                        self.problems.push(*problem);
                        Manifest::default()
                    }
                };
                (source, read)
            });
        let config = CONFIG_FILES
            .iter()
            .find_map(|name| self.source(absolute.join(name)));
        let config = config.map(|source| {
            let read = self.config(&source, &directory);
            (source, read)
        });
        RawPackage {
            directory,
            manifest,
            config,
        }
    }

    fn config(&mut self, source: &Source, directory: &RelPath) -> RawFile {
        let value = match source.parse(Dialect::Comments) {
            Ok(value) => value,
            Err(problem) => {
                self.problems.push(*problem);
                return RawFile::default();
            }
        };
        let mut reader = Reader {
            source,
            problems: &mut self.problems,
        };
        let role = if directory.is_root() {
            Role::Root
        } else {
            Role::Member
        };
        raw::read(&mut reader, &value, role)
    }

    /// Reads a file that may be missing.
    fn source(&mut self, file: AbsPath) -> Option<Source> {
        match Source::read(file) {
            Ok(source) => {
                self.sources
                    .extend(source.as_ref().map(|source| source.file.clone()));
                source
            }
            Err(problem) => {
                self.problems.push(*problem);
                None
            }
        }
    }

    fn problem(&mut self, file: AbsPath, error: ConfigError) {
        self.problems.push(Problem {
            file,
            position: None,
            error,
        });
    }
}
