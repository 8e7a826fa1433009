//! The quick way to read a `package.json` that has nothing wrong with it.
//!
//! A workspace has hundreds of them, and most of what they say is passed over. Whatever is not
//! plain, mistakes above all, is left to `manifest`, which is the one to judge it: what both read,
//! they read alike.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};

use crate::manifest::{Manifest, TOLD, tell};
use crate::reader::Spanned;
use crate::{Dependencies, DependencyKind};

/// The keys that are looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Quick<'t> {
    /// Empty stands for none; `null` is a mistake.
    #[serde(borrow, default)]
    name: Text<'t>,
    #[serde(borrow, default)]
    version: Option<Text<'t>>,
    #[serde(default)]
    config: Option<serde_json::Value>,
    #[serde(default)]
    engines: Option<serde_json::Value>,
    #[serde(default)]
    bin: Option<serde_json::Value>,
    #[serde(borrow, default)]
    scripts: Members<'t>,
    #[serde(borrow, default)]
    dependencies: Members<'t>,
    #[serde(borrow, default)]
    dev_dependencies: Members<'t>,
    #[serde(borrow, default)]
    peer_dependencies: Members<'t>,
    #[serde(borrow, default)]
    optional_dependencies: Members<'t>,
}

/// A string.
#[derive(Deserialize, Default)]
#[serde(transparent)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// An object whose values are strings.
#[derive(Default)]
struct Members<'t>(Vec<(&'t str, Text<'t>)>);

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // Room for most lists, so that few have to be moved while they grow.
                let mut members = Vec::with_capacity(16);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// Reads a manifest; `None` when it takes a closer look.
pub(crate) fn read(text: &str) -> Option<Manifest> {
    // A list of the values would do as well, and is no manifest.
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let quick: Quick<'_> = serde_json::from_str(text).ok()?;
    let mut manifest = Manifest {
        name: Some(quick.name.0.into_owned()),
        version: quick.version.map(|version| version.0.into_owned()),
        ..Manifest::default()
    };
    manifest.name.take_if(|name| name.is_empty());
    for (key, value) in TOLD
        .into_iter()
        .zip([quick.config, quick.engines, quick.bin])
    {
        if let Some(value) = value {
            tell(key, &value, manifest.name.as_deref(), &mut manifest.told);
        }
    }
    for (name, command) in quick.scripts.0 {
        // The name is a piece of the text, behind its quote.
        let offset = (name.as_ptr() as usize).checked_sub(text.as_ptr() as usize + 1)?;
        let place = Spanned { value: (), offset };
        let script = (place, command.0.into_owned());
        manifest.scripts.insert(name.to_owned(), script);
    }
    let lists = [
        (DependencyKind::Normal, quick.dependencies),
        (DependencyKind::Development, quick.dev_dependencies),
        (DependencyKind::Peer, quick.peer_dependencies),
        (DependencyKind::Optional, quick.optional_dependencies),
    ];
    let length = lists.iter().map(|(_, members)| members.0.len());
    let mut said = Vec::with_capacity(length.sum());
    for (kind, members) in lists {
        let members = members.0.into_iter();
        said.extend(members.map(|(name, version)| (Cow::Borrowed(name), kind, version.0)));
    }
    manifest.dependencies = Dependencies::gather(said);
    Some(manifest)
}

#[cfg(test)]
mod tests {
    use vt_base::AbsPath;

    use super::*;
    use crate::manifest;
    use crate::reader::Reader;
    use crate::source::{Dialect, Source};

    /// What the careful way says, and how many mistakes it finds.
    fn carefully(text: &str) -> (Manifest, usize) {
        let source = Source {
            file: AbsPath::new("/package.json").unwrap(),
            text: text.to_owned(),
            written: None,
        };
        let mut problems = Vec::new();
        let read = match source.parse(Dialect::Strict) {
            Ok(value) => {
                let problems = &mut problems;
                let source = &source;
                manifest::read(&mut Reader { source, problems }, &value)
            }
            Err(problem) => {
                problems.push(*problem);
                Manifest::default()
            }
        };
        (read, problems.len())
    }

    #[test]
    fn what_is_read_quickly_is_read_alike() {
        for text in [
            "{}",
            r#"{"name": "", "version": "1.0.0", "private": true, "files": ["a", {"b": null}]}"#,
            "{\n  \"name\": \"a\\u00e9\",\n  \"scripts\": {\"x\": \"a \\\"b\\\"\", \"y\": \"c\"}\n}",
            r#"{"dependencies": {"a": "1", "b": "2"}, "devDependencies": {"a": "3"}, "peerDependencies": {"c": "*"}, "optionalDependencies": {"a": "4", "d": ""}}"#,
            r#"{"scripts": {"x": "1", "x": "2"}}"#,
            r#"{"name": "@s/a", "bin": "a.js", "config": {"port": 80, "on": true, "off": false, "list": ["a", null], "in": {"x": "1"}}, "engines": {"node": ">=18"}}"#,
            r#"{"bin": {"a": "a.js"}, "config": null}"#,
        ] {
            assert_eq!((read(text).unwrap(), 0), carefully(text), "{text}");
        }
    }

    #[test]
    fn scripts_are_told_what_npm_tells_them() {
        let text = r#"{"name": "@s/a", "bin": "a.js", "config": {"port": 80, "off": false, "list": ["x"], "in": {"y": "1"}}}"#;
        let told = read(text).unwrap().told;
        let told: Vec<_> = told
            .iter()
            .map(|(name, value)| (&name[..], &value[..]))
            .collect();
        assert_eq!(
            told,
            [
                ("bin_a", "a.js"),
                ("config_in_y", "1"),
                ("config_list_0", "x"),
                ("config_off", ""),
                ("config_port", "80"),
            ]
        );
    }

    #[test]
    fn what_is_not_plain_takes_a_closer_look() {
        for text in [
            "",
            "[]",
            "{",
            "{} x",
            r#"{"name": 1}"#,
            r#"{"name": null}"#,
            r#"{"name": "a", "name": "b"}"#,
            r#"{"scripts": []}"#,
            r#"{"scripts": {"x": 1}}"#,
            r#"{"scripts": {"\u0061": "x"}}"#,
            r#"{"dependencies": null}"#,
            "{ // no\n }",
            "{\"a\": 1,}",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
