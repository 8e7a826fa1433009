//! What vt knows about SvelteKit, which is built by `vite build`: which variables it reads by itself,
//! and when its wish not to be cached means nothing.

use reading::{asks_for, first_word, speak_for_vite};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `vite` in a package that depends on SvelteKit.
#[derive(Debug)]
pub struct SvelteKit;

rule_plugin! {
    plugin: SvelteKit,
    id: "sveltekit",
    programs: ["vite"],
    dependencies: ["@sveltejs/kit"],
    files: ["svelte.config.js", "svelte.config.ts", "node_modules/vite/package.json"],
    env: [],
}

/// By these adapters find out where they build, and so for which host.
const HOSTS: [&str; 6] = [
    "CF_PAGES",
    "GCP_BUILDPACKS",
    "GITHUB_ACTION_REPOSITORY",
    "NETLIFY",
    "SST",
    "VERCEL",
];

impl RulePlugin for SvelteKit {
    fn judge(session: &Session) {
        let args = session.tool_args();
        let builds = args.as_deref().is_some_and(|args| {
            first_word(args) == Some("build") && !asks_for(args, &["--watch", "-w"])
        });
        if builds {
            session.opt_out_is_noise(
                "SvelteKit makes a Vite server to read the names of variables, and this run ends by itself",
            );
        }
        for name in HOSTS {
            session.track_env(name);
        }
        speak_for_vite(session, Self::FILES, "publicPrefix", "PUBLIC_");
    }
}
