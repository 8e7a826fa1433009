//! What vt knows about Storybook: which variables end up in the pages, and what it leaves in the home
//! directory.

use reading::{first_word, speak_for_vite, track_prefixes};
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `storybook`.
#[derive(Debug)]
pub struct Storybook;

rule_plugin! {
    plugin: Storybook,
    id: "storybook",
    programs: ["storybook"],
    dependencies: [],
    files: ["node_modules/vite/package.json"],
    env: [],
}

impl RulePlugin for Storybook {
    fn judge(session: &Session) {
        let args = session.tool_args();
        if args.as_deref().and_then(first_word) == Some("dev") {
            session.cache_off("Storybook goes on until it is stopped");
            return;
        }
        track_prefixes(session, &["STORYBOOK_".to_owned()]);
        speak_for_vite(session, Self::FILES, "envPrefix", "VITE_");
        session.track_env("NODE_ENV");
        session.ignore_output("~/.storybook/**");
    }
}
