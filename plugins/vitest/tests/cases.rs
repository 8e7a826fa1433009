//! The cases, without a component.

use vitest::Vitest;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Vitest>(include_str!("../cases/vitest.toml")).unwrap();
}
