//! Who a plugin is and what it asks for, read before any of it runs.

use serde::{Deserialize, Serialize};

/// What the section of a component is called that holds its manifest.
pub(crate) const SECTION: &str = "vt:manifest";

/// Lists longer than this, and texts longer than `MAX_TEXT`, are refused.
const MAX_LIST: usize = 64;
/// In bytes.
const MAX_TEXT: usize = 256;

/// What a plugin says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) api: String,
    /// The first version of the command that had this version of the API.
    #[serde(default)]
    pub(crate) vt: Option<String>,
    #[serde(default)]
    pub(crate) publisher: Option<String>,
    pub(crate) matches: Matches,
    pub(crate) needs: Needs,
}

/// The steps a plugin speaks for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matches {
    /// Names of tools; empty stands for any tool.
    pub programs: Vec<String>,
    /// Names of dependencies the package has one of; empty stands for any package.
    pub dependencies: Vec<String>,
}

/// What a plugin may ask to see.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Files, as clean paths relative to the directory of the package.
    pub files: Vec<String>,
    /// Names of environment variables.
    pub env: Vec<String>,
}

/// The manifest in a component that is known to have one and to be sound; in any other there may be
/// none, or not the one that counts.
pub(crate) fn find(component: &[u8]) -> Option<&[u8]> {
    const PREAMBLE: usize = 8;
    const CUSTOM: u8 = 0;
    const MODULE: u8 = 1;
    let mut rest = component.get(PREAMBLE..)?;
    while let Some((kind, after)) = rest.split_first() {
        let (section, behind) = sized(after)?;
        let found = match *kind {
            CUSTOM => sized(section)
                .filter(|(name, _)| *name == SECTION.as_bytes())
                .map(|(_, content)| content),
            MODULE => find(section),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        rest = behind;
    }
    None
}

/// Takes as many bytes off as the number before them says, which is written in LEB128.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at(length);
    let number = number.iter().rev().try_fold(0_usize, |sum, byte| {
        sum.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))
    })?;
    rest.split_at_checked(number)
}

/// What a manifest of any version says, whatever else is in it.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) api: String,
    pub(crate) vt: Option<String>,
}

impl Header {
    /// Reads the little that later versions keep; `None` when not even that is there.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let header: Self = serde_json::from_slice(bytes).ok()?;
        let plain = is_word(&header.api) && header.vt.as_deref().is_none_or(is_word);
        plain.then_some(header)
    }
}

impl From<&Manifest> for Header {
    fn from(manifest: &Manifest) -> Self {
        Self {
            api: manifest.api.clone(),
            vt: manifest.vt.clone(),
        }
    }
}

impl Manifest {
    /// Reads the content of the section, or says what is wrong with it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("its manifest: {error}"))?;
        manifest.checked()?;
        Ok(manifest)
    }

    /// Says what is wrong with it, if anything is.
    pub(crate) fn checked(&self) -> Result<&Self, String> {
        match self.check() {
            Ok(()) => Ok(self),
            Err(reason) => Err(format!("its manifest: {reason}")),
        }
    }

    fn check(&self) -> Result<(), String> {
        let Matches {
            programs,
            dependencies,
        } = &self.matches;
        if programs.is_empty() && dependencies.is_empty() {
            return Err("it matches every step".into());
        }
        for (what, text) in [
            ("id", Some(&self.id)),
            ("version", Some(&self.version)),
            ("vt", self.vt.as_ref()),
        ] {
            if text.is_some_and(|text| !is_word(text)) {
                return Err(format!("`{what}` is not a plain word"));
            }
        }
        if self
            .publisher
            .as_deref()
            .is_some_and(|text| !is_plain(text))
        {
            return Err("`publisher` is empty, too long or not plain".into());
        }
        for list in [programs, dependencies, &self.needs.files, &self.needs.env] {
            if list.len() > MAX_LIST {
                return Err(format!("a list is longer than {MAX_LIST}"));
            }
            if list.iter().any(|text| !is_plain(text)) {
                return Err("a name is empty, too long or not plain".into());
            }
        }
        match self.needs.files.iter().find(|path| !is_clean_path(path)) {
            Some(path) => Err(format!("`{path}` is not a clean path below the package")),
            None => Ok(()),
        }
    }
}

/// Whether a text is safe to stand in a message and in a file name.
pub(crate) fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
}

fn is_plain(text: &str) -> bool {
    (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn is_clean_path(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"tool","version":"1.0.0","api":"0.1.0",
        "matches":{"programs":["tool"],"dependencies":[]},
        "needs":{"files":["tool.config.ts"],"env":[]}}"#;

    #[test]
    fn a_manifest_is_read() {
        let manifest = Manifest::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(manifest.id, "tool");
        assert_eq!(manifest.needs.files, ["tool.config.ts"]);
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_said() {
        for (from, to, says) in [
            ("[\"tool\"]", "[]", "matches every step"),
            ("tool.config.ts", "../x", "not a clean path"),
            ("tool.config.ts", "/etc/passwd", "not a clean path"),
            ("tool.config.ts", "a\\u0007b", "not plain"),
            ("\"id\":\"tool\"", "\"id\":\"a b\"", "plain word"),
            ("\"id\"", "\"name\"", "unknown field"),
            ("\"id\"", "\"vt\":\"a b\",\"id\"", "`vt` is not"),
            (
                "\"id\"",
                "\"publisher\":\"\",\"id\"",
                "`publisher` is empty",
            ),
            ("\"needs\"", "needs", "key must be a string"),
        ] {
            let error = Manifest::parse(GOOD.replace(from, to).as_bytes()).unwrap_err();
            assert!(error.contains(says), "{to}: {error}");
        }
    }
}
