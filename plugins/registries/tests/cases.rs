//! The cases, without a component.

use registries::Registries;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Registries>(include_str!("../cases/registries.toml")).unwrap();
}
