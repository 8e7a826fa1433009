//! Disks that are full or read-only. The store fails; what it already had stays usable.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::bench::{abs, file, tree, write_tree};
use crate::{Store, StoreError, Table};

/// A small file system of its own, gone when dropped.
struct Small {
    directory: tempfile::TempDir,
}

impl Small {
    /// `None` when this user may not mount.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs"];
        if run("mount", &options, directory.path()) {
            return Some(Self { directory });
        }
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        {
            eprintln!("skipped: mounting a file system needs root");
        }
        None
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn make_read_only(&self) {
        assert!(run("mount", &["-o", "remount,ro"], self.path()));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run("umount", &[], self.directory.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    let output = Command::new(program).args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text.push(char::from(b' ' + u8::try_from((state >> 33) % 95).unwrap()));
    }
    text
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing_that_was_kept() {
    let Some(small) = Small::mount() else { return };
    let outer = tempfile::tempdir().unwrap();
    let root = abs(outer.path());
    write_tree(
        outer.path(),
        &tree(&[("big", file(&noise(6 << 20))), ("little", file("x"))]),
    );
    let store = Store::open(&abs(&small.path().join("cache"))).unwrap();
    store
        .write(|writer| writer.put(Table::Entries, b"k", b"kept"))
        .unwrap();
    let ballast = small.path().join("ballast");
    fs::write(&ballast, noise(2 << 20)).unwrap();
    let little = store.pack(&root, &[super::bench::rel("little")]).unwrap();

    let failed = store.pack(&root, &[super::bench::rel("big")]).unwrap_err();
    assert!(matches!(failed, StoreError::Io { .. }), "{failed}");
    let failed = store.write(|writer| {
        for number in 0..64_u8 {
            writer.put(Table::Entries, &[number], noise(100_000).as_bytes())?;
        }
        Ok(())
    });
    assert!(matches!(failed, Err(StoreError::Io { .. })), "{failed:?}");

    // While there is no room to repair what was left, reading may fail; it must not begin anew.
    match store.read() {
        Ok(snapshot) => assert!(snapshot.is_some()),
        Err(error) => assert!(matches!(error, StoreError::Io { .. }), "{error}"),
    }
    fs::remove_file(ballast).unwrap();
    let snapshot = store.read().unwrap().unwrap();
    assert_eq!(
        snapshot.get(Table::Entries, b"k").unwrap().unwrap(),
        b"kept"
    );
    assert_eq!(snapshot.get(Table::Entries, &[0]).unwrap(), None);
    drop(snapshot);
    store.get_bytes(&little.blob.unwrap(), 1 << 20).unwrap();
    assert_eq!(store.take_notices(), [], "a full disk is no damage");
}

#[test]
fn a_read_only_store_can_be_read_and_refuses_to_be_written() {
    let Some(small) = Small::mount() else { return };
    let cache = abs(&small.path().join("cache"));
    let store = Store::open(&cache).unwrap();
    store
        .write(|writer| writer.put(Table::Entries, b"k", b"kept"))
        .unwrap();
    let output = store.put_bytes(b"output").unwrap();
    small.make_read_only();
    let store = Store::open(&cache).unwrap();
    let snapshot = store.read().unwrap().unwrap();
    assert_eq!(
        snapshot.get(Table::Entries, b"k").unwrap().unwrap(),
        b"kept"
    );
    drop(snapshot);
    assert_eq!(store.get_bytes(&output, 100).unwrap(), b"output");
    let refused = store.write(|writer| writer.put(Table::Entries, b"k", b"new"));
    assert!(matches!(refused, Err(StoreError::Io { .. })), "{refused:?}");
    assert!(matches!(store.put_bytes(b"x"), Err(StoreError::Io { .. })));
    let elsewhere = Store::open(&abs(&small.path().join("another")));
    assert!(matches!(elsewhere, Err(StoreError::Io { .. })));
}
