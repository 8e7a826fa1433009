//! The environment of a step: what it sees, and what of that counts.
//!
//! A cached step sees what was declared, the defaults below and nothing else, so that a variable
//! nobody declared is absent rather than silently untracked. A step that is not cached sees
//! everything. Values are only handed on here, never shown.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::sync::{Arc, LazyLock};

use vt_base::{AbsPath, CachePolicy, EnvMap, EnvPatterns, Invocation};

/// The name under which [`StepEnvironment::declared`] says whether `CI` is set.
pub const CI_PRESENCE: &str = "CI (set or not)";

/// Where programs are looked up when the host has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Defaults whose values results depend on: they are passed and fingerprinted.
const FINGERPRINTED: [&str; 4] = ["NODE_OPTIONS", "TZ", "LANG", "LC_*"];

/// What a cached step finds set unless somebody decided about it. Its output is shown later, too,
/// and elsewhere, so colours are asked for always and dropped where they can't be shown. And as
/// nobody is asked anything by it, no pager may wait for a key.
const OF_CACHED: [(&str, &str); 3] = [("FORCE_COLOR", "1"), ("GIT_PAGER", "cat"), ("PAGER", "cat")];

/// Defaults that are passed only, by what they belong to. `NODE_ENV` is not among them, since
/// tools that find it in their environment do not ask the runner for it; nor are prefixes of
/// frameworks, since what they name ends up in bundles.
const PASSED: [&[&str]; 10] = [
    // The account and its shell.
    &["HOME", "USER", "LOGNAME", "SHELL", "PWD", "PATH"],
    // The desktop session.
    &[
        "XDG_RUNTIME_DIR",
        "XAUTHORITY",
        "DBUS_SESSION_BUS_ADDRESS",
        "DISPLAY",
    ],
    // Package managers.
    &["COREPACK_*", "NPM_CONFIG_STORE_DIR", "PNPM_HOME"],
    // The dynamic loader.
    &[
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "DYLD_FALLBACK_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
        "LIBPATH",
    ],
    // Temporary files.
    &["TMPDIR", "TMP", "TEMP"],
    // Hosting platforms.
    &[
        "VERCEL",
        "VERCEL_*",
        "USE_OUTPUT_FOR_EDGE_FUNCTIONS",
        "NOW_BUILDER",
        "VC_MICROFRONTENDS_CONFIG_FILE_NAME",
    ],
    // CI services; whether `CI` is set counts, its value does not.
    &["CI", "GITHUB_*", "RUNNER_*"],
    // Editors.
    &[
        "ELECTRON_RUN_AS_NODE",
        "JB_INTERPRETER",
        "_JETBRAINS_TEST_RUNNER_RUN_SCOPE_TYPE",
        "JB_IDE_*",
        "VSCODE_*",
    ],
    // Containers and browsers.
    &["DOCKER_*", "BUILDKIT_*", "COMPOSE_*", "PLAYWRIGHT_*"],
    // Credentials.
    &["*_TOKEN"],
];

static OF_VALUE: LazyLock<EnvPatterns> = LazyLock::new(|| EnvPatterns::new(FINGERPRINTED));
static DEFAULTS: LazyLock<EnvPatterns> =
    LazyLock::new(|| EnvPatterns::new(PASSED.into_iter().flatten().copied()));

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
    /// What questions of cooperating tools are answered from.
    pub unfiltered: Arc<EnvMap>,
    /// The directories in which programs are looked up, first one first.
    pub path: Vec<AbsPath>,
}

/// Works out the environment of a step.
///
/// `host` is the environment `vt` was started with, less what belongs to another runner and must not
/// be inherited; `fixed` is set for every step and wins over everything else, and `extra_passed` are
/// names that rules ask to be passed.
#[must_use]
pub fn step_environment(
    invocation: &Invocation,
    host: &Arc<EnvMap>,
    root: &AbsPath,
    fixed: &EnvMap,
    extra_passed: &EnvPatterns,
) -> StepEnvironment {
    let mut unfiltered = Arc::clone(host);
    let filter = Filter::new(invocation, extra_passed);
    let mut passed = match invocation.cache {
        CachePolicy::Disabled => EnvMap::clone(&unfiltered),
        CachePolicy::Enabled => filter.pass(&unfiltered),
    };
    let declared = match invocation.cache {
        CachePolicy::Disabled => BTreeMap::new(),
        CachePolicy::Enabled => filter.fingerprint(&unfiltered),
    };

    let directory = root.join_rel(&invocation.directory);
    let search = search_path(invocation, root, unfiltered.get(OsStr::new("PATH")));
    passed.insert("PATH".into(), search);
    passed.insert("PWD".into(), directory.as_path().into());
    if invocation.cache == CachePolicy::Enabled {
        let missing = OF_CACHED.iter().filter(|(name, _)| !filter.mentions(name));
        passed.extend(missing.map(|(name, value)| ((*name).into(), (*value).into())));
    }
    for (name, value) in &invocation.env_prefix {
        Arc::make_mut(&mut unfiltered).insert(name.into(), value.into());
        passed.insert(name.into(), value.into());
    }
    passed.extend(fixed.clone());

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
        unfiltered,
        path,
    }
}

/// What one step declares about names.
struct Filter<'a> {
    prefix: &'a [(String, String)],
    tracked: EnvPatterns,
    untracked: EnvPatterns,
    extra: &'a EnvPatterns,
    defaults: &'static EnvPatterns,
    fingerprinted: &'static EnvPatterns,
}

impl<'a> Filter<'a> {
    fn new(invocation: &'a Invocation, extra: &'a EnvPatterns) -> Self {
        let patterns = |list: &[String]| EnvPatterns::new(list.iter().map(String::as_str));
        Self {
            prefix: &invocation.env_prefix,
            tracked: patterns(&invocation.declared.env),
            untracked: patterns(&invocation.declared.untracked_env),
            extra,
            defaults: &DEFAULTS,
            fingerprinted: &OF_VALUE,
        }
    }

    /// Whether somebody decided about a name, so that no default is set for it.
    fn mentions(&self, name: &str) -> bool {
        self.tracked.matches(name) || self.untracked.matches(name) || self.extra.matches(name)
    }

    /// Cuts an environment down to what a cached step sees.
    fn pass(&self, host: &EnvMap) -> EnvMap {
        let sees = |name: &str| {
            self.mentions(name) || self.defaults.matches(name) || self.fingerprinted.matches(name)
        };
        let pairs = host
            .iter()
            .filter(|(name, _)| name.to_str().is_some_and(sees));
        pairs
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The values that count.
    fn fingerprint(&self, host: &EnvMap) -> BTreeMap<String, Option<OsString>> {
        let mut declared = BTreeMap::new();
        // A name the task lists as untracked stays so, unless the task tracks it as well.
        let by_default =
            |name: &str| self.fingerprinted.matches(name) && !self.untracked.matches(name);
        let literals = self
            .tracked
            .literals()
            .filter(|name| self.tracked.matches(name));
        let defaults = self
            .fingerprinted
            .literals()
            .filter(|name| by_default(name));
        for name in literals.chain(defaults) {
            declared.insert(name.to_owned(), None);
        }
        for (name, value) in host {
            let Some(name) = name.to_str() else { continue };
            if self.tracked.matches(name) || by_default(name) {
                declared.insert(name.to_owned(), Some(value.clone()));
            }
        }
        for (name, value) in self.prefix {
            declared.insert(name.clone(), Some(value.into()));
        }
        if !declared.contains_key("CI") && !self.untracked.matches("CI") {
            let present = host.contains_key(OsStr::new("CI"));
            declared.insert(CI_PRESENCE.to_owned(), present.then(|| "set".into()));
        }
        declared
    }
}

/// `PATH` with the programs of the package, and of the directories up to the root, in front.
fn search_path(invocation: &Invocation, root: &AbsPath, host: Option<&OsString>) -> OsString {
    let package = std::iter::once(invocation.package_dir.clone());
    let directories = package.chain(invocation.package_dir.ancestors());
    let own: Vec<AbsPath> = directories
        .map(|directory| root.join_rel(&directory).join("node_modules/.bin"))
        .collect();
    let host = host.map_or(OsStr::new(DEFAULT_PATH), OsString::as_os_str);
    // A nested run finds its own directories there already.
    let inherited = host.as_bytes().split(|byte| *byte == b':');
    let inherited = inherited.filter(|entry| !own.iter().any(|path| path.as_bytes() == *entry));
    let entries: Vec<&[u8]> = own.iter().map(AbsPath::as_bytes).chain(inherited).collect();
    OsString::from_vec(entries.join(&b':'))
}

#[cfg(test)]
mod tests {
    use vt_base::{Declared, Program, RelPath, StepId};

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
        step_environment(invocation, &Arc::new(map(host)), &root, &fixed, &extra)
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
                ("HOME", "/h"),
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
                "NPM_TOKEN",
                "PAGER",
                "PATH",
                "PWD",
                "U",
                "VT_RUN"
            ]
        );
        assert_eq!(seen.passed[OsStr::new("PWD")], "/w/packages/a/sub");
        assert!(seen.unfiltered.contains_key(OsStr::new("NODE_ENV")));
        assert_eq!(seen.untracked_names, ["U"]);
    }

    #[test]
    fn what_counts_is_what_is_tracked_and_absence_counts_too() {
        let step = invocation(CachePolicy::Enabled, &["MODE", "APP_*"], &["TZ"]);
        let host = [
            ("APP_A", "a"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
            ("HOME", "/h"),
        ];
        let seen = environment(&step, &host);
        let declared: Vec<_> = seen
            .declared
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str(),
                    value.as_ref().and_then(|value| value.to_str()),
                )
            })
            .collect();
        assert_eq!(
            declared,
            [
                ("APP_A", Some("a")),
                (CI_PRESENCE, None),
                ("LANG", None),
                ("LC_ALL", Some("C")),
                ("MODE", None),
                ("NODE_OPTIONS", None),
            ]
        );
    }

    #[test]
    fn of_ci_only_its_presence_counts_unless_it_is_declared() {
        let presence = |env: &[&str], untracked: &[&str], value: &str| {
            let step = invocation(CachePolicy::Enabled, env, untracked);
            environment(&step, &[("CI", value)]).declared
        };
        assert_eq!(presence(&[], &[], "1"), presence(&[], &[], "true"));
        assert_eq!(presence(&[], &[], "1")[CI_PRESENCE], Some("set".into()));
        assert!(!presence(&[], &["CI"], "1").contains_key(CI_PRESENCE));
        assert_eq!(presence(&["CI"], &[], "1")["CI"], Some("1".into()));
        assert!(!presence(&["CI"], &[], "1").contains_key(CI_PRESENCE));
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
        assert_eq!(seen.unfiltered[OsStr::new("MODE")], "b");
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
        assert_eq!(names(&seen.passed), ["ANY", "PATH", "PWD", "VT_RUN"]);
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
