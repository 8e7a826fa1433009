//! Plans of small workspaces: which steps, in which order, cached or not.

use std::fs;

use tempfile::TempDir;
use vt_base::{AbsPath, CachePolicy, Program, RelPath};
use vt_config::{Project, load};
use vt_plan::{CacheRequest, Plan, PlanError, Request, Scope, TaskTarget, plan};

fn workspace(files: &[(&str, &str)]) -> (TempDir, Project) {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let file = directory.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let start = AbsPath::new(directory.path()).unwrap();
    let project = load(&start, &[]).unwrap_or_else(|errors| panic!("{errors}"));
    (directory, project)
}

fn request(target: &str, scope: Scope) -> Request {
    Request::new(TaskTarget::parse(target), scope)
}

fn here(directory: &str) -> Scope {
    Scope::Package(RelPath::new(directory).unwrap())
}

/// Each step with the steps it waits for.
fn shown(plan: &Plan) -> Vec<String> {
    let name = |index: usize| plan.steps[index].invocation.step.to_string();
    let line = |(index, step): (usize, &vt_plan::PlannedStep)| {
        assert!(step.after.iter().all(|before| *before < index));
        let after: Vec<String> = step.after.iter().map(|before| name(*before)).collect();
        if after.is_empty() {
            name(index)
        } else {
            format!("{} after {}", name(index), after.join(", "))
        }
    };
    plan.steps.iter().enumerate().map(line).collect()
}

fn planned(files: &[(&str, &str)], request: &Request) -> Vec<String> {
    let (_directory, project) = workspace(files);
    shown(&plan(&project, request).unwrap_or_else(|error| panic!("{error}")))
}

fn refused(files: &[(&str, &str)], request: &Request) -> PlanError {
    let (_directory, project) = workspace(files);
    plan(&project, request).unwrap_err()
}

/// app -> lib -> core; tool stands alone; lib has no `build`.
const CHAIN: [(&str, &str); 5] = [
    ("package.json", r#"{"name": "root", "workspaces": ["p/*"]}"#),
    (
        "p/app/package.json",
        r#"{"name": "@x/app", "scripts": {"build": "vite build", "dev": "vite"}, "dependencies": {"lib": "*", "tool": "*"}}"#,
    ),
    (
        "p/core/package.json",
        r#"{"name": "core", "scripts": {"build": "tsc", "test": "t"}}"#,
    ),
    (
        "p/lib/package.json",
        r#"{"name": "lib", "scripts": {"test": "t"}, "dependencies": {"core": "*"}}"#,
    ),
    (
        "p/tool/package.json",
        r#"{"name": "tool", "scripts": {"build": "tsc && tsc-alias"}}"#,
    ),
];

#[test]
fn the_nearest_package_is_meant_unless_one_is_named() {
    assert_eq!(
        planned(&CHAIN, &request("build", here("p/app/src"))),
        ["@x/app#build/0"]
    );
    assert_eq!(
        planned(&CHAIN, &request("core#build", here("p/app"))),
        ["core#build/0"]
    );
    assert_eq!(
        planned(&CHAIN, &request("app#build", here(""))),
        ["@x/app#build/0"]
    );
}

#[test]
fn recursion_puts_dependencies_first_and_bridges_packages_without_the_task() {
    assert_eq!(
        planned(&CHAIN, &request("build", Scope::Recursive)),
        [
            "core#build/0",
            "tool#build/0",
            "tool#build/1 after tool#build/0",
            "@x/app#build/0 after core#build/0, tool#build/1",
        ]
    );
    assert_eq!(
        planned(&CHAIN, &request("test", Scope::Recursive)),
        ["core#test/0", "lib#test/0 after core#test/0"]
    );
}

#[test]
fn what_does_not_exist_is_told_with_what_may_have_been_meant() {
    let PlanError::UnknownTask {
        place, suggestions, ..
    } = refused(&CHAIN, &request("biuld", here("p/app")))
    else {
        panic!()
    };
    assert_eq!(
        (place.as_str(), &suggestions[..]),
        ("package `@x/app`", &["build".to_owned()][..])
    );
    let PlanError::UnknownTask { suggestions, .. } =
        refused(&CHAIN, &request("test", here("p/app")))
    else {
        panic!()
    };
    assert_eq!(suggestions, ["core#test", "lib#test"]);
    let error = refused(&CHAIN, &request("nothing", Scope::Recursive));
    assert_eq!(error.to_string(), "no task `nothing` in any package");
    let error = refused(&CHAIN, &request("coer#build", here("")));
    assert_eq!(
        error,
        PlanError::UnknownPackage {
            package: "coer".into(),
            suggestion: Some("core".into())
        }
    );
}

#[test]
fn a_name_of_several_packages_is_ambiguous() {
    let files = [
        ("package.json", r#"{"name": "root", "workspaces": ["p/*"]}"#),
        (
            "p/a/package.json",
            r#"{"name": "@a/same", "scripts": {"t": "x"}}"#,
        ),
        (
            "p/b/package.json",
            r#"{"name": "@b/same", "scripts": {"t": "x"}}"#,
        ),
    ];
    let error = refused(&files, &request("same#t", here("")));
    assert_eq!(
        error.to_string(),
        "`same` is the name of several packages: @a/same, @b/same"
    );
    assert_eq!(
        planned(&files, &request("@b/same#t", here(""))),
        ["@b/same#t/0"]
    );
}

#[test]
fn tasks_wait_for_what_they_depend_on_and_each_runs_once() {
    let files = [
        (
            "package.json",
            r#"{"name": "root", "workspaces": ["lib"], "dependencies": {"lib": "*"}}"#,
        ),
        (
            "vite-task.json",
            r#"{"tasks": {
                "gen": ["a", "b"],
                "build": {"command": "c", "dependsOn": ["gen", {"task": "build", "from": "dependencies"}]},
                "all": {"command": "d", "dependsOn": ["build", "gen", "lib#build"]}
            }}"#,
        ),
        (
            "lib/package.json",
            r#"{"name": "lib", "scripts": {"build": "x"}}"#,
        ),
    ];
    assert_eq!(
        planned(&files, &request("all", here(""))),
        [
            "root#gen/0",
            "root#gen/1 after root#gen/0",
            "lib#build/0",
            "root#build/0 after root#gen/1, lib#build/0",
            "root#all/0 after root#gen/1, lib#build/0, root#build/0",
        ]
    );
}

#[test]
fn tasks_that_wait_for_each_other_are_told_as_a_chain() {
    let files = [
        ("package.json", r#"{"name": "root"}"#),
        (
            "vite-task.json",
            r#"{"tasks": {
                "start": {"command": "x", "dependsOn": ["a"]},
                "a": {"command": "x", "dependsOn": ["b"]},
                "b": {"command": "x", "dependsOn": ["c"]},
                "c": {"command": "x", "dependsOn": ["a"]},
                "self": {"command": "x", "dependsOn": ["self"]}
            }}"#,
        ),
    ];
    let error = refused(&files, &request("start", here("")));
    assert_eq!(
        error.to_string(),
        "tasks wait for each other: root#a -> root#b -> root#c -> root#a"
    );
    let error = refused(&files, &request("self", here("")));
    assert_eq!(
        error.to_string(),
        "tasks wait for each other: root#self -> root#self"
    );

    let packages = [
        ("package.json", r#"{"name": "root", "workspaces": ["p/*"]}"#),
        (
            "p/a/package.json",
            r#"{"name": "a", "scripts": {"t": "x"}, "dependencies": {"b": "*"}}"#,
        ),
        (
            "p/b/package.json",
            r#"{"name": "b", "scripts": {"t": "x"}, "dependencies": {"a": "*"}}"#,
        ),
    ];
    assert!(matches!(
        refused(&packages, &request("t", Scope::Recursive)),
        PlanError::Cycle { .. }
    ));
    assert_eq!(planned(&packages, &request("t", here("p/a"))), ["a#t/0"]);
}

#[test]
fn hooks_run_around_scripts_one_level_deep_and_without_arguments() {
    let scripts = r#"{"name": "r", "scripts": {
        "prebuild": "a", "build": "b", "postbuild": "c", "preprebuild": "d", "pretask": "e"
    }}"#;
    let tasks = r#"{"tasks": {"task": {"command": "t", "dependsOn": ["build"]}}}"#;
    let files = [("package.json", scripts), ("vite-task.json", tasks)];
    let (_directory, project) = workspace(&files);
    let mut wish = request("build", here(""));
    wish.args = vec!["--x".to_owned()];
    let found = plan(&project, &wish).unwrap();
    assert_eq!(
        shown(&found),
        [
            "r#prebuild/0",
            "r#build/0 after r#prebuild/0",
            "r#postbuild/0 after r#build/0"
        ]
    );
    let args: Vec<usize> = found
        .steps
        .iter()
        .map(|step| step.invocation.args.len())
        .collect();
    assert_eq!(args, [0, 1, 0]);

    assert_eq!(
        planned(&files, &request("prebuild", here(""))),
        ["r#preprebuild/0", "r#prebuild/0 after r#preprebuild/0"]
    );
    // What comes after the script waits for its hook; a task of a configuration has no hooks.
    assert_eq!(
        planned(&files, &request("task", here("")))[2..],
        [
            "r#postbuild/0 after r#build/0",
            "r#task/0 after r#postbuild/0"
        ]
    );

    let off = r#"{"enablePrePostScripts": false}"#;
    let files = [("package.json", scripts), ("vite-task.json", off)];
    assert_eq!(planned(&files, &request("build", here(""))), ["r#build/0"]);
}

#[test]
fn a_hook_waits_for_what_its_script_waits_for() {
    let files = [
        ("package.json", r#"{"name": "root", "workspaces": ["p/*"]}"#),
        (
            "p/app/package.json",
            r#"{"name": "app", "scripts": {"prebuild": "a", "build": "b"}, "dependencies": {"lib": "*"}}"#,
        ),
        (
            "p/lib/package.json",
            r#"{"name": "lib", "scripts": {"build": "b", "postbuild": "c"}}"#,
        ),
    ];
    assert_eq!(
        planned(&files, &request("build", Scope::Recursive)),
        [
            "lib#build/0",
            "lib#postbuild/0 after lib#build/0",
            "app#prebuild/0 after lib#postbuild/0",
            "app#build/0 after app#prebuild/0",
        ]
    );
}

#[test]
fn the_cache_is_used_as_the_table_says() {
    let policies = |settings: &str, cache: CacheRequest| {
        let config = format!(
            r#"{{{settings} "tasks": {{"task": "x", "never": {{"command": "x", "cache": false}}}}}}"#
        );
        let files = [
            ("package.json", r#"{"scripts": {"script": "x"}}"#),
            ("vite-task.json", &config[..]),
        ];
        let (_directory, project) = workspace(&files);
        ["task", "script", "never"].map(|task| {
            let wish = Request {
                cache,
                ..request(task, here(""))
            };
            plan(&project, &wish).unwrap().steps[0].invocation.cache == CachePolicy::Enabled
        })
    };
    use CacheRequest::{Default, Off, On};
    for (settings, cache, wanted) in [
        ("", Default, [true, false, false]),
        ("", On, [true, true, false]),
        ("", Off, [false, false, false]),
        (r#""cache": true,"#, Default, [true, true, false]),
        (r#""cache": false,"#, Default, [false, false, false]),
        (r#""cache": false,"#, On, [true, true, false]),
        (
            r#""cache": {"tasks": false, "scripts": true},"#,
            Default,
            [false, true, false],
        ),
        (r#""cache": true,"#, Off, [false, false, false]),
    ] {
        assert_eq!(policies(settings, cache), wanted, "{settings} {cache:?}");
    }
}

#[test]
fn a_step_knows_where_it_runs_and_what_was_written() {
    let files = [
        ("package.json", r#"{"workspaces": ["p"]}"#),
        ("p/package.json", "{}"),
        (
            "p/vite-task.json",
            r#"{"tasks": {"t": {"command": "A=1 tool 'x y'", "cwd": "sub"}}}"#,
        ),
    ];
    let (_directory, project) = workspace(&files);
    let mut wish = request("t", here("p"));
    wish.args = vec!["z".to_owned()];
    let found = plan(&project, &wish).unwrap();
    let invocation = &found.steps[0].invocation;
    assert_eq!(found.steps[0].package, 1);
    assert_eq!(invocation.step.to_string(), "p#t/0");
    assert_eq!(invocation.command, "A=1 tool 'x y' z");
    assert_eq!(invocation.program, Program::Direct("tool".into()));
    assert_eq!(invocation.args, ["x y", "z"]);
    assert_eq!(invocation.env_prefix, [("A".to_owned(), "1".to_owned())]);
    assert_eq!(invocation.directory, RelPath::new("p/sub").unwrap());
    assert_eq!(invocation.package_dir, RelPath::new("p").unwrap());
}
