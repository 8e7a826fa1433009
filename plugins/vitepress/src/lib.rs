//! What vt knows about VitePress, whose Vite does not speak for itself.

use reading::{first_word, from_files, track_prefixes};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `vitepress`.
#[derive(Debug)]
pub struct VitePress;

rule_plugin! {
    plugin: VitePress,
    id: "vitepress",
    programs: ["vitepress"],
    dependencies: [],
    // In the order in which VitePress looks for them; the folder `docs` is the one its guide uses.
    files: [
        ".vitepress/config.js",
        ".vitepress/config.ts",
        ".vitepress/config.mjs",
        ".vitepress/config.mts",
        "docs/.vitepress/config.js",
        "docs/.vitepress/config.ts",
        "docs/.vitepress/config.mjs",
        "docs/.vitepress/config.mts",
    ],
    env: [],
}

impl RulePlugin for VitePress {
    fn judge(session: &Session) {
        let args = session.tool_args();
        // Without a sub-command, and with any other word, VitePress serves.
        let ends = args
            .as_deref()
            .is_none_or(|args| matches!(first_word(args), Some("build" | "init")));
        if !ends {
            session.cache_off("VitePress goes on until it is stopped");
            return;
        }
        let prefixes = from_files(session, Self::FILES, "envPrefix", &["VITE_"]);
        track_prefixes(session, &prefixes);
        session.track_env("NODE_ENV");
    }
}
