//! What vt knows about Vitest: where it keeps notes to itself, and when its wish not to be cached
//! means nothing.

use reading::from_files;
use vt_plugin::{RuleManifest as _, RulePlugin, Session, rule_plugin};

/// Speaks for `vitest`.
#[derive(Debug)]
pub struct Vitest;

rule_plugin! {
    plugin: Vitest,
    id: "vitest",
    programs: ["vitest"],
    dependencies: [],
    // The first one that is there says where the cache is.
    files: [
        "vitest.config.ts",
        "vitest.config.mts",
        "vitest.config.cts",
        "vitest.config.js",
        "vitest.config.mjs",
        "vitest.config.cjs",
        "vite.config.ts",
        "vite.config.mts",
        "vite.config.cts",
        "vite.config.js",
        "vite.config.mjs",
        "vite.config.cjs",
    ],
    env: [],
}

/// What a run reads and rewrites although no result depends on it: how long each test took,
/// dependencies prepared for the browser, transformed modules. A directory comes with its content,
/// since it is made when it is missing.
///
/// With `test.projects` the root of a project, and so its cache, lies further down.
const PRIVATE: [&str; 6] = [
    "**/node_modules/.vite/vitest",
    "**/node_modules/.vite/vitest/**",
    "**/node_modules/.vite/deps*",
    "**/node_modules/.vite/deps*/**",
    "**/node_modules/.experimental-vitest*",
    "**/node_modules/.experimental-vitest*/**",
];

/// The transformed modules lie beside the workspace, not beside the package.
const OF_THE_WORKSPACE: [&str; 2] = [
    "node_modules/.experimental-vitest*",
    "node_modules/.experimental-vitest*/**",
];

impl RulePlugin for Vitest {
    fn judge(session: &Session) {
        session.track_env("VITEST_*");
        for glob in PRIVATE {
            ignore(session, glob);
        }
        let moved = from_files(session, Self::FILES, "cacheDir", &[]);
        for folder in moved.iter().filter_map(|folder| below(folder)) {
            for name in ["vitest", "deps*"] {
                ignore(session, &format!("{folder}/{name}"));
                ignore(session, &format!("{folder}/{name}/**"));
            }
        }
        let up = steps_up(&session.package_directory());
        if !up.is_empty() {
            for glob in OF_THE_WORKSPACE {
                ignore(session, &format!("{up}{glob}"));
            }
        }
        if session.tool_args().is_some_and(|args| runs_once(&args)) {
            session.opt_out_is_noise(
                "Vitest asks for it whenever it makes a Vite server, and this run ends by itself",
            );
        }
    }
}

/// The name of a folder below the package, as a glob that means nothing else.
fn below(folder: &str) -> Option<&str> {
    let name = folder.strip_prefix("./").unwrap_or(folder);
    let name = name.trim_end_matches('/');
    let is_plain = !name.is_empty()
        && !name.starts_with(['/', '~', '!'])
        && !name.contains(['*', '?', '[', ']', '{', '}', '\\'])
        && name.split('/').all(|part| part != ".." && part != ".");
    is_plain.then_some(name)
}

fn ignore(session: &Session, glob: &str) {
    session.ignore_input(glob);
    session.ignore_output(glob);
}

/// What leads from a directory to the workspace root.
fn steps_up(directory: &str) -> String {
    directory
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|_| "../")
        .collect()
}

/// Whether the command line alone decides that Vitest does not watch.
///
/// Without `run` it watches on a terminal only, which a command line does not show. Options take
/// values in ways only Vitest knows, so the sub-command counts where it is the first word, and any
/// word that may ask for watching decides against.
fn runs_once(args: &[String]) -> bool {
    let end = args
        .iter()
        .position(|arg| arg == "--")
        .unwrap_or(args.len());
    let options = &args[..end];
    let asks_to_run = options.first().is_some_and(|first| first == "run")
        || options.iter().any(|arg| arg == "--run");
    let watches = matches!(
        options.first().map(String::as_str),
        Some("watch" | "dev" | "init")
    );
    asks_to_run && !watches && !options.iter().any(|arg| may_watch(arg))
}

fn may_watch(arg: &str) -> bool {
    let short = arg
        .strip_prefix('-')
        .is_some_and(|rest| !rest.starts_with('-'));
    (short && arg.contains('w'))
        || ["--watch", "--standalone", "--ui", "--no-run", "--run="]
            .iter()
            .any(|option| arg.starts_with(option))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_below_the_package_or_not_spoken_for() {
        assert_eq!(below("./.cache/vite/"), Some(".cache/vite"));
        assert_eq!(below("kept"), Some("kept"));
        for other in ["", ".", "./", "..", "../kept", "/kept", "a/../..", "*"] {
            assert_eq!(below(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_command_line_that_cannot_watch_runs_once() {
        for (line, once) in [
            ("run", true),
            ("run src --coverage", true),
            ("--run", true),
            ("--root a --run", true),
            ("bench --run", true),
            ("related a.ts --run", true),
            ("", false),
            ("src", false),
            ("src run", false),
            ("bench", false),
            ("watch --run", false),
            ("dev --run", false),
            ("run --watch", false),
            ("run --watch=true", false),
            ("run -w", false),
            ("run -uw", false),
            ("run --ui", false),
            ("--run=false", false),
            ("--run --no-run", false),
            ("-- --run", false),
        ] {
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(runs_once(&args), once, "vitest {line}");
        }
    }
}
