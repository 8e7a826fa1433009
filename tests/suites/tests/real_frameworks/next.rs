//! Next, which keeps a cache inside of what it builds: the rule `next`.

use crate::story::{
    Framework, OtherVariables, build, hit, not_stored, package, ran, replace, takes_its_steps,
    without_rules,
};
use crate::turns::has_its_turn;

const NEXT: Framework<'_> = Framework {
    name: "next-16",
    package: "next",
    tool: "next build",
    outputs: &[".next"],
    private: &[
        "cache",
        "diagnostics",
        "lock",
        "trace",
        "trace-build",
        "turbopack",
    ],
    edit: ("lib/tides.ts", "// Edited.\n"),
    variable: "NEXT_PUBLIC_STATION",
    other_variables: OtherVariables::DoNotCount,
    limits: "`distDir` is read where it is written out; `env` of the configuration reads variables that have to be \
             declared; the first build of a project may rewrite its `tsconfig.json` and is not stored then",
};

#[test]
fn next_takes_its_steps() {
    if has_its_turn(NEXT.name) {
        takes_its_steps(&package(NEXT.name), &NEXT);
    }
}

#[test]
fn the_configuration_moves_the_folder_of_next() {
    if !has_its_turn(NEXT.name) {
        return;
    }
    let sandbox = package(NEXT.name);
    replace(
        &sandbox,
        "next.config.ts",
        "poweredByHeader: false,",
        "poweredByHeader: false,\n  distDir: \"made/site\",",
    );
    // Next adds the types it generates there.
    replace(
        &sandbox,
        "tsconfig.json",
        "\".next/types/**/*.ts\", \".next/dev/types/**/*.ts\"",
        "\"made/site/types/**/*.ts\", \"made/site/dev/types/**/*.ts\"",
    );
    ran(&build(&sandbox), &["first-run"]);
    hit(&build(&sandbox));
    sandbox.remove("made/site");
    hit(&build(&sandbox));
    assert!(sandbox.path("made/site/BUILD_ID").is_file());
    assert!(!sandbox.path("made/site/cache").exists());
}

#[test]
fn without_the_rule_the_cache_of_next_is_in_the_way() {
    if !has_its_turn(NEXT.name) {
        return;
    }
    let sandbox = package(NEXT.name);
    without_rules(&sandbox);
    ran(&build(&sandbox), &["first-run"]);
    // A build by hand, or of another branch.
    let edited = [sandbox.read("lib/tides.ts"), b"// Edited.\n".to_vec()].concat();
    sandbox.write("lib/tides.ts", edited);
    not_stored(
        &sandbox.call("vt run --no-cache build").run(),
        "cache-disabled",
    );
    not_stored(&build(&sandbox), "modified-input");
}
