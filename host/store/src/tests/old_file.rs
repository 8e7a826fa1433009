//! A store that was written when its format was new, committed as it was. If this fails, the format
//! changed: it needs a new number, and `docs/formats/cache.md` says what that does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use vt_base::Digest;

use super::bench::abs;
use crate::{Store, Table};

/// The secret of the committed store.
const SECRET: [u8; 32] = *b"a secret that everybody may know";
/// What its only blob holds.
const OUTPUT: &[u8] = b"what a step said\n";

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/format-1.tar.zst")
}

/// The pairs of the committed store.
fn pairs() -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let mut pairs = Vec::new();
    for (number, table) in Table::ALL.into_iter().enumerate() {
        for length in [0, 1, 40, 5_000] {
            let key = format!("key of {} {length}", table.name()).into_bytes();
            let value: Vec<u8> = (0..length)
                .map(|at| ((at * 7 + number) % 251) as u8)
                .collect();
            pairs.push((table, key, value));
        }
    }
    pairs
}

/// Unpacks the committed store into a directory.
fn unpack(directory: &Path) {
    let bytes = zstd::decode_all(fs::File::open(committed()).unwrap()).unwrap();
    tar::Archive::new(&bytes[..]).unpack(directory).unwrap();
    // The archive was made to be the same every time, so it has nobody's modes.
    fs::set_permissions(directory.join("v1"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_store_of_format_1_is_read_and_written() {
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("cache");
    fs::create_dir(&directory).unwrap();
    unpack(&directory);
    let store = Store::open(&abs(&directory)).unwrap();
    assert_eq!(store.secret(), SECRET);
    let check = || {
        let snapshot = store.read().unwrap().unwrap();
        for (table, key, value) in pairs() {
            assert_eq!(snapshot.get(table, &key).unwrap().unwrap(), value);
        }
        assert_eq!(snapshot.damaged(), 0);
    };
    check();
    let blobs: Vec<Digest> = store.blobs().unwrap().into_keys().collect();
    let [blob] = &blobs[..] else {
        panic!("{blobs:?}")
    };
    assert_eq!(store.get_bytes(blob, 100).unwrap(), OUTPUT);
    store
        .write(|writer| writer.put(Table::Memo, b"new", b"x"))
        .unwrap();
    check();
    assert_eq!(store.take_notices(), []);
}

#[test]
#[ignore = "makes the committed store anew; only for a new format"]
fn makes_the_committed_store() {
    let outer = tempfile::tempdir().unwrap();
    let version = outer.path().join("v1");
    fs::create_dir(&version).unwrap();
    fs::set_permissions(&version, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(version.join("secret"), SECRET).unwrap();
    let store = Store::open(&abs(outer.path())).unwrap();
    store
        .write(|writer| {
            pairs()
                .iter()
                .try_for_each(|(table, key, value)| writer.put(*table, key, value))
        })
        .unwrap();
    store.put_bytes(OUTPUT).unwrap();
    fs::remove_dir_all(version.join("staging")).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    builder.mode(tar::HeaderMode::Deterministic);
    builder.append_dir_all("v1", &version).unwrap();
    let bytes = builder.into_inner().unwrap();
    fs::write(committed(), zstd::encode_all(&bytes[..], 19).unwrap()).unwrap();
}
