//! The cases, without a component.

use registries::Registries;

#[test]
fn every_case_is_answered_as_written() {
    let cases = include_str!("../cases/registries.toml");
    vt_plugin::run_cases::<Registries>(cases, &["package.json"], &[]).unwrap();
}
