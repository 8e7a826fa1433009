//! The cases, without a component.

use react_router::ReactRouter;

#[test]
fn every_case_is_answered_as_written() {
    let files = [
        "vite.config.js",
        "vite.config.mjs",
        "vite.config.ts",
        "vite.config.cjs",
        "vite.config.mts",
        "vite.config.cts",
        "node_modules/vite/package.json",
    ];
    vt_plugin::run_cases::<ReactRouter>(include_str!("../cases/react-router.toml"), &files, &[])
        .unwrap();
}
