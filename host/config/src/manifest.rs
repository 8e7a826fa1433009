//! What `package.json` says: the name, the scripts, the dependencies, the workspaces.
//!
//! The file belongs to npm and its friends, so only these keys are looked at, and of a key that
//! was written twice the last one counts, as it does for them.

use std::collections::BTreeMap;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged as _;

use crate::reader::{Reader, Spanned};
use crate::{Dependencies, DependencyKind};

/// The name of the file.
pub(crate) const FILE_NAME: &str = "package.json";

/// What a `package.json` says.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct Manifest {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    /// What package managers tell scripts of the rest, by what follows `npm_package_`.
    pub(crate) told: BTreeMap<String, String>,
    pub(crate) scripts: Scripts,
    pub(crate) dependencies: Dependencies,
}

/// Commands by name, with the places of the names.
pub(crate) type Scripts = BTreeMap<String, (Spanned<()>, String)>;

/// Reads a manifest. Of what is wrong everything is noted and the rest returned.
pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Manifest {
    let mut manifest = Manifest::default();
    let Value::Object(object) = value else {
        reader.wrong_type(value, "`package.json`", "an object");
        return manifest;
    };
    if let Some(value) = last(object, "name") {
        let name = reader.text(value, "`name`");
        manifest.name = name.map(|name| name.value).filter(|name| !name.is_empty());
    }
    if let Some(Value::StringLit(version)) = last(object, "version") {
        manifest.version = Some(version.value.to_string());
    }
    for key in TOLD {
        // In JSON read quickly, `null` is as good as nothing.
        if let Some(value) =
            last(object, key).filter(|value| !matches!(value, Value::NullKeyword(_)))
        {
            tell(
                key,
                &plain(value),
                manifest.name.as_deref(),
                &mut manifest.told,
            );
        }
    }
    for (name, offset, value) in members(reader, object, "scripts") {
        if let Some(command) = reader.text(value, &format!("script `{name}`")) {
            manifest.scripts.insert(
                name.to_owned(),
                (Spanned { value: (), offset }, command.value),
            );
        }
    }
    let mut said = Vec::new();
    for kind in DependencyKind::ALL {
        for (name, _, value) in members(reader, object, kind.key()) {
            let place = format!("`{name}` in `{}`", kind.key());
            let Some(version) = reader.text(value, &place) else {
                continue;
            };
            said.push((name.to_owned(), kind, version.value));
        }
    }
    manifest.dependencies = Dependencies::gather(said);
    manifest
}

/// The keys that package managers tell scripts of besides name and version.
/// <https://github.com/npm/rfcs/blob/main/implemented/0021-reduce-lifecycle-script-environment.md>
pub(crate) const TOLD: [&str; 3] = ["config", "engines", "bin"];

/// Puts down what is told of a value: of an object each member, of a list each item.
pub(crate) fn tell(
    key: &str,
    value: &serde_json::Value,
    package: Option<&str>,
    told: &mut BTreeMap<String, String>,
) {
    use serde_json::Value as Json;
    let text = match value {
        Json::Object(members) => {
            for (name, value) in members {
                tell(&format!("{key}_{name}"), value, None, told);
            }
            return;
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                tell(&format!("{key}_{index}"), value, None, told);
            }
            return;
        }
        // A program that is named by its path alone is called like the package.
        Json::String(path) if key == "bin" => {
            if let Some(name) = package.and_then(|package| package.rsplit('/').next()) {
                told.insert(format!("{key}_{name}"), path.clone());
            }
            return;
        }
        Json::String(text) => text.clone(),
        Json::Null | Json::Bool(false) => String::new(),
        other => other.to_string(),
    };
    told.insert(key.to_owned(), text);
}

/// A value without places in the text.
fn plain(value: &Value<'_>) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::StringLit(text) => Json::String(text.value.to_string()),
        Value::NumberLit(number) => serde_json::from_str(number.value).unwrap_or(Json::Null),
        Value::BooleanLit(is_so) => Json::Bool(is_so.value),
        Value::NullKeyword(_) => Json::Null,
        Value::Array(items) => Json::Array(items.elements.iter().map(plain).collect()),
        Value::Object(object) => {
            let members = object.properties.iter();
            let pair =
                members.map(|member| (member.name.as_str().to_owned(), plain(&member.value)));
            Json::Object(pair.collect())
        }
    }
}

/// The patterns of `workspaces`: a list, or an object with a list of `packages`. `None` when the
/// manifest has no such key.
pub(crate) fn workspaces(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
) -> Option<Vec<Spanned<String>>> {
    let value = last(value.as_object()?, "workspaces")?;
    let patterns = match value {
        Value::Array(_) => reader.texts(value, "`workspaces`"),
        Value::Object(object) => match last(object, "packages") {
            Some(packages) => reader.texts(packages, "`packages` of `workspaces`"),
            None => Some(Vec::new()),
        },
        _ => {
            reader.wrong_type(value, "`workspaces`", "a list or an object with `packages`");
            None
        }
    };
    Some(patterns.unwrap_or_default())
}

/// The members of the object under a key; nothing when the key is missing.
fn members<'v, 's>(
    reader: &mut Reader<'_>,
    object: &'v Object<'s>,
    key: &str,
) -> Vec<(&'v str, usize, &'v Value<'s>)> {
    match last(object, key) {
        None => Vec::new(),
        Some(Value::Object(inner)) => inner
            .properties
            .iter()
            .map(|member| (member.name.as_str(), member.name.start(), &member.value))
            .collect(),
        Some(value) => {
            reader.wrong_type(value, &format!("`{key}`"), "an object");
            Vec::new()
        }
    }
}

/// The value of a key; the last one, if it was written twice.
fn last<'v, 's>(object: &'v Object<'s>, key: &str) -> Option<&'v Value<'s>> {
    let mut members = object.properties.iter().rev();
    members
        .find(|member| member.name.as_str() == key)
        .map(|member| &member.value)
}
