//! What vt knows about tsdown: which variables it inlines.

use reading::{asks_for, from_files, track_prefixes};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `tsdown`.
#[derive(Debug)]
pub struct Tsdown;

rule_plugin! {
    plugin: Tsdown,
    id: "tsdown",
    programs: ["tsdown"],
    dependencies: [],
    // In the order in which it looks for them.
    files: [
        "tsdown.config.ts",
        "tsdown.config.mts",
        "tsdown.config.cts",
        "tsdown.config.js",
        "tsdown.config.mjs",
        "tsdown.config.cjs",
        "tsdown.config.json",
    ],
    env: [],
}

impl RulePlugin for Tsdown {
    fn judge(session: &Session) {
        let watches = |args: Vec<String>| asks_for(&args, &["--watch", "-w"]);
        if session.tool_args().is_some_and(watches) {
            session.cache_off("tsdown goes on until it is stopped");
            return;
        }
        let prefixes = from_files(session, Self::FILES, "envPrefix", &["TSDOWN_"]);
        track_prefixes(session, &prefixes);
    }
}
