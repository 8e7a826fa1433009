//! The cases, without a component.

use next::Next;

#[test]
fn every_case_is_answered_as_written() {
    let files = [
        "next.config.js",
        "next.config.mjs",
        "next.config.ts",
        "next.config.mts",
    ];
    vt_plugin::run_cases::<Next>(include_str!("../cases/next.toml"), &files, &[]).unwrap();
}
