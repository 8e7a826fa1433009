//! The cases, without a component.

use react_router::ReactRouter;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<ReactRouter>(include_str!("../cases/react-router.toml")).unwrap();
}
