//! The weak key: the identity of an invocation, known before anything is looked at.
//!
//! In the key belongs what should hit again when it goes back to an old value: program,
//! arguments, directory, declared variables, policies, rules. What one wants to be told by name
//! when it differs, and what is only known after a run, belongs into the path set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vt_base::{Digest, Invocation, Program, Sign, StableHasher, Toolchain};

use crate::env::Keyed;
use crate::why::Why;

/// The version of everything that is hashed and classified here. A change of meaning is a new
/// version, and old entries are not found.
const SEMANTICS: u64 = 3;

/// The declared variables of a step: name to keyed digest, or unset.
pub type DeclaredEnv = BTreeMap<String, Option<Keyed>>;

/// The parts of a weak key, kept apart so that a changed key can be explained.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WeakParts {
    platform: String,
    program: Digest,
    arguments: Digest,
    directory: Digest,
    declared: DeclaredEnv,
    untracked: Digest,
    input: Digest,
    output: Digest,
    toolchain: u64,
    rules: BTreeMap<String, Digest>,
    services: Digest,
}

impl WeakParts {
    /// Takes an invocation apart.
    ///
    /// `platform` names operating system, architecture and libc; `rules` holds, for each rule
    /// plugin that claimed the invocation, the digest of the plugin and of what it says.
    #[must_use]
    pub fn new(
        invocation: &Invocation,
        platform: &str,
        declared: DeclaredEnv,
        untracked: &[String],
        rules: BTreeMap<String, Digest>,
    ) -> Self {
        let one = |domain: &str, feed: &dyn Fn(&mut StableHasher)| {
            let mut hasher = StableHasher::new(domain);
            feed(&mut hasher);
            hasher.finish()
        };
        let policy = |policy: &vt_base::FilePolicy| {
            one("vt-policy", &|hasher| {
                hasher
                    .number(u64::from(policy.auto))
                    .number(policy.globs.len() as u64);
                for glob in &policy.globs {
                    hasher
                        .number(u64::from(glob.sign == Sign::Negative))
                        .text(&glob.pattern);
                }
            })
        };
        Self {
            platform: platform.to_owned(),
            program: one("vt-program", &|hasher| {
                match &invocation.program {
                    Program::Direct(name) => hasher.number(0).text(name),
                    Program::Shell(text) => hasher.number(1).text(text),
                };
            }),
            arguments: one("vt-arguments", &|hasher| {
                hasher.texts(invocation.args.iter().map(String::as_str));
            }),
            directory: one("vt-directory", &|hasher| {
                hasher
                    .bytes(invocation.directory.as_bytes())
                    .bytes(invocation.package_dir.as_bytes());
            }),
            declared,
            untracked: one("vt-untracked", &|hasher| {
                hasher.texts(untracked.iter().map(String::as_str));
            }),
            input: policy(&invocation.declared.input),
            output: policy(&invocation.declared.output),
            toolchain: u64::from(invocation.declared.toolchain == Toolchain::Ignore),
            rules,
            services: one("vt-services", &|hasher| {
                hasher.texts(invocation.declared.services.iter().map(String::as_str));
            }),
        }
    }

    /// The weak key.
    #[must_use]
    pub fn key(&self) -> Digest {
        let mut hasher = StableHasher::new("vt-weak-key");
        hasher
            .number(SEMANTICS)
            .text(&self.platform)
            .digest(&self.program)
            .digest(&self.arguments)
            .digest(&self.directory)
            .number(self.declared.len() as u64);
        for (name, value) in &self.declared {
            hasher.text(name).number(u64::from(value.is_some()));
            if let Some(value) = value {
                hasher.digest(&value.0);
            }
        }
        hasher
            .digest(&self.untracked)
            .digest(&self.input)
            .digest(&self.output)
            .number(self.toolchain)
            .number(self.rules.len() as u64);
        for (plugin, digest) in &self.rules {
            hasher.text(plugin).digest(digest);
        }
        hasher.digest(&self.services);
        hasher.finish()
    }

    /// Every reason why this key differs from an earlier one.
    #[must_use]
    pub fn differences(&self, earlier: &Self) -> Vec<Why> {
        let mut whys = Vec::new();
        let mut differs = |differs: bool, why: Why| {
            if differs {
                whys.push(why);
            }
        };
        differs(self.platform != earlier.platform, Why::PlatformChanged);
        differs(self.program != earlier.program, Why::CommandChanged);
        differs(self.arguments != earlier.arguments, Why::ArgsChanged);
        differs(self.directory != earlier.directory, Why::CwdChanged);
        differs(
            self.untracked != earlier.untracked,
            Why::UntrackedEnvListChanged,
        );
        differs(
            self.input != earlier.input || self.toolchain != earlier.toolchain,
            Why::InputConfigChanged,
        );
        differs(self.output != earlier.output, Why::OutputConfigChanged);
        differs(
            self.services != earlier.services,
            Why::ServicesConfigChanged,
        );
        for plugin in changed_names(&self.rules, &earlier.rules) {
            whys.push(Why::RulesChanged { plugin });
        }
        for name in changed_names(&self.declared, &earlier.declared) {
            let now = self.declared.get(&name).copied().flatten();
            let then = earlier.declared.get(&name).copied().flatten();
            whys.extend(env_difference(name, then.is_some(), now.is_some(), true));
        }
        whys
    }
}

fn changed_names<V: PartialEq>(
    now: &BTreeMap<String, V>,
    then: &BTreeMap<String, V>,
) -> Vec<String> {
    let mut names: Vec<String> = now
        .keys()
        .chain(then.keys().filter(|name| !now.contains_key(*name)))
        .filter(|name| now.get(*name) != then.get(*name))
        .cloned()
        .collect();
    names.sort();
    names
}

/// The reason for a variable that differs.
pub(crate) fn env_difference(name: String, then: bool, now: bool, differs: bool) -> Option<Why> {
    match (then, now) {
        (false, true) => Some(Why::EnvAdded { name }),
        (true, false) => Some(Why::EnvRemoved { name }),
        (true, true) if differs => Some(Why::EnvChanged { name }),
        // Declared now and not before, or the other way: the list changed, the values did not.
        (false, false) if differs => Some(Why::EnvChanged { name }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use vt_base::{CachePolicy, Declared, RelPath, StepId};

    use super::*;
    use crate::env::Secret;

    fn invocation(program: &str, args: &[&str]) -> Invocation {
        Invocation {
            step: StepId {
                package: "p".into(),
                task: "t".into(),
                index: 0,
            },
            command: String::new(),
            program: Program::Direct(program.into()),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            directory: RelPath::root(),
            package_dir: RelPath::root(),
            env_prefix: vec![],
            cache: CachePolicy::Enabled,
            declared: Declared::default(),
        }
    }

    fn parts(args: &[&str], env: &[(&str, Option<&str>)]) -> WeakParts {
        let secret = Secret([1; 32]);
        let declared = env
            .iter()
            .map(|(name, value)| {
                (
                    (*name).to_owned(),
                    value.map(|value| secret.keyed(value.as_ref())),
                )
            })
            .collect();
        WeakParts::new(
            &invocation("a", args),
            "linux",
            declared,
            &[],
            BTreeMap::new(),
        )
    }

    #[test]
    fn every_difference_is_named() {
        let then = parts(&["x"], &[("A", Some("1")), ("B", None), ("C", Some("1"))]);
        let now = parts(&["y"], &[("A", Some("2")), ("B", Some("1")), ("C", None)]);
        assert_ne!(then.key(), now.key());
        assert_eq!(
            now.differences(&then),
            [
                Why::ArgsChanged,
                Why::EnvChanged { name: "A".into() },
                Why::EnvAdded { name: "B".into() },
                Why::EnvRemoved { name: "C".into() },
            ]
        );
        assert_eq!(now.differences(&now), []);
    }
}
