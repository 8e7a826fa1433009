//! Whole workspaces: what is found, and what is said about those that are wrong.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;
use vt_base::{AbsPath, CachePolicy, GlobRule, RelPath, Sign, Toolchain};
use vt_config::{ConfigError, DependencyKind, Project, Switch, TaskReference, TaskSource, load};

const PLUGINS: [&str; 3] = ["nuxt", "vite", "vitest"];

/// A directory with these files, by path and content.
fn workspace(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let file = directory.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    directory
}

fn load_at(directory: &Path) -> Result<Project, vt_config::ConfigErrors> {
    load(&AbsPath::new(directory).unwrap(), &PLUGINS)
}

fn project(files: &[(&str, &str)]) -> Project {
    let directory = workspace(files);
    load_at(directory.path()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What is wrong, as `file:line:column: message`, with paths from the workspace root.
fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
    let directory = workspace(files);
    let root = AbsPath::new(fs::canonicalize(directory.path()).unwrap()).unwrap();
    let errors = load_at(directory.path()).unwrap_err();
    let prefix = format!("{root}/");
    errors
        .0
        .iter()
        .map(|problem| problem.to_string().replace(&prefix, ""))
        .collect()
}

fn ids(project: &Project) -> Vec<&str> {
    project
        .packages
        .iter()
        .map(|package| package.id.as_str())
        .collect()
}

fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

#[test]
fn members_of_a_pnpm_workspace_are_found_and_exceptions_left_out() {
    let files = [
        ("package.json", r#"{"name": "root"}"#),
        (
            "pnpm-workspace.yaml",
            "packages:\n  - 'packages/**'\n  - ./apps/*\n  - '!**/fixtures/**'\n",
        ),
        ("packages/a/package.json", r#"{"name": "@my/a"}"#),
        (
            "packages/a/fixtures/x/package.json",
            r#"{"name": "fixture"}"#,
        ),
        (
            "packages/a/node_modules/dep/package.json",
            r#"{"name": "dep"}"#,
        ),
        ("packages/deep/er/package.json", r#"{}"#),
        ("apps/web/package.json", r#"{"name": "web"}"#),
        ("apps/web/inner/package.json", r#"{"name": "inner"}"#),
        ("other/package.json", r#"{"name": "other"}"#),
    ];
    assert_eq!(
        ids(&project(&files)),
        ["root", "web", "@my/a", "packages/deep/er"]
    );
    let directory = workspace(&files);
    let inside = load_at(&directory.path().join("apps/web/inner")).unwrap();
    assert_eq!(
        inside.root.as_path(),
        fs::canonicalize(directory.path()).unwrap()
    );
    assert_eq!(inside.package_at(&rel("apps/web/inner")), 1);
    assert_eq!(inside.package_at(&rel("apps")), 0);
}

#[test]
fn both_forms_of_npm_workspaces_are_read() {
    for list in [
        r#"["packages/*"]"#,
        r#"{"packages": ["packages/*"], "nohoist": []}"#,
    ] {
        let manifest = format!(r#"{{"workspaces": {list}}}"#);
        let found = project(&[
            ("package.json", &manifest),
            ("packages/a/package.json", r#"{"name": "a"}"#),
            ("packages/not-a-package/readme", ""),
        ]);
        assert_eq!(ids(&found), [".", "a"]);
    }
}

#[test]
fn without_a_workspace_the_nearest_package_is_one() {
    let directory = workspace(&[
        ("package.json", r#"{"name": "outer"}"#),
        ("inner/package.json", r#"{"name": "inner"}"#),
        ("inner/src/file", ""),
    ]);
    assert_eq!(
        ids(&load_at(&directory.path().join("inner/src")).unwrap()),
        ["inner"]
    );
}

#[test]
fn a_place_without_a_package_is_told() {
    let directory = workspace(&[]);
    let errors = load_at(directory.path()).unwrap_err();
    assert!(matches!(errors.0[0].error, ConfigError::NoPackage));
    assert_eq!(errors.0.len(), 1);
}

#[test]
fn a_symlink_inside_the_workspace_is_its_target_and_cycles_end() {
    let directory = workspace(&[
        (
            "package.json",
            r#"{"workspaces": ["packages/**", "links/*"]}"#,
        ),
        ("packages/a/package.json", r#"{"name": "a"}"#),
        ("hidden/package.json", r#"{"name": "hidden"}"#),
        ("links/readme", ""),
    ]);
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, directory.path().join(name)).unwrap();
    };
    link("../packages", "packages/loop");
    link("..", "packages/a/up");
    link("../hidden", "links/hidden");
    link("../packages/a", "links/a");
    link("nowhere", "links/broken");
    let found = load_at(directory.path()).unwrap();
    assert_eq!(ids(&found), [".", "hidden", "a"]);
    assert_eq!(found.packages[1].directory, rel("hidden"));
}

#[test]
fn dependencies_inside_the_workspace_are_linked() {
    let found = project(&[
        ("package.json", r#"{"name": "root", "workspaces": ["p/*"]}"#),
        (
            "p/a/package.json",
            r#"{"name": "a", "dependencies": {"b": "workspace:*", "a": "*", "left-pad": "1"},
                "devDependencies": {"b": "workspace:^", "alias": "workspace:c@*"},
                "peerDependencies": {"d": "npm:other@1"}}"#,
        ),
        (
            "p/b/package.json",
            r#"{"name": "b", "optionalDependencies": {"d": "link:../d"}}"#,
        ),
        ("p/c/package.json", r#"{"name": "c"}"#),
        ("p/d/package.json", r#"{"name": "d"}"#),
    ]);
    let [_, a, b, _, _] = &found.packages[..] else {
        panic!("{:?}", ids(&found))
    };
    assert_eq!(Vec::from_iter(&a.workspace_dependencies), [&2, &3]);
    assert_eq!(Vec::from_iter(&b.workspace_dependencies), [&4]);
    let kinds =
        DependencyKind::ALL.map(|kind| a.dependencies.get("b").unwrap().kinds.contains(kind));
    assert_eq!(kinds, [true, true, false, false]);
    assert_eq!(a.dependencies.get("left-pad").unwrap().version, "1");
    assert_eq!(a.dependencies.get("left-pad").unwrap().package, None);
}

#[test]
fn packages_of_one_name_go_by_their_directories() {
    let found = project(&[
        ("package.json", r#"{"name": "p/a", "workspaces": ["p/*"]}"#),
        ("p/a/package.json", r#"{"name": "twin"}"#),
        ("p/b/package.json", r#"{"name": "twin"}"#),
    ]);
    assert_eq!(ids(&found), ["p/a", "./p/a", "p/b"]);
}

/// The example of the reference, less what this version refuses.
const EXAMPLE: &str = r#"{
  "$schema": "./node_modules/vt/schema.json",
  "plugins": ["vitest", "nuxt"],   // built-in
  "cache": { "scripts": false, "tasks": true, "dir": null, "maxSize": "10GB", "maxAge": "30d", "toolchain": "content" },
  "tasks": {
    "build": "vite build",
    "check": ["eslint .", "tsc --noEmit"],
    "deploy": {
      "command": "node deploy.mjs",
      "cwd": "tools",
      "dependsOn": ["build", "@my/core#build", { "task": "build", "from": ["dependencies", "devDependencies"] }],
      "cache": false
    },
    "report": {
      "command": "node report.mjs",
      "env": ["NODE_ENV", "REPORT_*", "!REPORT_SECRET"],
      "untrackedEnv": ["CI"],
      "input": [{ "auto": true }, "!dist/**", { "pattern": "shared/**", "base": "workspace" }],
      "output": ["dist/**", "!dist/cache/**"],
    },
  }
}"#;

#[test]
fn the_example_of_the_reference_means_what_it_says() {
    let found = project(&[
        (
            "package.json",
            r#"{"name": "app", "workspaces": ["core", "util"], "scripts": {"lint": "eslint ."},
                "dependencies": {"@my/core": "*"}, "devDependencies": {"util": "*"}}"#,
        ),
        ("vite-task.jsonc", EXAMPLE),
        (
            "core/package.json",
            r#"{"name": "@my/core", "scripts": {"build": "tsc"}}"#,
        ),
        ("util/package.json", r#"{"name": "util"}"#),
    ]);
    let settings = &found.settings;
    assert_eq!(settings.max_size, Some(10_000_000_000));
    assert_eq!(
        (settings.cache_scripts, settings.cache_tasks),
        (Switch::Off, Switch::On)
    );
    let plugins = settings.plugins.iter().flatten();
    let plugins: Vec<&str> = plugins.map(|entry| entry.name.as_str()).collect();
    assert_eq!(plugins, ["vitest", "nuxt"]);

    let tasks = &found.packages[0].tasks;
    assert_eq!(
        Vec::from_iter(tasks.keys()),
        ["build", "check", "deploy", "lint", "report"]
    );
    assert_eq!(tasks["check"].command, ["eslint .", "tsc --noEmit"]);
    assert_eq!(tasks["lint"].source, TaskSource::Script);

    let deploy = &tasks["deploy"];
    assert_eq!(
        (deploy.cache, &deploy.directory),
        (CachePolicy::Disabled, &rel("tools"))
    );
    let reference = |package| TaskReference {
        package,
        task: "build".to_owned(),
    };
    assert_eq!(deploy.depends_on, [reference(0), reference(1)]);
    assert_eq!(deploy.origin.position.line, 8);

    let declared = &tasks["report"].declared;
    assert_eq!(declared.env, ["NODE_ENV", "REPORT_*", "!REPORT_SECRET"]);
    assert_eq!(declared.toolchain, Toolchain::Content);
    let glob = |pattern: &str, sign| GlobRule {
        pattern: pattern.to_owned(),
        sign,
    };
    assert!(declared.input.auto && !declared.output.auto);
    assert_eq!(
        declared.input.globs,
        [
            glob("dist/**", Sign::Negative),
            glob("shared/**", Sign::Positive)
        ]
    );
    assert_eq!(
        declared.output.globs,
        [
            glob("dist/**", Sign::Positive),
            glob("dist/cache/**", Sign::Negative)
        ]
    );
    assert_eq!(found.sources.len(), 4);
}

#[test]
fn lists_of_files_mean_what_the_table_says() {
    let policy = |input: &str| {
        let config = format!(r#"{{"tasks": {{"t": {{"command": "x", "cache": {{{input}}}}}}}}}"#);
        let found = project(&[("package.json", "{}"), ("vite-task.json", &config)]);
        let input = &found.packages[0].tasks["t"].declared.input;
        (input.auto, input.globs.len())
    };
    for (input, wanted) in [
        ("", (true, 0)),
        (r#""input": [{"auto": true}]"#, (true, 0)),
        (r#""input": ["src/**"]"#, (false, 1)),
        // A pattern without a wildcard in its last part becomes two: the name, and everything below it.
        (r#""input": [{"auto": true}, "!x"]"#, (true, 2)),
        (r#""input": ["src/**", {"auto": true}, "!x"]"#, (true, 3)),
        (r#""input": []"#, (false, 0)),
        (r#""input": [{"auto": false}]"#, (false, 0)),
    ] {
        assert_eq!(policy(input), wanted, "{input}");
    }
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let root = r#"{
  "tasks": {
    "build": {
      "command": "x",
      "inputs": [],
      "env": "A",
      "cache": false,
      "output": ["../out", "a["],
      "dependsOn": ["biuld", "b#nope", "c#x", 1]
    },
    "lint": "eslint",
    "build": "again",
    "": 3,
    "empty": " ",
    "missing": {}
  },
  "remote": {},
  "plugins": ["vite", "nuxxt", "../rules.wasm"],
  "cache": { "maxSize": "big", "toolchain": "x", "dir": "~/x" }
}"#;
    let member = "{\r\n  // settings\r\n  \"cache\": true,\r\n  \"tasks\": { \"t\": { \"command\": \"x\", \"cwd\": \"../..\" } }\r\n}";
    let found = mistakes(&[
        (
            "package.json",
            r#"{"workspaces": ["b"], "scripts": {"lint": "x", "bad": 1}}"#,
        ),
        ("vite-task.json", root),
        ("b/package.json", r#"{"name": "b"}"#),
        ("b/vite-task.json", member),
    ]);
    assert_eq!(
        found,
        [
            "b/vite-task.json:3:3: `cache` may stand only in the configuration of the workspace root",
            "b/vite-task.json:4:44: `../..` leaves the workspace",
            "package.json:1:55: script `bad` must be a string",
            "vite-task.json:5:7: unknown key `inputs` in task `build`",
            "vite-task.json:6:14: `env` of task `build` must be a list of strings",
            "vite-task.json:8:7: `output` has no meaning in task `build`, which says `cache: false`",
            "vite-task.json:8:18: `../out` leaves the workspace",
            "vite-task.json:8:28: `a[` is not a glob: a `[` is not closed; write `\\[` for the character",
            "vite-task.json:9:21: task `build` depends on `biuld`, which does not exist",
            "vite-task.json:9:30: task `build` depends on `b#nope`, which does not exist",
            "vite-task.json:9:40: task `build` depends on package `c`, which is not in the workspace",
            "vite-task.json:9:47: every element of `dependsOn` of task `build` must be a string or an object with `task` and `from`",
            "vite-task.json:11:5: task `lint` is also a script of `package.json`",
            "vite-task.json:12:5: `build` is said twice in `tasks`",
            "vite-task.json:13:5: `` cannot be the name of a task: it is empty or contains `#`",
            "vite-task.json:13:9: task `` must be a command, a list of commands or an object",
            "vite-task.json:14:14: the command of task `empty` must be a command, not ` `",
            "vite-task.json:15:5: task `missing` has no `command`",
            "vite-task.json:17:3: `remote` is not supported by this version of vt",
            "vite-task.json:18:23: unknown plugin `nuxxt`",
            "vite-task.json:18:32: `../rules.wasm` leaves the workspace",
            "vite-task.json:19:25: `maxSize` of `cache` must be a size such as `10GB`, not `big`",
            "vite-task.json:19:45: `toolchain` of `cache` must be `content` or `ignore`, not `x`",
            "vite-task.json:19:57: `dir` of `cache` must be a path, absolute or from the workspace root, not `~/x`",
        ]
    );
}

#[test]
fn a_typing_mistake_comes_with_a_suggestion() {
    let directory = workspace(&[
        (
            "package.json",
            r#"{"workspaces": ["p"], "scripts": {"build": "x"}}"#,
        ),
        (
            "p/package.json",
            r#"{"name": "@my/core", "scripts": {"build": "x"}}"#,
        ),
        (
            "vite-task.json",
            r#"{"taks": {}, "plugins": ["vitests"], "tasks": {
                "a": {"command": "x", "dependsOn": ["biuld", "@my/cor#build", "@my/core#biuld"]}
            }}"#,
        ),
    ]);
    let errors = load_at(directory.path()).unwrap_err();
    let suggestions: Vec<_> = errors
        .0
        .iter()
        .map(|problem| problem.error.suggestion().unwrap_or("-"))
        .collect();
    assert_eq!(
        suggestions,
        ["tasks", "vitest", "build", "@my/core", "@my/core#build"]
    );
}

#[test]
fn files_that_are_no_json_or_yaml_are_told_with_the_place() {
    for (files, wanted) in [
        (
            &[("package.json", "{\n  \"name\": }")][..],
            "package.json:2:11: unexpected close brace",
        ),
        (
            &[
                ("package.json", "{}"),
                ("vite-task.json", "{ \"tasks\": { \"a\" \"b\" } }"),
            ],
            "vite-task.json:1:18: expected colon after the string or word in object property",
        ),
        (
            &[
                ("package.json", "{}"),
                ("pnpm-workspace.yaml", "packages:\n  - a\n b: ["),
            ],
            "pnpm-workspace.yaml:3:2: did not find expected key",
        ),
        (
            &[("package.json", "[]")],
            "package.json:1:1: `package.json` must be an object",
        ),
        (
            &[("package.json", "{} // no")],
            "package.json:1:4: comments are not allowed",
        ),
        (
            &[("package.json", "{\"workspaces\": [\"a\", \"../b\"]}")],
            "package.json:1:22: `../b` leaves the workspace",
        ),
        (
            &[
                ("package.json", "{}"),
                ("pnpm-workspace.yaml", "packages:\n  - 'x['"),
            ],
            "pnpm-workspace.yaml:2:6: `x[` is not a glob: unclosed character class; missing ']'",
        ),
    ] {
        assert_eq!(mistakes(files), [wanted]);
    }
}

#[test]
fn a_member_with_tasks_needs_a_manifest() {
    let found = mistakes(&[
        ("package.json", r#"{"workspaces": ["p"]}"#),
        ("p/vite-task.json", r#"{"tasks": {"a": "b"}}"#),
    ]);
    assert_eq!(
        found,
        ["p/vite-task.json: tasks are configured here, but there is no `package.json` beside them"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to a file, it is either understood or refused at a place in it.
    #[test]
    fn a_damaged_file_is_read_or_told_with_a_place(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, "[\\[\\]{}\",:!/*.a0 é\n]{0,3}"), 1..4)
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for (at, length, insert) in &cuts {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, insert.chars());
        }
        let text = String::from_iter(text);
        let directory = workspace(&[("package.json", "{}"), ("vite-task.json", &text)]);
        if let Err(errors) = load_at(directory.path()) {
            prop_assert!(!errors.0.is_empty());
            for problem in errors.0 {
                let position = problem.position.unwrap();
                let line = text.split('\n').nth(position.line - 1);
                let columns = line.map(|line| line.chars().count() + 1);
                prop_assert!(columns.is_some_and(|columns| position.column <= columns), "{}", problem);
            }
        }
    }
}

#[test]
fn a_member_is_depended_on_when_it_is_what_would_be_installed() {
    for (version, depends) in [
        ("workspace:*", true),
        ("*", true),
        ("^2.0.0", true),
        ("~2.1", true),
        ("latest", true),
        ("file:../b", true),
        ("link:../b", true),
        ("^1.0.0", false),
        ("3.x", false),
        ("npm:other@2", false),
        ("file:../elsewhere", false),
    ] {
        for list in DependencyKind::ALL {
            // Whoever installs a package brings its peers along, unless it names the workspace.
            let depends =
                depends && (list != DependencyKind::Peer || version.starts_with("workspace:"));
            let manifest = format!(r#"{{"name": "a", "{}": {{"b": "{version}"}}}}"#, list.key());
            let found = project(&[
                ("package.json", r#"{"workspaces": ["p/*"]}"#),
                ("p/a/package.json", &manifest),
                ("p/b/package.json", r#"{"name": "b", "version": "2.1.3"}"#),
            ]);
            let edge = found.packages[1].workspace_dependencies.contains(&2);
            assert_eq!(edge, depends, "{version} in {}", list.key());
        }
    }
}

#[test]
fn a_peer_that_is_installed_as_well_is_depended_on_and_one_can_be_named_by_its_list() {
    let found = project(&[
        ("package.json", r#"{"workspaces": ["p/*"]}"#),
        (
            "p/a/package.json",
            r#"{"peerDependencies": {"b": ">=9", "c": "*"}, "optionalDependencies": {"b": "workspace:^"}}"#,
        ),
        (
            "p/a/vite-task.json",
            r#"{"tasks": {"t": {"command": "x", "dependsOn": [{"task": "t", "from": "peerDependencies"}]}}}"#,
        ),
        ("p/b/package.json", r#"{"name": "b", "version": "1.0.0"}"#),
        (
            "p/c/package.json",
            r#"{"name": "c", "version": "1.0.0", "scripts": {"t": "x"}}"#,
        ),
    ]);
    let a = &found.packages[1];
    assert_eq!(Vec::from_iter(&a.workspace_dependencies), [&2]);
    let depends: Vec<usize> = a.tasks["t"]
        .depends_on
        .iter()
        .map(|one| one.package)
        .collect();
    assert_eq!(depends, [3]);
}

#[test]
fn what_nobody_has_and_what_leads_to_itself_is_no_dependency() {
    let found = project(&[
        ("package.json", r#"{"workspaces": ["p/*"]}"#),
        (
            "p/a/package.json",
            r#"{"name": "a", "dependencies": {"a": "workspace:*", "missing": "workspace:*", "b": "*"}}"#,
        ),
        (
            "p/b/package.json",
            r#"{"name": "b", "devDependencies": {"a": "link:../a"}}"#,
        ),
    ]);
    let edges = |index: usize| Vec::from_iter(found.packages[index].workspace_dependencies.clone());
    assert_eq!((edges(1), edges(2)), (vec![2], vec![1]));
}

#[test]
fn of_two_packages_of_one_name_the_one_in_the_range_is_depended_on() {
    let found = project(&[
        ("package.json", r#"{"workspaces": ["p/*"]}"#),
        ("p/a/package.json", r#"{"dependencies": {"twin": "^2"}}"#),
        (
            "p/b/package.json",
            r#"{"name": "twin", "version": "1.0.0"}"#,
        ),
        (
            "p/c/package.json",
            r#"{"name": "twin", "version": "2.0.0"}"#,
        ),
    ]);
    let found = &found.packages[1].workspace_dependencies;
    assert_eq!(Vec::from_iter(found), [&3]);
}

#[test]
fn a_caret_stands_for_the_task_of_all_dependencies_and_looks_through_those_without() {
    let found = project(&[
        ("package.json", r#"{"workspaces": ["p/*"]}"#),
        (
            "p/a/package.json",
            r#"{"dependencies": {"b": "*"}, "devDependencies": {"c": "*"}}"#,
        ),
        (
            "p/a/vite-task.json",
            r#"{"tasks": {"t": {"command": "x", "dependsOn": ["^t", "^nowhere"]}}}"#,
        ),
        (
            "p/b/package.json",
            r#"{"name": "b", "dependencies": {"d": "*"}}"#,
        ),
        (
            "p/c/package.json",
            r#"{"name": "c", "scripts": {"t": "x"}, "dependencies": {"e": "*"}}"#,
        ),
        (
            "p/d/package.json",
            r#"{"name": "d", "scripts": {"t": "x"}}"#,
        ),
        (
            "p/e/package.json",
            r#"{"name": "e", "scripts": {"t": "x"}}"#,
        ),
    ]);
    let depends: Vec<usize> = found.packages[1].tasks["t"]
        .depends_on
        .iter()
        .map(|one| one.package)
        .collect();
    assert_eq!(depends, [3, 4]);
}
