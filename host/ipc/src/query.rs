//! Queries over the names of variables, and which of their matches a run depends on.
//!
//! The same functions decide what a run records and what a later look-up compares it with.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher};
use vt_base::{EnvMap, EnvPatterns};
use vt_protocol::EnvSelector;

/// Which variables a tool asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EnvQuery {
    /// Names that match a glob as a whole. One that is not a valid glob matches nothing.
    Glob(String),
    /// Names that begin with a text; `*` is a plain character in it, and an empty one means all.
    Prefix(String),
}

/// Variables of the channel between runner and client: never served, since they differ each run.
const CHANNEL_NAMES: [&str; 3] = [
    vt_protocol::ENDPOINT_VARIABLE,
    "VP_RUN_NODE_CLIENT_PATH",
    "VP_RUN_IPC_NAME",
];

/// Names that say in which terminal, login or CI job something runs, and with which credentials
/// of that job. A tool that asks for everything gets them, and the run does not depend on them.
///
/// Credentials are listed by name and not as `*_TOKEN`: the token of a map is no credential of a
/// job, and it belongs into the bundle.
const SESSION_NAMES: &[&str] = &[
    // What a tracker further out has set.
    "VT_TRACKER",
    "LD_PRELOAD",
    // Shells and terminals.
    "_",
    "SHLVL",
    "PWD",
    "OLDPWD",
    "INIT_CWD",
    "COLUMNS",
    "LINES",
    "LS_COLORS",
    "COLORTERM",
    "TERM",
    "TERM_PROGRAM*",
    "TERM_SESSION_ID",
    "WINDOWID",
    "TMUX",
    "TMUX_PANE",
    "STY",
    "ALACRITTY_*",
    "GHOSTTY_*",
    "GNOME_TERMINAL_*",
    "ITERM_*",
    "KITTY_*",
    "KONSOLE_*",
    "VTE_VERSION",
    "WEZTERM_*",
    "WT_SESSION",
    "JB_IDE_*",
    "VSCODE_*",
    // Logins, and where their programs and temporary files are.
    "HOME",
    "PATH",
    "PNPM_HOME",
    "SHELL",
    "TEMP",
    "TMP",
    "TMPDIR",
    "USER",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GPG_*",
    "HOSTNAME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LOGNAME",
    "MAIL",
    "SSH_*",
    "SYSTEMD_EXEC_PID",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_SEAT",
    "XDG_SESSION_*",
    "XDG_VTNR",
    // Runners and package managers, which tell each program how they were started themselves.
    "VP_RUN",
    "COLOR",
    "EDITOR",
    "NODE",
    "npm_command",
    "npm_config_*",
    "npm_execpath",
    "npm_lifecycle_*",
    "npm_node_execpath",
    "npm_package_*",
    // CI systems.
    "ACTIONS_*",
    "AGENT_*",
    "APPVEYOR_*",
    "BITBUCKET_*",
    "BUILDKITE_*",
    "BUILD_BUILD*",
    "BUILD_ID",
    "BUILD_NUMBER",
    "BUILD_QUEUEDBY*",
    "BUILD_REQUESTEDFOR*",
    "BUILD_SOURCEBRANCH*",
    "BUILD_SOURCEVERSION*",
    "BUILD_TAG",
    "BUILD_URL",
    "CACHED_COMMIT_REF",
    "CF_PAGES_COMMIT_SHA",
    "CF_PAGES_URL",
    "CIRCLE_*",
    "CI_*",
    "CODEBUILD_*",
    "COMMIT_REF",
    "DEPLOY_ID",
    "DEPLOY_PRIME_URL",
    "DEPLOY_URL",
    "DRONE_*",
    "GITHUB_*",
    "GITLAB_*",
    "JENKINS_*",
    "ImageVersion",
    "JOB_NAME",
    "RENDER_GIT_COMMIT",
    "RENDER_INSTANCE_ID",
    "RUNNER_*",
    "SEMAPHORE_*",
    "SYSTEM_*",
    "TEAMCITY_*",
    "TRAVIS_*",
    "VERCEL_DEPLOYMENT_ID",
    "VERCEL_GIT_*",
    "VERCEL_URL",
    // Credentials of a job, for registries and clouds: many are made for each job.
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "CLOUDSDK_AUTH_*",
    "GH_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_GHA_CREDS_PATH",
    "NODE_AUTH_TOKEN",
    "NPM_TOKEN",
    "VAULT_TOKEN",
];

/// Whether a name says in which terminal, login or CI job something runs.
#[must_use]
pub fn session_name(name: &str) -> bool {
    static PATTERNS: LazyLock<EnvPatterns> =
        LazyLock::new(|| EnvPatterns::new(SESSION_NAMES.iter().copied()));
    PATTERNS.matches(name)
}

/// Whether a name belongs to the channel between runner and client.
pub(crate) fn channel_name(name: &str) -> bool {
    CHANNEL_NAMES.contains(&name)
}

impl EnvQuery {
    /// Whether a run that asked this depends on a variable of that name.
    ///
    /// A query for everything does not depend on [session names](session_name).
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.selection().is_some_and(|selection| {
            selection.selects(name)
                && !channel_name(name)
                && !(self.asks_for_everything() && session_name(name))
        })
    }

    /// The variables of an environment that a run which asked this depends on.
    ///
    /// Left out are names that are `declared` (they count already) or `untracked` (they never
    /// count), and `session_names` beyond the built-in ones when everything is asked for. Names
    /// that are not UTF-8 never match.
    #[must_use]
    pub fn match_set(
        &self,
        env: &EnvMap,
        declared: &EnvPatterns,
        untracked: &EnvPatterns,
        session_names: &EnvPatterns,
    ) -> BTreeMap<String, OsString> {
        let Some(selection) = self.selection() else {
            return BTreeMap::new();
        };
        let everything = self.asks_for_everything();
        env.iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value)))
            .filter(|(name, _)| selection.selects(name) && !channel_name(name))
            .filter(|(name, _)| !everything || !(session_name(name) || session_names.matches(name)))
            .filter(|(name, _)| !declared.matches(name) && !untracked.matches(name))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    /// What the query selects before anything is left out; `None` if its glob is invalid.
    pub(crate) fn selection(&self) -> Option<Selection<'_>> {
        match self {
            Self::Prefix(prefix) => Some(Selection::Prefix(prefix)),
            Self::Glob(glob) => GlobBuilder::new(glob)
                .backslash_escape(true)
                .build()
                .ok()
                .map(|glob| Selection::Glob(glob.compile_matcher())),
        }
    }

    fn asks_for_everything(&self) -> bool {
        match self {
            Self::Prefix(prefix) => prefix.is_empty(),
            Self::Glob(glob) => !glob.is_empty() && glob.bytes().all(|byte| byte == b'*'),
        }
    }
}

impl From<EnvSelector> for EnvQuery {
    fn from(selector: EnvSelector) -> Self {
        match selector {
            EnvSelector::Glob(glob) => Self::Glob(glob),
            EnvSelector::Prefix(prefix) => Self::Prefix(prefix),
        }
    }
}

/// A query that is ready to be asked many times.
pub(crate) enum Selection<'a> {
    Glob(GlobMatcher),
    Prefix(&'a str),
}

impl Selection<'_> {
    pub(crate) fn selects(&self, name: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.is_match(name),
            Self::Prefix(prefix) => name.starts_with(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> EnvQuery {
        EnvQuery::Prefix(text.to_owned())
    }

    fn glob(text: &str) -> EnvQuery {
        EnvQuery::Glob(text.to_owned())
    }

    #[test]
    fn a_star_in_a_prefix_is_a_plain_character() {
        assert!(prefix("A*").matches("A*B"));
        assert!(!prefix("A*").matches("AB"));
        assert!(glob("A*").matches("AB"));
        assert!(!glob("A*").matches("XAB"));
        assert!(glob("{A,B}_?").matches("B_1"));
        assert!(!glob("a*").matches("AB"));
    }

    #[test]
    fn an_invalid_glob_matches_nothing() {
        assert!(glob("[").selection().is_none());
        assert!(!glob("[").matches("["));
    }

    #[test]
    fn a_query_for_everything_does_not_depend_on_the_session() {
        for everything in [prefix(""), glob("*")] {
            assert!(!everything.matches("GITHUB_SHA"));
            assert!(!everything.matches("SHLVL"));
            assert!(!everything.matches("PATH"));
            assert!(!everything.matches("npm_config_local_prefix"));
            assert!(!everything.matches("AWS_SESSION_TOKEN"));
            assert!(everything.matches("GIT"));
            assert!(everything.matches("BUILD_TARGET"));
            assert!(everything.matches("MAP_TOKEN"));
        }
        assert!(prefix("GITHUB_").matches("GITHUB_SHA"));
        assert!(prefix("AWS_").matches("AWS_SESSION_TOKEN"));
    }

    #[test]
    fn the_channel_itself_never_matches() {
        for query in [prefix(""), prefix("V"), glob("VT_*")] {
            assert!(!query.matches("VT_IPC"));
        }
    }

    #[test]
    fn the_match_set_leaves_out_what_counts_already_or_never() {
        let env: EnvMap = ["V_A", "V_B", "V_C", "CI_X", "X"]
            .into_iter()
            .map(|name| (name.into(), "1".into()))
            .collect();
        let names = |query: EnvQuery| {
            query
                .match_set(
                    &env,
                    &EnvPatterns::new(["V_A"]),
                    &EnvPatterns::new(["V_B"]),
                    &EnvPatterns::new(["X"]),
                )
                .into_keys()
                .collect::<Vec<_>>()
        };
        assert_eq!(names(prefix("V_")), ["V_C"]);
        assert_eq!(names(prefix("")), ["V_C"]);
        assert_eq!(names(prefix("X")), ["X"]);
        assert_eq!(names(glob("CI_*")), ["CI_X"]);
    }
}
