//! The environment of a step: what it sees, and what of that counts.
//!
//! What a cached step finds in its environment depends on the plan and on the environment `vt` was
//! started with, never on what an earlier run asked for. What is not in there it may still ask for by
//! name. A step that is not cached sees everything. Values are only handed on here, never shown.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use vt_base::{
    AbsPath, CachePolicy, EnvClass, EnvMap, EnvPatterns, Invocation, OuterEnv, Variable,
};

use crate::scripts::{ScriptText, command_texts, printed};

/// Where programs are looked up when the host has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a cached step finds set unless somebody decided about it. Its output is shown later, too,
/// and elsewhere, so colours are asked for always and dropped where they can't be shown. And as
/// nobody is asked anything by it, no pager may wait for a key.
const OF_CACHED: [(&str, &str); 3] = [("FORCE_COLOR", "1"), ("GIT_PAGER", "cat"), ("PAGER", "cat")];

/// Names that a shell or `make` sets itself, and descriptors that are open in the parent only: `$NAME` in a
/// text is not the variable outside.
const OF_PARENT: [&str; 10] = [
    "_",
    "CARGO_MAKEFLAGS",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "NODE_CHANNEL_FD",
    "NODE_UNIQUE_ID",
    "OLDPWD",
    "PWD",
    "SHLVL",
];

/// Places that are the same for so many that nothing depends on them.
const SHARED: [&str; 2] = ["/tmp", "/root"];

/// How a variable counts for one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Its value is part of the identity of the step.
    Declared,
    /// It was said not to count.
    Untracked,
    /// It is in the environment of the step, and does not count there.
    Passed,
    /// It is unset for the step.
    Withheld,
    /// It is answered to who asks for it.
    OnDemand(EnvClass),
}

/// What a step sees of the environment, and what of it counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepEnvironment {
    /// The whole environment of the process to spawn.
    pub passed: EnvMap,
    /// What is fingerprinted: the value of each name, or `None` when it is not set. Empty for a
    /// step that is not cached.
    pub declared: BTreeMap<String, Option<OsString>>,
    /// The names and patterns the task lists as untracked, sorted.
    pub untracked_names: Vec<String>,
    /// The environment around the step: what questions are answered from.
    pub outer: OuterEnv,
    /// The directories in which programs are looked up, first one first.
    pub path: Vec<AbsPath>,
    names: Names,
}

/// What surrounds a step besides its invocation.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The workspace root.
    pub root: &'a AbsPath,
    /// What is set for every step, and wins over everything else.
    pub fixed: &'a EnvMap,
    /// The names that rules ask to be passed.
    pub passed: &'a EnvPatterns,
    /// The files of [`script_files`](crate::script_files).
    pub scripts: &'a [ScriptText],
}

/// Works out the environment of a step from the one around it.
#[must_use]
pub fn step_environment(
    invocation: &Invocation,
    outer: OuterEnv,
    around: &Around<'_>,
) -> StepEnvironment {
    let is_cached = invocation.cache == CachePolicy::Enabled;
    let names = Names::new(invocation, &outer, around);
    let mut passed = match is_cached {
        true => names.pass(&outer),
        false => outer.to_map(),
    };
    let declared = match is_cached {
        true => names.fingerprint(invocation, &outer),
        false => BTreeMap::new(),
    };

    let directory = around.root.join_rel(&invocation.directory);
    let search = search_path(invocation, around.root, outer.get("PATH"));
    passed.insert("PATH".into(), search);
    passed.insert("PWD".into(), directory.as_path().into());
    if is_cached {
        let missing = OF_CACHED.iter().filter(|(name, _)| !names.mentions(name));
        passed.extend(missing.map(|(name, value)| ((*name).into(), (*value).into())));
    }
    for (name, value) in &invocation.env_prefix {
        passed.insert(name.into(), value.into());
    }
    passed.extend(around.fixed.clone());

    let path = passed
        .get(OsStr::new("PATH"))
        .map(OsString::as_os_str)
        .unwrap_or_default();
    let path = path.as_bytes().split(|byte| *byte == b':');
    let path = path
        .map(|entry| directory.join(OsStr::from_bytes(entry)))
        .collect();
    let mut untracked_names = invocation.declared.untracked_env.clone();
    untracked_names.sort();
    untracked_names.dedup();
    StepEnvironment {
        passed,
        declared,
        untracked_names,
        outer,
        path,
        names,
    }
}

impl StepEnvironment {
    /// How a variable counts for the step.
    #[must_use]
    pub fn standing(&self, name: &str) -> Standing {
        let names = &self.names;
        if self.declared.contains_key(name) || names.tracked.matches(name) {
            return Standing::Declared;
        }
        if names.untracked.matches(name) || names.extra.matches(name) {
            return Standing::Untracked;
        }
        match EnvClass::of(name) {
            EnvClass::Set | EnvClass::Neutral => Standing::Passed,
            EnvClass::Value => Standing::Declared,
            EnvClass::Withheld => Standing::Withheld,
            // What is carved out of the declared names is not wanted.
            _ if names.tracked.excludes(name) => Standing::Withheld,
            class => Standing::OnDemand(class),
        }
    }

    /// Whether who asks for a variable by name is answered.
    #[must_use]
    pub fn answers(&self, name: &OsStr) -> bool {
        let standing = name.to_str().map(|name| self.standing(name));
        matches!(standing, Some(Standing::OnDemand(_)))
    }

    /// What is answered to who asks for a variable by name.
    #[must_use]
    pub fn demand(&self) -> EnvMap {
        let asked = |one: &Variable<'_>| {
            one.class.is_on_demand()
                && !self.passed.contains_key(one.name)
                && self.answers(one.name)
        };
        self.outer
            .iter()
            .filter(asked)
            .map(|one| (one.name.to_owned(), one.value.to_owned()))
            .collect()
    }

    /// The variables that are passed and count only where their values are found in what the step
    /// leaves, with these values.
    pub fn neutral(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.outer.iter().filter_map(|one| {
            let name = one.name.to_str()?;
            // What the step has of `PATH` begins with directories of the workspace.
            let is_sought = name == "PATH"
                || one.class == EnvClass::Neutral && !counts_as_it_is(name, one.value);
            (is_sought && self.standing(name) == Standing::Passed).then_some((name, one.value))
        })
    }
}

/// Whether the value of a neutral variable is too short to be looked for anywhere, so that it counts.
fn counts_as_it_is(name: &str, value: &OsStr) -> bool {
    let bytes = value.as_bytes();
    let parts = bytes.split(|byte| *byte == b'/');
    let is_short = parts.filter(|part| !part.is_empty()).count() < 2;
    let is_place = bytes.first() == Some(&b'/') || name == "HOME";
    is_place && is_short && !SHARED.iter().any(|shared| value == *shared)
}

/// What one step says about names.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Names {
    tracked: EnvPatterns,
    untracked: EnvPatterns,
    extra: EnvPatterns,
    /// Variables that the text of the command uses, or that of a program which never asks for any.
    used: BTreeSet<String>,
}

impl Names {
    fn new(invocation: &Invocation, outer: &OuterEnv, around: &Around<'_>) -> Self {
        let patterns = |list: &[String]| EnvPatterns::new(list.iter().map(String::as_str));
        Self {
            tracked: patterns(&invocation.declared.env),
            untracked: patterns(&invocation.declared.untracked_env),
            extra: around.passed.clone(),
            used: match invocation.cache {
                CachePolicy::Enabled => used(invocation, outer, around.scripts),
                CachePolicy::Disabled => BTreeSet::new(),
            },
        }
    }

    /// Whether somebody decided about a name, so that no default is set for it.
    fn mentions(&self, name: &str) -> bool {
        self.tracked.matches(name)
            || self.untracked.matches(name)
            || self.extra.matches(name)
            || self.used.contains(name)
    }

    /// Cuts an environment down to what a cached step sees.
    fn pass(&self, outer: &OuterEnv) -> EnvMap {
        let sees = |one: &Variable<'_>| {
            matches!(one.class, EnvClass::Value | EnvClass::Neutral)
                || one.name.to_str().is_some_and(|name| self.mentions(name))
        };
        outer
            .iter()
            .filter(sees)
            .map(|one| (one.name.to_owned(), one.value.to_owned()))
            .collect()
    }

    /// The values that count.
    fn fingerprint(
        &self,
        invocation: &Invocation,
        outer: &OuterEnv,
    ) -> BTreeMap<String, Option<OsString>> {
        let literals = self
            .tracked
            .literals()
            .filter(|name| self.tracked.matches(name));
        let mut declared: BTreeMap<String, Option<OsString>> =
            literals.map(|name| (name.to_owned(), None)).collect();
        for Variable { name, value, class } in outer.iter() {
            let Some(name) = name.to_str() else { continue };
            // A name the task lists as untracked stays so, unless the task tracks it as well.
            let by_default = || {
                !self.untracked.matches(name)
                    && match class {
                        EnvClass::Value => true,
                        EnvClass::Neutral => counts_as_it_is(name, value),
                        _ => self.used.contains(name),
                    }
            };
            if self.tracked.matches(name) || by_default() {
                declared.insert(name.to_owned(), Some(value.to_owned()));
            }
        }
        for (name, value) in &invocation.env_prefix {
            declared.insert(name.clone(), Some(value.into()));
        }
        declared
    }
}

/// The variables outside that a text uses which is not seen asking.
fn used(invocation: &Invocation, outer: &OuterEnv, scripts: &[ScriptText]) -> BTreeSet<String> {
    let texts = command_texts(invocation);
    let of_command: BTreeSet<&[u8]> = texts.iter().flat_map(ScriptText::names).collect();
    let of_scripts: BTreeSet<&[u8]> = scripts.iter().flat_map(ScriptText::names).collect();
    let printed = printed(invocation);
    if of_command.is_empty() && of_scripts.is_empty() && printed.is_empty() {
        return BTreeSet::new();
    }
    let uses = |one: Variable<'_>| {
        let name = one.name.to_str()?;
        let is_given = of_command.contains(name.as_bytes()) || printed.contains(name);
        let is_used = match one.class {
            EnvClass::Withheld => is_given && !OF_PARENT.contains(&name),
            class => class.is_on_demand() && (is_given || of_scripts.contains(name.as_bytes())),
        };
        is_used.then(|| name.to_owned())
    };
    outer.iter().filter_map(uses).collect()
}

/// `PATH` with the programs of the package, and of the directories up to the root, in front.
fn search_path(invocation: &Invocation, root: &AbsPath, host: Option<&OsStr>) -> OsString {
    let package = std::iter::once(invocation.package_dir.clone());
    let directories = package.chain(invocation.package_dir.ancestors());
    let own: Vec<AbsPath> = directories
        .map(|directory| root.join_rel(&directory).join("node_modules/.bin"))
        .collect();
    let host = host.unwrap_or(OsStr::new(DEFAULT_PATH));
    // A nested run finds its own directories there already.
    let inherited = host.as_bytes().split(|byte| *byte == b':');
    let inherited = inherited.filter(|entry| !own.iter().any(|path| path.as_bytes() == *entry));
    let entries: Vec<&[u8]> = own.iter().map(AbsPath::as_bytes).chain(inherited).collect();
    OsString::from_vec(entries.join(&b':'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vt_base::{ClassedEnv, Declared, Program, RelPath, StepId};

    use super::*;

    fn invocation(cache: CachePolicy, env: &[&str], untracked: &[&str]) -> Invocation {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Invocation {
            step: StepId {
                package: "a".into(),
                task: "build".into(),
                index: 0,
            },
            command: "tool".into(),
            program: Program::Direct("tool".into()),
            args: Vec::new(),
            directory: RelPath::new("packages/a/sub").unwrap(),
            package_dir: RelPath::new("packages/a").unwrap(),
            env_prefix: Vec::new(),
            cache,
            declared: Declared {
                env: texts(env),
                untracked_env: texts(untracked),
                ..Declared::default()
            },
        }
    }

    fn map(pairs: &[(&str, &str)]) -> EnvMap {
        pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    fn environment(invocation: &Invocation, host: &[(&str, &str)]) -> StepEnvironment {
        let root = AbsPath::new("/w").unwrap();
        let fixed = map(&[("VT_RUN", "1")]);
        let extra = EnvPatterns::new(["EXTRA"]);
        let outer = OuterEnv::new(
            Arc::new(ClassedEnv::new(map(host))),
            map(&[("INIT_CWD", "/w")]),
        );
        let around = Around {
            root: &root,
            fixed: &fixed,
            passed: &extra,
            scripts: &[],
        };
        step_environment(invocation, outer, &around)
    }

    fn names(map: &EnvMap) -> Vec<&str> {
        map.keys().map(|name| name.to_str().unwrap()).collect()
    }

    #[test]
    fn a_cached_step_sees_what_is_declared_and_the_defaults() {
        let step = invocation(
            CachePolicy::Enabled,
            &["MODE", "APP_*", "!APP_SECRET"],
            &["U"],
        );
        let seen = environment(
            &step,
            &[
                ("HOME", "/h/u"),
                ("NODE_ENV", "test"),
                ("NEXT_PUBLIC_A", "1"),
                ("APP_A", "a"),
                ("APP_SECRET", "s"),
                ("U", "u"),
                ("EXTRA", "e"),
                ("NPM_TOKEN", "t"),
                ("TERM", "xterm"),
            ],
        );
        assert_eq!(
            names(&seen.passed),
            [
                "APP_A",
                "EXTRA",
                "FORCE_COLOR",
                "GIT_PAGER",
                "HOME",
                "PAGER",
                "PATH",
                "PWD",
                "U",
                "VT_RUN"
            ]
        );
        assert_eq!(seen.passed[OsStr::new("PWD")], "/w/packages/a/sub");
        assert_eq!(
            names(&seen.demand()),
            ["INIT_CWD", "NEXT_PUBLIC_A", "NODE_ENV", "NPM_TOKEN"]
        );
        assert_eq!(seen.untracked_names, ["U"]);
        for (name, standing) in [
            ("APP_A", Standing::Declared),
            ("APP_SECRET", Standing::Withheld),
            ("LC_TIME", Standing::Declared),
            ("EXTRA", Standing::Untracked),
            ("U", Standing::Untracked),
            ("HOME", Standing::Passed),
            ("VT_IPC", Standing::Passed),
            ("TERM", Standing::Withheld),
            ("NPM_TOKEN", Standing::OnDemand(EnvClass::Identifier)),
            ("USER", Standing::OnDemand(EnvClass::Account)),
            ("NODE_ENV", Standing::OnDemand(EnvClass::OnDemand)),
        ] {
            assert_eq!(seen.standing(name), standing, "{name}");
        }
    }

    fn declared(seen: &StepEnvironment) -> Vec<(&str, Option<&str>)> {
        let declared = seen.declared.iter();
        declared
            .map(|(name, value)| {
                let value = value.as_ref().and_then(|value| value.to_str());
                (name.as_str(), value)
            })
            .collect()
    }

    #[test]
    fn what_counts_is_what_is_tracked_and_what_nobody_asks_for() {
        let step = invocation(CachePolicy::Enabled, &["MODE", "APP_*"], &["TZ"]);
        let host = [
            ("APP_A", "a"),
            ("CI", "true"),
            ("HOME", "/h/u"),
            ("LC_ALL", "C"),
            ("LD_PRELOAD", "/x.so"),
            ("TZ", "UTC"),
            ("VERCEL_ENV", "preview"),
        ];
        assert_eq!(
            declared(&environment(&step, &host)),
            [
                ("APP_A", Some("a")),
                ("CI", Some("true")),
                ("LC_ALL", Some("C")),
                ("LD_PRELOAD", Some("/x.so")),
                ("MODE", None),
            ]
        );
    }

    #[test]
    fn a_neutral_value_that_is_too_short_to_be_found_counts() {
        let step = invocation(CachePolicy::Enabled, &[], &[]);
        for (name, value, counts) in [
            ("HOME", "/home/ann", false),
            ("HOME", "/root", false),
            ("HOME", "/data", true),
            ("HOME", "/", true),
            ("HOME", "", true),
            ("TMPDIR", "/tmp", false),
            ("TMPDIR", "/scratch", true),
            ("DISPLAY", ":0", false),
            ("http_proxy", "http://proxy:3128", false),
        ] {
            let seen = environment(&step, &[(name, value)]);
            assert_eq!(seen.declared.contains_key(name), counts, "{name}={value}");
            let sought = seen.neutral().any(|(sought, _)| sought == name);
            assert_eq!(sought, !counts, "{name}={value}");
        }
    }

    #[test]
    fn what_the_text_of_the_command_uses_is_there_and_counts() {
        let mut step = invocation(CachePolicy::Enabled, &[], &["U"]);
        step.command = "echo $APP ${TERM} $U $SHLVL $HOME $NONE > out".into();
        step.program = Program::Shell(step.command.clone());
        let host = [
            ("APP", "a"),
            ("HOME", "/h/u"),
            ("OTHER", "o"),
            ("SHLVL", "1"),
            ("TERM", "xterm"),
            ("U", "u"),
        ];
        let seen = environment(&step, &host);
        assert_eq!(
            declared(&seen),
            [("APP", Some("a")), ("TERM", Some("xterm"))]
        );
        assert_eq!(
            names(&seen.passed),
            [
                "APP",
                "FORCE_COLOR",
                "GIT_PAGER",
                "HOME",
                "PAGER",
                "PATH",
                "PWD",
                "TERM",
                "U",
                "VT_RUN"
            ]
        );
        step.program = Program::Direct("printenv".into());
        step.command = "printenv OTHER".into();
        step.args = vec!["OTHER".into()];
        assert_eq!(declared(&environment(&step, &host)), [("OTHER", Some("o"))]);
    }

    #[test]
    fn prefixes_of_the_command_win_and_count() {
        let mut step = invocation(CachePolicy::Enabled, &["MODE"], &[]);
        step.env_prefix = vec![
            ("MODE".into(), "b".into()),
            ("PATH".into(), "bin:/x".into()),
        ];
        let seen = environment(&step, &[("MODE", "a"), ("PATH", "/usr/bin")]);
        assert_eq!(seen.declared["MODE"], Some("b".into()));
        assert_eq!(seen.passed[OsStr::new("MODE")], "b");
        let path: Vec<_> = seen.path.iter().map(ToString::to_string).collect();
        assert_eq!(path, ["/w/packages/a/sub/bin", "/x"]);
    }

    #[test]
    fn programs_of_the_package_come_first_and_once() {
        let step = invocation(CachePolicy::Disabled, &[], &[]);
        let host = [("PATH", "/usr/bin:/w/node_modules/.bin:rel"), ("ANY", "1")];
        let seen = environment(&step, &host);
        let path: Vec<_> = seen.path.iter().map(ToString::to_string).collect();
        assert_eq!(
            path,
            [
                "/w/packages/a/node_modules/.bin",
                "/w/packages/node_modules/.bin",
                "/w/node_modules/.bin",
                "/usr/bin",
                "/w/packages/a/sub/rel",
            ]
        );
        assert_eq!(
            names(&seen.passed),
            ["ANY", "INIT_CWD", "PATH", "PWD", "VT_RUN"]
        );
        assert!(seen.declared.is_empty());
    }

    #[test]
    fn colour_is_forced_unless_somebody_decided_about_it() {
        let step = invocation(CachePolicy::Enabled, &["FORCE_COLOR"], &[]);
        let absent = environment(&step, &[]);
        assert!(!absent.passed.contains_key(OsStr::new("FORCE_COLOR")));
        let zero = environment(&step, &[("FORCE_COLOR", "0")]);
        assert_eq!(zero.passed[OsStr::new("FORCE_COLOR")], "0");
    }
}
