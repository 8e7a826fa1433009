//! The cases, without a component.

use nuxt::Nuxt;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Nuxt>(include_str!("../cases/nuxt.toml")).unwrap();
}
