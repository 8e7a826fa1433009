//! What vt knows about package managers and tools for releases: what installs or publishes packages
//! has its effects elsewhere, and must happen each time.

use reading::{Said, asks_for, first_word, said};
use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for package managers, and for what publishes with them.
#[derive(Debug)]
pub struct Registries;

rule_plugin! {
    plugin: Registries,
    id: "registries",
    programs: [
        "npm", "pnpm", "yarn", "bun", "deno", "jsr", "lerna", "changeset", "vsce", "ovsx", "np",
        "release-it", "semantic-release",
    ],
    dependencies: [],
    files: ["package.json"],
    env: [],
}

const MANAGERS: [&str; 5] = ["npm", "pnpm", "yarn", "bun", "deno"];
/// They have a command that publishes, and others.
const PUBLISHERS: [&str; 5] = ["jsr", "lerna", "changeset", "vsce", "ovsx"];
/// They do nothing else.
const RELEASERS: [&str; 3] = ["np", "release-it", "semantic-release"];

const INSTALLS: [&str; 28] = [
    "add",
    "ci",
    "cit",
    "clean-install",
    "dedupe",
    "deploy",
    "fetch",
    "i",
    "ic",
    "install",
    "install-ci-test",
    "install-test",
    "it",
    "link",
    "ln",
    "prune",
    "rb",
    "rebuild",
    "remove",
    "rm",
    "un",
    "uninstall",
    "unlink",
    "up",
    "update",
    "upgrade",
    "upgrade-interactive",
    "focus",
];
/// Of those, what neither yarn 1 nor yarn 4 has: a script of that name is started.
const NOT_OF_YARN: [&str; 16] = [
    "ci",
    "cit",
    "clean-install",
    "deploy",
    "fetch",
    "i",
    "ic",
    "install-ci-test",
    "install-test",
    "it",
    "ln",
    "rb",
    "rm",
    "un",
    "uninstall",
    "update",
];
const PUBLISHES: [&str; 6] = [
    "publish",
    "unpublish",
    "deprecate",
    "dist-tag",
    "dist-tags",
    "tag",
];
/// What follows is a script by its name.
const RUNS: [&str; 3] = ["run", "run-script", "task"];
/// What follows is a command of the manager still.
const GROUPS: [&str; 5] = ["workspace", "workspaces", "foreach", "npm", "global"];
/// Scripts that start one another in a circle end somewhere.
const DEEPEST: u32 = 8;

const INSTALLING: &str = "it installs packages";
const PUBLISHING: &str = "it publishes packages";

impl RulePlugin for Registries {
    fn judge(session: &Session) {
        let effect = match session.tool_args() {
            Some(args) => effect(session, &session.tool(), &args, DEEPEST),
            None => effect_of_text(session, &session.program(), DEEPEST),
        };
        if let Some(effect) = effect {
            session.cache_off(effect);
        }
    }
}

/// What a command does that must happen each time.
fn effect(session: &Session, tool: &str, args: &[String], depth: u32) -> Option<&'static str> {
    if asks_for(args, &["--help", "-h", "--version", "-v", "--dry-run"]) {
        return None;
    }
    if RELEASERS.contains(&tool) {
        return Some(PUBLISHING);
    }
    if PUBLISHERS.contains(&tool) {
        return first_word(args)
            .is_some_and(|word| PUBLISHES.contains(&word))
            .then_some(PUBLISHING);
    }
    if !MANAGERS.contains(&tool) {
        return None;
    }
    let mut before = "";
    let mut names_a_script = false;
    for arg in args.iter().take_while(|arg| *arg != "--") {
        let word = arg.as_str();
        let is_option = word.starts_with('-');
        // An option may take the next word as its value, and only the manager knows.
        let may_be_a_value = before.starts_with('-') || before == "workspace";
        let is_a_script =
            tool == "yarn" && NOT_OF_YARN.contains(&word) && script(session, word).is_some();
        if !is_option && (names_a_script || is_a_script) {
            let effect = effect_of_script(session, word, depth);
            if effect.is_some() || !may_be_a_value {
                return effect;
            }
        } else if INSTALLS.contains(&word) {
            return Some(INSTALLING);
        } else if PUBLISHES.contains(&word) {
            return Some(PUBLISHING);
        }
        names_a_script |= RUNS.contains(&word);
        if !(is_option || names_a_script || GROUPS.contains(&word) || may_be_a_value) {
            // All but npm take the name of a script for a command.
            return (tool != "npm")
                .then(|| effect_of_script(session, word, depth))
                .flatten();
        }
        before = word;
    }
    // Yarn on its own installs, with options or without.
    (tool == "yarn" && args.iter().all(|arg| arg.starts_with('-'))).then_some(INSTALLING)
}

/// What a script of the package does. One that is written twice in the manifest counts twice.
fn effect_of_script(session: &Session, name: &str, depth: u32) -> Option<&'static str> {
    let depth = depth.checked_sub(1)?;
    script(session, name)?
        .iter()
        .find_map(|text| effect_of_text(session, text, depth))
}

fn script(session: &Session, name: &str) -> Option<Vec<String>> {
    match said(&session.file("package.json")?, name) {
        Said::Texts(texts) => Some(texts),
        Said::Nothing | Said::Computed => None,
    }
}

/// What a line for a shell does, as far as words tell.
fn effect_of_text(session: &Session, text: &str, depth: u32) -> Option<&'static str> {
    text.split([';', '|', '&', '\n', '(', ')'])
        .find_map(|command| {
            let is_assignment = |word: &&str| word.contains('=') && !word.starts_with('-');
            let mut words = command.split_whitespace().skip_while(is_assignment);
            let tool = words.next()?;
            let args: Vec<String> = words.map(str::to_owned).collect();
            effect(session, tool, &args, depth)
        })
}
