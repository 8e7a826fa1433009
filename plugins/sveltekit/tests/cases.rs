//! The cases, without a component.

use sveltekit::SvelteKit;

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<SvelteKit>(include_str!("../cases/sveltekit.toml")).unwrap();
}
