//! The cases, without a component.

use pnpm::Pnpm;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Pnpm>(include_str!("../cases/pnpm.toml")).unwrap();
}
