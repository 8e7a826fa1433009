//! The cases, without a component.

use vitepress::VitePress;

#[test]
fn every_case_is_answered_as_written() {
    let files = [
        ".vitepress/config.js",
        ".vitepress/config.ts",
        ".vitepress/config.mjs",
        ".vitepress/config.mts",
        "docs/.vitepress/config.js",
        "docs/.vitepress/config.ts",
        "docs/.vitepress/config.mjs",
        "docs/.vitepress/config.mts",
    ];
    vt_plugin::run_cases::<VitePress>(include_str!("../cases/vitepress.toml"), &files, &[])
        .unwrap();
}
