//! `rules` of the workspace root: what a workspace states about its own tools, without a component.
//!
//! Only the shape is judged here. Whether a statement may be made is for the rules of components to
//! say, which hold for these as well. Their globs are patterns that a person wrote, and are told as the
//! globs of components.

use std::collections::BTreeSet;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged as _;
use vt_base::AbsPath;

use crate::pattern::{NoPattern, glob, globs, parse};
use crate::policy::DIRECTIVES;
use crate::reader::Reader;
use crate::{ConfigError, Position, keys};

/// A rule of the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The tools it speaks for; empty stands for any tool.
    pub programs: Vec<String>,
    /// Dependencies of which a package has one that it speaks for; empty stands for any package.
    pub dependencies: Vec<String>,
    /// What it says.
    pub statements: Vec<Statement>,
    /// The file it stands in.
    pub file: AbsPath,
    /// Where in that file.
    pub position: Position,
}

/// Something that a rule says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The name of the directive, one of [`DIRECTIVES`].
    pub directive: &'static str,
    /// Its texts, in the order in which `vt why` shows them.
    pub texts: Vec<String>,
}

/// Reads the list. What makes no sense is noted and left out.
pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<Rule> {
    let Value::Array(list) = value else {
        reader.wrong_type(value, "`rules`", "a list");
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for element in &list.elements {
        let Some(rule) = rule(reader, element) else {
            continue;
        };
        if seen.insert(rule.name.clone()) {
            all.push(rule);
        } else {
            let error = ConfigError::RepeatedRule { rule: rule.name };
            reader.report(element.start(), error);
        }
    }
    all
}

fn rule(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Rule> {
    let place = "an element of `rules`";
    let Value::Object(object) = value else {
        reader.wrong_type(value, place, "an object");
        return None;
    };
    for key in keys::RULE {
        if object.get(key).is_none() {
            let place = place.to_owned();
            reader.report(value.start(), ConfigError::MissingKey { key, place });
        }
    }
    let mut rule = Rule {
        name: String::new(),
        programs: Vec::new(),
        dependencies: Vec::new(),
        statements: Vec::new(),
        file: reader.source.file.clone(),
        position: reader.source.position(value.start()),
    };
    for (key, value) in reader.known_members(object, place, &keys::RULE) {
        let of = format!("`{}` of {place}", key.value);
        match key.value {
            "name" => rule.name = reader.text(value, &of)?.value,
            "match" => matches(reader, &mut rule, value, &of),
            _ => rule.statements = statements(reader, value, &of),
        }
    }
    Some(rule)
}

fn matches(reader: &mut Reader<'_>, rule: &mut Rule, value: &Value<'_>, place: &str) {
    let Value::Object(object) = value else {
        reader.wrong_type(value, place, "an object");
        return;
    };
    for (key, value) in reader.known_members(object, place, &keys::RULE_MATCH) {
        let texts = reader.texts(value, &format!("`{}` of {place}", key.value));
        let texts = texts.into_iter().flatten().map(|text| text.value).collect();
        match key.value {
            "programs" => rule.programs = texts,
            _ => rule.dependencies = texts,
        }
    }
}

fn statements(reader: &mut Reader<'_>, value: &Value<'_>, place: &str) -> Vec<Statement> {
    let Value::Object(object) = value else {
        reader.wrong_type(value, place, "an object");
        return Vec::new();
    };
    let mut all = Vec::new();
    for (key, value) in reader.known_members(object, place, &DIRECTIVES) {
        let of = format!("`{}` in {place}", key.value);
        let mut say = |texts: Vec<String>| {
            all.push(Statement {
                directive: key.value,
                texts,
            });
        };
        match key.value {
            "cache-off" | "opt-out-is-noise" => {
                if let Some(reason) = reader.text(value, &of) {
                    say(vec![reason.value]);
                }
            }
            "narrow-env-query" | "redact" => {
                let Value::Object(parts) = value else {
                    reader.wrong_type(value, &of, "an object of lists");
                    continue;
                };
                for (first, value) in reader.members(parts, &of) {
                    let rest = reader.texts(value, &of).into_iter().flatten();
                    let first = std::iter::once(first.value.to_owned());
                    say(first.chain(rest.map(|text| text.value)).collect());
                }
            }
            name @ ("ignore-input" | "ignore-output" | "output" | "existence-only") => {
                for text in reader.texts(value, &of).into_iter().flatten() {
                    match parse(&text.value) {
                        // Less counts than would without it: of what lies below nobody spoke.
                        Ok(pieces) if name == "existence-only" => say(vec![glob(&pieces)]),
                        Ok(pieces) => globs(&pieces).into_iter().for_each(|glob| say(vec![glob])),
                        Err(NoPattern(reason)) => {
                            let glob = text.value;
                            reader.report(text.offset, ConfigError::InvalidGlob { glob, reason });
                        }
                    }
                }
            }
            name => {
                let texts = reader.texts(value, &of).into_iter().flatten();
                let texts = texts.map(|text| text.value);
                if name == "env-default-prefixes" {
                    say(texts.collect());
                } else {
                    texts.for_each(|text| say(vec![text]));
                }
            }
        }
    }
    all
}
