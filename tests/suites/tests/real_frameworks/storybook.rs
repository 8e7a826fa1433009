//! Storybook, which leaves a note in the home directory: the rule `storybook`.

use crate::story::{
    Framework, OtherVariables, build, comes_back, not_stored, package, replace, takes_its_steps,
    without_rules,
};
use crate::turns::has_its_turn;

const STORYBOOK: Framework<'_> = Framework {
    name: "storybook-10",
    package: "storybook",
    tool: "storybook build",
    outputs: &["storybook-static"],
    private: &[],
    edit: ("src/gauge.js", "// Edited.\n"),
    variable: "STORYBOOK_STATION",
    other_variables: OtherVariables::DoNotCount,
    limits: "a `CACHE_DIR` of its own, and other variables that `env` of the configuration reads, have to be declared",
};

#[test]
fn storybook_takes_its_steps() {
    if has_its_turn(STORYBOOK.name) {
        takes_its_steps(&package(STORYBOOK.name), &STORYBOOK);
    }
}

#[test]
fn an_option_moves_the_folder_of_storybook() {
    if !has_its_turn(STORYBOOK.name) {
        return;
    }
    let sandbox = package(STORYBOOK.name);
    replace(
        &sandbox,
        "package.json",
        "\"storybook build\"",
        "\"storybook build -o site\"",
    );
    comes_back(&sandbox, "site");
}

#[test]
fn without_the_rule_the_first_build_of_storybook_is_not_stored() {
    if !has_its_turn(STORYBOOK.name) {
        return;
    }
    let sandbox = package(STORYBOOK.name);
    without_rules(&sandbox);
    not_stored(&build(&sandbox), "wrote-outside");
}
