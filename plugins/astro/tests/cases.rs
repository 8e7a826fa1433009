//! The cases, without a component.

use astro::Astro;

#[test]
fn every_case_is_answered_as_written() {
    let files = [
        "astro.config.mjs",
        "astro.config.js",
        "astro.config.ts",
        "astro.config.mts",
        "node_modules/vite/package.json",
    ];
    vt_plugin::run_cases::<Astro>(include_str!("../cases/astro.toml"), &files, &[]).unwrap();
}
