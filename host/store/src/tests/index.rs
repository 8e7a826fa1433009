//! The index: transactions, and readers that leave no trace.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::bench::Bench;
use crate::failpoint::{self, Point};
use crate::{StoreError, Table};

#[test]
fn what_is_put_is_read_back_by_key_and_by_prefix() {
    let bench = Bench::new();
    assert!(bench.store.read().unwrap().is_none());
    bench
        .store
        .write(|writer| {
            for key in ["a/1", "a/2", "b/1"] {
                writer.put(Table::Entries, key.as_bytes(), key.as_bytes())?;
            }
            writer.put(Table::Memo, b"a/1", b"another table")?;
            writer.put(Table::Memo, b"", b"an empty key")?;
            writer.remove(Table::Entries, b"a/2")?;
            assert_eq!(writer.get(Table::Entries, b"a/1")?.unwrap(), b"a/1");
            assert_eq!(writer.prefix(Table::Entries, b"a/")?.len(), 1);
            Ok(())
        })
        .unwrap();
    let snapshot = bench.store.read().unwrap().unwrap();
    assert_eq!(
        snapshot.get(Table::Entries, b"a/1").unwrap().unwrap(),
        b"a/1"
    );
    assert_eq!(snapshot.get(Table::Entries, b"a/2").unwrap(), None);
    assert_eq!(
        snapshot.get(Table::Memo, b"").unwrap().unwrap(),
        b"an empty key"
    );
    let all = snapshot.prefix(Table::Entries, b"").unwrap();
    assert_eq!(
        all,
        [b"a/1", b"b/1"].map(|key| (key.to_vec(), key.to_vec()))
    );
    assert_eq!(snapshot.prefix(Table::Entries, b"b").unwrap().len(), 1);
    assert_eq!(snapshot.prefix(Table::Steps, b"").unwrap(), []);
    assert_eq!(snapshot.damaged(), 0);
}

#[test]
fn a_write_that_fails_leaves_nothing() {
    let bench = Bench::new();
    bench
        .store
        .write(|writer| writer.put(Table::Steps, b"k", b"before"))
        .unwrap();
    let refused: Result<(), _> = bench.store.write(|writer| {
        writer.put(Table::Steps, b"k", b"after")?;
        Err(StoreError::Blocked {
            path: vt_base::RelPath::root(),
        })
    });
    assert!(matches!(refused, Err(StoreError::Blocked { .. })));
    failpoint::set(|point| match point {
        Point::BeforeCommit => Err(std::io::Error::other("failed on purpose")),
        _ => Ok(()),
    });
    let failed = bench
        .store
        .write(|writer| writer.put(Table::Steps, b"k", b"after"));
    failpoint::clear();
    assert!(matches!(failed, Err(StoreError::Io { .. })));
    let snapshot = bench.store.read().unwrap().unwrap();
    assert_eq!(
        snapshot.get(Table::Steps, b"k").unwrap().unwrap(),
        b"before"
    );
}

#[test]
fn a_panic_of_the_caller_is_the_callers() {
    let bench = Bench::new();
    bench
        .store
        .write(|writer| writer.put(Table::Steps, b"k", b"before"))
        .unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        bench.store.write(|writer| -> Result<(), StoreError> {
            writer.put(Table::Steps, b"k", b"after")?;
            panic!("on purpose")
        })
    }));
    assert!(caught.is_err());
    bench
        .store
        .write(|writer| writer.put(Table::Steps, b"other", b"x"))
        .unwrap();
    let snapshot = bench.store.read().unwrap().unwrap();
    assert_eq!(
        snapshot.get(Table::Steps, b"k").unwrap().unwrap(),
        b"before"
    );
    assert_eq!(bench.store.take_notices(), []);
}

type Stamp = (u64, u64, i64, i64, i64, i64);

/// Everything in a directory, with what a write would change.
fn stamps(path: &Path) -> BTreeMap<PathBuf, Stamp> {
    let mut found = BTreeMap::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        let m = &metadata;
        let stamp = (
            m.ino(),
            m.len(),
            m.mtime(),
            m.mtime_nsec(),
            m.ctime(),
            m.ctime_nsec(),
        );
        found.insert(path, stamp);
    }
    found
}

#[test]
fn opening_reading_locking_and_recovering_write_nothing() {
    let bench = Bench::new();
    bench
        .store
        .write(|writer| writer.put(Table::Steps, b"k", b"v"))
        .unwrap();
    let output = bench.store.put_bytes(b"output").unwrap();
    drop(bench.store.lock_step(b"step").unwrap());
    let directory = bench.outer.path().join("cache");
    let before = stamps(&directory);
    let again = crate::Store::open(&super::bench::abs(&directory)).unwrap();
    assert_eq!(again.recover(&bench.root).unwrap(), 0);
    let _lock = again.lock_step(b"step").unwrap();
    let snapshot = again.read().unwrap().unwrap();
    assert!(snapshot.get(Table::Steps, b"k").unwrap().is_some());
    assert!(snapshot.prefix(Table::Ledger, b"").unwrap().is_empty());
    assert_eq!(again.get_bytes(&output, 100).unwrap(), b"output");
    drop(snapshot);
    assert_eq!(stamps(&directory), before);
}

/// Writes another number where the index says its format.
fn set_format(path: &Path, format: u64) {
    let database = redb::Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    transaction
        .open_table(meta)
        .unwrap()
        .insert("format", format)
        .unwrap();
    transaction.commit().unwrap();
}

#[test]
fn an_index_of_a_newer_format_is_set_aside_whole_and_said_once() {
    for write_first in [false, true] {
        let bench = Bench::new();
        let put = |value: &[u8]| {
            bench
                .store
                .write(|writer| writer.put(Table::Steps, b"k", value))
        };
        put(b"v").unwrap();
        let path = bench.store.path("index.redb");
        set_format(&path, 7);
        let before = fs::read(&path).unwrap();
        if !write_first {
            assert!(bench.store.read().unwrap().is_none());
        }
        put(b"w").unwrap();
        let snapshot = bench.store.read().unwrap().unwrap();
        assert_eq!(snapshot.get(Table::Steps, b"k").unwrap().unwrap(), b"w");
        let notices = bench.store.take_notices();
        let [crate::Notice::IndexNewer { kept, format: 7 }] = &notices[..] else {
            panic!("{notices:?}")
        };
        assert!(fs::read(kept).unwrap() == before);
    }
}

#[test]
fn snapshots_are_shared_and_writers_wait_for_them() {
    let bench = Bench::new();
    bench
        .store
        .write(|writer| writer.put(Table::Steps, b"k", b"1"))
        .unwrap();
    let one = bench.store.read().unwrap().unwrap();
    let two = bench.store.read().unwrap().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            bench
                .store
                .write(|writer| writer.put(Table::Steps, b"k", b"2"))
                .unwrap();
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!writer.is_finished());
        assert_eq!(two.get(Table::Steps, b"k").unwrap().unwrap(), b"1");
        drop((one, two));
    });
    let after = bench.store.read().unwrap().unwrap();
    assert_eq!(after.get(Table::Steps, b"k").unwrap().unwrap(), b"2");
}
