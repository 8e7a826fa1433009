//! Names and patterns of environment variables.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use crate::EnvClass;

/// A snapshot of an environment. Values need not be UTF-8.
pub type EnvMap = BTreeMap<OsString, OsString>;

/// Variables with their classes, so that these are looked up once.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ClassedEnv(BTreeMap<OsString, (OsString, EnvClass)>);

impl ClassedEnv {
    /// Looks up the class of each name.
    #[must_use]
    pub fn new(env: EnvMap) -> Self {
        let class = |name: &OsStr| name.to_str().map_or(EnvClass::OnDemand, EnvClass::of);
        Self(
            env.into_iter()
                .map(|(name, value)| {
                    let class = class(&name);
                    (name, (value, class))
                })
                .collect(),
        )
    }
}

/// A variable of an environment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Variable<'e> {
    /// Its name.
    pub name: &'e OsStr,
    /// Its value.
    pub value: &'e OsStr,
    /// Its class.
    pub class: EnvClass,
}

/// The environment around a step: the one `vt` was started with, and above it what is the step's own.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct OuterEnv {
    host: Arc<ClassedEnv>,
    own: ClassedEnv,
}

impl OuterEnv {
    /// The environment `vt` was started with, under what the step adds to it.
    #[must_use]
    pub fn new(host: Arc<ClassedEnv>, own: EnvMap) -> Self {
        let own = ClassedEnv::new(own);
        Self { host, own }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        let name = name.as_ref();
        let found = self.own.0.get(name).or_else(|| self.host.0.get(name));
        found.map(|(value, _)| value.as_os_str())
    }

    /// All variables, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = Variable<'_>> {
        let host = self.host.0.iter();
        host.filter(|(name, _)| !self.own.0.contains_key(*name))
            .chain(&self.own.0)
            .map(|(name, (value, class))| Variable {
                name,
                value,
                class: *class,
            })
    }

    /// All variables.
    #[must_use]
    pub fn to_map(&self) -> EnvMap {
        let pairs = self.iter();
        pairs
            .map(|one| (one.name.to_owned(), one.value.to_owned()))
            .collect()
    }
}

/// A name with `*` wildcards, such as `VITE_*`; `*` stands for any run of characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EnvPattern(String);

impl EnvPattern {
    /// Takes the text of a pattern as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name fits the whole pattern.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((head, tail)) = self.0.split_once('*') else {
            return self.0 == name;
        };
        let Some(mut rest) = name.strip_prefix(head) else {
            return false;
        };
        let Some((middle, last)) = tail.rsplit_once('*') else {
            return rest.ends_with(tail);
        };
        for part in middle.split('*') {
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

/// A list of patterns, with `!` carving out exceptions wherever it stands.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct EnvPatterns {
    /// The included names without a wildcard, sorted.
    names: Vec<String>,
    /// The others.
    included: Vec<EnvPattern>,
    excluded: Vec<EnvPattern>,
}

impl EnvPatterns {
    /// Takes a list as a person writes it.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(pattern) => list.excluded.push(EnvPattern::new(pattern)),
                None if pattern.contains('*') => list.included.push(EnvPattern::new(pattern)),
                None => list.names.push(pattern.to_owned()),
            }
        }
        list.names.sort_unstable();
        list.names.dedup();
        list
    }

    /// Whether a name is included and not carved out.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let is_named = || {
            let found = self.names.binary_search_by(|one| one.as_str().cmp(name));
            found.is_ok()
        };
        (is_named() || self.included.iter().any(|pattern| pattern.matches(name)))
            && !self.excluded.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether a name is carved out.
    #[must_use]
    pub fn excludes(&self, name: &str) -> bool {
        self.excluded.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether nothing is included.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.included.is_empty()
    }

    /// The included names without a wildcard: their absence can be told too.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_run() {
        for (pattern, name, fits) in [
            ("VITE_*", "VITE_A", true),
            ("VITE_*", "VITE_", true),
            ("VITE_*", "XVITE_A", false),
            ("*_TOKEN", "NPM_TOKEN", true),
            ("*_TOKEN", "NPM_TOKENS", false),
            ("A*B*C", "AxxByyC", true),
            ("A*B*C", "AxxC", false),
            ("A*A", "A", false),
            ("*A*", "xAy", true),
            ("*A*", "xy", false),
            ("A**B", "AB", true),
            ("NAME", "NAME", true),
            ("NAME", "NAMES", false),
            ("*", "", true),
        ] {
            assert_eq!(
                EnvPattern::new(pattern).matches(name),
                fits,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn exclusions_win_wherever_they_stand() {
        let list = EnvPatterns::new(["!A_SECRET", "A_*", "B"]);
        assert!(list.matches("A_X") && list.matches("B"));
        assert!(!list.matches("A_SECRET"));
        assert_eq!(list.literals().collect::<Vec<_>>(), ["B"]);
    }
}
