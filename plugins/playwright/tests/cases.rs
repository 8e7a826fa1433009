//! The cases, without a component.

use playwright::Playwright;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Playwright>(include_str!("../cases/playwright.toml")).unwrap();
}
