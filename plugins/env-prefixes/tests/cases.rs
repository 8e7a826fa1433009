//! The cases, without a component.

use env_prefixes::EnvPrefixes;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<EnvPrefixes>(include_str!("../cases/env-prefixes.toml")).unwrap();
}
