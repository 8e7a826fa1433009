//! Writes that have to be deferred because somebody else holds the index.

use std::fs;

use super::bench::Bench;
use crate::{Store, StoreError, Table, Writer, Written};

fn put<'v>(
    key: &'v [u8],
    value: &'v [u8],
) -> impl Fn(&mut Writer<'_>) -> Result<(), StoreError> + 'v {
    move |writer| writer.put(Table::Entries, key, value)
}

fn get(store: &Store, key: &[u8]) -> Option<Vec<u8>> {
    let snapshot = store.read().unwrap()?;
    snapshot.get(Table::Entries, key).unwrap()
}

/// Defers a write, as one does that waited in vain.
fn defer(store: &Store, work: impl Fn(&mut Writer<'_>) -> Result<(), StoreError>) {
    // A snapshot that is alive holds the index as any other process could.
    let held = store.read().unwrap();
    assert!(held.is_some(), "there is nothing to hold");
    assert_eq!(store.write_or_defer(work).unwrap(), Written::Later);
}

#[test]
fn a_write_that_waits_in_vain_is_done_by_the_next_writer() {
    let bench = Bench::new();
    let store = &bench.store;
    assert_eq!(store.write_or_defer(put(b"a", b"1")).unwrap(), Written::Now);
    assert!(!store.has_deferred().unwrap());
    defer(store, |writer| {
        assert_eq!(writer.get(Table::Entries, b"a")?, None, "nothing is seen");
        put(b"b", b"2")(writer)?;
        assert_eq!(writer.get(Table::Entries, b"b")?.unwrap(), b"2");
        assert_eq!(writer.prefix(Table::Entries, b"")?.len(), 1);
        writer.remove(Table::Entries, b"a")
    });
    assert!(store.has_deferred().unwrap());
    assert_eq!(get(store, b"b"), None);
    let again = Store::open(store.directory()).unwrap();
    again.write(put(b"c", b"3")).unwrap();
    assert_eq!(get(store, b"a"), None);
    assert_eq!(get(store, b"b").unwrap(), b"2");
    assert_eq!(get(store, b"c").unwrap(), b"3");
    assert!(!store.has_deferred().unwrap());
}

#[test]
fn the_caller_says_what_becomes_of_a_deferred_value() {
    fn both(_: Table, _: &[u8], now: Option<Vec<u8>>, put: Vec<u8>) -> Vec<u8> {
        [now.unwrap_or_default(), put].concat()
    }
    let bench = Bench::new();
    let store = Store::open(bench.store.directory()).unwrap().merging(both);
    store.write(put(b"k", b"1")).unwrap();
    defer(&store, put(b"k", b"2"));
    defer(&store, put(b"k", b"3"));
    store.write(|_| Ok(())).unwrap();
    assert_eq!(get(&store, b"k").unwrap(), b"123", "in the order they came");
}

#[test]
fn a_write_that_fails_leaves_what_was_deferred_for_the_next_one() {
    let bench = Bench::new();
    let store = &bench.store;
    store.write(put(b"a", b"1")).unwrap();
    defer(store, put(b"b", b"2"));
    let failed: Result<(), _> = store.write(|_| {
        Err(StoreError::Blocked {
            path: vt_base::RelPath::root(),
        })
    });
    assert!(failed.is_err());
    assert!(store.has_deferred().unwrap());
    store.write(|_| Ok(())).unwrap();
    assert_eq!(get(store, b"b").unwrap(), b"2");
}

#[test]
fn a_torn_deferred_write_is_dropped_and_one_of_another_format_left_alone() {
    let bench = Bench::new();
    let store = &bench.store;
    store.write(put(b"a", b"1")).unwrap();
    defer(store, put(b"b", b"2"));
    let only = || {
        let mut files = fs::read_dir(store.path("deferred")).unwrap();
        files.next().map(|file| file.unwrap().path())
    };
    let path = only().unwrap();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        store.write(|_| Ok(())).unwrap();
        assert_eq!(get(store, b"b"), None, "{length}");
        assert_eq!(only(), None, "{length}");
    }
    // The format is the first byte behind the checksum.
    let mut content = whole[16..].to_vec();
    content[0] = 9;
    let checksum = xxhash_rust::xxh3::xxh3_128(&content).to_le_bytes();
    let newer = [&checksum[..], &content].concat();
    fs::write(&path, &newer).unwrap();
    store.write(|_| Ok(())).unwrap();
    assert_eq!(fs::read(&path).unwrap(), newer);
    fs::write(&path, &whole).unwrap();
    store.write(|_| Ok(())).unwrap();
    assert_eq!(get(store, b"b").unwrap(), b"2");
}
