//! What vt knows about tools that need nothing else said: which variables they inline, or go by.

use reading::NITRO_HOSTS;
use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for a table of tools.
#[derive(Debug)]
pub struct EnvPrefixes;

rule_plugin! {
    plugin: EnvPrefixes,
    id: "env-prefixes",
    programs: [
        "blitz",
        "eslint",
        "expo",
        "gatsby",
        "nitro",
        "nitropack",
        "prettier",
        "react-scripts",
        "remix",
        "rollup",
        "rw",
        "sanity",
        "vinxi",
        "vue-cli-service",
        "webpack",
    ],
    dependencies: [],
    files: [],
    env: [],
}

/// Tools, and the variables that end up in what they build or say. None of them lets a
/// configuration move the prefix.
const TOOLS: [(&str, &[&str]); 15] = [
    ("blitz", &["NEXT_PUBLIC_*"]),
    ("eslint", &["ESLINT_*"]),
    ("expo", &["EXPO_PUBLIC_*"]),
    ("gatsby", &["GATSBY_*"]),
    ("nitro", &["NITRO_*", "SERVER_*"]),
    ("nitropack", &["NITRO_*", "SERVER_*"]),
    ("prettier", &["PRETTIER_*"]),
    ("react-scripts", &["PUBLIC_URL", "REACT_APP_*"]),
    ("remix", &["REMIX_*", "VITE_*"]),
    ("rollup", &["ROLLUP_*"]),
    ("rw", &["REDWOOD_ENV_*"]),
    ("sanity", &["SANITY_STUDIO_*"]),
    ("vinxi", &["NITRO_*", "SERVER_*", "VITE_*"]),
    ("vue-cli-service", &["VUE_APP_*"]),
    ("webpack", &["WEBPACK_*"]),
];

/// Those that build a server with Nitro.
const WITH_NITRO: [&str; 3] = ["nitro", "nitropack", "vinxi"];

impl RulePlugin for EnvPrefixes {
    fn judge(session: &Session) {
        let tool = session.tool();
        let patterns = TOOLS
            .iter()
            .filter(|(name, _)| *name == tool)
            .flat_map(|(_, patterns)| *patterns);
        for pattern in patterns {
            session.track_env(pattern);
        }
        if WITH_NITRO.contains(&tool.as_str()) {
            for name in NITRO_HOSTS {
                session.track_env(name);
            }
        }
    }
}
