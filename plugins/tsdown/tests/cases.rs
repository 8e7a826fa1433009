//! The cases, without a component.

use tsdown::Tsdown;

#[test]
fn every_case_is_answered_as_written() {
    let files = [
        "tsdown.config.ts",
        "tsdown.config.mts",
        "tsdown.config.cts",
        "tsdown.config.js",
        "tsdown.config.mjs",
        "tsdown.config.cjs",
        "tsdown.config.json",
    ];
    vt_plugin::run_cases::<Tsdown>(include_str!("../cases/tsdown.toml"), &files, &[]).unwrap();
}
