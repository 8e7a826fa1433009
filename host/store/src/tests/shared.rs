//! Snapshots that look-ups share.

use std::sync::Arc;

use super::bench::Bench;
use crate::{Snapshot, Store, Table};

fn put(store: &Store, value: &[u8]) {
    store
        .write(|writer| writer.put(Table::Memo, b"key", value))
        .unwrap();
}

fn value(snapshot: &Snapshot) -> Vec<u8> {
    snapshot.get(Table::Memo, b"key").unwrap().unwrap()
}

/// Looks up until a look-up joins the one before, and gives what they share.
fn joined(store: &Store) -> Arc<Snapshot> {
    let mut before = store.share().unwrap().unwrap();
    loop {
        let next = store.share().unwrap().unwrap();
        if Arc::ptr_eq(&before, &next) {
            return next;
        }
        before = next;
    }
}

#[test]
fn look_ups_that_follow_each_other_share_one_snapshot() {
    let bench = Bench::new();
    assert!(bench.store.share().unwrap().is_none());
    put(&bench.store, b"1");
    assert_eq!(value(&joined(&bench.store)), b"1");
}

#[test]
fn who_writes_is_not_kept_waiting_by_what_is_shared_and_the_next_look_up_sees_it() {
    let bench = Bench::new();
    put(&bench.store, b"1");
    drop(joined(&bench.store));
    put(&bench.store, b"2");
    assert_eq!(value(&bench.store.share().unwrap().unwrap()), b"2");
    assert_eq!(value(&joined(&bench.store)), b"2");
}

#[test]
fn another_process_gets_its_turn_though_this_one_does_nothing_any_more() {
    let bench = Bench::new();
    put(&bench.store, b"1");
    drop(joined(&bench.store));
    let another = Store::open(bench.store.directory()).unwrap();
    put(&another, b"2");
    assert_eq!(value(&joined(&bench.store)), b"2");
}
