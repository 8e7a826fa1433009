//! React Router as a framework, which makes a server to read the routes: the rule `react-router`.

use crate::story::{
    Framework, OtherVariables, build, comes_back, not_stored, package, replace, takes_its_steps,
    without_rules,
};
use crate::turns::has_its_turn;

const REACT_ROUTER: Framework<'_> = Framework {
    name: "react-router-8",
    package: "@react-router/dev",
    tool: "react-router build",
    outputs: &["build"],
    private: &[],
    edit: ("app/tides.ts", "// Edited.\n"),
    variable: "VITE_STATION",
    other_variables: OtherVariables::Count,
    limits: "asks for all variables, of which the configuration may use any, so that each of them counts but those of \
             sessions and CI jobs; `untrackedEnv` takes one out",
};

#[test]
fn react_router_takes_its_steps() {
    if has_its_turn(REACT_ROUTER.name) {
        takes_its_steps(&package(REACT_ROUTER.name), &REACT_ROUTER);
    }
}

#[test]
fn the_configuration_moves_the_folder_of_react_router() {
    if !has_its_turn(REACT_ROUTER.name) {
        return;
    }
    let sandbox = package(REACT_ROUTER.name);
    replace(
        &sandbox,
        "react-router.config.ts",
        "ssr: true,",
        "ssr: true,\n  buildDirectory: \"site\",",
    );
    comes_back(&sandbox, "site");
}

#[test]
fn without_the_rule_react_router_is_never_stored() {
    if !has_its_turn(REACT_ROUTER.name) {
        return;
    }
    let sandbox = package(REACT_ROUTER.name);
    without_rules(&sandbox);
    not_stored(&build(&sandbox), "opted-out");
}
