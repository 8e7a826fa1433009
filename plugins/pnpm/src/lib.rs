//! What vt knows about pnpm: what it notes in `node_modules` when it only runs a script.

use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for `pnpm`.
#[derive(Debug)]
pub struct Pnpm;

rule_plugin! {
    plugin: Pnpm,
    id: "pnpm",
    programs: ["pnpm"],
    dependencies: [],
    files: [],
    env: [],
}

/// When it last found that what is installed is what is wanted. It notes this again, with the time, when a
/// manifest is younger; what it compares are the manifests and the lockfile, which count by themselves. The
/// name has a version in it.
const STATE: &str = "node_modules/.pnpm-workspace-state*.json";

impl RulePlugin for Pnpm {
    fn judge(session: &Session) {
        let directory = session.package_directory();
        let depth = directory
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .count();
        let state = format!("{}{STATE}", "../".repeat(depth));
        session.ignore_input(&state);
        session.ignore_output(&state);
    }
}
