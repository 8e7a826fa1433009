//! Which packages flags and filters choose.

use std::fs;

use tempfile::TempDir;
use vt_base::{AbsPath, RelPath};
use vt_config::{Project, load};
use vt_plan::{
    NoMatch, PlanError, Request, Selection, TaskTarget, packages_in, plan, unmatched_filters,
};

/// app -> ui -> core; site -> ui; core is developed with tool; root depends on site; the two
/// twins differ in their scope alone.
const FILES: [(&str, &str); 9] = [
    (
        "package.json",
        r#"{"name": "root", "workspaces": ["apps/*", "libs/**"], "dependencies": {"site": "*"}}"#,
    ),
    (
        "apps/app/package.json",
        r#"{"name": "@my/app", "dependencies": {"@my/ui": "workspace:*"}}"#,
    ),
    (
        "apps/site/package.json",
        r#"{"name": "site", "dependencies": {"@my/ui": "workspace:*"}}"#,
    ),
    (
        "libs/ui/package.json",
        r#"{"name": "@my/ui", "dependencies": {"@my/core": "workspace:*"}}"#,
    ),
    (
        "libs/core/package.json",
        r#"{"name": "@my/core", "devDependencies": {"tool": "workspace:*"}}"#,
    ),
    ("libs/tool/package.json", r#"{"name": "tool"}"#),
    ("libs/deep/one/package.json", r#"{"name": "@a/twin"}"#),
    ("libs/deep/two/package.json", r#"{"name": "@b/twin"}"#),
    ("libs/deep/package.json", r#"{"name": "deep"}"#),
];

fn workspace() -> (TempDir, Project) {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in FILES {
        let file = directory.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let start = AbsPath::new(directory.path()).unwrap();
    let project = load(&start, &[]).unwrap_or_else(|errors| panic!("{errors}"));
    (directory, project)
}

fn selection(flags: &str, filters: &[&str]) -> Selection {
    Selection {
        recursive: flags.contains('r'),
        transitive: flags.contains('t'),
        workspace_root: flags.contains('w'),
        filters: filters.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn request(flags: &str, filters: &[&str], here: &str, target: &str) -> Result<Request, PlanError> {
    let here = RelPath::new(here).unwrap();
    let target = TaskTarget::parse(target);
    let scope = selection(flags, filters).scope(&here, Some(&target))?;
    Ok(Request::new(target, scope))
}

/// The names of the packages, without their scope, sorted.
fn chosen(project: &Project, request: &Request) -> String {
    let found = packages_in(project, request).unwrap_or_else(|error| panic!("{error}"));
    let mut names: Vec<&str> = found
        .iter()
        .map(|index| project.packages[*index].id.as_str())
        .map(|id| id.strip_prefix("@my/").unwrap_or(id))
        .collect();
    names.sort_unstable();
    names.join(" ")
}

const ALL: &str = "@a/twin @b/twin app core deep root site tool ui";

#[test]
fn filters_choose_what_pnpm_would_choose() {
    let (_directory, project) = workspace();
    for (filters, here, wanted) in [
        // By name.
        (&["@my/ui"][..], "", "ui"),
        (&["ui"], "", "ui"),
        (&["twin"], "", ""),
        (&["@my/*"], "", "app core ui"),
        (&["*"], "", ALL),
        (&["*i*e"], "", "site"),
        (&["@?/twin"], "", "@a/twin @b/twin"),
        (&["nothing"], "", ""),
        (&["my/ui"], "", ""),
        // By directory.
        (&["./libs/ui"], "", "ui"),
        (&["./libs/ui/"], "", "ui"),
        (&["./libs"], "", ""),
        (&["./libs/*"], "", "core deep tool ui"),
        (&["./libs/**"], "", "@a/twin @b/twin core deep tool ui"),
        (&["./libs/deep/**"], "", "@a/twin @b/twin deep"),
        (&["./**"], "apps", "app site"),
        (&["./**"], "", ALL),
        (&["../../libs/ui"], "apps/app", "ui"),
        (&["."], "libs/ui", "ui"),
        (&["."], "libs/ui/src", ""),
        (&[".."], "libs/deep/one", "deep"),
        (&["."], "", "root"),
        (&["../../../outside"], "libs/ui", ""),
        (&["{libs/ui}"], "", "ui"),
        (&["{./libs/ui}"], "", "ui"),
        (&["{libs/{ui,core}}"], "", "core ui"),
        (&["{/elsewhere}"], "", ""),
        (&["@my/*{libs/**}"], "", "core ui"),
        (&["core{libs/**}"], "", "core"),
        (&["core{apps/**}"], "", ""),
        // By who depends on whom.
        (&["app..."], "", "app core tool ui"),
        (&["app^..."], "", "core tool ui"),
        (&["...ui"], "", "app root site ui"),
        (&["...^ui"], "", "app root site"),
        (&["...ui..."], "", "app core root site tool ui"),
        (&["...^ui^..."], "", "app core root site tool ui"),
        (&["...site..."], "", "core root site tool ui"),
        (&["{libs/ui}..."], "", "core tool ui"),
        (&["...{libs/ui}"], "", "app root site ui"),
        (&["./libs/ui..."], "", "ui"),
        (&["@my/*^..."], "", "core tool ui"),
        // Together.
        (&["app", "site"], "", "app site"),
        (&["app site"], "", "app site"),
        (&["app...", "!core"], "", "app tool ui"),
        (&["!core", "app..."], "", "app tool ui"),
        (&["app...", "!core..."], "", "app ui"),
        (&["!@my/*"], "", "@a/twin @b/twin deep root site tool"),
        (&["!...core"], "", "@a/twin @b/twin deep tool"),
        (&["!./libs/**", "!root"], "", "app site"),
        (&["app", "!app"], "", ""),
        (&["!nothing"], "", ALL),
    ] {
        let request = request("", filters, here, "x").unwrap();
        assert_eq!(
            chosen(&project, &request),
            wanted,
            "{filters:?} in `{here}`"
        );
    }
}

#[test]
fn a_directory_may_be_absolute() {
    let (directory, project) = workspace();
    let root = fs::canonicalize(directory.path()).unwrap();
    let filter = format!("{{{}/libs/*}}", root.display());
    let request = request("", &[&filter], "apps/app", "x").unwrap();
    assert_eq!(chosen(&project, &request), "core deep tool ui");
}

#[test]
fn what_changed_is_chosen_by_the_package_it_lies_in() {
    let (_directory, project) = workspace();
    let changed = [
        "libs/ui/src/a.ts",
        "libs/deep/one/x",
        "libs/deep/y",
        "readme",
    ];
    let paths = changed.map(|path| RelPath::new(path).unwrap());
    for (filters, wanted) in [
        (&["[main]"][..], "@a/twin deep root ui"),
        (&["...[main]"], "@a/twin app deep root site ui"),
        (&["@my/*[main]"], "ui"),
        (&["{libs/deep/**}[main]"], "@a/twin deep"),
        (&["app...", "![main]"], "app core tool"),
    ] {
        let mut request = request("", filters, "", "x").unwrap();
        request.changes.insert("main".to_owned(), paths.to_vec());
        assert_eq!(chosen(&project, &request), wanted, "{filters:?}");
    }
    let unknown = request("", &["[main]"], "", "x").unwrap();
    assert!(packages_in(&project, &unknown).is_err());
}

#[test]
fn flags_choose_packages_without_filters() {
    let (_directory, project) = workspace();
    for (flags, filters, here, target, wanted) in [
        ("", &[][..], "apps/app/src", "x", "app"),
        ("", &[], "", "x", "root"),
        ("", &[], "", "app#x", "app"),
        ("r", &[], "libs/ui", "x", ALL),
        ("rw", &[], "libs/ui", "x", ALL),
        ("t", &[], "libs/ui", "x", "core tool ui"),
        ("t", &[], "", "app#x", "app core tool ui"),
        ("w", &[], "libs/ui", "x", "root"),
        ("tw", &[], "libs/ui", "x", "core root site tool ui"),
        ("w", &["tool"], "libs/ui", "x", "root tool"),
        ("w", &["tool", "!root"], "", "x", "tool"),
    ] {
        let request = request(flags, filters, here, target).unwrap();
        let found = chosen(&project, &request);
        assert_eq!(found, wanted, "-{flags} {filters:?} {target} in `{here}`");
    }
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    for (flags, filters, target, wanted) in [
        ("rt", &[][..], "x", "`--recursive` and `--transitive`"),
        ("r", &["a"], "x", "`--filter` and `--recursive`"),
        ("t", &["a"], "x", "`--filter` and `--transitive`"),
        ("r", &[], "a#x", "`--recursive` and `a#x`"),
        ("", &["a"], "a#x", "`--filter` and `a#x`"),
        ("w", &[], "a#x", "`--workspace-root` and `a#x`"),
        ("", &[""], "x", "`` is not a filter"),
        ("", &["a", " \t"], "x", "is not a filter"),
    ] {
        let error = request(flags, filters, "", target).unwrap_err().to_string();
        assert!(
            error.contains(wanted),
            "-{flags} {filters:?} {target}: {error}"
        );
    }
}

#[test]
fn filters_without_a_match_are_told_and_fail_only_when_asked_to() {
    let (_directory, project) = workspace();
    let filters = ["nobody", "!noone", "./nowhere...", "app"];
    let mut request = request("", &filters, "", "x").unwrap();
    let unmatched = unmatched_filters(&project, &request).unwrap();
    assert_eq!(unmatched, ["nobody", "./nowhere..."]);
    // A package was chosen, and it does not have the task.
    let error = plan(&project, &request).unwrap_err();
    assert_eq!(error.to_string(), "no task `x` in package `@my/app`");
    request.no_match = NoMatch::Fail;
    let error = plan(&project, &request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no package matches `nobody` or `./nowhere...`"
    );
}

#[test]
fn filters_that_match_nothing_at_all_plan_nothing() {
    let (_directory, project) = workspace();
    let request = request("", &["nobody"], "", "x").unwrap();
    assert_eq!(plan(&project, &request).unwrap().steps, []);
}
