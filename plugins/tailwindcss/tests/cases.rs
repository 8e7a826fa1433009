//! The cases, without a component.

use tailwindcss::Tailwind;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<Tailwind>(include_str!("../cases/tailwindcss.toml")).unwrap();
}
