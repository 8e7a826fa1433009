//! Files to start with, made from what is there: `run` blocks of `vite.config.*`, `turbo.json`,
//! `nx.json` with its `project.json` files, or the scripts alone.
//!
//! A script stays where it is: the name of a task may stand in one place only, and nobody's file is
//! changed here. So what another runner says about a script becomes a comment, ready to be moved
//! together with its command; what stands nowhere else becomes a task.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jsonc_parser::ast;
use serde_json::{Map, Value, json};
use vt_base::{AbsPath, RelPath};

use crate::source::{Dialect, Source};
use crate::{ConfigErrors, Package, Problem, Project, TaskSource};

/// Scripts that run until they are stopped, or whose effect is elsewhere.
const NEVER_CACHED: [&str; 9] = [
    "dev",
    "start",
    "serve",
    "watch",
    "preview",
    "deploy",
    "publish",
    "release",
    "storybook",
];

/// A file to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartingFile {
    /// Where, from the workspace root.
    pub path: RelPath,
    /// What it says.
    pub text: String,
}

/// What another runner says about a task, in our words.
type Hint = Map<String, Value>;

/// The files to start with. `blocks` are the `run` blocks that were found, by package.
///
/// # Errors
/// When a file of another runner cannot be read.
pub fn starting_files(
    project: &Project,
    blocks: &BTreeMap<RelPath, String>,
) -> Result<Vec<StartingFile>, ConfigErrors> {
    if !blocks.is_empty() {
        return Ok(of_blocks(blocks));
    }
    let read = |name: &str| json_file(project.root.join(name));
    let mut hints: BTreeMap<String, Hint> = BTreeMap::new();
    let mut files = Vec::new();
    let turbo = match read("turbo.json")? {
        Some(turbo) => Some(turbo),
        None => read("turbo.jsonc")?,
    };
    let mut origin = "package.json";
    if let Some(turbo) = turbo {
        origin = "turbo.json";
        // Older ones call them `pipeline`.
        let tasks = turbo.get("tasks").or_else(|| turbo.get("pipeline"));
        for (name, task) in tasks.and_then(Value::as_object).into_iter().flatten() {
            hints.insert(name.clone(), of_turbo(task));
        }
    } else if let Some(nx) = read("nx.json")? {
        origin = "nx.json";
        let defaults = nx.get("targetDefaults").and_then(Value::as_object);
        for (name, target) in defaults.into_iter().flatten() {
            hints.insert(name.clone(), of_nx(target));
        }
        for package in project.packages.iter().skip(1) {
            files.extend(of_nx_project(project, package, &hints)?);
        }
    }
    let root = StartingFile {
        path: RelPath::new("vite-task.jsonc").expect("a plain name"),
        text: root_file(project, origin, &hints),
    };
    files.insert(0, root);
    Ok(files)
}

/// Each block as a file of its own, which from then on comes first.
fn of_blocks(blocks: &BTreeMap<RelPath, String>) -> Vec<StartingFile> {
    let file = |(directory, text): (&RelPath, &String)| {
        let value: Value = serde_json::from_str(text).ok()?;
        Some(StartingFile {
            path: directory.join("vite-task.json").ok()?,
            text: format!("{value:#}\n"),
        })
    };
    blocks.iter().filter_map(file).collect()
}

fn of_turbo(task: &Value) -> Hint {
    let mut hint = Hint::new();
    let texts = |key: &str| {
        let list = task.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    };
    let (variables, depends_on): (Vec<&str>, Vec<&str>) =
        texts("dependsOn").partition(|one| one.starts_with('$'));
    let env = texts("env").chain(variables.into_iter().map(|one| &one[1..]));
    let depends_on = depends_on.into_iter().filter(|one| !one.starts_with("//#"));
    put(&mut hint, "dependsOn", depends_on);
    put(&mut hint, "env", env);
    put(&mut hint, "untrackedEnv", texts("passThroughEnv"));
    put(
        &mut hint,
        "output",
        texts("outputs").filter(|one| !one.contains('$')),
    );
    let is_on = |key: &str| task.get(key).and_then(Value::as_bool);
    if is_on("cache") == Some(false) || is_on("persistent") == Some(true) {
        hint.remove("output");
        hint.insert("cache".to_owned(), json!(false));
    }
    hint
}

fn of_nx(target: &Value) -> Hint {
    let mut hint = Hint::new();
    let list = |key: &str| {
        target
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let depends_on = list("dependsOn").filter_map(|one| match one {
        Value::String(text) => Some(text.clone()),
        // Another project is named otherwise there; its dependencies are not.
        Value::Object(object) if object.get("dependencies") == Some(&json!(true)) => {
            Some(format!("^{}", object.get("target")?.as_str()?))
        }
        _ => None,
    });
    put(&mut hint, "dependsOn", depends_on);
    let outputs = list("outputs").filter_map(Value::as_str).filter_map(|one| {
        let path = one.strip_prefix("{projectRoot}/")?;
        let is_plain = !path.contains(['{', '*']);
        Some(if is_plain {
            format!("{path}/**")
        } else {
            path.to_owned()
        })
    });
    put(
        &mut hint,
        "output",
        outputs.filter(|one| !one.contains('{')),
    );
    if target.get("cache") == Some(&json!(false)) {
        hint.remove("output");
        hint.insert("cache".to_owned(), json!(false));
    }
    hint
}

fn put<T: Into<Value>>(hint: &mut Hint, key: &str, values: impl Iterator<Item = T>) {
    let values: Vec<Value> = values.map(Into::into).collect();
    if !values.is_empty() {
        hint.insert(key.to_owned(), Value::Array(values));
    }
}

/// The targets of a `project.json` that are plain commands and no scripts.
fn of_nx_project(
    project: &Project,
    package: &Package,
    defaults: &BTreeMap<String, Hint>,
) -> Result<Option<StartingFile>, ConfigErrors> {
    let directory = project.root.join_rel(&package.directory);
    let Some(file) = json_file(directory.join("project.json"))? else {
        return Ok(None);
    };
    let targets = file.get("targets").and_then(Value::as_object);
    let mut tasks = Map::new();
    for (name, target) in targets.into_iter().flatten() {
        if package.tasks.contains_key(name) || name.is_empty() || name.contains('#') {
            continue;
        }
        if let Some(command) = nx_command(target) {
            let mut task = Hint::from_iter([("command".to_owned(), command)]);
            task.extend(defaults.get(name).cloned().unwrap_or_default());
            task.extend(of_nx(target));
            // What is never cached has no outputs, whatever the defaults say.
            if task.get("cache") == Some(&json!(false)) {
                task.remove("output");
            }
            tasks.insert(name.clone(), Value::Object(task));
        }
    }
    // What is not there can't be waited for.
    let known: BTreeSet<String> = tasks.keys().chain(package.tasks.keys()).cloned().collect();
    for task in tasks.values_mut() {
        if let Some(Value::Array(list)) = task.get_mut("dependsOn") {
            list.retain(|one| {
                let one = one.as_str().unwrap_or_default();
                one.starts_with('^') || known.contains(one)
            });
        }
    }
    let path = package.directory.join("vite-task.json");
    Ok(path
        .ok()
        .filter(|_| !tasks.is_empty())
        .map(|path| StartingFile {
            path,
            text: format!("{:#}\n", json!({ "tasks": tasks })),
        }))
}

fn nx_command(target: &Value) -> Option<Value> {
    if let Some(command) = target.get("command") {
        return command.as_str().map(Value::from);
    }
    if target.get("executor")?.as_str()? != "nx:run-commands" {
        return None;
    }
    let options = target.get("options")?;
    if let Some(command) = options.get("command") {
        return command.as_str().map(Value::from);
    }
    let text = |one: &Value| match one {
        Value::String(text) => Some(Value::from(text.clone())),
        _ => one.get("command")?.as_str().map(Value::from),
    };
    let commands = options.get("commands")?.as_array()?;
    let commands: Option<Vec<Value>> = commands.iter().map(text).collect();
    commands.filter(|all| !all.is_empty()).map(Value::Array)
}

/// The file of the root: whether scripts are cached, and every script as the task it could be.
fn root_file(project: &Project, origin: &str, hints: &BTreeMap<String, Hint>) -> String {
    let mut scripts: BTreeMap<&str, &str> = BTreeMap::new();
    for package in &project.packages {
        for task in package.tasks.values() {
            if task.source == TaskSource::Script {
                scripts.entry(&task.name).or_insert(&task.command[0]);
            }
        }
    }
    let is_never = |name: &str| {
        let says_no = hints
            .get(name)
            .is_some_and(|hint| hint.contains_key("cache"));
        says_no || NEVER_CACHED.contains(&name.split(':').next().unwrap_or(name))
    };
    let never: Vec<&str> = scripts
        .keys()
        .copied()
        .filter(|name| is_never(name))
        .collect();
    let mut text = String::from("{\n");
    if never.is_empty() {
        text += "  // Scripts are tasks. This lets them be brought back when nothing changed.\n";
        text += "  \"cache\": { \"scripts\": true }";
    } else {
        let names: Vec<String> = never.iter().map(|name| format!("`{name}`")).collect();
        text +=
            "  // Scripts are tasks. They can be brought back when nothing changed once those\n";
        text += "  // that must not be are tasks with `\"cache\": false`: ";
        let _ = writeln!(text, "{}.", comment(&names.join(", ")));
        text += "  \"cache\": { \"scripts\": false }";
    }
    if !scripts.is_empty() {
        text += ",\n\n";
        let _ = writeln!(
            text,
            "  // From `{origin}`. To say more about a script, take it out of its"
        );
        text += "  // `package.json` and in here, or in a file like this beside it.\n";
        text +=
            "  // Inputs and outputs need not be listed: what a task reads and writes is seen.\n";
        text += "  \"tasks\": {\n";
        for (name, command) in scripts {
            let mut task = Hint::from_iter([("command".to_owned(), json!(command))]);
            task.extend(hints.get(name).cloned().unwrap_or_default());
            if is_never(name) {
                task.insert("cache".to_owned(), json!(false));
            }
            let value = if task.len() == 1 {
                json!(command)
            } else {
                Value::Object(task)
            };
            let line = format!("{}: {value},", json!(name));
            let _ = writeln!(text, "    // {}", comment(&line));
        }
        text += "  }";
    }
    text += "\n}\n";
    text
}

/// A text that ends with its line.
fn comment(text: &str) -> String {
    text.replace(['\n', '\r', '\u{2028}', '\u{2029}'], " ")
}

/// A file of another runner, which may have comments.
fn json_file(file: AbsPath) -> Result<Option<Value>, ConfigErrors> {
    let failed = |problem: Box<Problem>| ConfigErrors(vec![*problem]);
    let Some(source) = Source::read(file).map_err(failed)? else {
        return Ok(None);
    };
    let value = source.parse(Dialect::Comments).map_err(failed)?;
    Ok(Some(plain(&value)))
}

fn plain(value: &ast::Value<'_>) -> Value {
    match value {
        ast::Value::StringLit(text) => Value::from(text.value.as_ref()),
        ast::Value::NumberLit(number) => serde_json::from_str(number.value).unwrap_or(Value::Null),
        ast::Value::BooleanLit(boolean) => Value::from(boolean.value),
        ast::Value::Object(object) => {
            let members = object.properties.iter();
            let pairs = members.map(|one| (one.name.as_str().to_owned(), plain(&one.value)));
            Value::Object(pairs.collect())
        }
        ast::Value::Array(list) => Value::Array(list.elements.iter().map(plain).collect()),
        ast::Value::NullKeyword(_) => Value::Null,
    }
}
