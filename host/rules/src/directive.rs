//! What a rule says about a step, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One statement about a step.
///
/// As a component makes it, paths and globs are relative to the package and unchecked; as
/// [`validate`](crate::validate) returns it, they are relative to the workspace root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Directive {
    /// What the glob matches is no input.
    IgnoreInput(String),
    /// What the glob matches is no output.
    IgnoreOutput(String),
    /// What the glob matches is output, also where the step rewrites what it has read.
    Output(String),
    /// Variables that fit the pattern are passed and tracked.
    TrackEnv(String),
    /// Variables that fit the pattern are passed and do not count.
    PassEnv(String),
    /// Of what the tool asks by a prefix, only some names count.
    NarrowEnvQuery {
        /// The prefix the tool asks by; may be empty.
        prefix: String,
        /// The names and patterns that count, `!` carving out exceptions.
        patterns: Vec<String>,
    },
    /// The prefixes of variables the tool inlines unless its configuration says otherwise.
    EnvDefaultPrefixes(Vec<String>),
    /// Parts of a JSON file do not count where it is an input.
    Redact {
        /// The file.
        path: String,
        /// JSON Pointers (RFC 6901) to the parts.
        pointers: Vec<String>,
    },
    /// Of what the glob matches only the existence counts.
    ExistenceOnly(String),
    /// The step is not cached.
    CacheOff {
        /// A fragment that fits after "not cached:".
        reason: String,
    },
    /// A request of the tool not to be cached means nothing for this step.
    OptOutIsNoise {
        /// Why it means nothing.
        reason: String,
    },
}

impl Directive {
    /// The name of the session's method that makes this statement.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::IgnoreInput(_) => "ignore-input",
            Self::IgnoreOutput(_) => "ignore-output",
            Self::Output(_) => "output",
            Self::TrackEnv(_) => "track-env",
            Self::PassEnv(_) => "pass-env",
            Self::NarrowEnvQuery { .. } => "narrow-env-query",
            Self::EnvDefaultPrefixes(_) => "env-default-prefixes",
            Self::Redact { .. } => "redact",
            Self::ExistenceOnly(_) => "existence-only",
            Self::CacheOff { .. } => "cache-off",
            Self::OptOutIsNoise { .. } => "opt-out-is-noise",
        }
    }

    /// A statement by the name of its method and its texts, in the order in which it is shown;
    /// `None` if there is no such method, or it takes another number of texts.
    #[must_use]
    pub fn from_texts(name: &str, texts: Vec<String>) -> Option<Self> {
        if name == "env-default-prefixes" {
            return Some(Self::EnvDefaultPrefixes(texts));
        }
        let mut texts = texts.into_iter();
        let first = texts.next()?;
        let rest: Vec<String> = texts.collect();
        Some(match (name, &rest[..]) {
            ("narrow-env-query", _) => Self::NarrowEnvQuery {
                prefix: first,
                patterns: rest,
            },
            ("redact", _) => Self::Redact {
                path: first,
                pointers: rest,
            },
            ("ignore-input", []) => Self::IgnoreInput(first),
            ("ignore-output", []) => Self::IgnoreOutput(first),
            ("output", []) => Self::Output(first),
            ("track-env", []) => Self::TrackEnv(first),
            ("pass-env", []) => Self::PassEnv(first),
            ("existence-only", []) => Self::ExistenceOnly(first),
            ("cache-off", []) => Self::CacheOff { reason: first },
            ("opt-out-is-noise", []) => Self::OptOutIsNoise { reason: first },
            _ => return None,
        })
    }

    /// Every text the statement is made of, in order.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match self {
            Self::IgnoreInput(text)
            | Self::IgnoreOutput(text)
            | Self::Output(text)
            | Self::TrackEnv(text)
            | Self::PassEnv(text)
            | Self::ExistenceOnly(text)
            | Self::CacheOff { reason: text }
            | Self::OptOutIsNoise { reason: text } => vec![text],
            Self::EnvDefaultPrefixes(texts) => texts.iter().map(String::as_str).collect(),
            Self::NarrowEnvQuery {
                prefix: first,
                patterns: rest,
            }
            | Self::Redact {
                path: first,
                pointers: rest,
            } => std::iter::once(first)
                .chain(rest)
                .map(String::as_str)
                .collect(),
        }
    }
}

/// The name of the method, then each text after a space: `ignore-input dist/**`. An empty prefix
/// is shown as `""`.
impl fmt::Display for Directive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        for text in self.texts() {
            formatter.write_str(" ")?;
            formatter.write_str(if text.is_empty() { "\"\"" } else { text })?;
        }
        Ok(())
    }
}

/// What a component answered: unchecked, in the order it was said. This is what is memoised.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// What it stated.
    pub directives: Vec<Directive>,
    /// What it logged, one line each, free of control characters.
    pub log: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_comes_back_from_its_name_and_texts() {
        let all = [
            Directive::Output("dist/**".into()),
            Directive::EnvDefaultPrefixes(Vec::new()),
            Directive::Redact {
                path: "a.json".into(),
                pointers: vec!["/at".into()],
            },
        ];
        for directive in all {
            let texts = directive.texts().into_iter().map(str::to_owned).collect();
            let back = Directive::from_texts(directive.name(), texts);
            assert_eq!(back, Some(directive));
        }
        let two = || vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(Directive::from_texts("output", two()), None);
        assert_eq!(Directive::from_texts("outputs", two()), None);
        assert_eq!(Directive::from_texts("output", Vec::new()), None);
    }

    #[test]
    fn a_directive_is_shown_as_the_call_that_made_it() {
        let narrow = Directive::NarrowEnvQuery {
            prefix: String::new(),
            patterns: vec!["PUBLIC_*".into(), "!PUBLIC_BUILD_ID".into()],
        };
        assert_eq!(
            narrow.to_string(),
            "narrow-env-query \"\" PUBLIC_* !PUBLIC_BUILD_ID"
        );
        let ignore = Directive::IgnoreInput("a/**".into());
        assert_eq!(ignore.to_string(), "ignore-input a/**");
    }
}
