//! Nitro alone, of which only variables have to be said: the rule `env-prefixes`.

use crate::story::{
    Framework, OtherVariables, build, build_with, comes_back, hit, package, ran, replace,
    takes_its_steps, without_rules,
};
use crate::turns::has_its_turn;

const NITRO: Framework<'_> = Framework {
    name: "nitro-2",
    package: "nitropack",
    tool: "nitropack build",
    outputs: &[".output"],
    private: &[],
    edit: ("lib/tides.ts", "// Edited.\n"),
    variable: "NITRO_STATION",
    other_variables: OtherVariables::DoNotCount,
    limits: "variables that the configuration reads under other names have to be declared",
};

#[test]
fn nitro_takes_its_steps() {
    if has_its_turn(NITRO.name) {
        takes_its_steps(&package(NITRO.name), &NITRO);
    }
}

#[test]
fn the_configuration_and_the_host_move_the_folder_of_nitro() {
    if !has_its_turn(NITRO.name) {
        return;
    }
    let sandbox = package(NITRO.name);
    replace(
        &sandbox,
        "nitro.config.ts",
        "runtimeConfig:",
        "output: { dir: \"site\" },\n  runtimeConfig:",
    );
    comes_back(&sandbox, "site");
    ran(
        &build_with(&sandbox, &[("VERCEL", "1")]),
        &["env-added VERCEL"],
    );
}

#[test]
fn without_the_rule_nitro_does_not_see_the_variable() {
    if !has_its_turn(NITRO.name) {
        return;
    }
    let sandbox = package(NITRO.name);
    without_rules(&sandbox);
    ran(&build(&sandbox), &["first-run"]);
    hit(&build_with(&sandbox, &[("NITRO_STATION", "north")]));
}
