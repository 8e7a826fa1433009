//! Resolves the names by which packages and tasks speak of each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vt_base::RelPath;

use crate::load::RawPackage;
use crate::raw::RawDependency;
use crate::reader::Reader;
use crate::{
    ConfigError, DependencyKind, Package, PackageDependency, Problem, TaskReference, range, suggest,
};

/// The packages by their names.
pub(crate) type Names = HashMap<String, Vec<usize>>;

/// Finds out which packages have which name.
pub(crate) fn names(packages: &[Package]) -> Names {
    let mut names = Names::with_capacity(packages.len());
    for (index, package) in packages.iter().enumerate() {
        if let Some(name) = &package.name {
            names.entry(name.clone()).or_default().push(index);
        }
    }
    names
}

/// Gives every package its id and finds the packages it depends on.
pub(crate) fn packages(packages: &mut [Package], names: &Names) {
    let mut by_directory = None;
    for index in 0..packages.len() {
        let mut dependencies = std::mem::take(&mut packages[index].dependencies);
        let directory = &packages[index].directory;
        dependencies.link(|name, version| {
            let found = match target(name, version) {
                Target::Name(name) => names.get(name).map(|indices| indices[0]),
                Target::Range(range) => names.get(name).and_then(|indices| {
                    let fits = |index: &usize| {
                        let version = packages[*index].version.as_deref();
                        version.is_none_or(|version| range::admits(range, version))
                    };
                    indices.iter().copied().find(fits)
                }),
                Target::Path(path) => {
                    let by_directory = by_directory.get_or_insert_with(|| directories(packages));
                    let directory = directory.join(path).ok();
                    directory.and_then(|directory| by_directory.get(&directory).copied())
                }
                Target::Elsewhere => None,
            };
            found.filter(|found| *found != index)
        });
        let installed = dependencies.iter().filter(|(_, one)| is_installed(one));
        let installed = installed.filter_map(|(_, one)| one.package).collect();
        let package = &mut packages[index];
        package.workspace_dependencies = installed;
        package.dependencies = dependencies;
        let directory = package.directory.to_string();
        package.id = match &package.name {
            Some(name) if names[name].len() == 1 => name.clone(),
            _ if names.contains_key(&directory) => format!("./{directory}"),
            _ => directory,
        };
    }
}

/// The packages by the directories they lie in.
fn directories(packages: &[Package]) -> BTreeMap<RelPath, usize> {
    let directories = packages.iter().map(|one| one.directory.clone());
    directories.zip(0..).collect()
}

/// Whether a package is installed for the one that depends on it. A peer is what somebody else has to
/// bring along, of whatever origin, unless it asks for the workspace by name.
fn is_installed(dependency: &PackageDependency<'_>) -> bool {
    !dependency.kinds.is_only(DependencyKind::Peer) || dependency.version.starts_with("workspace:")
}

/// Where a dependency is found.
#[derive(PartialEq, Eq, Debug)]
enum Target<'a> {
    /// In the package of this name, if the workspace has one.
    Name(&'a str),
    /// In the package of the same name, if its version is in this range. Otherwise the package
    /// manager takes it from the registry.
    Range(&'a str),
    /// In this directory, relative to the package.
    Path(&'a str),
    /// Not in the workspace.
    Elsewhere,
}

fn target<'a>(name: &'a str, version: &'a str) -> Target<'a> {
    let Some((protocol, rest)) = version.split_once(':') else {
        // A repository on GitHub: `owner/name`.
        return if version.contains('/') {
            Target::Elsewhere
        } else {
            Target::Range(version)
        };
    };
    match protocol {
        "workspace" if rest.starts_with("./") || rest.starts_with("../") => Target::Path(rest),
        // `workspace:other@*` imports another package under this name.
        "workspace" => match rest.rfind('@') {
            Some(at) if at > 0 => Target::Name(&rest[..at]),
            _ => Target::Name(name),
        },
        "link" | "file" | "portal" => Target::Path(rest),
        "catalog" => Target::Name(name),
        _ => Target::Elsewhere,
    }
}

/// Finds the tasks that tasks depend on.
pub(crate) fn tasks(
    packages: &mut [Package],
    names: &Names,
    raw: &[RawPackage],
    problems: &mut Vec<Problem>,
) {
    let mut resolved = Vec::new();
    for (index, package) in raw.iter().enumerate() {
        let Some((source, file)) = &package.config else {
            continue;
        };
        let mut reader = Reader { source, problems };
        for task in &file.tasks {
            let linker = Linker {
                packages,
                names,
                index,
                task: &task.name.value,
            };
            let mut references = Vec::new();
            for written in &task.depends_on {
                match linker.resolve(&written.value) {
                    Ok(found) => references.extend(found),
                    Err(error) => reader.report(written.offset, error),
                }
            }
            let mut seen = BTreeSet::new();
            references.retain(|reference| seen.insert(reference.clone()));
            resolved.push((index, task.name.value.clone(), references));
        }
    }
    for (package, name, references) in resolved {
        if let Some(task) = packages[package].tasks.get_mut(&name) {
            task.depends_on = references;
        }
    }
}

/// Resolves what one task depends on.
struct Linker<'a> {
    packages: &'a [Package],
    names: &'a Names,
    index: usize,
    task: &'a str,
}

impl Linker<'_> {
    fn resolve(&self, dependency: &RawDependency) -> Result<Vec<TaskReference>, ConfigError> {
        let (package, name) = match dependency {
            RawDependency::From { task, from } => return Ok(self.from(task, from)),
            RawDependency::Named(text) if text.starts_with('^') => {
                return Ok(self.nearest(&text[1..]));
            }
            RawDependency::Named(text) => match text.split_once('#') {
                Some((package, name)) => (self.package(package)?, name),
                None => (self.index, text.as_str()),
            },
        };
        let tasks = &self.packages[package].tasks;
        if tasks.contains_key(name) {
            return Ok(vec![TaskReference {
                package,
                task: name.to_owned(),
            }]);
        }
        let qualify = |name: &str| {
            if package == self.index {
                name.to_owned()
            } else {
                format!("{}#{name}", self.packages[package].id)
            }
        };
        let suggestion = suggest(name, tasks.keys().map(String::as_str)).map(qualify);
        let (task, dependency) = (self.task.to_owned(), qualify(name));
        Err(ConfigError::UnknownTask {
            task,
            dependency,
            suggestion,
        })
    }

    fn package(&self, name: &str) -> Result<usize, ConfigError> {
        let (task, package) = (self.task.to_owned(), name.to_owned());
        match self.names.get(name).map(Vec::as_slice) {
            Some([index]) => Ok(*index),
            Some(_) => Err(ConfigError::AmbiguousPackage { task, package }),
            None => {
                let names: BTreeSet<&str> = self.names.keys().map(String::as_str).collect();
                let suggestion = suggest(name, names);
                let suggestion = suggestion.map(str::to_owned);
                Err(ConfigError::UnknownPackage {
                    task,
                    package,
                    suggestion,
                })
            }
        }
    }

    /// The task of that name of the packages that this one depends on. One without it is looked
    /// through, so that what it depends on still comes first.
    fn nearest(&self, task: &str) -> Vec<TaskReference> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::from([self.index]);
        let mut open = vec![self.index];
        while let Some(package) = open.pop() {
            for next in &self.packages[package].workspace_dependencies {
                if !seen.insert(*next) {
                    continue;
                }
                if self.packages[*next].tasks.contains_key(task) {
                    found.insert(*next);
                } else {
                    open.push(*next);
                }
            }
        }
        let reference = |package| TaskReference {
            package,
            task: task.to_owned(),
        };
        found.into_iter().map(reference).collect()
    }

    /// The task of that name of every direct dependency that has it.
    fn from(&self, task: &str, kinds: &[DependencyKind]) -> Vec<TaskReference> {
        let dependencies = self.packages[self.index].dependencies.iter();
        let dependencies = dependencies.map(|(_, one)| one);
        let wanted = dependencies.filter(|one| kinds.iter().any(|kind| one.kinds.contains(*kind)));
        wanted
            .filter_map(|dependency| dependency.package)
            .filter(|index| self.packages[*index].tasks.contains_key(task))
            .map(|package| TaskReference {
                package,
                task: task.to_owned(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_says_where_a_dependency_is_found() {
        for (version, wanted) in [
            ("^1.0.0", Target::Range("^1.0.0")),
            ("*", Target::Range("*")),
            ("workspace:*", Target::Name("a")),
            ("workspace:@x/b@^1", Target::Name("@x/b")),
            ("workspace:@x/b", Target::Name("a")),
            ("workspace:../b", Target::Path("../b")),
            ("file:../b", Target::Path("../b")),
            ("link:../b", Target::Path("../b")),
            ("catalog:", Target::Name("a")),
            ("npm:b@1", Target::Elsewhere),
            ("git+https://host/x.git", Target::Elsewhere),
            ("owner/name", Target::Elsewhere),
        ] {
            assert_eq!(target("a", version), wanted, "{version}");
        }
    }
}
