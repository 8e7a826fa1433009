//! What rule plugins say about a step, and what follows from it.

use std::collections::BTreeMap;

use vt_base::{Digest, EnvPatterns, RelPath};
use vt_ipc::EnvQuery;
use vt_rules::Directive;

use crate::plugins::Speaker;

/// What rule plugins say about a step.
#[derive(Default)]
pub(crate) struct Directives(pub(crate) Vec<Said>);

/// Something that a plugin says, and which one.
pub(crate) struct Said {
    /// The plugin, under the name it gives itself.
    pub(crate) plugin: String,
    /// Of the component or rule.
    pub(crate) digest: Digest,
    pub(crate) speaker: Speaker,
    pub(crate) directive: Directive,
}

impl Directives {
    pub(crate) fn select<'d, T>(
        &'d self,
        pick: impl Fn(&'d Directive) -> Option<T> + 'd,
    ) -> impl Iterator<Item = T> + 'd {
        self.0.iter().filter_map(move |said| pick(&said.directive))
    }

    /// The plugin that wants no caching, with its reason.
    pub(crate) fn cache_off(&self) -> Option<(&str, &str)> {
        self.0.iter().find_map(|said| match &said.directive {
            Directive::CacheOff { reason } => Some((said.plugin.as_str(), reason.as_str())),
            _ => None,
        })
    }

    /// Whether a tool's wish not to be cached is noise.
    pub(crate) fn opt_out_is_noise(&self) -> bool {
        self.0
            .iter()
            .any(|said| matches!(said.directive, Directive::OptOutIsNoise { .. }))
    }

    /// The files of which parts do not count. What several rules say of a file is taken together.
    pub(crate) fn redacted(&self) -> BTreeMap<RelPath, Vec<String>> {
        let mut all: BTreeMap<RelPath, Vec<String>> = BTreeMap::new();
        for said in &self.0 {
            if let Directive::Redact { path, pointers } = &said.directive {
                let path = RelPath::new(path).expect("what is said was validated");
                all.entry(path)
                    .or_default()
                    .extend(pointers.iter().cloned());
            }
        }
        for pointers in all.values_mut() {
            pointers.sort();
            pointers.dedup();
        }
        all
    }

    /// Patterns of what a step may leave in the home directory.
    pub(crate) fn excuses(&self) -> impl Iterator<Item = &str> {
        self.select(|directive| match directive {
            Directive::IgnoreOutput(glob) if is_excuse(glob) => Some(glob.as_str()),
            _ => None,
        })
    }

    pub(crate) fn env_patterns(&self, fingerprinted: Fingerprinted) -> Vec<String> {
        self.select(|directive| match (directive, fingerprinted) {
            (Directive::TrackEnv(pattern), Fingerprinted::Yes)
            | (Directive::PassEnv(pattern), Fingerprinted::No) => Some(vec![pattern.clone()]),
            (Directive::EnvDefaultPrefixes(prefixes), Fingerprinted::Yes) => {
                Some(prefixes.iter().map(|prefix| format!("{prefix}*")).collect())
            }
            _ => None,
        })
        .flatten()
        .collect()
    }

    /// Whether a name counts among the answers to a query: rules may narrow a prefix.
    pub(crate) fn counts_in(&self, query: &EnvQuery, name: &str) -> bool {
        let EnvQuery::Prefix(asked) = query else {
            return true;
        };
        let mut narrowed = self
            .select(|directive| match directive {
                Directive::NarrowEnvQuery { prefix, patterns } if prefix == asked => Some(patterns),
                _ => None,
            })
            .peekable();
        narrowed.peek().is_none()
            || narrowed
                .any(|patterns| EnvPatterns::new(patterns.iter().map(String::as_str)).matches(name))
    }

    /// Whether rules say which names count among the answers to a query.
    pub(crate) fn narrows(&self, query: &EnvQuery) -> bool {
        let EnvQuery::Prefix(asked) = query else {
            return false;
        };
        self.0.iter().any(|said| {
            matches!(&said.directive, Directive::NarrowEnvQuery { prefix, .. } if prefix == asked)
        })
    }

    /// One line for each directive, for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let is_same = |one: &Said, other: &Said| one.digest == other.digest;
        self.0
            .chunk_by(is_same)
            .flat_map(|of_one| {
                let Said {
                    plugin,
                    digest,
                    speaker,
                    ..
                } = &of_one[0];
                let version = speaker.version.iter().map(|version| format!(" {version}"));
                let version: String = version.collect();
                let digest = &digest.to_hex()[..SHOWN_DIGITS];
                let who = format!("{plugin}{version} ({digest})");
                of_one
                    .iter()
                    .map(move |said| format!("{who}: {}", said.directive))
            })
            .collect()
    }
}

/// How much of a digest is shown to people.
const SHOWN_DIGITS: usize = 12;

/// Whether a pattern is about the home directory, not about the workspace.
pub(crate) fn is_excuse(glob: &str) -> bool {
    glob.starts_with("~/")
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fingerprinted {
    Yes,
    No,
}
