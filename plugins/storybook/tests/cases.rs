//! The cases, without a component.

use storybook::Storybook;

#[test]
fn every_case_is_answered_as_written() {
    let files = ["node_modules/vite/package.json"];
    vt_plugin::run_cases::<Storybook>(include_str!("../cases/storybook.toml"), &files, &[])
        .unwrap();
}
