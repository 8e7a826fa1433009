//! What vt knows about React Router as a framework: when its wish not to be cached means nothing.

use reading::{asks_for, first_word, speak_for_vite};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `react-router`.
#[derive(Debug)]
pub struct ReactRouter;

rule_plugin! {
    plugin: ReactRouter,
    id: "react-router",
    programs: ["react-router"],
    dependencies: [],
    // In the order in which Vite looks for them.
    files: [
        "vite.config.js",
        "vite.config.mjs",
        "vite.config.ts",
        "vite.config.cjs",
        "vite.config.mts",
        "vite.config.cts",
        "node_modules/vite/package.json",
    ],
    env: [],
}

impl RulePlugin for ReactRouter {
    fn judge(session: &Session) {
        let args = session.tool_args();
        let watches = args
            .as_deref()
            .is_none_or(|args| asks_for(args, &["--watch"]));
        let command = args.as_deref().and_then(first_word);
        if matches!(command, Some("build" | "typegen" | "routes")) && !watches {
            session.opt_out_is_noise(
                "React Router makes a Vite server to read the routes, and this run ends by itself",
            );
        }
        speak_for_vite(session, Self::FILES, "envPrefix", "VITE_");
        // It is set where it is missing, so that Vite has no reason to ask for it.
        session.track_env("NODE_ENV");
    }
}
