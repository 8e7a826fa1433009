//! Tasks that run tasks, and the flags that change what waits for what.

use std::fs;

use vt_base::{AbsPath, CachePolicy, RelPath};
use vt_config::load;
use vt_plan::{
    CacheRequest, DependsOn, Ordering, Plan, PlanError, Request, Selection, TaskTarget, plan,
};

/// Plans `flags target` in a directory; the flags are `r`, `t`, `w` and filters.
fn outcome(
    files: &[(&str, &str)],
    here: &str,
    words: &str,
    change: impl FnOnce(&mut Request),
) -> Result<Plan, PlanError> {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let file = directory.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let start = AbsPath::new(directory.path()).unwrap();
    let project = load(&start, &[]).unwrap_or_else(|errors| panic!("{errors}"));
    let mut words: Vec<&str> = words.split(' ').collect();
    let target = TaskTarget::parse(words.pop().unwrap());
    let selection = Selection {
        recursive: words.contains(&"-r"),
        transitive: words.contains(&"-t"),
        workspace_root: words.contains(&"-w"),
        filters: words
            .into_iter()
            .filter(|word| !word.starts_with('-'))
            .map(str::to_owned)
            .collect(),
    };
    let scope = selection.scope(&RelPath::new(here).unwrap(), Some(&target))?;
    let mut request = Request::new(target, scope);
    change(&mut request);
    plan(&project, &request)
}

/// Each step with its command and the steps it waits for.
fn shown(plan: &Plan) -> Vec<String> {
    let name = |index: usize| plan.steps[index].invocation.step.to_string();
    let line = |step: &vt_plan::PlannedStep| {
        let after: Vec<String> = step.after.iter().map(|before| name(*before)).collect();
        let invocation = &step.invocation;
        let behind = match after.is_empty() {
            true => String::new(),
            false => format!(" after {}", after.join(", ")),
        };
        format!("{}: {}{behind}", invocation.step, invocation.command)
    };
    plan.steps.iter().map(line).collect()
}

fn planned(files: &[(&str, &str)], here: &str, words: &str) -> Vec<String> {
    shown(&outcome(files, here, words, |_| {}).unwrap_or_else(|error| panic!("{error}")))
}

fn refused(files: &[(&str, &str)], words: &str) -> String {
    let error = outcome(files, "", words, |_| {}).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn one(scripts: &str) -> [(&'static str, String); 1] {
    [(
        "package.json",
        format!(r#"{{"name": "r", "scripts": {{{scripts}}}}}"#),
    )]
}

fn planned_one(scripts: &str, words: &str) -> Vec<String> {
    let [(name, text)] = one(scripts);
    planned(&[(name, &text)], "", words)
}

fn refused_one(scripts: &str, words: &str) -> String {
    let [(name, text)] = one(scripts);
    refused(&[(name, &text)], words)
}

#[test]
fn a_command_that_runs_a_task_is_replaced_by_it() {
    assert_eq!(
        planned_one(
            r#""all": "first && vt run lint && vpr test && last", "lint": "l", "test": "t1 && t2""#,
            "all"
        ),
        [
            "r#all/0: first",
            "r#lint/0: l after r#all/0",
            "r#test/0: t1 after r#lint/0",
            "r#test/1: t2 after r#test/0",
            "r#all/3: last after r#test/1",
        ]
    );
}

#[test]
fn what_a_nested_task_depends_on_and_its_hooks_come_with_it() {
    let files = [
        (
            "package.json",
            r#"{"name": "r", "scripts": {"pretest": "p", "test": "t", "posttest": "q"}}"#,
        ),
        (
            "vite-task.json",
            r#"{"tasks": {
                "gen": "g",
                "check": {"command": "c", "dependsOn": ["gen"]},
                "all": "a && vt run check && vt run test"
            }}"#,
        ),
    ];
    assert_eq!(
        planned(&files, "", "all"),
        [
            "r#all/0: a",
            "r#gen/0: g after r#all/0",
            "r#check/0: c after r#gen/0",
            "r#pretest/0: p after r#check/0",
            "r#test/0: t after r#pretest/0",
            "r#posttest/0: q after r#test/0",
        ]
    );
}

#[test]
fn a_step_that_is_run_twice_never_runs_twice_at_once() {
    assert_eq!(
        planned_one(
            r#""all": "vt run gen && touch x && vt run gen", "gen": "g""#,
            "all"
        ),
        [
            "r#gen/0: g",
            "r#all/1: touch x after r#gen/0",
            "r#gen/0: g after r#gen/0, r#all/1",
        ]
    );
    let files = [
        (
            "package.json",
            r#"{"name": "r", "workspaces": ["a", "b"], "scripts": {"gen": "g"}}"#,
        ),
        (
            "a/package.json",
            r#"{"name": "a", "scripts": {"build": "vt run -w gen && x"}}"#,
        ),
        (
            "b/package.json",
            r#"{"name": "b", "scripts": {"build": "vt run -w gen && x"}}"#,
        ),
    ];
    assert_eq!(
        planned(&files, "", "-r build"),
        [
            "r#gen/0: g",
            "a#build/1: x after r#gen/0",
            "r#gen/0: g after r#gen/0",
            "b#build/1: x after r#gen/0",
        ]
    );
}

#[test]
fn arguments_reach_the_task_that_the_last_command_runs() {
    assert_eq!(
        planned_one(
            r#""all": "a && vt run lint --x", "lint": "l1 && l2""#,
            "all"
        ),
        [
            "r#all/0: a",
            "r#lint/0: l1 after r#all/0",
            "r#lint/1: l2 --x after r#lint/0"
        ]
    );
    let [(name, text)] = one(r#""all": "a && vt run lint", "lint": "l1 && l2""#);
    let with_args = |request: &mut Request| request.args = vec!["--fix".into(), "a b".into()];
    let found = outcome(&[(name, &text)], "", "all", with_args).unwrap();
    assert_eq!(found.steps[2].invocation.args, ["--fix", "a b"]);
    assert_eq!(found.steps[1].invocation.args, [""; 0]);
}

#[test]
fn prefixes_reach_the_nested_tasks_and_the_nearest_counts() {
    let [(name, text)] =
        one(r#""all": "A=1 B=1 vt run mid", "mid": "B=2 vt run low && m", "low": "C=3 l | x""#);
    let found = outcome(&[(name, &text)], "", "all", |_| {}).unwrap();
    let prefixes: Vec<String> = found
        .steps
        .iter()
        .map(|step| {
            let pairs = step.invocation.env_prefix.iter();
            let pairs = pairs.map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(prefixes, ["A=1 B=1 B=2", "A=1 B=1"]);
}

#[test]
fn changing_the_directory_changes_where_a_nested_run_looks_and_not_where_tasks_run() {
    let files = [
        (
            "package.json",
            r#"{"name": "r", "workspaces": ["p/*"], "scripts": {"all": "cd p/a && vt run build"}}"#,
        ),
        (
            "p/a/package.json",
            r#"{"name": "a", "scripts": {"build": "cd sub && vt run low", "low": "l"}}"#,
        ),
    ];
    let found = outcome(&files, "", "all", |_| {}).unwrap();
    assert_eq!(shown(&found), ["a#low/0: l"]);
    assert_eq!(
        found.steps[0].invocation.directory,
        RelPath::new("p/a").unwrap()
    );
}

#[test]
fn nested_flags_beat_those_outside_and_are_else_inherited() {
    let scripts =
        r#""plain": "vt run s", "on": "vt run --cache s", "off": "vt run --no-cache s", "s": "x""#;
    let [(name, text)] = one(scripts);
    use CacheRequest::{Default, Off, On};
    for (task, cache, wanted) in [
        ("plain", Default, CachePolicy::Disabled),
        ("plain", On, CachePolicy::Enabled),
        ("plain", Off, CachePolicy::Disabled),
        ("on", Default, CachePolicy::Enabled),
        ("on", Off, CachePolicy::Enabled),
        ("off", On, CachePolicy::Disabled),
    ] {
        let found = outcome(&[(name, &text)], "", task, |request| request.cache = cache);
        let policy = found.unwrap().steps[0].invocation.cache;
        assert_eq!(policy, wanted, "{task} {cache:?}");
    }
}

#[test]
fn a_commit_that_a_nested_filter_names_is_asked_for_and_then_known() {
    let files = [
        (
            "package.json",
            r#"{"name": "r", "workspaces": ["p/*"], "scripts": {"all": "vt run -F '[main]' build && vt run -F '...[v1]' build"}}"#,
        ),
        (
            "p/a/package.json",
            r#"{"name": "a", "scripts": {"build": "x"}}"#,
        ),
        (
            "p/b/package.json",
            r#"{"name": "b", "scripts": {"build": "y"}, "dependencies": {"a": "*"}}"#,
        ),
    ];
    let error = outcome(&files, "", "all", |_| {}).unwrap_err();
    assert_eq!(error.commit(), Some("main"));
    let in_a = || vec![RelPath::new("p/a/x.ts").unwrap()];
    let told = |request: &mut Request| {
        request.changes.insert("main".to_owned(), in_a());
    };
    let error = outcome(&files, "", "all", told).unwrap_err();
    assert_eq!(error.commit(), Some("v1"));
    let plan = outcome(&files, "", "all", |request| {
        told(request);
        request.changes.insert("v1".to_owned(), in_a());
    });
    assert_eq!(
        shown(&plan.unwrap()),
        [
            "a#build/0: x",
            "a#build/0: x after a#build/0",
            "b#build/0: y after a#build/0",
        ]
    );
}

/// A root whose `build` builds everything, itself among it.
const EVERYTHING: [(&str, &str); 3] = [
    (
        "package.json",
        r#"{"name": "r", "workspaces": ["p/*"], "scripts": {"build": "before && vt run -r build && behind"}}"#,
    ),
    (
        "p/a/package.json",
        r#"{"name": "a", "scripts": {"build": "x"}, "dependencies": {"b": "*"}}"#,
    ),
    (
        "p/b/package.json",
        r#"{"name": "b", "scripts": {"build": "y && vt run -r build"}}"#,
    ),
];

#[test]
fn a_run_that_meets_itself_goes_no_deeper() {
    // The same words again add nothing.
    assert_eq!(
        planned(&EVERYTHING, "", "-r build"),
        [
            "r#build/0: before",
            "r#build/2: behind after r#build/0",
            "b#build/0: y",
            "a#build/0: x after b#build/0",
        ]
    );
    // Other words that mean the task as well leave it out.
    assert_eq!(
        planned(&EVERYTHING, "", "build"),
        [
            "r#build/0: before",
            "b#build/0: y after r#build/0",
            "a#build/0: x after b#build/0",
            "r#build/2: behind after a#build/0",
        ]
    );
    assert_eq!(planned_one(r#""a": "vt run a""#, "a"), [""; 0]);
    assert_eq!(
        planned_one(r#""a": "cd sub && vt run a && x""#, "a"),
        ["r#a/1: x"]
    );
}

#[test]
fn a_task_that_comes_to_nothing_is_looked_through() {
    let files = [
        ("package.json", r#"{"name": "r"}"#),
        (
            "vite-task.json",
            r#"{"tasks": {
                "first": "f",
                "empty": {"command": "vt run empty", "dependsOn": ["first"]},
                "last": {"command": "l", "dependsOn": ["empty"]}
            }}"#,
        ),
    ];
    assert_eq!(
        planned(&files, "", "last"),
        ["r#first/0: f", "r#last/0: l after r#first/0"]
    );
}

#[test]
fn tasks_that_run_each_other_are_told_as_a_chain() {
    assert_eq!(
        refused_one(
            r#""a": "x && vt run b", "b": "vt run c", "c": "vt run a""#,
            "a"
        ),
        "tasks run each other without end: r#a -> r#b -> r#c -> r#a"
    );
    assert_eq!(
        refused_one(
            r#""s": "vt run a", "a": "vt run b", "b": "vt run a -x""#,
            "s"
        ),
        "tasks run each other without end: r#a -> r#b -> r#a"
    );
    // A hook that runs what it belongs to is the same words again.
    assert_eq!(
        planned_one(r#""prebuild": "vt run build", "build": "x""#, "build"),
        ["r#build/0: x"]
    );
    let files = [
        ("package.json", r#"{"name": "r"}"#),
        (
            "vite-task.json",
            r#"{"tasks": {"a": "vt run b", "b": {"command": "x", "dependsOn": ["a"]}}}"#,
        ),
    ];
    assert_eq!(
        refused(&files, "a"),
        "tasks run each other without end: r#a -> r#a"
    );
}

#[test]
fn a_mistake_in_a_nested_run_names_the_task_and_the_command() {
    for (command, wanted) in [
        ("vt run nothing", "no task `nothing` in package `r`"),
        ("vt run -r nothing", "no task `nothing` in any package"),
        ("vt run nobody#x", "no package `nobody` in the workspace"),
        (
            "vt run -rt x",
            "`--recursive` and `--transitive` contradict each other",
        ),
        (
            "vt run -F nobody --fail-if-no-match x",
            "no package matches `nobody`",
        ),
        (
            "vt run -F '{a' x",
            "`{a` is not a filter: a `{` is not closed",
        ),
    ] {
        let said = refused_one(&format!(r#""all": "{command}""#), "all");
        assert_eq!(
            said,
            format!("cannot plan `{command}` of `r#all`: {wanted}")
        );
    }
}

/// app -> lib -> core -> base; core has no build.
const CHAIN: [(&str, &str); 6] = [
    ("package.json", r#"{"name": "r", "workspaces": ["p/*"]}"#),
    (
        "p/app/package.json",
        r#"{"name": "app", "dependencies": {"lib": "*"}, "scripts": {"prebuild": "h", "build": "a"}}"#,
    ),
    (
        "p/app/vite-task.json",
        r#"{"tasks": {"ship": {"command": "s", "dependsOn": ["build"]}}}"#,
    ),
    (
        "p/base/package.json",
        r#"{"name": "base", "scripts": {"build": "b"}}"#,
    ),
    (
        "p/core/package.json",
        r#"{"name": "core", "dependencies": {"base": "*"}}"#,
    ),
    (
        "p/lib/package.json",
        r#"{"name": "lib", "dependencies": {"core": "*"}, "scripts": {"build": "l"}}"#,
    ),
];

#[test]
fn only_what_was_selected_waits_and_gaps_inside_it_are_bridged() {
    for (words, wanted) in [
        (
            "-t app#build",
            &[
                "base#build/0: b",
                "lib#build/0: l after base#build/0",
                "app#prebuild/0: h after lib#build/0",
                "app#build/0: a after app#prebuild/0",
            ][..],
        ),
        (
            "app#build",
            &["app#prebuild/0: h", "app#build/0: a after app#prebuild/0"],
        ),
        (
            "app lib build",
            &[
                "lib#build/0: l",
                "app#prebuild/0: h after lib#build/0",
                "app#build/0: a after app#prebuild/0",
            ],
        ),
        // core, which has no build, was selected ...
        (
            "lib core base build",
            &["base#build/0: b", "lib#build/0: l after base#build/0"],
        ),
        // ... or not.
        ("lib base build", &["base#build/0: b", "lib#build/0: l"]),
    ] {
        assert_eq!(planned(&CHAIN, "", words), wanted, "{words}");
    }
}

#[test]
fn orders_can_be_dropped() {
    let with =
        |change: fn(&mut Request), words: &str| shown(&outcome(&CHAIN, "", words, change).unwrap());
    assert_eq!(
        with(|request| request.depends_on = DependsOn::Ignore, "app#ship"),
        ["app#ship/0: s"]
    );
    // A hook belongs to its script.
    assert_eq!(
        with(|request| request.ordering = Ordering::None, "-r build"),
        [
            "app#prebuild/0: h",
            "app#build/0: a after app#prebuild/0",
            "base#build/0: b",
            "lib#build/0: l",
        ]
    );
    assert_eq!(
        with(|request| request.ordering = Ordering::None, "app#ship"),
        [
            "app#prebuild/0: h",
            "app#build/0: a after app#prebuild/0",
            "app#ship/0: s"
        ]
    );
}
