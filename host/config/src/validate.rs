//! Turns what was written into what it means, noting everything that means nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use vt_base::{
    AbsPath, CachePolicy, Declared, FilePolicy, RelPath, Sign, Toolchain, WrittenPattern,
};

use crate::glob::{self, List};
use crate::load::RawPackage;
use crate::manifest::{Manifest, Scripts};
use crate::raw::{Base, RawCache, RawFile, RawGlob, RawTask};
use crate::reader::{Reader, Spanned};
use crate::source::Source;
use crate::{
    ConfigError, Origin, Package, Problem, Settings, Task, TaskSource, link, plugins, quantity,
};

/// Judges all packages of a workspace; the first one is its root.
pub(crate) fn project(
    root: &AbsPath,
    mut raw: Vec<RawPackage>,
    built_in_plugins: &[&str],
    problems: &mut Vec<Problem>,
) -> (Vec<Package>, Settings) {
    let mut settings = Settings::default();
    if let Some((source, file)) = raw.first().and_then(|package| package.config.as_ref()) {
        let mut reader = Reader { source, problems };
        settings = read_settings(&mut reader, root, file, built_in_plugins);
    }
    let mut packages: Vec<Package> = raw
        .iter_mut()
        .map(|raw| {
            let manifest = raw.manifest.as_mut();
            let (scripts, manifest) = match manifest {
                Some((source, manifest)) => {
                    let mut manifest = std::mem::take(manifest);
                    let scripts = std::mem::take(&mut manifest.scripts);
                    (Some((Rc::clone(source), scripts)), manifest)
                }
                None => (None, Manifest::default()),
            };
            let tasks = read_tasks(root, scripts, raw, settings.toolchain, problems);
            Package {
                name: manifest.name,
                version: manifest.version,
                told: manifest.told,
                id: String::new(),
                directory: raw.directory.clone(),
                dependencies: manifest.dependencies,
                workspace_dependencies: BTreeSet::new(),
                tasks,
            }
        })
        .collect();
    let names = link::names(&packages);
    link::packages(&mut packages, &names);
    link::tasks(&mut packages, &names, &raw, problems);
    (packages, settings)
}

fn read_settings(
    reader: &mut Reader<'_>,
    root: &AbsPath,
    file: &RawFile,
    built_in_plugins: &[&str],
) -> Settings {
    let mut settings = Settings::default();
    if let Some(cache) = &file.cache {
        read_cache(reader, root, cache, &mut settings);
    }
    if let Some(on) = file.pre_post_scripts {
        settings.pre_post_scripts = on.into();
    }
    settings.plugins = file
        .plugins
        .as_ref()
        .map(|written| plugins::read(reader, root, written, built_in_plugins));
    settings.rules.clone_from(&file.rules);
    settings
}

fn read_cache(reader: &mut Reader<'_>, root: &AbsPath, cache: &RawCache, settings: &mut Settings) {
    if let Some(on) = cache.scripts {
        settings.cache_scripts = on.into();
    }
    if let Some(on) = cache.tasks {
        settings.cache_tasks = on.into();
    }
    if let Some(dir) = &cache.dir {
        if dir.value.is_empty() || dir.value.starts_with('~') || dir.value.contains('\0') {
            wrong(
                reader,
                "`dir` of `cache`",
                "a path, absolute or from the workspace root",
                dir,
            );
        } else {
            settings.cache_dir = Some(root.join(&dir.value));
        }
    }
    if let Some(size) = &cache.max_size {
        settings.max_size = quantity::size(&size.value);
        if settings.max_size.is_none() {
            wrong(
                reader,
                "`maxSize` of `cache`",
                "a size such as `10GB`",
                size,
            );
        }
    }
    if let Some(age) = &cache.max_age {
        settings.max_age = quantity::age(&age.value);
        if settings.max_age.is_none() {
            wrong(reader, "`maxAge` of `cache`", "an age such as `30d`", age);
        }
    }
    if let Some(toolchain) = &cache.toolchain {
        match toolchain.value.as_str() {
            "content" => settings.toolchain = Toolchain::Content,
            "ignore" => settings.toolchain = Toolchain::Ignore,
            _ => wrong(
                reader,
                "`toolchain` of `cache`",
                "`content` or `ignore`",
                toolchain,
            ),
        }
    }
}

fn wrong(reader: &mut Reader<'_>, place: &str, wanted: &'static str, found: &Spanned<String>) {
    let (place, value) = (place.to_owned(), found.value.clone());
    reader.report(
        found.offset,
        ConfigError::WrongValue {
            place,
            wanted,
            found: value,
        },
    );
}

/// The tasks of a package, with everything but what they depend on.
fn read_tasks(
    root: &AbsPath,
    scripts: Option<(Rc<Source>, Scripts)>,
    raw: &RawPackage,
    toolchain: Toolchain,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Box<Task>> {
    let mut tasks = BTreeMap::new();
    if let Some((source, scripts)) = scripts {
        let file = below(root, &source);
        let script = |(name, (place, command)): (String, (Spanned<()>, String))| {
            let task = Task {
                name: name.clone(),
                source: TaskSource::Script,
                command: vec![command],
                directory: raw.directory.clone(),
                depends_on: Vec::new(),
                cache: CachePolicy::Enabled,
                declared: Declared {
                    toolchain,
                    ..Declared::default()
                },
                origin: Origin {
                    file: file.clone(),
                    position: source.position(place.offset),
                },
            };
            (name, Box::new(task))
        };
        tasks = scripts.into_iter().map(script).collect();
    }
    let Some((source, file)) = &raw.config else {
        return tasks;
    };
    let path = below(root, source);
    let mut reader = Reader { source, problems };
    for written in &file.tasks {
        let (name, offset) = (written.name.value.clone(), written.name.offset);
        if name.is_empty() || name.contains('#') {
            reader.report(offset, ConfigError::TaskName { task: name.clone() });
        }
        if tasks.contains_key(&name) {
            reader.report(offset, ConfigError::TaskIsScript { task: name.clone() });
        }
        let origin = Origin {
            file: path.clone(),
            position: source.position(offset),
        };
        let task = read_task(&mut reader, written, &raw.directory, origin, toolchain);
        tasks.insert(name, Box::new(task));
    }
    tasks
}

/// A file of the workspace. A package reached by a symlink goes by a path below the root too.
fn below(root: &AbsPath, source: &Source) -> RelPath {
    source.file.relative_to(root).unwrap_or_default()
}

fn read_task(
    reader: &mut Reader<'_>,
    raw: &RawTask,
    package: &RelPath,
    origin: Origin,
    toolchain: Toolchain,
) -> Task {
    let name = raw.name.value.clone();
    let mut command = Vec::new();
    for part in raw.command.iter().flatten() {
        if part.value.trim().is_empty() || part.value.contains('\0') {
            wrong(
                reader,
                &format!("the command of task `{name}`"),
                "a command",
                part,
            );
        }
        command.push(part.value.clone());
    }
    let directory = match &raw.cwd {
        None => package.clone(),
        Some(cwd) => package.join(&cwd.value).unwrap_or_else(|_| {
            reader.report(
                cwd.offset,
                ConfigError::Outside {
                    path: cwd.value.clone(),
                },
            );
            package.clone()
        }),
    };
    let cache = match raw.cache {
        Some(false) => CachePolicy::Disabled,
        Some(true) | None => CachePolicy::Enabled,
    };
    if cache == CachePolicy::Disabled {
        for (key, list) in [("input", &raw.input), ("output", &raw.output)] {
            if let Some(list) = list {
                reader.report(
                    list.offset,
                    ConfigError::NotCached {
                        key,
                        task: name.clone(),
                    },
                );
            }
        }
    }
    let mut written = Vec::new();
    let input = files(
        reader,
        raw.input.as_ref(),
        package,
        List::Input,
        &mut written,
    );
    let output = files(
        reader,
        raw.output.as_ref(),
        package,
        List::Output,
        &mut written,
    );
    let declared = Declared {
        env: names(
            reader,
            raw.env.as_deref(),
            &format!("`env` of task `{name}`"),
        ),
        untracked_env: names(
            reader,
            raw.untracked_env.as_deref(),
            &format!("`untrackedEnv` of task `{name}`"),
        ),
        input,
        output,
        toolchain,
        services: services(
            reader,
            raw.services.as_deref(),
            &format!("`services` of task `{name}`"),
        ),
        written,
    };
    let depends_on = Vec::new();
    Task {
        name,
        source: TaskSource::Config,
        command,
        directory,
        depends_on,
        cache,
        declared,
        origin,
    }
}

/// Names and patterns of variables.
fn names(reader: &mut Reader<'_>, list: Option<&[Spanned<String>]>, place: &str) -> Vec<String> {
    for name in list.into_iter().flatten() {
        let bare = name.value.strip_prefix('!').unwrap_or(&name.value);
        if bare.is_empty() || bare.contains(['=', '\0']) {
            let place = format!("every element of {place}");
            wrong(
                reader,
                &place,
                "the name of a variable or a pattern of names",
                name,
            );
        }
    }
    list.into_iter()
        .flatten()
        .map(|name| name.value.clone())
        .collect()
}

/// Addresses of services.
fn services(reader: &mut Reader<'_>, list: Option<&[Spanned<String>]>, place: &str) -> Vec<String> {
    for service in list.into_iter().flatten() {
        if !is_service(&service.value) {
            wrong(
                reader,
                &format!("every element of {place}"),
                "`docker`, `host:port`, the path of a socket from `/` or `~/`, or `@` and its name",
                service,
            );
        }
    }
    let list = list.into_iter().flatten();
    list.map(|service| service.value.clone()).collect()
}

fn is_service(text: &str) -> bool {
    if text == "docker" {
        return true;
    }
    if ["/", "~/", "@"].iter().any(|start| text.starts_with(start)) {
        return !text.ends_with(['/', '@']);
    }
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let is_port = port == "*" || port.parse::<u16>().is_ok();
        let is_host = !host.is_empty() && !host.contains('/');
        is_port && is_host
    })
}

/// What a list of globs means: left out it stands for what the tracker sees, and it does so too
/// where it says `auto`; globs alone replace that.
fn files(
    reader: &mut Reader<'_>,
    list: Option<&Spanned<Vec<Spanned<RawGlob>>>>,
    package: &RelPath,
    kind: List,
    written: &mut Vec<WrittenPattern>,
) -> FilePolicy {
    let Some(list) = list else {
        return FilePolicy::default();
    };
    let mut policy = FilePolicy {
        auto: false,
        globs: Vec::new(),
    };
    for element in &list.value {
        let (text, base) = match &element.value {
            RawGlob::Auto(on) => {
                policy.auto |= on;
                continue;
            }
            RawGlob::Pattern {
                text,
                base: Base::Package,
            } => (text, package.clone()),
            RawGlob::Pattern {
                text,
                base: Base::Workspace,
            } => (text, RelPath::root()),
        };
        match glob::rules(text, &base, kind) {
            Ok(rules) => {
                if rules.iter().all(|rule| rule.sign == Sign::Positive) {
                    written.push(WrittenPattern {
                        key: kind.key(),
                        text: text.clone(),
                        globs: rules.iter().map(|rule| rule.pattern.clone()).collect(),
                    });
                }
                policy.globs.extend(rules);
            }
            Err(error) => reader.report(element.offset, error),
        }
    }
    policy
}
