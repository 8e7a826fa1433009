//! The classes of environment variables: which of them a cached step finds in its environment, and how
//! they count.
//!
//! The one place where names are listed; the page `docs/reference/environment.md` is compared with it.
//! Each name is in exactly one class: a name that stands here in full is of the class it stands in,
//! any other of the class whose pattern it fits, one that begins with a `*` last, and what fits none is
//! answered on demand.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::EnvPattern;

/// How a cached step sees a variable that it does not declare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EnvClass {
    /// `vt` sets it for each step, whatever it was outside.
    Set,
    /// It is in the environment, and its value counts.
    Value,
    /// It is in the environment. It counts where its value is found in what the step leaves.
    Neutral,
    /// It is unset for every cached step.
    Withheld,
    /// It is answered to who asks for it by name, and its value counts then.
    OnDemand,
    /// Like [`EnvClass::OnDemand`], but it says how `vt` was started: a question for all variables does not
    /// depend on it.
    Start,
    /// It is answered on demand, and counts as set or unset: its value is another one in each job.
    Identifier,
    /// Like [`EnvClass::Identifier`], but it belongs to an account or to one script: a question for all
    /// variables does not depend on it.
    Account,
}

/// Names of one class that are listed for one reason.
#[derive(Clone, Copy, Debug)]
pub struct EnvNames {
    /// The class of all of them.
    pub class: EnvClass,
    /// What they have in common.
    pub what: &'static str,
    /// Names, and patterns with `*`.
    pub names: &'static [&'static str],
}

const fn list(class: EnvClass, what: &'static str, names: &'static [&'static str]) -> EnvNames {
    EnvNames { class, what, names }
}

/// All names that are not answered on demand, with some that are, to tell them from their neighbours.
pub const ENV_NAMES: &[EnvNames] = &[
    list(
        EnvClass::Set,
        "the runner itself",
        &["VT_RUN", "VT_IPC", "VP_RUN_NODE_CLIENT_PATH"],
    ),
    list(
        EnvClass::Set,
        "where programs are found, and where the step runs",
        &["PATH", "PWD"],
    ),
    list(
        EnvClass::Set,
        "output that is shown later and elsewhere",
        &["FORCE_COLOR", "GIT_PAGER", "PAGER"],
    ),
    list(EnvClass::Value, "whether this is a CI service", &["CI"]),
    list(
        EnvClass::Value,
        "the dynamic loader",
        &["LD_*", "GLIBC_TUNABLES"],
    ),
    list(
        EnvClass::Value,
        "what the C library reads without asking",
        &[
            "LANG",
            "LANGUAGE",
            "LC_*",
            "LOCPATH",
            "NLSPATH",
            "GCONV_PATH",
            "OUTPUT_CHARSET",
            "TZ",
            "TZDIR",
            "POSIXLY_CORRECT",
            "MALLOC_*",
            "RES_OPTIONS",
            "LOCALDOMAIN",
            "HOSTALIASES",
        ],
    ),
    list(
        EnvClass::Value,
        "what is loaded into each process of Node and Python",
        &["NODE_OPTIONS", "PYTHONPATH"],
    ),
    list(
        EnvClass::Value,
        "settings of Go and of Bun, which never ask",
        &[
            "GOFLAGS",
            "GOOS",
            "GOARCH",
            "GOAMD64",
            "GOARM",
            "GOARM64",
            "GO386",
            "GOEXPERIMENT",
            "GODEBUG",
            "GOTOOLCHAIN",
            "GOWORK",
            "GO111MODULE",
            "CGO_*",
            "BUN_*",
        ],
    ),
    list(
        EnvClass::Value,
        "settings of containers, which Go reads without asking",
        &["DOCKER_*", "BUILDKIT_*", "COMPOSE_*"],
    ),
    list(
        EnvClass::Neutral,
        "the home directory, and what lies in it",
        &[
            "HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
            "PNPM_HOME",
            "BUN_INSTALL",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "GOPATH",
            "GOROOT",
            "GOCACHE",
            "GOMODCACHE",
            "GOENV",
            "DOCKER_CONFIG",
            "DOCKER_CERT_PATH",
        ],
    ),
    list(
        EnvClass::Neutral,
        "temporary files",
        &["TMPDIR", "TMP", "TEMP", "GOTMPDIR"],
    ),
    list(
        EnvClass::Neutral,
        "sockets of the session",
        &[
            "XDG_RUNTIME_DIR",
            "XAUTHORITY",
            "SSH_AUTH_SOCK",
            "DBUS_SESSION_BUS_ADDRESS",
            "DISPLAY",
            "WAYLAND_DISPLAY",
        ],
    ),
    list(
        EnvClass::Neutral,
        "the way to the network, which is no input",
        &[
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "no_proxy",
            "NODE_EXTRA_CA_CERTS",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "GOPROXY",
            "GONOPROXY",
            "GOPRIVATE",
            "GOSUMDB",
            "GONOSUMDB",
        ],
    ),
    list(
        EnvClass::Withheld,
        "the terminal",
        &[
            "TERM",
            "TERM_*",
            "TERMINFO*",
            "TERMINAL*",
            "COLORTERM",
            "COLORFGBG",
            "COLUMNS",
            "LINES",
            "NO_COLOR",
            "CLICOLOR*",
            "LS_COLORS",
            "LSCOLORS",
            "LESS*",
            "WINDOWID",
            "WT_SESSION",
            "WT_PROFILE_ID",
            "TMUX*",
            "STY",
            "ALACRITTY_*",
            "GHOSTTY_*",
            "ITERM_*",
            "KITTY_*",
            "KONSOLE_*",
            "LC_TERMINAL",
            "LC_TERMINAL_VERSION",
            "TILIX_*",
            "VTE_VERSION",
            "WEZTERM_*",
            "ZELLIJ*",
        ],
    ),
    list(
        EnvClass::Withheld,
        "the shell and the login",
        &[
            "_",
            "SHLVL",
            "OLDPWD",
            "PS1",
            "PS2",
            "PROMPT_COMMAND",
            "HIST*",
            "SSH_CLIENT",
            "SSH_CONNECTION",
            "SSH_TTY",
            "SSH_AGENT_PID",
            "GPG_TTY",
            "GPG_AGENT_INFO",
            "XDG_SESSION_*",
            "XDG_SEAT*",
            "XDG_VTNR",
            "XDG_CURRENT_DESKTOP",
            "XDG_MENU_PREFIX",
            "DESKTOP_*",
            "GNOME_*",
            "INVOCATION_ID",
            "JOURNAL_STREAM",
            "SYSTEMD_EXEC_PID",
            "MANAGERPID",
            "WSL_INTEROP",
        ],
    ),
    list(
        EnvClass::Withheld,
        "editors",
        &["VSCODE_*", "JB_IDE_*", "NVIM", "VIMRUNTIME", "INSIDE_EMACS"],
    ),
    list(
        EnvClass::Withheld,
        "files of the CI job, of which each step has its own",
        &[
            "GITHUB_ENV",
            "GITHUB_OUTPUT",
            "GITHUB_PATH",
            "GITHUB_STATE",
            "GITHUB_STEP_SUMMARY",
            "BASH_ENV",
            "RUNNER_TRACKING_ID",
            "JENKINS_NODE_COOKIE",
            "JENKINS_SERVER_COOKIE",
            "HUDSON_*COOKIE",
        ],
    ),
    list(
        EnvClass::Withheld,
        "descriptors and channels of a parent",
        &[
            "NODE_CHANNEL_*",
            "NODE_UNIQUE_ID",
            "MAKEFLAGS",
            "MFLAGS",
            "MAKELEVEL",
            "CARGO_MAKEFLAGS",
            "NOTIFY_SOCKET",
            "LISTEN_FDS",
            "LISTEN_PID",
            "LISTEN_FDNAMES",
            "VP_RUN",
            "VP_RUN_IPC_NAME",
            "VP_IPC",
        ],
    ),
    list(
        EnvClass::Withheld,
        "what is meant for `vt` itself",
        &["VT_*"],
    ),
    list(
        EnvClass::Withheld,
        "what Yarn tells those it starts",
        &["YARN_SILENT", "BERRY_BIN_FOLDER"],
    ),
    list(
        EnvClass::Start,
        "how `vt` was started",
        &["INIT_CWD", "NODE", "COLOR", "npm_*", "PNPM_SCRIPT_SRC_DIR"],
    ),
    list(
        EnvClass::Identifier,
        "commits, runs, jobs and pull requests of GitHub",
        &[
            "GITHUB_SHA",
            "GITHUB_WORKFLOW_SHA",
            "GITHUB_RUN_ID",
            "GITHUB_RUN_NUMBER",
            "GITHUB_RUN_ATTEMPT",
            "GITHUB_ACTION",
            "GITHUB_ACTION_PATH",
            "GITHUB_ACTION_REF",
            "GITHUB_ACTION_REPOSITORY",
            "GITHUB_ACTOR",
            "GITHUB_ACTOR_ID",
            "GITHUB_TRIGGERING_ACTOR",
            "GITHUB_JOB",
            "GITHUB_EVENT_PATH",
            "GITHUB_RETENTION_DAYS",
            "RUNNER_NAME",
            "RUNNER_TEMP",
            "RUNNER_WORKSPACE",
            "RUNNER_TOOL_CACHE",
            "ACTIONS_*",
            "ImageVersion",
        ],
    ),
    list(
        EnvClass::Identifier,
        "the same of GitLab",
        &[
            "CI_BUILD_*",
            "CI_COMMIT_*SHA",
            "CI_COMMIT_AUTHOR",
            "CI_COMMIT_DESCRIPTION",
            "CI_COMMIT_MESSAGE",
            "CI_COMMIT_TIMESTAMP",
            "CI_COMMIT_TITLE",
            "CI_CONCURRENT_*",
            "CI_DEPLOY_*",
            "CI_EXTERNAL_PULL_REQUEST_*",
            "CI_JOB_*",
            "CI_MERGE_REQUEST_*",
            "CI_PIPELINE_*ID",
            "CI_PIPELINE_CREATED_AT",
            "CI_PIPELINE_URL",
            "CI_REGISTRY_PASSWORD",
            "CI_REGISTRY_USER",
            "CI_REPOSITORY_URL",
            "CI_RUNNER_*",
            "CI_SERVER_TLS_*",
            "GITLAB_USER_*",
        ],
    ),
    list(
        EnvClass::Identifier,
        "the same of Jenkins and TeamCity",
        &[
            "BUILD_DISPLAY_NAME",
            "BUILD_ID",
            "BUILD_NUMBER",
            "BUILD_TAG",
            "BUILD_TIMESTAMP",
            "BUILD_URL",
            "BUILD_USER*",
            "BUILD_VCS_NUMBER*",
            "CHANGE_*",
            "EXECUTOR_NUMBER",
            "GIT_COMMIT",
            "GIT_PREVIOUS_*",
            "JENKINS_HOME",
            "JOB_DISPLAY_URL",
            "JOB_URL",
            "NODE_NAME",
            "RUN_*URL",
            "RUN_ID",
            "TEAMCITY_*",
            "WORKSPACE",
            "WORKSPACE_TMP",
        ],
    ),
    list(
        EnvClass::Identifier,
        "the same of other CI services",
        &[
            "AGENT_*",
            "APPVEYOR_*BUILD_*",
            "APPVEYOR_JOB_*",
            "APPVEYOR_PULL_REQUEST_*",
            "APPVEYOR_REPO_COMMIT*",
            "BITBUCKET_BUILD_NUMBER",
            "BITBUCKET_COMMIT",
            "BITBUCKET_*UUID",
            "BITBUCKET_PR_*",
            "BUILDKITE_AGENT_*",
            "BUILDKITE_BUILD_*",
            "BUILDKITE_COMMIT",
            "BUILDKITE_JOB_*",
            "BUILDKITE_MESSAGE",
            "BUILDKITE_PULL_REQUEST*",
            "BUILDKITE_STEP_*",
            "BUILD_BUILD*",
            "BUILD_QUEUEDBY*",
            "BUILD_REQUESTEDFOR*",
            "BUILD_SOURCEVERSION*",
            "CIRCLE_BUILD_*",
            "CIRCLE_*ID",
            "CIRCLE_NODE_*",
            "CIRCLE_PR_*",
            "CIRCLE_PULL_REQUEST*",
            "CIRCLE_SHA1",
            "CODEBUILD_*",
            "DRONE_BUILD_*",
            "DRONE_COMMIT",
            "DRONE_COMMIT_*",
            "DRONE_PULL_REQUEST*",
            "DRONE_STAGE_*",
            "DRONE_STEP_*",
            "SEMAPHORE_*ID",
            "SEMAPHORE_*NUMBER",
            "SEMAPHORE_GIT_*SHA",
            "SYSTEM_*ID",
            "SYSTEM_PULLREQUEST_*",
            "SYSTEM_JOB*",
            "TRAVIS_BUILD_*",
            "TRAVIS_COMMIT*",
            "TRAVIS_JOB_*",
            "TRAVIS_PULL_REQUEST*",
            "COMMIT_SHA",
            "COMMIT_HASH",
            "SHORT_SHA",
            "REVISION_ID",
        ],
    ),
    list(
        EnvClass::Identifier,
        "commits and deployments of hosting platforms",
        &[
            "CACHED_COMMIT_REF",
            "CF_PAGES_COMMIT_SHA",
            "CF_PAGES_URL",
            "COMMIT_REF",
            "DEPLOY_ID",
            "DEPLOY_PRIME_URL",
            "DEPLOY_URL",
            "HEROKU_BUILD_COMMIT",
            "HEROKU_SLUG_COMMIT",
            "NOW_GITHUB_COMMIT_*",
            "RAILWAY_DEPLOYMENT_ID",
            "RAILWAY_GIT_COMMIT_*",
            "RENDER_GIT_COMMIT",
            "RENDER_INSTANCE_ID",
            "REVIEW_ID",
            "SOURCE_COMMIT",
            "SOURCE_VERSION",
            "VERCEL_DEPLOYMENT_ID",
            "VERCEL_GIT_COMMIT_AUTHOR_*",
            "VERCEL_GIT_COMMIT_MESSAGE",
            "VERCEL_GIT_COMMIT_SHA",
            "VERCEL_GIT_PREVIOUS_SHA",
            "VERCEL_GIT_PULL_REQUEST_ID",
            "VERCEL_URL",
            "WORKERS_CI_BUILD_UUID",
            "WORKERS_CI_COMMIT_SHA",
        ],
    ),
    list(
        EnvClass::Identifier,
        "sessions of editors and agents",
        &[
            "CLAUDE_*",
            "CODEX_*",
            "COPILOT_*",
            "CURSOR_*",
            "GEMINI_CLI_*",
            "JB_INTERPRETER",
            "_JETBRAINS_*",
            "WINDSURF_*",
            "ZED_*",
        ],
    ),
    list(
        EnvClass::Identifier,
        "credentials that are made anew for each job",
        &[
            "*_OIDC_*",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AZURE_CLIENT_SECRET",
            "CLOUDSDK_AUTH_*",
            "GH_TOKEN",
            "GITHUB_TOKEN",
            "GITLAB_TOKEN",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_GHA_CREDS_PATH",
            "NODE_AUTH_TOKEN",
            "NPM_TOKEN",
            "SYSTEM_ACCESSTOKEN",
            "VAULT_TOKEN",
        ],
    ),
    list(
        EnvClass::Account,
        "the account and its machine",
        &[
            "USER", "LOGNAME", "USERNAME", "SHELL", "MAIL", "HOSTNAME", "HOST", "EDITOR", "VISUAL",
            "BROWSER", "GPG_*", "SSH_*",
        ],
    ),
    list(
        EnvClass::Account,
        "which script is run",
        &["npm_lifecycle_event", "npm_lifecycle_script"],
    ),
];

struct Classes {
    names: HashMap<&'static str, EnvClass>,
    /// By the byte they begin with.
    patterns: HashMap<u8, Vec<(EnvPattern, EnvClass)>>,
}

static CLASSES: LazyLock<Classes> = LazyLock::new(|| {
    let each = ENV_NAMES
        .iter()
        .flat_map(|list| list.names.iter().map(|name| (*name, list.class)));
    let (wild, names): (Vec<_>, Vec<_>) = each.partition(|(name, _)| name.contains('*'));
    let mut patterns: HashMap<u8, Vec<(EnvPattern, EnvClass)>> = HashMap::new();
    for (pattern, class) in wild {
        let of_first = patterns.entry(pattern.as_bytes()[0]).or_default();
        of_first.push((EnvPattern::new(pattern), class));
    }
    Classes {
        names: names.into_iter().collect(),
        patterns,
    }
});

impl EnvClass {
    /// The class of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if let Some(class) = CLASSES.names.get(name) {
            return *class;
        }
        let of_first = |first: u8| CLASSES.patterns.get(&first).into_iter().flatten();
        let mut patterns = name
            .bytes()
            .next()
            .into_iter()
            .flat_map(of_first)
            .chain(of_first(b'*'));
        patterns
            .find(|(pattern, _)| pattern.matches(name))
            .map_or(Self::OnDemand, |(_, class)| *class)
    }

    /// Whether a variable of this class counts as set or unset, until its value is mentioned.
    #[must_use]
    pub const fn is_by_presence(self) -> bool {
        matches!(self, Self::Identifier | Self::Account)
    }

    /// Whether a variable of this class is answered to who asks for it by name.
    #[must_use]
    pub const fn is_on_demand(self) -> bool {
        matches!(
            self,
            Self::OnDemand | Self::Start | Self::Identifier | Self::Account
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn patterns() -> impl Iterator<Item = (&'static str, EnvClass)> {
        let each = |list: &'static EnvNames| list.names.iter().map(|name| (*name, list.class));
        ENV_NAMES.iter().flat_map(each)
    }

    #[test]
    fn no_name_is_listed_twice() {
        let mut seen = BTreeSet::new();
        for (name, _) in patterns() {
            assert!(seen.insert(name), "{name} is listed twice");
        }
    }

    /// A name that fits patterns of two classes would be of the one that happens to come first.
    #[test]
    fn no_name_fits_patterns_of_two_classes() {
        let wild = |(name, _): &(&str, EnvClass)| name.contains('*') && !name.starts_with('*');
        let wild: Vec<_> = patterns().filter(wild).collect();
        for (pattern, class) in &wild {
            // What the star stands for may be what another pattern begins or ends with.
            let parts = wild.iter().flat_map(|(other, _)| other.split('*'));
            for part in parts.chain([""]) {
                let name = pattern.replace('*', part);
                if patterns().any(|(known, _)| known == name) {
                    continue;
                }
                for (other, of_other) in &wild {
                    assert!(
                        class == of_other || !EnvPattern::new(*other).matches(&name),
                        "{name} fits {pattern} and {other}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_page_lists_the_same_names_for_the_same_reasons() {
        let page = include_str!("../../../docs/reference/environment.md");
        let mut section = "";
        let mut told = Vec::new();
        for line in page.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                section = title;
            }
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            if let ["", what, names, ""] = cells[..]
                && names.starts_with('`')
            {
                let names = names.split(' ').map(|name| name.trim_matches('`'));
                told.push((section, what, names.collect::<Vec<_>>()));
            }
        }
        let title = |class| match class {
            EnvClass::Set => "Set by `vt`",
            EnvClass::Value => "In the environment",
            EnvClass::Neutral => "Neutral",
            EnvClass::Withheld => "Withheld",
            EnvClass::OnDemand | EnvClass::Start => "On demand",
            EnvClass::Identifier | EnvClass::Account => "Identifiers",
        };
        let listed: Vec<_> = ENV_NAMES
            .iter()
            .map(|list| (title(list.class), list.what, list.names.to_vec()))
            .collect();
        assert_eq!(told, listed);
    }

    #[test]
    fn a_name_in_full_stands_above_patterns() {
        for (name, class) in [
            ("CI", EnvClass::Value),
            ("LC_ALL", EnvClass::Value),
            ("HOME", EnvClass::Neutral),
            ("BUN_INSTALL", EnvClass::Neutral),
            ("TERM", EnvClass::Withheld),
            ("GITHUB_OUTPUT", EnvClass::Withheld),
            ("SSH_CONNECTION", EnvClass::Withheld),
            ("VT_RUN", EnvClass::Set),
            ("GITHUB_SHA", EnvClass::Identifier),
            ("GITHUB_REF_NAME", EnvClass::OnDemand),
            ("STORYBLOK_TOKEN", EnvClass::OnDemand),
            ("npm_package_name", EnvClass::Start),
            ("VERCEL_ENV", EnvClass::OnDemand),
        ] {
            assert_eq!(EnvClass::of(name), class, "{name}");
        }
    }
}
