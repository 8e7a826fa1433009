//! What vt knows about Playwright: which variables decide what it tests and where its reports go.

use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for `playwright`.
#[derive(Debug)]
pub struct Playwright;

rule_plugin! {
    plugin: Playwright,
    id: "playwright",
    programs: ["playwright"],
    dependencies: [],
    files: [],
    env: [],
}

impl RulePlugin for Playwright {
    fn judge(session: &Session) {
        session.track_env("PLAYWRIGHT_*");
    }
}
