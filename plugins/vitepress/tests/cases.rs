//! The cases, without a component.

use vitepress::VitePress;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<VitePress>(include_str!("../cases/vitepress.toml")).unwrap();
}
