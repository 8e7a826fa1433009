//! The cases, without a component.

use nuxt::Nuxt;

#[test]
fn every_case_is_answered_as_written() {
    let files = [
        "nuxt.config.ts",
        "nuxt.config.js",
        "nuxt.config.mjs",
        "node_modules/vite/package.json",
    ];
    vt_plugin::run_cases::<Nuxt>(include_str!("../cases/nuxt.toml"), &files, &[]).unwrap();
}
