//! VitePress, whose Vite does not say what it is doing: the rule `vitepress`.

use crate::story::{
    Framework, OtherVariables, build, build_with, comes_back, hit, package, ran, replace, rules,
    takes_its_steps, without_rules,
};
use crate::turns::has_its_turn;

const VITEPRESS: Framework<'_> = Framework {
    name: "vitepress-1",
    package: "vitepress",
    tool: "vitepress build",
    outputs: &[".vitepress/dist"],
    private: &[],
    edit: ("stations.md", "\nAnd another one.\n"),
    variable: "VITE_STATION",
    other_variables: OtherVariables::DoNotCount,
    limits: "`envPrefix` is read where it is written out, in the configuration of the package or of its `docs`",
};

#[test]
fn vitepress_takes_its_steps() {
    if has_its_turn(VITEPRESS.name) {
        takes_its_steps(&package(VITEPRESS.name), &VITEPRESS);
    }
}

#[test]
fn the_configuration_moves_the_folders_and_the_prefix_of_vitepress() {
    if !has_its_turn(VITEPRESS.name) {
        return;
    }
    let sandbox = package(VITEPRESS.name);
    replace(
        &sandbox,
        ".vitepress/config.js",
        "title: \"Tide tables\",",
        "title: \"Tide tables\",\n  outDir: \"site\",\n  cacheDir: \"kept\",\n  vite: { envPrefix: \"DOCS_\" },",
    );
    comes_back(&sandbox, "site");
    hit(&build_with(&sandbox, &[("VITE_STATION", "north")]));
    let outcome = build_with(&sandbox, &[("DOCS_STATION", "north")]);
    ran(&outcome, &["env-added DOCS_STATION"]);
    assert!(rules(&outcome).contains("DOCS_"), "{}", rules(&outcome));
}

#[test]
fn without_the_rule_vitepress_does_not_see_the_variable() {
    if !has_its_turn(VITEPRESS.name) {
        return;
    }
    let sandbox = package(VITEPRESS.name);
    without_rules(&sandbox);
    ran(&build(&sandbox), &["first-run"]);
    hit(&build_with(&sandbox, &[("VITE_STATION", "north")]));
}
