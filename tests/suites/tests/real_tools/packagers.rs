//! Scripts that start other scripts with npm, pnpm and Yarn, which keep logs and notes of their own.

use serde_json::json;
use vt_harness::Sandbox;

use crate::six_steps::{Script, append, hit, ran, rarer, run, run_with, six_steps};

const EDIT: (&str, &str) = ("src/text.txt", "More.\n");

fn script(name: &str) -> Script<'_> {
    Script {
        name,
        outputs: &["dist"],
        edit: EDIT,
        says: "of 8 bytes",
    }
}

#[test]
fn a_script_by_npm_that_keeps_logs_in_the_home_directory() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    six_steps(&sandbox, &script("by-npm"));
    assert!(sandbox.home().join(".npm/_logs").is_dir());
}

/// Among the caches of tools its logs are no results.
#[test]
fn a_script_by_npm_that_keeps_logs_in_the_package() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    sandbox.write(".npmrc", "cache=node_modules/.cache/npm\n");
    six_steps(&sandbox, &script("by-npm"));
    assert!(sandbox.path("node_modules/.cache/npm/_logs").is_dir());
}

/// What a package manager tells those it starts, and settings of who started `vt`, are not seen by a cached step.
#[test]
fn a_script_by_a_package_manager_does_not_mind_who_started_it() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    for name in ["by-npm", "by-pnpm", "by-yarn"] {
        ran(&run(&sandbox, name), &["first-run"]);
        for variable in [
            ("npm_config_loglevel", "silent"),
            ("npm_config_user_agent", "pnpm/10"),
            ("YARN_SILENT", "1"),
        ] {
            hit(&run_with(&sandbox, name, &[variable]));
        }
    }
}

#[test]
fn a_script_by_yarn() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    six_steps(&sandbox, &script("by-yarn"));
}

#[test]
fn a_script_by_pnpm() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    six_steps(&sandbox, &script("by-pnpm"));
}

/// Installed by Yarn 4, which keeps in `.yarn` and `node_modules` what it installed. What another installation makes of
/// them is the same to the byte.
#[test]
fn a_script_by_yarn_4() {
    let Some(sandbox) = rarer("yarn-4") else {
        return;
    };
    moved_away(&sandbox);
    sandbox.write(
        ".yarnrc.yml",
        "nodeLinker: node-modules\nenableTelemetry: false\nenableGlobalCache: false\n",
    );
    sandbox.write(
        "package.json",
        manifest("node tools/node_modules/@yarnpkg/cli-dist/bin/yarn.js run size"),
    );
    let install = || {
        let call = sandbox.call("node tools/node_modules/@yarnpkg/cli-dist/bin/yarn.js install");
        let outcome = call.run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        assert!(sandbox.path("node_modules/.yarn-state.yml").is_file());
        assert!(sandbox.path(".yarn/install-state.gz").is_file());
    };
    install();
    six_steps(&sandbox, &script("by-it"));
    install();
    hit(&run(&sandbox, "by-it"));
}

/// Puts what npm installed where another package manager does not mind it.
fn moved_away(sandbox: &Sandbox) {
    std::fs::create_dir(sandbox.path("tools")).unwrap();
    std::fs::rename(
        sandbox.path("node_modules"),
        sandbox.path("tools/node_modules"),
    )
    .unwrap();
    sandbox.remove("package-lock.json");
    sandbox.write(
        "lib/package.json",
        "{\"name\":\"lib\",\"version\":\"1.0.0\"}\n",
    );
}

/// Installed by pnpm, which notes in `node_modules` when it looked last. That needs no package from elsewhere.
fn installed_by_pnpm() -> Option<Sandbox> {
    let sandbox = rarer("packagers")?;
    moved_away(&sandbox);
    sandbox.write(
        "pnpm-workspace.yaml",
        "packages:\n  - lib\nverifyDepsBeforeRun: install\n",
    );
    sandbox.write("package.json", manifest(BY_PNPM));
    let outcome = sandbox
        .call("tools/node_modules/.bin/pnpm install --offline")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(sandbox.path(STATE).is_file());
    Some(sandbox)
}

const BY_PNPM: &str = "tools/node_modules/.bin/pnpm run size";

/// Of a package whose script `by-it` starts another one.
fn manifest(by_it: &str) -> String {
    let manifest = json!({
        "name": "packagers-package",
        "version": "1.0.0",
        "private": true,
        "workspaces": ["lib"],
        "scripts": { "size": "node src/size.js", "by-it": by_it },
        "dependencies": { "lib": "workspace:*" },
    });
    manifest.to_string()
}

const STATE: &str = "node_modules/.pnpm-workspace-state-v1.json";

#[test]
fn a_script_by_pnpm_that_looks_at_what_is_installed() {
    let Some(sandbox) = installed_by_pnpm() else {
        return;
    };
    six_steps(&sandbox, &script("by-it"));
}

#[test]
fn a_script_by_pnpm_that_notes_when_it_looked() {
    let Some(sandbox) = installed_by_pnpm() else {
        return;
    };
    ran(&run(&sandbox, "by-it"), &["first-run"]);
    // Younger than what pnpm noted, with the same in it.
    sandbox.write("package.json", manifest(BY_PNPM));
    hit(&run(&sandbox, "by-it"));
    let noted = sandbox.read(STATE);
    append(&sandbox, EDIT.0, EDIT.1);
    ran(
        &run(&sandbox, "by-it"),
        &[&format!("input-modified {}", EDIT.0)],
    );
    assert_ne!(sandbox.read(STATE), noted);
    hit(&run(&sandbox, "by-it"));
    // Nor does it matter who noted something.
    sandbox.write("package.json", manifest(BY_PNPM));
    let outcome = sandbox.call("tools/node_modules/.bin/pnpm run size").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    hit(&run(&sandbox, "by-it"));
}
