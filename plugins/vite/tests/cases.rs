//! The cases, without a component.

use vite::Vite;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Vite>(include_str!("../cases/vite.toml")).unwrap();
}
