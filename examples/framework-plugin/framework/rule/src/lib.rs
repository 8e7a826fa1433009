//! What vt is told about Made Up: where it keeps notes to itself, and which variables it inlines.

use serde::Deserialize;
use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for `made-up`.
#[derive(Debug)]
pub struct MadeUp;

rule_plugin! {
    plugin: MadeUp,
    id: "made-up",
    publisher: "The makers of Made Up",
    programs: ["made-up"],
    dependencies: ["made-up"],
    files: ["made-up.config.json"],
    env: [],
}

/// What of the configuration matters here.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    cache_directory: String,
    env_prefix: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cache_directory: ".made-up".into(),
            env_prefix: "MADE_UP_".into(),
        }
    }
}

impl RulePlugin for MadeUp {
    fn judge(session: &Session) {
        let config = match session.file("made-up.config.json") {
            Some(text) => serde_json::from_str(&text),
            None => Ok(Config::default()),
        };
        let Config {
            cache_directory,
            env_prefix,
        } = match config {
            Ok(config) => config,
            Err(error) => {
                // The tool will say so too, and fail.
                session.log(&format!("made-up.config.json: {error}"));
                return;
            }
        };
        let inside = format!("{cache_directory}/**");
        for glob in [&cache_directory, &inside] {
            session.ignore_input(glob);
            session.ignore_output(glob);
        }
        session.track_env(&format!("{env_prefix}*"));
        let args = session.tool_args().unwrap_or_default();
        if args.first().is_some_and(|first| first == "serve") {
            session.cache_off("it serves until it is stopped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_nobody_can_read_is_logged() {
        let mut session = Session::of("made-up", ["build"]);
        session
            .files
            .insert("made-up.config.json".into(), Some("{".into()));
        MadeUp::judge(&session);
        assert!(session.said().is_empty());
        assert!(session.logged()[0].starts_with("made-up.config.json: "));
    }
}
