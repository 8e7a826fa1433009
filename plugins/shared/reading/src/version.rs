//! Versions of packages, as far as rules tell them apart.

use crate::{Said, said};

/// The first two numbers of a version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl Version {
    /// The version a `package.json` says it is of.
    #[must_use]
    pub fn of_manifest(text: &str) -> Option<Self> {
        match said(text, "version") {
            Said::Texts(texts) => Self::parse(texts.first()?),
            Said::Nothing | Said::Computed => None,
        }
    }

    /// The oldest version of a plain range (`^7.1.0`, `~7.1`, `7`, `npm:other@^7`). None for
    /// everything that says it in another way.
    #[must_use]
    pub fn of_range(range: &str) -> Option<Self> {
        let range = match range.strip_prefix("npm:") {
            Some(alias) => alias.rsplit_once('@')?.1,
            None => range,
        };
        let range = range.trim().trim_start_matches(['^', '~', '=', 'v']);
        (!range.contains([' ', '|', '<', '>', '*'])).then(|| Self::parse(range))?
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(['.', '-', '+']);
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
        Some(Self { major, minor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: u32) -> Option<Version> {
        Some(Version { major, minor })
    }

    #[test]
    fn a_manifest_says_its_version() {
        let text = r#"{ "name": "vite", "version": "7.3.8", "exports": { "version": "x" } }"#;
        assert_eq!(Version::of_manifest(text), version(7, 3));
        assert_eq!(
            Version::of_manifest(r#"{ "version": "8.0.0-beta.2" }"#),
            version(8, 0)
        );
        assert_eq!(Version::of_manifest("{}"), None);
        assert_eq!(Version::of_manifest("no json"), None);
    }

    #[test]
    fn a_plain_range_says_its_oldest_version() {
        for (range, expected) in [
            ("^7.1.0", version(7, 1)),
            ("7", version(7, 0)),
            ("~5.4.14", version(5, 4)),
            ("npm:rolldown-vite@^7.2", version(7, 2)),
            ("*", None),
            ("latest", None),
            (">=5", None),
            ("^7 || ^8", None),
            ("workspace:*", None),
            ("catalog:", None),
            ("", None),
        ] {
            assert_eq!(Version::of_range(range), expected, "{range}");
        }
    }
}
