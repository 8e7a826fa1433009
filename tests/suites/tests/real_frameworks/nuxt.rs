//! Nuxt, whose build folder moves by itself: the rule `nuxt`.

use vt_harness::Sandbox;

use crate::story::{
    Framework, OtherVariables, build, build_with, comes_back, hit, package, ran, replace,
    takes_its_steps, without_rules,
};
use crate::turns::has_its_turn;

const NUXT: Framework<'_> = Framework {
    name: "nuxt-4",
    package: "nuxt",
    tool: "nuxt build",
    outputs: &[".output"],
    private: &[],
    edit: ("app/utils/tides.ts", "// Edited.\n"),
    variable: "NUXT_PUBLIC_STATION",
    other_variables: OtherVariables::DoNotCount,
    limits: "the build folder is not brought back; variables that the configuration reads under other names have to be declared",
};

#[test]
fn nuxt_takes_its_steps() {
    if has_its_turn(NUXT.name) {
        takes_its_steps(&prerendered(), &NUXT);
    }
}

#[test]
fn the_configuration_moves_the_folders_of_nuxt_also_after_it_was_prepared() {
    if !has_its_turn(NUXT.name) {
        return;
    }
    let sandbox = package(NUXT.name);
    replace(
        &sandbox,
        "nuxt.config.ts",
        "telemetry: false,",
        "telemetry: false,\n  buildDir: \"made\",\n  nitro: { output: { dir: \"site\" } },",
    );
    replace(&sandbox, "tsconfig.json", "./.nuxt/", "./made/");
    let prepare = || {
        let call = sandbox.call("node_modules/.bin/nuxt prepare");
        let path = std::env::var("PATH").unwrap_or_default();
        let own = sandbox.path("node_modules/.bin");
        let outcome = call.env("PATH", format!("{}:{path}", own.display())).run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    };
    prepare();
    comes_back(&sandbox, "site");
    // As after each installation.
    prepare();
    hit(&build(&sandbox));
}

#[test]
fn without_the_rule_nuxt_does_not_see_the_variable() {
    if !has_its_turn(NUXT.name) {
        return;
    }
    let sandbox = prerendered();
    without_rules(&sandbox);
    ran(&build(&sandbox), &["first-run"]);
    hit(&build_with(&sandbox, &[("NUXT_PUBLIC_STATION", "north")]));
}

/// With a page that is made during the build, so that it shows the runtime configuration.
fn prerendered() -> Sandbox {
    let sandbox = package(NUXT.name);
    replace(
        &sandbox,
        "nuxt.config.ts",
        "telemetry: false,",
        "telemetry: false,\n  routeRules: { \"/\": { prerender: true } },",
    );
    sandbox
}
