//! Archives and manifests made to do harm. None may touch the tree.

use std::fs;

use tar::{EntryType, Header};
use vt_base::Digest;

use super::bench::{Bench, directory, file, link, rel, tree};
use crate::archive::{END, head};
use crate::{Damage, Manifest, ManifestEntry, ManifestKind, Packed, StoreError};

/// An entry as no honest packer makes it.
fn raw(kind: EntryType, name: &[u8], mode: u32, target: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn honest() -> (Bench, Packed, Vec<u8>) {
    let bench = Bench::new();
    bench.set_tree(&tree(&[
        ("a", file("aaaa")),
        ("d", directory()),
        ("l", link("a")),
    ]));
    let packed = bench.pack_all();
    let bytes = bench
        .store
        .get_bytes(&packed.blob.unwrap(), 1 << 20)
        .unwrap();
    (bench, packed, bytes)
}

/// How the restore of the honest manifest from these bytes is refused; the tree must not change.
fn refusal(bench: &Bench, packed: &Packed, bytes: &[u8]) -> Damage {
    let before = tree(&[("a", file("old")), ("keep", file("keep"))]);
    bench.set_tree(&before);
    let blob = bench.store.put_bytes(bytes).unwrap();
    let result = bench.restore_all(&Packed {
        blob: Some(blob),
        ..packed.clone()
    });
    assert_eq!(bench.tree(), before);
    bench.assert_clean();
    match result.unwrap_err() {
        StoreError::DamagedBlob { why, .. } => why,
        other => panic!("{other}"),
    }
}

#[test]
fn hostile_archives_are_refused_by_name() {
    let (bench, packed, honest) = honest();
    let a = raw(EntryType::Regular, b"a", 0o644, b"", b"aaaa");
    let d = raw(EntryType::Directory, b"d/", 0o755, b"", b"");
    let l = raw(EntryType::Symlink, b"l", 0o777, b"a", b"");
    assert_eq!(
        honest,
        [&a[..], &d, &l, &END].concat(),
        "the honest archive is made differently"
    );
    let with_first = |first: Vec<u8>| [&first[..], &d, &l, &END].concat();
    let regular = EntryType::Regular;
    for (name, bytes, damage) in [
        (
            "climbs out",
            with_first(raw(regular, b"../a", 0o644, b"", b"aaaa")),
            Damage::Header,
        ),
        (
            "is absolute",
            with_first(raw(regular, b"/a", 0o644, b"", b"aaaa")),
            Damage::Header,
        ),
        (
            "hides `..`",
            with_first(raw(regular, b"d/../a", 0o644, b"", b"aaaa")),
            Damage::Header,
        ),
        (
            "is setuid",
            with_first(raw(regular, b"a", 0o4755, b"", b"aaaa")),
            Damage::Header,
        ),
        (
            "is executable",
            with_first(raw(regular, b"a", 0o755, b"", b"aaaa")),
            Damage::Header,
        ),
        (
            "is longer",
            with_first(raw(regular, b"a", 0o644, b"", b"aaaaa")),
            Damage::Header,
        ),
        (
            "is other content",
            with_first(raw(regular, b"a", 0o644, b"", b"aaab")),
            Damage::Content,
        ),
        (
            "is a hard link",
            with_first(raw(EntryType::Link, b"a", 0o644, b"/etc/passwd", b"")),
            Damage::Header,
        ),
        (
            "is a pipe",
            with_first(raw(EntryType::Fifo, b"a", 0o644, b"", b"")),
            Damage::Header,
        ),
        (
            "is a device",
            with_first(raw(EntryType::Char, b"a", 0o644, b"", b"")),
            Damage::Header,
        ),
        (
            "is a disk",
            with_first(raw(EntryType::Block, b"a", 0o644, b"", b"")),
            Damage::Header,
        ),
        (
            "is sparse",
            with_first(raw(EntryType::GNUSparse, b"a", 0o644, b"", b"")),
            Damage::Header,
        ),
        (
            "has a global PAX header",
            [
                raw(
                    EntryType::XGlobalHeader,
                    b"g",
                    0o644,
                    b"",
                    b"13 path=/etc\n",
                ),
                honest.clone(),
            ]
            .concat(),
            Damage::Header,
        ),
        (
            "has a PAX header",
            [
                raw(EntryType::XHeader, b"x", 0o644, b"", b"13 path=/etc\n"),
                honest.clone(),
            ]
            .concat(),
            Damage::Header,
        ),
        (
            "has a long name",
            [
                raw(
                    EntryType::GNULongName,
                    b"././@LongLink",
                    0o644,
                    b"",
                    b"/etc\0",
                ),
                honest.clone(),
            ]
            .concat(),
            Damage::Header,
        ),
        (
            "links out",
            [
                &a[..],
                &d,
                &raw(EntryType::Symlink, b"l", 0o777, b"/etc", b""),
                &END,
            ]
            .concat(),
            Damage::Header,
        ),
        (
            "writes through its own link",
            [
                &raw(EntryType::Symlink, b"d", 0o777, b"/tmp", b"")[..],
                &a,
                &l,
                &END,
            ]
            .concat(),
            Damage::Header,
        ),
        (
            "is out of order",
            [&d[..], &a, &l, &END].concat(),
            Damage::Header,
        ),
        (
            "has an entry twice",
            [&a[..], &a, &d, &l, &END].concat(),
            Damage::Header,
        ),
        (
            "lacks an entry",
            [&a[..], &d, &END].concat(),
            Damage::Header,
        ),
        (
            "has one entry more",
            [&a[..], &d, &l, &a, &END].concat(),
            Damage::Header,
        ),
        (
            "goes on after its end",
            [&honest[..], &[0; 512]].concat(),
            Damage::Trailing,
        ),
        ("has no end", [&a[..], &d, &l].concat(), Damage::Truncated),
        ("is empty", Vec::new(), Damage::Truncated),
    ] {
        assert_eq!(refusal(&bench, &packed, &bytes), damage, "{name}");
    }
    bench.set_tree(&tree(&[]));
    bench.restore_all(&packed).unwrap();
}

#[test]
fn a_bomb_is_not_unpacked() {
    let (bench, packed, honest) = honest();
    // Much more than the manifest says, and compressed to almost nothing.
    let bomb = [honest, vec![0; 256 << 20]].concat();
    assert_eq!(refusal(&bench, &packed, &bomb), Damage::Trailing);
}

/// Keeps bytes as a blob as they are.
fn keep_raw(bench: &Bench, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    let path = bench.store.blob_path(&digest);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    digest
}

#[test]
fn frames_that_ask_for_too_much_or_come_in_twos_are_refused() {
    let (bench, packed, honest) = honest();
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    std::io::Write::write_all(&mut encoder, &honest).unwrap();
    let wide = keep_raw(&bench, &encoder.finish().unwrap());
    let frame = fs::read(bench.store.blob_path(&packed.blob.unwrap())).unwrap();
    let twice = keep_raw(&bench, &[&frame[..], &frame].concat());
    let garbage = keep_raw(&bench, b"this is no frame at all");
    for (blob, damage) in [
        (wide, Damage::Compression),
        (twice, Damage::Trailing),
        (garbage, Damage::Compression),
    ] {
        bench.set_tree(&tree(&[]));
        match bench.restore_all(&Packed {
            blob: Some(blob),
            ..packed.clone()
        }) {
            Err(StoreError::DamagedBlob { why, .. }) => assert_eq!(why, damage),
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.tree(), tree(&[]));
    }
}

#[test]
fn a_blob_under_a_wrong_name_or_gone_is_refused() {
    let (bench, packed, _) = honest();
    let path = bench.store.blob_path(&packed.blob.unwrap());
    let wrong = Digest::of(b"something else");
    let other = bench.store.blob_path(&wrong);
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::copy(&path, other).unwrap();
    bench.set_tree(&tree(&[]));
    let result = bench.restore_all(&Packed {
        blob: Some(wrong),
        ..packed.clone()
    });
    assert!(matches!(
        result,
        Err(StoreError::DamagedBlob {
            why: Damage::Name,
            ..
        })
    ));
    fs::remove_file(path).unwrap();
    let result = bench.restore_all(&packed);
    assert!(matches!(result, Err(StoreError::MissingBlob { .. })));
    assert_eq!(bench.tree(), tree(&[]));
}

#[test]
fn an_archive_that_agrees_with_a_hostile_manifest_is_refused_for_the_manifest() {
    let bench = Bench::new();
    for target in ["/etc", "../../etc", "x/../../../etc", ""] {
        let kind = ManifestKind::Link {
            target: target.as_bytes().to_vec(),
        };
        let entry = ManifestEntry {
            path: rel("d/l"),
            kind,
        };
        let bytes = [head(&entry), END.to_vec()].concat();
        let blob = bench.store.put_bytes(&bytes).unwrap();
        let manifest = Manifest {
            entries: vec![entry],
        };
        let packed = Packed {
            manifest,
            blob: Some(blob),
            size: 0,
            embeds_root: false,
        };
        let result = bench.restore_all(&packed);
        assert!(
            matches!(result, Err(StoreError::BadManifest { .. })),
            "{target}: {result:?}"
        );
        assert_eq!(bench.tree(), tree(&[]), "{target}");
    }
}
