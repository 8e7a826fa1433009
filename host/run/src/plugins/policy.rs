//! Holds components, and what they say, against the policies.
//!
//! There may be three: the machine's, one that `VT_POLICY` names, and the workspace's. Each has to
//! permit a thing, so none can loosen another.

use std::fmt;

use globset::GlobBuilder;
use vt_base::AbsPath;
use vt_config::{PluginSource, Policy, Position, Project, Who};
use vt_rules::Directive;

use super::error::PluginError;
use super::{Loaded, Pinning, named};
use crate::world::PluginWorld;

const WORKSPACE_POLICY: &str = "vt-policy.json";

/// What a policy denies, and by which rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denied {
    /// The plugin.
    pub plugin: String,
    /// The directive, or what else it is that is denied.
    pub what: String,
    /// The rule: a key of the policy file.
    pub rule: &'static str,
    /// The policy file.
    pub file: AbsPath,
    /// Where the rule stands in it.
    pub position: Position,
}

impl std::error::Error for Denied {}

impl fmt::Display for Denied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            plugin,
            what,
            rule,
            file,
            position,
        } = self;
        let Position { line, column } = position;
        write!(
            formatter,
            "{file}:{line}:{column}: `{rule}` of the policy denies plugin `{plugin}`: {what}"
        )
    }
}

impl From<Denied> for PluginError {
    fn from(denied: Denied) -> Self {
        Self::Denied(Box::new(denied))
    }
}

/// One thing that a component asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// What it is.
    pub asked: String,
    /// Why it does not get it.
    pub denied: Option<Denied>,
}

/// All policies that hold for a workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies(Vec<Policy>);

impl Policies {
    /// Reads them.
    pub(crate) fn load(project: &Project, world: &PluginWorld) -> Result<Self, PluginError> {
        let mut all = Vec::new();
        let workspace = project.root.join(WORKSPACE_POLICY);
        for file in world.machine_policy.iter().chain([&workspace]) {
            all.extend(vt_config::load_policy(file).map_err(PluginError::Policy)?);
        }
        if let Some(file) = &world.named_policy {
            all.push(named(file)?);
        }
        Ok(Self(all))
    }

    /// Whether something may be denied that is known only from what a component says.
    pub(crate) fn limit_directives(&self) -> bool {
        self.0.iter().any(|policy| {
            policy.directives.is_some() || policy.paths.is_some() || policy.env.is_some()
        })
    }

    /// The files that get a line for each directive that is applied.
    pub(crate) fn audits(&self) -> Vec<&AbsPath> {
        let mut files: Vec<_> = self
            .0
            .iter()
            .filter_map(|policy| policy.audit.as_ref().map(|audit| &audit.value))
            .collect();
        files.sort();
        files.dedup();
        files
    }

    /// Where it is said that nothing may be fetched.
    pub(crate) fn offline(&self) -> Vec<(AbsPath, Position)> {
        let said = self.0.iter().filter_map(|policy| {
            let rule = policy.offline.as_ref().filter(|rule| rule.value)?;
            Some((policy.file.clone(), rule.position))
        });
        said.collect()
    }

    /// Whether a component may be used.
    pub(crate) fn admit(&self, loaded: &Loaded) -> Result<(), Denied> {
        self.0.iter().try_for_each(|policy| admit(policy, loaded))
    }

    /// What a component asks for, and what of that it gets. What it will say is not known before
    /// it is asked, so it asks for every directive that it has a method for.
    pub(crate) fn grants(&self, loaded: &Loaded) -> Vec<Grant> {
        let first = |judge: &dyn Fn(&Policy) -> Result<(), Denied>| {
            self.0.iter().find_map(|policy| judge(policy).err())
        };
        let mut all = vec![Grant {
            asked: "to be used".to_owned(),
            denied: first(&|policy| admit_component(policy, loaded)),
        }];
        for name in &loaded.component.needs().files {
            all.push(Grant {
                asked: format!("to be shown the file `{name}`"),
                denied: None,
            });
        }
        for name in &loaded.component.needs().env {
            all.push(Grant {
                asked: format!("to be shown the variable `{name}`"),
                denied: first(&|policy| admit_env(policy, loaded, name)),
            });
        }
        let may_say: Vec<&str> = loaded.component.methods().collect();
        for name in vt_config::DIRECTIVES {
            if !may_say.contains(&name) {
                continue;
            }
            all.push(Grant {
                asked: format!("to say `{name}`"),
                denied: first(&|policy| permit_name(policy, &loaded.name, name, name)),
            });
        }
        all
    }

    /// Whether the configuration may have rules of its own.
    pub(crate) fn admit_rules(&self, name: &str) -> Result<(), Denied> {
        for policy in &self.0 {
            if let Some(rule) = policy.rules.as_ref().filter(|rule| !rule.value) {
                let what = "the configuration may have no rules of its own".to_owned();
                return Err(denied(policy, name, what, "rules", rule.position));
            }
        }
        Ok(())
    }

    /// Whether a component may say this. Its paths are from the workspace root.
    pub(crate) fn permit(&self, plugin: &str, directive: &Directive) -> Result<(), Denied> {
        self.0
            .iter()
            .try_for_each(|policy| permit(policy, plugin, directive))
    }
}

fn denied(
    policy: &Policy,
    plugin: &str,
    what: String,
    rule: &'static str,
    position: Position,
) -> Denied {
    Denied {
        plugin: plugin.to_owned(),
        what,
        rule,
        file: policy.file.clone(),
        position,
    }
}

fn admit(policy: &Policy, loaded: &Loaded) -> Result<(), Denied> {
    admit_component(policy, loaded)?;
    let mut shown = loaded.component.needs().env.iter();
    shown.try_for_each(|name| admit_env(policy, loaded, name))
}

/// What a component is shown of the environment ends up in what it says.
fn admit_env(policy: &Policy, loaded: &Loaded, name: &str) -> Result<(), Denied> {
    match &policy.env {
        Some(rule) if !fits(name, &rule.value) => {
            let what = format!("it asks to be shown the variable `{name}`");
            Err(denied(policy, &loaded.name, what, "env", rule.position))
        }
        _ => Ok(()),
    }
}

fn admit_component(policy: &Policy, loaded: &Loaded) -> Result<(), Denied> {
    let deny =
        |what: String, rule, position| Err(denied(policy, &loaded.name, what, rule, position));
    if let Some(rule) = policy
        .deny
        .iter()
        .find(|rule| is_meant(&rule.value, loaded))
    {
        return deny("it is one of those".to_owned(), "deny", rule.position);
    }
    if loaded.source == PluginSource::BuiltIn {
        if let Some(rule) = &policy.built_in
            && !rule.value.iter().any(|name| name == loaded.component.id())
        {
            let what = "it is none of these; name those that are left in `plugins`".to_owned();
            return deny(what, "builtIn", rule.position);
        }
    } else {
        if let Some(rule) = &policy.allow
            && !rule.value.iter().any(|who| is_meant(who, loaded))
        {
            return deny("it is none of these".to_owned(), "allow", rule.position);
        }
        if let Some(rule) = policy.require_lock.as_ref().filter(|rule| rule.value)
            && loaded.pinning != Pinning::Locked
        {
            let name = &loaded.name;
            let what = format!("it is not pinned; pin it with `vt plugin add {name}`");
            return deny(what, "requireLock", rule.position);
        }
        if let Some(rule) = policy.require_signature.as_ref().filter(|rule| rule.value) {
            let trusted = policy.allow.iter().flat_map(|allow| &allow.value);
            let mut trusted = trusted.filter(|who| matches!(who, Who::Publisher(_)));
            if !trusted.any(|who| is_meant(who, loaded)) {
                let what = "it is not signed by a publisher that `allow` names".to_owned();
                return deny(what, "requireSignature", rule.position);
            }
        }
    }
    Ok(())
}

fn is_meant(who: &Who, loaded: &Loaded) -> bool {
    match who {
        Who::Digest(digest) => digest == loaded.component.digest(),
        Who::Scope(scope) => match &loaded.source {
            PluginSource::Package(name) => name
                .strip_prefix(scope.as_str())
                .is_some_and(|rest| rest.starts_with('/')),
            _ => false,
        },
        Who::Publisher(key) => loaded.publisher.as_ref() == Some(key),
    }
}

/// Whether a directive of this name may be said; `shown` is all of it.
fn permit_name(policy: &Policy, plugin: &str, name: &str, shown: &str) -> Result<(), Denied> {
    match &policy.directives {
        Some(rule) if !rule.value.iter().any(|allowed| allowed == name) => {
            let what = format!("`{shown}`");
            Err(denied(policy, plugin, what, "directives", rule.position))
        }
        _ => Ok(()),
    }
}

fn permit(policy: &Policy, plugin: &str, directive: &Directive) -> Result<(), Denied> {
    let shown = directive.to_string();
    permit_name(policy, plugin, directive.name(), &shown)?;
    let deny = |rule, position| Err(denied(policy, plugin, format!("`{shown}`"), rule, position));
    let (path, names): (Option<&str>, Vec<String>) = match directive {
        Directive::IgnoreInput(glob)
        | Directive::IgnoreOutput(glob)
        | Directive::Output(glob)
        | Directive::ExistenceOnly(glob) => (Some(glob), Vec::new()),
        Directive::Redact { path, .. } => (Some(path), Vec::new()),
        Directive::TrackEnv(pattern) | Directive::PassEnv(pattern) => (None, vec![pattern.clone()]),
        // What it leaves out of account is any name with that prefix.
        Directive::NarrowEnvQuery { prefix, .. } => (None, vec![format!("{prefix}*")]),
        Directive::EnvDefaultPrefixes(prefixes) => {
            let patterns = prefixes.iter().map(|prefix| format!("{prefix}*"));
            (None, patterns.collect())
        }
        Directive::CacheOff { .. } | Directive::OptOutIsNoise { .. } => (None, Vec::new()),
    };
    if let Some(rule) = &policy.paths
        && path.is_some_and(|path| !rule.value.iter().any(|glob| lies_in(path, glob)))
    {
        return deny("paths", rule.position);
    }
    if let Some(rule) = &policy.env
        && names.iter().any(|name| !fits(name, &rule.value))
    {
        return deny("env", rule.position);
    }
    Ok(())
}

/// Whether all that a pattern fits is fitted by one of these. A star of the pattern is only taken
/// by a star.
fn fits(pattern: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|allowed| is_taken(pattern.as_bytes(), allowed.as_bytes()))
}

/// Whether a text fits a pattern whose `*` takes any bytes.
fn is_taken(text: &[u8], pattern: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|taken| is_taken(&text[taken..], rest)),
        Some((first, rest)) => text.first() == Some(first) && is_taken(&text[1..], rest),
    }
}

/// Whether all that a glob matches lies in another one. In doubt it does not.
fn lies_in(glob: &str, allowed: &str) -> bool {
    let glob: Vec<&str> = glob.split('/').collect();
    let allowed: Vec<&str> = allowed.split('/').collect();
    parts_lie_in(&glob, &allowed)
}

fn parts_lie_in(glob: &[&str], allowed: &[&str]) -> bool {
    let Some((first, rest)) = allowed.split_first() else {
        return glob.is_empty();
    };
    if *first == "**" {
        return (0..=glob.len()).any(|taken| parts_lie_in(&glob[taken..], rest));
    }
    let Some((part, after)) = glob.split_first() else {
        return false;
    };
    // Braces and classes may have a slash inside, so that no part behind one is what it seems.
    if part.contains("**") || part.contains(['{', '}', '[', ']', '\\']) {
        return false;
    }
    let is_name = !part.contains(['*', '?']);
    let is_in = part == first
        || *first == "*"
        || (is_name
            && GlobBuilder::new(first)
                .literal_separator(true)
                .build()
                .is_ok_and(|glob| glob.compile_matcher().is_match(part)));
    is_in && parts_lie_in(after, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_lies_in_another_only_if_that_is_certain() {
        for (glob, allowed) in [
            ("packages/a/dist/**", "packages/*/dist/**"),
            ("packages/a/dist/x*.js", "packages/**"),
            ("a/{b,c/d}", "a/**"),
            ("a/b", "a/b"),
            ("a/*", "a/*"),
            ("a/**/b", "**/b"),
            ("a/x.js", "a/*.js"),
        ] {
            assert!(lies_in(glob, allowed), "{glob} in {allowed}");
        }
        for (glob, allowed) in [
            ("packages/**", "packages/*/dist/**"),
            ("packages/a/src/**", "packages/*/dist/**"),
            ("**/dist", "packages/**"),
            ("{a/dist,b}/x", "*/*/x"),
            ("a[/]b/c", "*/c"),
            ("a", "a/b"),
            ("a/b/c", "a/*"),
            ("a/*", "a/*.js"),
            ("a/**", "a/*"),
            ("a**/b", "*/b"),
        ] {
            assert!(!lies_in(glob, allowed), "{glob} in {allowed}");
        }
    }

    #[test]
    fn a_pattern_of_names_fits_only_a_wider_one() {
        let allowed = ["ACME_*".to_owned(), "CI".to_owned()];
        for name in ["ACME_*", "ACME_X", "ACME_X*", "CI"] {
            assert!(fits(name, &allowed), "{name}");
        }
        for name in ["ACME*", "*", "CI*", "A*_X", "acme_x"] {
            assert!(!fits(name, &allowed), "{name}");
        }
    }
}
