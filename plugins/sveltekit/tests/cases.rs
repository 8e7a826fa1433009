//! The cases, without a component.

use sveltekit::SvelteKit;

#[test]
fn every_case_is_answered_as_written() {
    let files = [
        "svelte.config.js",
        "svelte.config.ts",
        "node_modules/vite/package.json",
    ];
    vt_plugin::run_cases::<SvelteKit>(include_str!("../cases/sveltekit.toml"), &files, &[])
        .unwrap();
}
