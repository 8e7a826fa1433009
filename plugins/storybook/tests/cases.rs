//! The cases, without a component.

use storybook::Storybook;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Storybook>(include_str!("../cases/storybook.toml")).unwrap();
}
