//! Takes values of a parsed file apart and notes what is wrong with them.

use std::collections::BTreeSet;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged as _;

use crate::source::Source;
use crate::{ConfigError, Problem, suggest};

/// A value and the index of its first byte in the file.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) offset: usize,
}

/// Reads one file. What cannot be read is noted and left out, so that reading goes on.
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a Source,
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// Notes a mistake.
    pub(crate) fn report(&mut self, offset: usize, error: ConfigError) {
        self.problems.push(self.source.problem(offset, error));
    }

    /// Notes that a value has the wrong type.
    pub(crate) fn wrong_type(&mut self, value: &Value<'_>, place: &str, wanted: &'static str) {
        let place = place.to_owned();
        self.report(value.start(), ConfigError::WrongType { place, wanted });
    }

    /// The members of an object, each key at most once.
    pub(crate) fn members<'v, 's>(
        &mut self,
        object: &'v Object<'s>,
        place: &str,
    ) -> Vec<(Spanned<&'v str>, &'v Value<'s>)> {
        let mut seen = BTreeSet::new();
        let mut members = Vec::new();
        for member in &object.properties {
            let (key, offset) = (member.name.as_str(), member.name.start());
            if seen.insert(key) {
                members.push((Spanned { value: key, offset }, &member.value));
            } else {
                let (key, place) = (key.to_owned(), place.to_owned());
                self.report(offset, ConfigError::DuplicateKey { key, place });
            }
        }
        members
    }

    /// The members of an object whose keys are known; the others are noted.
    pub(crate) fn known_members<'v, 's>(
        &mut self,
        object: &'v Object<'s>,
        place: &str,
        known: &[&'static str],
    ) -> Vec<(Spanned<&'static str>, &'v Value<'s>)> {
        let mut members = Vec::new();
        for (key, value) in self.members(object, place) {
            let offset = key.offset;
            if let Some(name) = known.iter().find(|name| **name == key.value) {
                members.push((
                    Spanned {
                        value: *name,
                        offset,
                    },
                    value,
                ));
            } else {
                let suggestion = suggest(key.value, known.iter().copied()).map(str::to_owned);
                let (key, place) = (key.value.to_owned(), place.to_owned());
                self.report(
                    offset,
                    ConfigError::UnknownKey {
                        key,
                        place,
                        suggestion,
                    },
                );
            }
        }
        members
    }

    /// A string.
    pub(crate) fn text(&mut self, value: &Value<'_>, place: &str) -> Option<Spanned<String>> {
        match value {
            Value::StringLit(text) => Some(Spanned {
                value: text.value.to_string(),
                offset: text.start(),
            }),
            _ => {
                self.wrong_type(value, place, "a string");
                None
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: &Value<'_>, place: &str) -> Option<bool> {
        match value {
            Value::BooleanLit(boolean) => Some(boolean.value),
            _ => {
                self.wrong_type(value, place, "`true` or `false`");
                None
            }
        }
    }

    /// A list of strings.
    pub(crate) fn texts(&mut self, value: &Value<'_>, place: &str) -> Option<Vec<Spanned<String>>> {
        let Value::Array(list) = value else {
            self.wrong_type(value, place, "a list of strings");
            return None;
        };
        let place = format!("every element of {place}");
        Some(
            list.elements
                .iter()
                .filter_map(|element| self.text(element, &place))
                .collect(),
        )
    }
}
