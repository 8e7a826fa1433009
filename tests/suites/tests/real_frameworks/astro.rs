//! Astro, which makes a server to read the content: the rule `astro`.

use crate::story::{
    Framework, OtherVariables, build, comes_back, not_stored, package, replace, takes_its_steps,
    without_rules,
};
use crate::turns::has_its_turn;

const ASTRO: Framework<'_> = Framework {
    name: "astro-7",
    package: "astro",
    tool: "astro build",
    outputs: &["dist"],
    private: &[],
    edit: ("src/content/stations/north.md", "\nAnd once a night.\n"),
    variable: "PUBLIC_STATION",
    other_variables: OtherVariables::Count,
    limits: "asks for all variables, of which any may be inlined, so that each of them counts but those of sessions and \
             CI jobs; `untrackedEnv` takes one out",
};

#[test]
fn astro_takes_its_steps() {
    if has_its_turn(ASTRO.name) {
        takes_its_steps(&package(ASTRO.name), &ASTRO);
    }
}

#[test]
fn the_configuration_moves_the_folders_of_astro() {
    if !has_its_turn(ASTRO.name) {
        return;
    }
    let sandbox = package(ASTRO.name);
    replace(
        &sandbox,
        "astro.config.mjs",
        "devToolbar",
        "outDir: \"site\",\n  cacheDir: \"kept\",\n  devToolbar",
    );
    comes_back(&sandbox, "site");
}

#[test]
fn without_the_rule_astro_is_never_stored() {
    if !has_its_turn(ASTRO.name) {
        return;
    }
    let sandbox = package(ASTRO.name);
    without_rules(&sandbox);
    let outcome = build(&sandbox);
    not_stored(&outcome, "opted-out");
    not_stored(&outcome, "wrote-outside");
}
