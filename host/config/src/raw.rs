//! A configuration file as it was written: every key optional, every value with its place.
//!
//! Only the shape is judged here. What the words mean is the business of `validate`.

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged as _;

use crate::reader::{Reader, Spanned};
use crate::{ConfigError, DependencyKind, Rule, keys, rules};

/// A whole file.
#[derive(Default, Debug)]
pub(crate) struct RawFile {
    pub(crate) cache: Option<RawCache>,
    pub(crate) plugins: Option<Vec<Spanned<String>>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) pre_post_scripts: Option<bool>,
    pub(crate) tasks: Vec<RawTask>,
}

/// `cache` of the file.
#[derive(Default, Debug)]
pub(crate) struct RawCache {
    pub(crate) scripts: Option<bool>,
    pub(crate) tasks: Option<bool>,
    pub(crate) dir: Option<Spanned<String>>,
    pub(crate) max_size: Option<Spanned<String>>,
    pub(crate) max_age: Option<Spanned<String>>,
    pub(crate) toolchain: Option<Spanned<String>>,
}

/// One member of `tasks`.
#[derive(Debug)]
pub(crate) struct RawTask {
    pub(crate) name: Spanned<String>,
    pub(crate) command: Option<Vec<Spanned<String>>>,
    pub(crate) cwd: Option<Spanned<String>>,
    pub(crate) depends_on: Vec<Spanned<RawDependency>>,
    pub(crate) cache: Option<bool>,
    pub(crate) env: Option<Vec<Spanned<String>>>,
    pub(crate) untracked_env: Option<Vec<Spanned<String>>>,
    pub(crate) input: Option<Spanned<Vec<Spanned<RawGlob>>>>,
    pub(crate) output: Option<Spanned<Vec<Spanned<RawGlob>>>>,
    pub(crate) services: Option<Vec<Spanned<String>>>,
}

/// One element of `dependsOn`.
#[derive(Debug)]
pub(crate) enum RawDependency {
    /// `task`, `package#task`, or `^task` for the same task of all dependencies.
    Named(String),
    /// `{ task, from }`
    From {
        task: String,
        from: Vec<DependencyKind>,
    },
}

/// One element of `input` or `output`.
#[derive(Debug)]
pub(crate) enum RawGlob {
    /// `{ auto }`
    Auto(bool),
    /// A pattern, with its `!` if it has one.
    Pattern { text: String, base: Base },
}

/// What a pattern is relative to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Base {
    Package,
    Workspace,
}

/// Whose file it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Root,
    Member,
}

/// Reads a file. Of what is wrong everything is noted and the rest returned.
pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>, role: Role) -> RawFile {
    let mut file = RawFile::default();
    let Value::Object(object) = value else {
        reader.wrong_type(value, "the configuration", "an object");
        return file;
    };
    for (key, value) in reader.known_members(object, "the configuration", &keys::FILE) {
        if role == Role::Member && keys::ROOT_ONLY.contains(&key.value) {
            reader.report(key.offset, ConfigError::RootOnly { key: key.value });
            continue;
        }
        match key.value {
            "$schema" => {
                reader.text(value, "`$schema`");
            }
            "tasks" => file.tasks = tasks(reader, value),
            "cache" => file.cache = Some(cache(reader, value)),
            "plugins" => file.plugins = reader.texts(value, "`plugins`"),
            "rules" => file.rules = rules::read(reader, value),
            "enablePrePostScripts" => {
                file.pre_post_scripts = reader.boolean(value, "`enablePrePostScripts`");
            }
            "policy" => reader.report(key.offset, ConfigError::PolicyElsewhere),
            name => reader.report(key.offset, ConfigError::Unsupported { key: name }),
        }
    }
    file
}

fn cache(reader: &mut Reader<'_>, value: &Value<'_>) -> RawCache {
    let mut cache = RawCache::default();
    let object = match value {
        Value::BooleanLit(both) => {
            (cache.scripts, cache.tasks) = (Some(both.value), Some(both.value));
            return cache;
        }
        Value::Object(object) => object,
        _ => {
            reader.wrong_type(value, "`cache`", "`true`, `false` or an object");
            return cache;
        }
    };
    for (key, value) in reader.known_members(object, "`cache`", &keys::CACHE) {
        let place = format!("`{}` of `cache`", key.value);
        let absent = matches!(value, Value::NullKeyword(_));
        match key.value {
            "scripts" => cache.scripts = reader.boolean(value, &place),
            "tasks" => cache.tasks = reader.boolean(value, &place),
            "dir" if !absent => cache.dir = reader.text(value, &place),
            "maxSize" if !absent => cache.max_size = reader.text(value, &place),
            "maxAge" if !absent => cache.max_age = reader.text(value, &place),
            "toolchain" => cache.toolchain = reader.text(value, &place),
            _ => {}
        }
    }
    cache
}

fn tasks(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<RawTask> {
    let Value::Object(object) = value else {
        reader.wrong_type(value, "`tasks`", "an object");
        return Vec::new();
    };
    let members = reader.members(object, "`tasks`");
    members
        .into_iter()
        .map(|(name, value)| task(reader, name, value))
        .collect()
}

fn task(reader: &mut Reader<'_>, name: Spanned<&str>, value: &Value<'_>) -> RawTask {
    let place = format!("task `{}`", name.value);
    let mut task = RawTask {
        name: Spanned {
            value: name.value.to_owned(),
            offset: name.offset,
        },
        command: None,
        cwd: None,
        depends_on: Vec::new(),
        cache: None,
        env: None,
        untracked_env: None,
        input: None,
        output: None,
        services: None,
    };
    let object = match value {
        Value::Object(object) => object,
        Value::StringLit(_) | Value::Array(_) => {
            task.command = command(reader, value, &place);
            return task;
        }
        _ => {
            reader.wrong_type(value, &place, "a command, a list of commands or an object");
            return task;
        }
    };
    for (key, value) in reader.known_members(object, &place, &keys::TASK) {
        let of = format!("`{}` of {place}", key.value);
        match key.value {
            "command" => task.command = command(reader, value, &of),
            "cwd" => task.cwd = reader.text(value, &of),
            "dependsOn" => task.depends_on = dependencies(reader, value, &of),
            "cache" => match value {
                Value::BooleanLit(on) => task.cache = Some(on.value),
                Value::Object(nested) => {
                    for (key, value) in reader.known_members(nested, &of, &keys::TASK_CACHE) {
                        caching(reader, &mut task, key, value, &place);
                    }
                }
                _ => reader.wrong_type(value, &of, "`true`, `false` or an object"),
            },
            _ => caching(reader, &mut task, key, value, &place),
        }
    }
    if object.get("command").is_none() {
        let error = ConfigError::MissingKey {
            key: "command",
            place,
        };
        reader.report(task.name.offset, error);
    }
    task
}

/// Reads a key that may stand on the task or in its `cache`, but not in both.
fn caching(
    reader: &mut Reader<'_>,
    task: &mut RawTask,
    key: Spanned<&'static str>,
    value: &Value<'_>,
    place: &str,
) {
    let of = format!("`{}` of {place}", key.value);
    let twice = match key.value {
        "env" => task.env.is_some(),
        "untrackedEnv" => task.untracked_env.is_some(),
        "input" => task.input.is_some(),
        "services" => task.services.is_some(),
        _ => task.output.is_some(),
    };
    if twice {
        let error = ConfigError::DuplicateKey {
            key: key.value.to_owned(),
            place: place.to_owned(),
        };
        reader.report(key.offset, error);
        return;
    }
    match key.value {
        "env" => task.env = reader.texts(value, &of),
        "untrackedEnv" => task.untracked_env = reader.texts(value, &of),
        "input" => task.input = globs(reader, key.offset, value, &of),
        "services" => task.services = reader.texts(value, &of),
        _ => task.output = globs(reader, key.offset, value, &of),
    }
}

fn command(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    place: &str,
) -> Option<Vec<Spanned<String>>> {
    match value {
        Value::StringLit(_) => reader.text(value, place).map(|text| vec![text]),
        Value::Array(list) if !list.elements.is_empty() => reader.texts(value, place),
        _ => {
            reader.wrong_type(
                value,
                place,
                "a string or a list of strings with one at least",
            );
            None
        }
    }
}

fn dependencies(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    place: &str,
) -> Vec<Spanned<RawDependency>> {
    let Value::Array(list) = value else {
        reader.wrong_type(value, place, "a list");
        return Vec::new();
    };
    let mut all = Vec::new();
    for element in &list.elements {
        let offset = element.start();
        let dependency = match element {
            Value::StringLit(text) => Some(RawDependency::Named(text.value.to_string())),
            Value::Object(_) => dependency_from(reader, element, place),
            _ => {
                let place = format!("every element of {place}");
                reader.wrong_type(
                    element,
                    &place,
                    "a string or an object with `task` and `from`",
                );
                None
            }
        };
        all.extend(dependency.map(|value| Spanned { value, offset }));
    }
    all
}

fn dependency_from(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    place: &str,
) -> Option<RawDependency> {
    let object = value.as_object()?;
    let (mut task, mut from) = (None, None);
    for (key, value) in reader.known_members(object, place, &keys::DEPENDENCY) {
        let of = format!("`{}` in {place}", key.value);
        match (key.value, value) {
            ("task", _) => task = reader.text(value, &of),
            (_, Value::StringLit(_)) => from = reader.text(value, &of).map(|text| vec![text]),
            _ => from = reader.texts(value, &of),
        }
    }
    for key in keys::DEPENDENCY {
        if object.get(key).is_none() {
            let place = format!("an element of {place}");
            reader.report(value.start(), ConfigError::MissingKey { key, place });
        }
    }
    let (task, from) = (task?, from?);
    let mut kinds = Vec::new();
    for word in from {
        match DependencyKind::ALL
            .into_iter()
            .find(|kind| kind.key() == word.value)
        {
            Some(kind) => kinds.push(kind),
            None => reader.report(
                word.offset,
                ConfigError::WrongValue {
                    place: format!("`from` in {place}"),
                    wanted: "`dependencies`, `devDependencies`, `peerDependencies` or \
                             `optionalDependencies`",
                    found: word.value,
                },
            ),
        }
    }
    Some(RawDependency::From {
        task: task.value,
        from: kinds,
    })
}

fn globs(
    reader: &mut Reader<'_>,
    offset: usize,
    value: &Value<'_>,
    place: &str,
) -> Option<Spanned<Vec<Spanned<RawGlob>>>> {
    let Value::Array(list) = value else {
        reader.wrong_type(value, place, "a list");
        return None;
    };
    let mut all = Vec::new();
    for element in &list.elements {
        let glob = match element {
            Value::StringLit(text) => Some(RawGlob::Pattern {
                text: text.value.to_string(),
                base: Base::Package,
            }),
            Value::Object(_) => glob_object(reader, element, place),
            _ => {
                let place = format!("every element of {place}");
                reader.wrong_type(
                    element,
                    &place,
                    "a glob, an object with `pattern` and `base`, or an object with `auto`",
                );
                None
            }
        };
        all.extend(glob.map(|value| Spanned {
            value,
            offset: element.start(),
        }));
    }
    Some(Spanned { value: all, offset })
}

fn glob_object(reader: &mut Reader<'_>, value: &Value<'_>, place: &str) -> Option<RawGlob> {
    let object = value.as_object()?;
    let element = format!("an element of {place}");
    let (mut auto, mut pattern, mut base) = (None, None, Base::Package);
    for (key, value) in reader.known_members(object, &element, &keys::GLOB) {
        let of = format!("`{}` in {place}", key.value);
        match key.value {
            "auto" => auto = reader.boolean(value, &of),
            "pattern" => pattern = reader.text(value, &of),
            _ => match reader.text(value, &of) {
                Some(Spanned { value, .. }) if value == "workspace" => base = Base::Workspace,
                Some(Spanned { value, .. }) if value == "package" => {}
                Some(Spanned {
                    value: found,
                    offset,
                }) => {
                    let wanted = "`package` or `workspace`";
                    reader.report(
                        offset,
                        ConfigError::WrongValue {
                            place: of,
                            wanted,
                            found,
                        },
                    );
                }
                None => {}
            },
        }
    }
    let says = |key| object.get(key).is_some();
    if says("auto") == says("pattern") || (says("auto") && says("base")) {
        let wanted = "an object with either `auto` alone or `pattern` and `base`";
        reader.wrong_type(value, &element, wanted);
        return None;
    }
    match (auto, pattern) {
        (Some(auto), _) => Some(RawGlob::Auto(auto)),
        (_, Some(pattern)) => Some(RawGlob::Pattern {
            text: pattern.value,
            base,
        }),
        _ => None,
    }
}
