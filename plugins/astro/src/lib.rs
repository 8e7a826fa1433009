//! What vt knows about Astro: when its wish not to be cached means nothing, and what it leaves in the
//! home directory.

use reading::{asks_for, first_word, speak_for_vite};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `astro`.
#[derive(Debug)]
pub struct Astro;

rule_plugin! {
    plugin: Astro,
    id: "astro",
    programs: ["astro"],
    dependencies: [],
    // In the order in which Astro looks for them.
    files: [
        "astro.config.mjs",
        "astro.config.js",
        "astro.config.ts",
        "astro.config.mts",
        "node_modules/vite/package.json",
    ],
    env: [],
}

impl RulePlugin for Astro {
    fn judge(session: &Session) {
        let args = session.tool_args();
        let command = args.as_deref().and_then(first_word);
        let watches = args
            .as_deref()
            .is_none_or(|args| asks_for(args, &["--watch"]));
        if matches!(command, Some("build" | "check" | "sync")) && !watches {
            session.opt_out_is_noise(
                "Astro makes a Vite server to read the content, and this run ends by itself",
            );
        }
        speak_for_vite(session, Self::FILES, "envPrefix", "PUBLIC_");
        session.ignore_output("~/.config/astro/**");
        // Astro sets it where it is missing, so that Vite has no reason to ask for it.
        session.track_env("NODE_ENV");
    }
}
