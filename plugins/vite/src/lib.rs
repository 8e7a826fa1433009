//! What vt knows about a Vite that does not speak for itself: older than 8.3.

use reading::{asks_for, first_word, speak_for_vite, vite_speaks};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `vite`.
#[derive(Debug)]
pub struct Vite;

rule_plugin! {
    plugin: Vite,
    id: "vite",
    programs: ["vite"],
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

impl RulePlugin for Vite {
    fn judge(session: &Session) {
        if vite_speaks(session) {
            return;
        }
        if session.tool_args().is_some_and(|args| goes_on(&args)) {
            session.cache_off("Vite goes on until it is stopped");
            return;
        }
        speak_for_vite(session, Self::FILES, "envPrefix", "VITE_");
        session.track_env("NODE_ENV");
    }
}

/// Whether a command line serves or watches. Without a sub-command Vite serves.
fn goes_on(args: &[String]) -> bool {
    let ends = match first_word(args) {
        Some(word) => matches!(word, "build" | "optimize"),
        None => {
            asks_for(args, &["--help", "-h", "--version", "-v"])
                || args.iter().any(|arg| arg == "build" || arg == "optimize")
        }
    };
    !ends || asks_for(args, &["--watch", "-w"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serves_or_watches_goes_on() {
        for (line, expected) in [
            ("build", false),
            ("build site --mode staging", false),
            ("--config other.js build", false),
            ("optimize", false),
            ("--version", false),
            ("", true),
            ("dev", true),
            ("serve", true),
            ("site", true),
            ("--host", true),
            ("preview --port 1", true),
            ("build --watch", true),
            ("build -w", true),
        ] {
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(goes_on(&args), expected, "vite {line}");
        }
    }
}
