//! The cases without a component; `vt plugin test` replays them with it.

#[test]
fn every_case_is_answered_as_written() {
    vt_plugin::replay::<made_up::MadeUp>(include_str!("../cases/made-up.toml")).unwrap();
}
