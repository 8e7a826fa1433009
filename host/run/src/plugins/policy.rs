//! Holds components, and what anybody says about a step, against the policies.
//!
//! There is the machine's, one that `VT_POLICY` names, the workspace's, and those of the directories
//! above it. Each has to permit a thing, so none can loosen another. What takes something out of account is
//! held to them whoever says it: a component, a rule, the configuration of a task, a tool that runs.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;

use globset::GlobBuilder;
use vt_base::{AbsPath, Declared, Digest, Sign, StableHasher, StepId};
use vt_config::{PluginSource, Policy, Position, Project, Who};
use vt_rules::Directive;

use super::audit::Auditor;
use super::error::PluginError;
use super::{Loaded, Pinning, named};
use crate::world::PluginWorld;

const WORKSPACE_POLICY: &str = "vt-policy.json";

/// What somebody who says something about a step is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpeakerKind {
    /// A component, or a rule of the configuration.
    Plugin,
    /// What the configuration says of a task.
    Task,
    /// A tool that runs.
    Tool,
}

/// Who says something about a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Speaker {
    /// What it is.
    pub kind: SpeakerKind,
    /// What a person calls it.
    pub name: String,
    /// What a component calls itself.
    pub id: Option<String>,
    /// The version that a component says it has.
    pub version: Option<String>,
    /// Of the component or rule.
    pub digest: Option<Digest>,
}

impl Speaker {
    /// A component.
    pub(crate) fn component(loaded: &Loaded) -> Self {
        Self {
            kind: SpeakerKind::Plugin,
            name: loaded.name.clone(),
            id: Some(loaded.component.id().to_owned()),
            version: Some(loaded.component.version().to_owned()),
            digest: Some(*loaded.component.digest()),
        }
    }

    /// A rule of the configuration.
    pub(crate) fn rule(name: &str, digest: Option<Digest>) -> Self {
        Self {
            id: Some(name.to_owned()),
            digest,
            ..Self::of(SpeakerKind::Plugin, name)
        }
    }

    /// The configuration of the task that a step belongs to.
    pub(crate) fn task(step: &StepId) -> Self {
        let name = format!("{}#{}", step.package, step.task);
        Self::of(SpeakerKind::Task, &name)
    }

    /// The tool that a step runs.
    pub(crate) fn tool(name: &str) -> Self {
        Self::of(SpeakerKind::Tool, name)
    }

    fn of(kind: SpeakerKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            id: None,
            version: None,
            digest: None,
        }
    }
}

impl SpeakerKind {
    /// Its name, for people and in the audit file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Task => "task",
            Self::Tool => "tool",
        }
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} `{}`", self.kind.name(), self.name)
    }
}

/// What a policy denies, and by which rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denied {
    /// The speaker that is denied it.
    pub speaker: Box<Speaker>,
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
            speaker,
            what,
            rule,
            file,
            position,
        } = self;
        let Position { line, column } = position;
        write!(
            formatter,
            "{file}:{line}:{column}: `{rule}` of the policy denies {speaker}: {what}"
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

/// What the configuration of a task takes out of account, as a rule would say it.
pub(crate) fn taken_out(declared: &Declared) -> Vec<Directive> {
    let cuts = |policy: &vt_base::FilePolicy, directive: fn(String) -> Directive| {
        let globs = policy.globs.iter();
        let globs = globs.filter(|glob| glob.sign == Sign::Negative);
        globs
            .map(|glob| directive(glob.pattern.clone()))
            .collect::<Vec<_>>()
    };
    let names = declared.untracked_env.iter();
    let names = names.filter(|name| !name.starts_with('!')).cloned();
    let mut all = cuts(&declared.input, Directive::IgnoreInput);
    all.extend(cuts(&declared.output, Directive::IgnoreOutput));
    all.extend(names.map(Directive::PassEnv));
    all
}

/// A policy that holds for a workspace.
#[derive(Clone, Debug)]
struct Held {
    policy: Policy,
    /// What stands before a path from the workspace root to make it one from where the policy counts.
    prefix: String,
}

/// All policies that hold for a workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    held: Vec<Held>,
    pub(crate) auditor: Auditor,
}

impl Policies {
    /// Reads them.
    pub(crate) fn load(project: &Project, world: &PluginWorld) -> Result<Self, PluginError> {
        let here = |policy| Held {
            policy,
            prefix: String::new(),
        };
        let load = |file: &AbsPath| vt_config::load_policy(file).map_err(PluginError::Policy);
        let mut held = Vec::new();
        if let Some(file) = &world.machine_policy {
            held.extend(load(file)?.map(here));
        }
        let mut directory = Some(project.root.clone());
        while let Some(above) = directory {
            if let Some(policy) = load(&above.join(WORKSPACE_POLICY))? {
                held.push(Held {
                    prefix: prefix(&project.root, &above),
                    policy,
                });
            }
            directory = above.parent();
        }
        if let Some(file) = &world.named_policy {
            held.push(here(named(file)?));
        }
        let mut policies = Self {
            held,
            auditor: Auditor::default(),
        };
        policies.auditor = Auditor {
            files: policies.audits(&project.root, world.user),
            workspace: project.root.to_string(),
            user: world.user,
            run: run_id(),
        };
        Ok(policies)
    }

    /// The files that get a line for what is applied and what is denied. A policy above the workspace
    /// may be a stranger's, who is not to choose a file that this user writes.
    fn audits(&self, root: &AbsPath, user: u32) -> Vec<AbsPath> {
        let is_trusted = |policy: &Policy| {
            let is_above = policy
                .file
                .parent()
                .is_some_and(|directory| directory != *root && root.starts_with(&directory));
            let owner = std::fs::metadata(policy.file.as_path()).map(|found| found.uid());
            !is_above || owner.is_ok_and(|owner| owner == 0 || owner == user)
        };
        let policies = self.policies().filter(|policy| is_trusted(policy));
        let files = policies.filter_map(|policy| policy.audit.as_ref().map(|audit| &audit.value));
        let mut files: Vec<AbsPath> = files.cloned().collect();
        files.sort();
        files.dedup();
        files
    }

    fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.held.iter().map(|held| &held.policy)
    }

    /// What the policies permit to be said, as far as it limits anything: what was stored under other
    /// limits may hold what these deny.
    pub(crate) fn limits(&self) -> Option<Digest> {
        if !self.limit_directives() {
            return None;
        }
        let mut each: Vec<Digest> = self.held.iter().map(limits).collect();
        each.sort();
        each.dedup();
        let mut hasher = StableHasher::new("vt-policy-limits");
        for digest in &each {
            hasher.digest(digest);
        }
        Some(hasher.finish())
    }

    /// Whether something may be denied that is known only from what a component says.
    pub(crate) fn limit_directives(&self) -> bool {
        self.policies().any(|policy| {
            policy.directives.is_some() || policy.paths.is_some() || policy.env.is_some()
        })
    }

    /// Where it is said that nothing may be fetched.
    pub(crate) fn offline(&self) -> Vec<(AbsPath, Position)> {
        let said = self.policies().filter_map(|policy| {
            let rule = policy.offline.as_ref().filter(|rule| rule.value)?;
            Some((policy.file.clone(), rule.position))
        });
        said.collect()
    }

    /// Whether a component may be used.
    pub(crate) fn admit(&self, loaded: &Loaded) -> Result<(), Denied> {
        self.policies().try_for_each(|policy| admit(policy, loaded))
    }

    /// What a component asks for, and what of that it gets. What it will say is not known before
    /// it is asked, so it asks for every directive that it has a method for.
    pub(crate) fn grants(&self, loaded: &Loaded) -> Vec<Grant> {
        let first = |judge: &dyn Fn(&Policy) -> Result<(), Denied>| {
            self.policies().find_map(|policy| judge(policy).err())
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
        let speaker = Speaker::component(loaded);
        let may_say: Vec<&str> = loaded.component.methods().collect();
        for name in vt_config::DIRECTIVES {
            if !may_say.contains(&name) {
                continue;
            }
            all.push(Grant {
                asked: format!("to say `{name}`"),
                denied: first(&|policy| permit_name(policy, &speaker, name, name)),
            });
        }
        all
    }

    /// Whether the configuration may have rules of its own.
    pub(crate) fn admit_rules(&self, name: &str) -> Result<(), Denied> {
        for policy in self.policies() {
            if let Some(rule) = policy.rules.as_ref().filter(|rule| !rule.value) {
                let what = "the configuration may have no rules of its own".to_owned();
                let speaker = Speaker::rule(name, None);
                return Err(denied(policy, &speaker, what, "rules", rule.position));
            }
        }
        Ok(())
    }

    /// Whether somebody may say this. Its paths are from the workspace root.
    pub(crate) fn permit(&self, speaker: &Speaker, directive: &Directive) -> Result<(), Denied> {
        self.held
            .iter()
            .try_for_each(|held| permit(held, speaker, directive))
    }
}

/// The way from a directory above a root down to it, to be put before a path.
fn prefix(root: &AbsPath, above: &AbsPath) -> String {
    match root.relative_to(above) {
        Some(below) if !below.is_root() => format!("{below}/"),
        _ => String::new(),
    }
}

/// A name for one run, to tell its lines from those of others.
fn run_id() -> String {
    let state = std::hash::RandomState::new();
    format!("{:016x}", state.build_hasher().finish())
}

fn limits(held: &Held) -> Digest {
    let mut hasher = StableHasher::new("vt-policy-limit");
    hasher.text(&held.prefix);
    let Policy {
        directives,
        paths,
        env,
        ..
    } = &held.policy;
    for list in [directives, paths, env] {
        hasher.number(u64::from(list.is_some()));
        let texts = list.as_ref().map_or(&[][..], |list| &list.value);
        hasher.texts(texts.iter().map(String::as_str));
    }
    hasher.finish()
}

fn denied(
    policy: &Policy,
    speaker: &Speaker,
    what: String,
    rule: &'static str,
    position: Position,
) -> Denied {
    Denied {
        speaker: Box::new(speaker.clone()),
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
            let speaker = Speaker::component(loaded);
            Err(denied(policy, &speaker, what, "env", rule.position))
        }
        _ => Ok(()),
    }
}

fn admit_component(policy: &Policy, loaded: &Loaded) -> Result<(), Denied> {
    let deny = |what: String, rule, position| {
        let speaker = Speaker::component(loaded);
        Err(denied(policy, &speaker, what, rule, position))
    };
    if let Some(rule) = policy
        .deny
        .iter()
        .find(|rule| is_meant(&rule.value, loaded, Names::Any))
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
            && !rule
                .value
                .iter()
                .any(|who| is_meant(who, loaded, Names::All))
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
            if !trusted.any(|who| is_meant(who, loaded, Names::All)) {
                let what = "it is not signed by a publisher that `allow` names".to_owned();
                return deny(what, "requireSignature", rule.position);
            }
        }
    }
    Ok(())
}

/// How many of the names of a package have to be of a scope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// To be trusted.
    All,
    /// To be shut out.
    Any,
}

fn is_meant(who: &Who, loaded: &Loaded, names: Names) -> bool {
    match who {
        Who::Digest(digest) => digest == loaded.component.digest(),
        Who::Scope(scope) => {
            let is_of = |name: &String| {
                let rest = name.strip_prefix(scope.as_str());
                rest.is_some_and(|rest| rest.starts_with('/'))
            };
            let mut known = loaded.package_names.iter();
            match names {
                Names::All => !loaded.package_names.is_empty() && known.all(is_of),
                Names::Any => known.any(is_of),
            }
        }
        Who::Publisher(key) => loaded.publisher.as_ref() == Some(key),
    }
}

/// Whether a directive of this name may be said; `shown` is all of it.
fn permit_name(policy: &Policy, speaker: &Speaker, name: &str, shown: &str) -> Result<(), Denied> {
    match &policy.directives {
        Some(rule) if !rule.value.iter().any(|allowed| allowed == name) => {
            let what = format!("`{shown}`");
            Err(denied(policy, speaker, what, "directives", rule.position))
        }
        _ => Ok(()),
    }
}

fn permit(held: &Held, speaker: &Speaker, directive: &Directive) -> Result<(), Denied> {
    let Held { policy, prefix } = held;
    let shown = directive.to_string();
    permit_name(policy, speaker, directive.name(), &shown)?;
    let deny = |rule, position| {
        Err(denied(
            policy,
            speaker,
            format!("`{shown}`"),
            rule,
            position,
        ))
    };
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
    let from = |path: &str| match path.starts_with(['/', '~']) {
        true => path.to_owned(),
        false => format!("{prefix}{path}"),
    };
    if let Some(rule) = &policy.paths
        && path.is_some_and(|path| !rule.value.iter().any(|glob| lies_in(&from(path), glob)))
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

/// Whether all that a glob matches lies in another one, which means what is below as well if its last
/// part is a name. In doubt it does not.
fn lies_in(glob: &str, allowed: &str) -> bool {
    let glob: Vec<&str> = glob.split('/').collect();
    if glob.contains(&"..") {
        return false;
    }
    let mut allowed: Vec<&str> = allowed.split('/').collect();
    if allowed
        .last()
        .is_some_and(|last| !last.contains(['*', '?']))
    {
        allowed.push("**");
    }
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
            ("a/b/**", "a/b"),
            ("a/b/c.js", "*/b"),
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
            ("a/../../x", "a/**"),
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
