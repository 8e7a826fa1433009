//! Reads a whole workspace.

use std::fs::File;
use std::rc::Rc;

use vt_base::{AbsPath, RelPath};

use crate::discover::{self, MemberList};
use crate::folder::{Folder, Room};
use crate::manifest::Manifest;
use crate::raw::{RawFile, Role};
use crate::reader::Reader;
use crate::script::{self, Answer, Scripts, Waiting};
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
    pub(crate) manifest: Option<(Rc<Source>, Manifest)>,
    pub(crate) config: Option<(Rc<Source>, RawFile)>,
}

/// Finds the workspace that contains a directory and reads it.
///
/// `built_in_plugins` are the names that may stand in `plugins`.
///
/// # Errors
/// Everything that is wrong with any of its files.
pub fn load(start: &AbsPath, built_in_plugins: &[&str]) -> Result<Project, ConfigErrors> {
    let nothing = |scripts: &Scripts| vec![Ok("null".to_owned()); scripts.files.len()];
    load_with(start, built_in_plugins, &mut { nothing })
}

/// Like [`load`], and asks for the `run` blocks of `vite.config.*`: one answer for each file, in
/// their order. It is asked at most once, and not at all where there is no such file.
///
/// # Errors
/// Everything that is wrong with any of its files.
pub fn load_with(
    start: &AbsPath,
    built_in_plugins: &[&str],
    evaluate: &mut dyn FnMut(&Scripts) -> Vec<Answer>,
) -> Result<Project, ConfigErrors> {
    let mut loading = Loading::default();
    let Some((root, mut packages)) = loading.read(start) else {
        return Err(ConfigErrors(loading.problems));
    };
    loading.ask(&root, &mut packages, evaluate);
    let Loading {
        mut sources,
        mut problems,
        ..
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

/// The configuration file of a directory, or what may say as much.
fn first_of(directory: &AbsPath, folder: Option<&Folder>, room: &mut Room) -> Option<&'static str> {
    const NAMES: [&str; CONFIG_FILES.len() + script::NAMES.len()] = {
        let mut names = [""; _];
        names
            .split_at_mut(CONFIG_FILES.len())
            .0
            .copy_from_slice(&CONFIG_FILES);
        names
            .split_at_mut(CONFIG_FILES.len())
            .1
            .copy_from_slice(&script::NAMES);
        names
    };
    match folder.map(|folder| folder.first_of(room, &NAMES)) {
        Some(Ok(found)) => found,
        // What can't be listed may still be looked into.
        _ => NAMES
            .into_iter()
            .find(|name| directory.join(name).as_path().exists()),
    }
}

#[derive(Default)]
struct Loading {
    sources: Vec<AbsPath>,
    problems: Vec<Problem>,
    /// The manifest of the root, which finding the root has read already.
    root_manifest: Option<Rc<Source>>,
    /// The root, if it can be opened.
    root: Option<Folder>,
    /// Room to read in.
    room: Room,
    /// Files beside packages without configuration that may have some, by directory.
    scripts: Vec<(RelPath, Rc<Source>)>,
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
        self.root_manifest = found.manifest;
        self.root = Folder::open(&root);
        let mut packages = vec![self.package(&root, RelPath::root())];
        for directory in self.members(&root, found.members.as_ref()) {
            let package = self.package(&root, directory);
            if package.manifest.is_some() {
                packages.push(package);
            } else if let Some((source, _)) = package.config {
                self.problem(source.file.clone(), ConfigError::NoManifest);
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
        let folder = self.root.as_ref().and_then(|root| root.below(&directory));
        let folder = folder.as_ref();
        let manifest = self
            .source(&absolute, folder, manifest::FILE_NAME)
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
        let config = match first_of(&absolute, folder, &mut self.room) {
            Some(name) if CONFIG_FILES.contains(&name) => self.source(&absolute, folder, name),
            Some(name) => {
                let source = self.source(&absolute, folder, name);
                self.scripts
                    .extend(source.map(|source| (directory.clone(), source)));
                None
            }
            None => None,
        };
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

    /// Asks for the blocks of the files that may have one.
    fn ask(
        &mut self,
        root: &AbsPath,
        packages: &mut [RawPackage],
        evaluate: &mut dyn FnMut(&Scripts) -> Vec<Answer>,
    ) {
        fn manifest(package: &RawPackage) -> Option<&Manifest> {
            package.manifest.as_ref().map(|(_, read)| read)
        }
        let mut waiting = Vec::new();
        for (directory, source) in std::mem::take(&mut self.scripts) {
            let of_file = |package: &RawPackage| package.directory == directory;
            let Some(index) = packages.iter().position(of_file) else {
                continue;
            };
            let of_root = packages.first().and_then(manifest);
            let of_package = manifest(&packages[index]);
            if of_package.is_some() && script::may_have_block(&source, of_package, of_root) {
                waiting.push(Waiting {
                    package: index,
                    source,
                });
            }
        }
        let said = packages.first().and_then(|first| first.config.as_ref());
        let said = said.and_then(|(_, file)| file.cache.as_ref()?.dir.as_ref());
        let cache_dir = said.map(|dir| root.join(&dir.value));
        let blocks = script::ask(root, cache_dir, waiting, evaluate, &mut self.problems);
        for (index, source) in blocks {
            let read = self.config(&source, &packages[index].directory);
            packages[index].config = Some((source, read));
        }
    }

    /// Reads a file of a directory that may be missing.
    fn source(
        &mut self,
        directory: &AbsPath,
        folder: Option<&Folder>,
        name: &str,
    ) -> Option<Rc<Source>> {
        let file = directory.join(name);
        if let Some(read) = self.root_manifest.take_if(|source| source.file == file) {
            return Some(read);
        }
        let opened = match folder {
            Some(folder) => folder.file(name),
            None => File::open(file.as_path()),
        };
        match Source::read_opened(file, opened, &mut self.room) {
            Ok(source) => {
                self.sources
                    .extend(source.as_ref().map(|source| source.file.clone()));
                source.map(Rc::new)
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
