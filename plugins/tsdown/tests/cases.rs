//! The cases, without a component.

use tsdown::Tsdown;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Tsdown>(include_str!("../cases/tsdown.toml")).unwrap();
}
