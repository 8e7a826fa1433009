//! SvelteKit, which is built by `vite build`: the rules `sveltekit` and, for its Vite, `vite`.

use crate::story::{
    Framework, OtherVariables, build, build_with, comes_back, hit, not_stored, package, ran,
    replace, rules, takes_its_steps, without_rules,
};
use crate::turns::has_its_turn;

const TWO: Framework<'_> = Framework {
    name: "sveltekit-2",
    package: "@sveltejs/kit",
    tool: "vite build",
    outputs: &["build", ".svelte-kit/output"],
    private: &[],
    edit: ("src/lib/tides.js", "// Edited.\n"),
    variable: "PUBLIC_STATION",
    other_variables: OtherVariables::DoNotCount,
    limits: "private variables (`$env/static/private`) have to be declared; `publicPrefix` is read where it is written \
             out, in `svelte.config.js`",
};

const THREE: Framework<'_> = Framework {
    name: "sveltekit-3",
    other_variables: OtherVariables::Count,
    limits: "asks for all variables, of which any may be inlined, so that each of them counts but those of sessions and \
             CI jobs; `untrackedEnv` takes one out",
    ..TWO
};

#[test]
fn sveltekit_2_takes_its_steps() {
    if has_its_turn(TWO.name) {
        takes_its_steps(&package(TWO.name), &TWO);
    }
}

#[test]
fn sveltekit_3_takes_its_steps() {
    if has_its_turn(THREE.name) {
        takes_its_steps(&package(THREE.name), &THREE);
    }
}

#[test]
fn the_configuration_moves_the_folder_and_the_prefix_of_sveltekit() {
    if !has_its_turn(TWO.name) {
        return;
    }
    let sandbox = package(TWO.name);
    replace(
        &sandbox,
        "svelte.config.js",
        "adapter: adapter()",
        "adapter: adapter({ pages: \"site\" }), outDir: \"kept\", env: { publicPrefix: \"OPEN_\" }",
    );
    replace(
        &sandbox,
        "src/routes/+page.svelte",
        "PUBLIC_STATION",
        "OPEN_STATION",
    );
    replace(&sandbox, ".env", "PUBLIC_STATION", "OPEN_STATION");
    comes_back(&sandbox, "site");
    hit(&build_with(&sandbox, &[("PUBLIC_STATION", "north")]));
    let outcome = build_with(&sandbox, &[("OPEN_STATION", "north")]);
    ran(&outcome, &["env-added OPEN_STATION"]);
    assert!(rules(&outcome).contains("OPEN_"), "{}", rules(&outcome));
}

#[test]
fn the_host_an_adapter_builds_for_counts() {
    if !has_its_turn(TWO.name) {
        return;
    }
    let sandbox = package(TWO.name);
    ran(&build(&sandbox), &["first-run"]);
    ran(
        &build_with(&sandbox, &[("VERCEL", "1")]),
        &["env-added VERCEL"],
    );
    assert!(sandbox.path(".vercel/output/static/index.html").is_file());
}

#[test]
fn without_the_rules_the_variables_of_sveltekit_are_not_seen() {
    if !has_its_turn(TWO.name) {
        return;
    }
    let sandbox = package(TWO.name);
    without_rules(&sandbox);
    ran(&build(&sandbox), &["first-run"]);
    hit(&build_with(&sandbox, &[("PUBLIC_STATION", "north")]));
    // The adapter sees it, and would have built for another host.
    hit(&build_with(&sandbox, &[("VERCEL", "1")]));
}

#[test]
fn the_configuration_moves_the_folder_of_sveltekit_3_and_without_the_rule_it_is_never_stored() {
    if !has_its_turn(THREE.name) {
        return;
    }
    let sandbox = package(THREE.name);
    replace(
        &sandbox,
        "vite.config.js",
        "adapter()",
        "adapter({ pages: \"site\" }), outDir: \"kept\"",
    );
    comes_back(&sandbox, "site");
    assert!(sandbox.path("kept/output").is_dir());
    without_rules(&sandbox);
    not_stored(&build(&sandbox), "opted-out");
}
