//! The cases, without a component.

use vitest::Vitest;

#[test]
fn every_case_is_answered_as_written() {
    let files = [
        "vitest.config.ts",
        "vitest.config.mts",
        "vitest.config.cts",
        "vitest.config.js",
        "vitest.config.mjs",
        "vitest.config.cjs",
        "vite.config.ts",
        "vite.config.mts",
        "vite.config.cts",
        "vite.config.js",
        "vite.config.mjs",
        "vite.config.cjs",
    ];
    vt_plugin::run_cases::<Vitest>(include_str!("../cases/vitest.toml"), &files, &[]).unwrap();
}
