//! The cases, without a component.

use next::Next;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Next>(include_str!("../cases/next.toml")).unwrap();
}
