//! The cases, without a component.

use jest::Jest;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Jest>(include_str!("../cases/jest.toml")).unwrap();
}
