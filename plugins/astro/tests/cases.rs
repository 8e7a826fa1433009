//! The cases, without a component.

use astro::Astro;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Astro>(include_str!("../cases/astro.toml")).unwrap();
}
