//! Cases of a rule: what a step looks like, and what is said about it.
//!
//! A file of cases is replayed natively by the plugin's own tests and through the host by those of
//! the host, so that the two cannot drift apart.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{RuleManifest, RulePlugin, Session};

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// The command as it is spawned; empty for a shell text.
    #[serde(default)]
    pub command: Vec<String>,
    /// A text that is handed to a shell instead.
    pub shell: Option<String>,
    /// The tool the host sees behind the command, and its arguments; the command if left out.
    pub tool: Option<Vec<String>>,
    /// Where it runs; the directory of the package if left out.
    pub directory: Option<String>,
    /// The package it belongs to.
    #[serde(default)]
    pub package: CasePackage,
    /// The files the plugin needs that are there.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The variables the plugin needs that are set.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Whether the plugin is asked at all.
    #[serde(default = "yes")]
    pub asked: bool,
    /// What it says, in order, after what it always says.
    #[serde(default)]
    pub says: Vec<String>,
}

/// The package of a case.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CasePackage {
    /// Its name.
    pub name: Option<String>,
    /// Where it lies, relative to the workspace root.
    pub directory: String,
    /// What it depends on.
    pub dependencies: BTreeMap<String, String>,
}

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    /// What the plugin says first whenever it is asked.
    #[serde(default)]
    always: Vec<String>,
    case: Vec<Case>,
}

const fn yes() -> bool {
    true
}

impl Case {
    /// Reads a file of cases. What is always said has been put in front of what each case says.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let Cases {
            always,
            case: mut cases,
        } = toml::from_str(text).map_err(|error| error.to_string())?;
        for case in &mut cases {
            if case.command.is_empty() == case.shell.is_none() {
                return Err(format!("{}: give either `command` or `shell`", case.name));
            }
            if case.asked {
                case.says.splice(..0, always.iter().cloned());
            }
        }
        Ok(cases)
    }

    /// The session of the case. `files` and `env` are what the plugin's manifest needs.
    #[must_use]
    pub fn session(&self, files: &[&str], env: &[&str]) -> Session {
        let shown = |names: &[&str], values: &BTreeMap<String, String>| {
            names
                .iter()
                .map(|&name| (name.to_owned(), values.get(name).cloned()))
                .collect()
        };
        let (program, args) = match (&self.shell, self.command.split_first()) {
            (None, Some((program, args))) => (program.clone(), args.to_vec()),
            (text, _) => (text.clone().unwrap_or_default(), Vec::new()),
        };
        let tool = self.tool.as_ref().unwrap_or(&self.command);
        let package = &self.package;
        Session {
            program,
            args,
            tool: tool.first().cloned().unwrap_or_default(),
            tool_args: self
                .shell
                .is_none()
                .then(|| tool.iter().skip(1).cloned().collect()),
            directory: self
                .directory
                .clone()
                .unwrap_or_else(|| package.directory.clone()),
            package_directory: package.directory.clone(),
            package_name: package.name.clone(),
            dependencies: package.dependencies.clone(),
            files: shown(files, &self.files),
            env: shown(env, &self.env),
            ..Session::default()
        }
    }
}

/// Replays a file of cases natively, showing what the manifest of the plugin needs.
///
/// # Errors
/// What is wrong with the text, or each case whose answer differs.
pub fn replay<Plugin: RulePlugin + RuleManifest>(text: &str) -> Result<(), String> {
    run_cases::<Plugin>(text, Plugin::FILES, Plugin::ENV)
}

/// Replays a file of cases natively. `files` and `env` are what the plugin's manifest needs.
///
/// # Errors
/// What is wrong with the text, or each case whose answer differs.
pub fn run_cases<Plugin: RulePlugin>(
    text: &str,
    files: &[&str],
    env: &[&str],
) -> Result<(), String> {
    let mut differences = Vec::new();
    for case in Case::parse_all(text)?.iter().filter(|case| case.asked) {
        let session = case.session(files, env);
        Plugin::judge(&session);
        if session.said() != case.says {
            differences.push(format!(
                "{}\n  expected: {:#?}\n  said: {:#?}",
                case.name,
                case.says,
                session.said()
            ));
        }
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Loud;

    impl RulePlugin for Loud {
        fn judge(session: &Session) {
            session.ignore_input("a/**");
            if session.env("LOUD").is_some() {
                session.cache_off(&session.tool());
            }
        }
    }

    impl RuleManifest for Loud {
        const FILES: &'static [&'static str] = &[];
        const ENV: &'static [&'static str] = &["LOUD"];
    }

    const CASES: &str = r#"
        always = ["ignore-input a/**"]
        [[case]]
        name = "quiet"
        command = ["loud"]
        [[case]]
        name = "loud"
        command = ["npx", "loud"]
        tool = ["loud"]
        env = { LOUD = "1" }
        says = ["cache-off loud"]
        [[case]]
        name = "not asked"
        shell = "other"
        asked = false
    "#;

    #[test]
    fn cases_are_replayed() {
        replay::<Loud>(CASES).unwrap();
    }

    #[test]
    fn a_case_that_differs_is_named() {
        let error = run_cases::<Loud>(&CASES.replace("-off loud", "-off l"), &[], &["LOUD"]);
        assert!(error.unwrap_err().starts_with("loud\n"));
    }

    #[test]
    fn a_case_has_one_command() {
        let text = "[[case]]\nname = \"none\"\n";
        assert!(Case::parse_all(text).unwrap_err().contains("either"));
    }
}
