//! A Vite older than 8.3, which does not say what it is doing: the rule `vite`.

use vt_harness::{Content, Sandbox};

use crate::story::{
    Framework, OtherVariables, build, build_with, hit, not_stored, package, ran, replace, rules,
    takes_its_steps, without_rules,
};
use crate::turns::has_its_turn;

const VITE: Framework<'_> = Framework {
    name: "vite-7",
    package: "vite",
    tool: "vite build",
    outputs: &["dist"],
    private: &[],
    edit: ("src/tides.js", "// Edited.\n"),
    variable: "VITE_STATION",
    other_variables: OtherVariables::DoNotCount,
    limits: "`envPrefix` is read where it is written out, in the configuration beside the `package.json`",
};

fn mentions(sandbox: &Sandbox, text: &str) -> bool {
    Content::take(&sandbox.path("dist")).unwrap().mentions(text)
}

#[test]
fn an_older_vite_takes_its_steps() {
    if has_its_turn(VITE.name) {
        takes_its_steps(&package(VITE.name), &VITE);
    }
}

#[test]
fn the_configuration_moves_the_prefix_and_the_folder() {
    if !has_its_turn(VITE.name) {
        return;
    }
    let sandbox = package(VITE.name);
    ran(&build(&sandbox), &["first-run"]);
    replace(
        &sandbox,
        "vite.config.js",
        "build: {",
        "envPrefix: [\"HARBOUR_\"],\n  build: { outDir: \"site\",",
    );
    let moved = build(&sandbox);
    ran(
        &moved,
        &["rules-changed vite", "input-modified vite.config.js"],
    );
    assert!(rules(&moved).contains("HARBOUR_"), "{}", rules(&moved));
    hit(&build_with(&sandbox, &[("VITE_STATION", "north")]));
    ran(
        &build_with(&sandbox, &[("HARBOUR_NAME", "old-harbour")]),
        &["env-added HARBOUR_NAME"],
    );
    let site = Content::take(&sandbox.path("site")).unwrap();
    assert!(site.mentions("old-harbour"));
    sandbox.remove("site");
    hit(&build_with(&sandbox, &[("HARBOUR_NAME", "old-harbour")]));
    let changes = site.changes(&Content::take(&sandbox.path("site")).unwrap());
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn node_env_counts_and_an_untracked_variable_stays_untracked() {
    if !has_its_turn(VITE.name) {
        return;
    }
    let sandbox = package(VITE.name);
    replace(
        &sandbox,
        "src/main.js",
        "import \"./page.css\";",
        "import \"./page.css\";\nconsole.log(`dev ${import.meta.env.DEV}`);",
    );
    ran(&build(&sandbox), &["first-run"]);
    assert!(mentions(&sandbox, "dev ${false}"));
    ran(
        &build_with(&sandbox, &[("NODE_ENV", "development")]),
        &["env-added NODE_ENV"],
    );
    assert!(mentions(&sandbox, "dev ${true}"));

    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "site": { "command": "vite build", "untrackedEnv": ["VITE_STATION"] } } }"#,
    );
    let site = |value: &str| {
        let call = sandbox.call("vt run site");
        call.env("VITE_STATION", value).run()
    };
    let first = site("north");
    assert!(first.summary().only().stored, "{}", first.said());
    assert!(mentions(&sandbox, "north"));
    hit(&site("south"));
}

#[test]
fn without_the_rule_the_variable_is_not_seen() {
    if !has_its_turn(VITE.name) {
        return;
    }
    let sandbox = package(VITE.name);
    without_rules(&sandbox);
    ran(&build(&sandbox), &["first-run"]);
    hit(&build_with(&sandbox, &[("VITE_STATION", "north")]));
    assert!(!mentions(&sandbox, "north"));
}

#[test]
fn a_server_that_ends_well_is_not_brought_back() {
    if !has_its_turn(VITE.name) {
        return;
    }
    let sandbox = package(VITE.name);
    replace(
        &sandbox,
        "vite.config.js",
        "build: {",
        "plugins: [{\n    name: \"leave\",\n    configureServer: (server) => {\n      \
         server.httpServer.once(\"listening\", () => server.close().then(() => process.exit(0)));\n    },\n  }],\n  build: {",
    );
    for _ in ["first", "second"] {
        let outcome = sandbox.call("vt run --cache dev").run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        not_stored(&outcome, "opted-out");
    }
}
