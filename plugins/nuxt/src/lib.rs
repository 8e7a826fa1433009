//! What vt knows about Nuxt: which variables shape a build.

use reading::{NITRO_HOSTS, first_word, from_files, speak_for_vite};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `nuxt` and `nuxi`.
#[derive(Debug)]
pub struct Nuxt;

rule_plugin! {
    plugin: Nuxt,
    id: "nuxt",
    programs: ["nuxt", "nuxi"],
    dependencies: [],
    files: [
        "nuxt.config.ts",
        "nuxt.config.js",
        "nuxt.config.mjs",
        "node_modules/vite/package.json",
    ],
    env: [],
}

/// What overrides the runtime configuration, which a page that is rendered during the build shows,
/// and the options of the server that is built.
const PREFIXES: [&str; 3] = ["NUXT_*", "NITRO_*", "SERVER_*"];

impl RulePlugin for Nuxt {
    fn judge(session: &Session) {
        let args = session.tool_args();
        let command = args.as_deref().and_then(first_word);
        if matches!(command, Some("dev" | "preview" | "start")) {
            session.cache_off("Nuxt goes on until it is stopped");
            return;
        }
        speak_for_vite(session, Self::FILES, "envPrefix", "VITE_");
        // All of it is made from the configuration and the sources, anew by each build and, in part
        // another way, by each `nuxt prepare`.
        for folder in from_files(session, Self::FILES, "buildDir", &[".nuxt"]) {
            let folder = folder.trim_end_matches('/');
            for glob in [folder.to_owned(), format!("{folder}/**")] {
                session.ignore_input(&glob);
                session.ignore_output(&glob);
            }
        }
        for pattern in PREFIXES.iter().chain(&NITRO_HOSTS) {
            session.track_env(pattern);
        }
    }
}
