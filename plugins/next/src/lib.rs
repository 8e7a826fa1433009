//! What vt knows about Next: what it keeps for itself inside of what it builds, and which variables
//! shape a build.

use reading::{first_word, from_files};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `next`.
#[derive(Debug)]
pub struct Next;

rule_plugin! {
    plugin: Next,
    id: "next",
    programs: ["next"],
    dependencies: [],
    // In the order in which Next looks for them.
    files: ["next.config.js", "next.config.mjs", "next.config.ts", "next.config.mts"],
    env: [],
}

/// Below the build folder: what the next build goes on from, what the development server keeps, and
/// what is written for whoever wonders how long it took.
const PRIVATE: [&str; 8] = [
    "cache",
    "cache/**",
    "dev/**",
    "diagnostics/**",
    "lock",
    "trace",
    "trace-build",
    "turbopack",
];

/// What is inlined, what is built into requests and names of files, and by what Next learns under
/// which address the pages will be found.
const VARIABLES: [&str; 11] = [
    "NEXT_PUBLIC_*",
    "NEXT_DEPLOYMENT_ID",
    "NEXT_SERVER_ACTIONS_ENCRYPTION_KEY",
    "NODE_ENV",
    "NOW_BUILDER",
    "VERCEL",
    "VERCEL_BRANCH_URL",
    "VERCEL_DEPLOYMENT_ID",
    "VERCEL_ENV",
    "VERCEL_PROJECT_PRODUCTION_URL",
    "VERCEL_URL",
];

impl RulePlugin for Next {
    fn judge(session: &Session) {
        let args = session.tool_args();
        let command = args.as_deref().and_then(first_word);
        if matches!(command, Some("dev" | "start")) {
            session.cache_off("Next goes on until it is stopped");
            return;
        }
        for folder in from_files(session, Self::FILES, "distDir", &[".next"]) {
            let folder = folder.trim_end_matches('/');
            for name in PRIVATE {
                let glob = format!("{folder}/{name}");
                session.ignore_input(&glob);
                session.ignore_output(&glob);
            }
        }
        for pattern in VARIABLES {
            session.track_env(pattern);
        }
    }
}
