//! Archives and manifests with random damage. Whatever is wrong with them: nothing outside the root
//! is touched, what is refused leaves the tree alone, and what is accepted is what was promised.
//!
//! `VT_MUTATIONS=50000 cargo test -p vt-store mutated` for more than the usual thousand.

use std::collections::BTreeSet;
use std::fs;

use vt_base::{Digest, RelPath};

use super::bench::{Bench, Node, Tree, directory, file, link, name, read_tree, rel, tree};
use crate::archive::{END, head, padding};
use crate::{Judgement, Manifest, ManifestEntry, ManifestKind, Packed, StoreError, differs};

/// The usual number of attempts.
const USUAL: u64 = 1_000;

/// A sequence that is the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit.max(1)
    }

    fn pick<'p, T>(&mut self, among: &'p [T]) -> &'p T {
        &among[self.below(among.len())]
    }
}

/// A tree with a way out, and beside it what must never change.
struct Field {
    bench: Bench,
    before: Tree,
    outside: Tree,
    honest: Packed,
    archive: Vec<u8>,
    blob: Vec<u8>,
}

impl Field {
    fn new() -> Self {
        let bench = Bench::in_memory();
        let elsewhere = bench.outer.path().join("elsewhere");
        fs::create_dir_all(elsewhere.join("dist")).unwrap();
        fs::write(elsewhere.join("secret"), "secret").unwrap();
        let long = format!("dist/{}", "long-name-".repeat(15));
        bench.set_tree(&tree(&[
            ("dist", directory()),
            ("dist/a.js", file("let a = 1;")),
            ("dist/empty", directory()),
            ("dist/link", link("a.js")),
            ("dist/name", name("dist/a.js")),
            (long.as_str(), file(&"b".repeat(600))),
            (
                "tool",
                Node::File {
                    content: vec![7; 5000],
                    mode: 0o755,
                },
            ),
        ]));
        let honest = bench.pack_all();
        let blob = honest.blob.unwrap();
        let archive = bench.store.get_bytes(&blob, 1 << 20).unwrap();
        let blob = fs::read(bench.store.blob_path(&blob)).unwrap();
        let before = tree(&[
            ("dist", directory()),
            ("dist/a.js", file("old")),
            ("dist/way", link("../../elsewhere")),
            ("mine", file("mine")),
            ("way", link("../elsewhere")),
        ]);
        bench.set_tree(&before);
        let outside = read_tree(&elsewhere);
        Self {
            bench,
            before,
            outside,
            honest,
            archive,
            blob,
        }
    }

    /// Restores everything the manifest has, and checks what must hold whatever comes of it. Says
    /// whether it was accepted.
    fn attempt(&self, manifest: &Manifest, blob: &[u8], number: u64) -> bool {
        let digest = Digest::of(blob);
        let place = self.bench.store.blob_path(&digest);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, blob).unwrap();
        let wanted: BTreeSet<RelPath> = manifest
            .entries
            .iter()
            .map(|entry| entry.path.clone())
            .collect();
        let root = &self.bench.root;
        let outcome = self.bench.store.restore(
            root,
            Some(&digest),
            manifest,
            &wanted,
            &[],
            &Judgement::new(),
        );
        fs::remove_file(place).unwrap();
        let elsewhere = self.bench.outer.path().join("elsewhere");
        assert_eq!(read_tree(&elsewhere), self.outside, "attempt {number}");
        self.bench.assert_clean();
        let now = self.bench.tree();
        if let Err(error) = outcome {
            let is_verdict = matches!(
                error,
                StoreError::DamagedBlob { .. }
                    | StoreError::BadManifest { .. }
                    | StoreError::Blocked { .. }
            );
            assert!(is_verdict, "attempt {number}: {error:?}");
            assert_eq!(now, self.before, "attempt {number}: {error:?}");
            return false;
        }
        for entry in &manifest.entries {
            assert!(!differs(root, entry), "attempt {number}: {entry:?}");
        }
        for (path, node) in &self.before {
            let is_replaced = manifest
                .entries
                .iter()
                .any(|entry| entry.path.starts_with(path));
            assert!(
                is_replaced || now.get(path) == Some(node),
                "attempt {number}: {path}"
            );
        }
        self.bench.set_tree(&self.before);
        true
    }
}

/// Damages bytes somewhere: changed, left out, repeated, cut, exchanged.
fn damage(chance: &mut Chance, bytes: &mut Vec<u8>) {
    for _ in 0..=chance.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = chance.below(bytes.len());
        let length = (1 + chance.below(600)).min(bytes.len() - at);
        match chance.below(6) {
            0 => bytes[at] ^= 1 << chance.below(8),
            1 => bytes[at] = *chance.pick(&[0, b'/', b'.', b'1', b'2', b'L', b'K', b'x', 0xff]),
            2 => drop(bytes.drain(at..at + length)),
            3 => {
                let repeated = bytes[at..at + length].to_vec();
                bytes.splice(at..at, repeated);
            }
            4 => bytes.truncate(at),
            _ => {
                let other = chance.below(bytes.len() - length + 1);
                let moved = bytes[other..other + length].to_vec();
                bytes[at..at + length].copy_from_slice(&moved);
            }
        }
    }
}

/// An archive that agrees with its manifest, hostile or not.
fn archive_of(manifest: &Manifest, contents: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (entry, content) in manifest.entries.iter().zip(contents) {
        bytes.extend(head(entry));
        if let ManifestKind::File { .. } = entry.kind {
            bytes.extend_from_slice(content);
            bytes.extend_from_slice(padding(content.len() as u64));
        }
    }
    bytes.extend(END);
    bytes
}

/// A manifest of names and links that lead where they should not, and honest ones between them.
fn hostile_manifest(chance: &mut Chance) -> (Manifest, Vec<Vec<u8>>) {
    const NAMES: [&str; 12] = [
        "dist", "Dist", "way", "a.js", "A.js", "mine", "tool", "e\u{301}", "\u{e9}", ".git", "x",
        "way",
    ];
    const TARGETS: [&str; 10] = [
        "a.js",
        "..",
        "../..",
        "../../elsewhere",
        "/etc/passwd",
        "way/..",
        "x/../../..",
        "dist",
        "./.",
        "",
    ];
    const MODES: [u16; 8] = [0o644, 0o755, 0o600, 0o555, 0, 0o4755, 0o1777, 0o100_644];
    let mut made: Vec<(ManifestEntry, Vec<u8>)> = (0..=chance.below(5))
        .map(|_| {
            let names: Vec<&str> = (0..=chance.below(3))
                .map(|_| *chance.pick(&NAMES))
                .collect();
            let content = vec![b'c'; chance.below(2_000)];
            let kind = match chance.below(6) {
                5 => ManifestKind::Name {
                    of: rel(chance.pick(&NAMES)),
                },
                0 => ManifestKind::Directory {
                    mode: *chance.pick(&MODES),
                },
                1 => ManifestKind::Link {
                    target: chance.pick(&TARGETS).as_bytes().to_vec(),
                },
                _ => ManifestKind::File {
                    digest: Digest::of(&content),
                    size: content.len() as u64,
                    mode: *chance.pick(&MODES),
                },
            };
            let path = rel(names.join("/"));
            (ManifestEntry { path, kind }, content)
        })
        .collect();
    if chance.below(8) > 0 {
        made.sort_by(|one, other| one.0.path.cmp(&other.0.path));
    }
    let (entries, contents) = made.into_iter().unzip();
    (Manifest { entries }, contents)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how often is for whoever runs the test to say"
)]
fn no_damaged_or_hostile_archive_does_harm() {
    let attempts = std::env::var("VT_MUTATIONS").map_or(USUAL, |count| count.parse().unwrap());
    let field = Field::new();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let compress = |bytes: &[u8]| zstd::stream::encode_all(bytes, 1).unwrap();
    let honest = &field.honest.manifest;
    let written = postcard::to_stdvec(honest).unwrap();
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for number in 0..attempts {
        let (manifest, blob) = match number % 4 {
            // In the archive, below an intact compression.
            0 => {
                let mut bytes = field.archive.clone();
                damage(&mut chance, &mut bytes);
                (honest.clone(), compress(&bytes))
            }
            // In the compressed bytes.
            1 => {
                let mut bytes = field.blob.clone();
                damage(&mut chance, &mut bytes);
                (honest.clone(), bytes)
            }
            // In the manifest as it is stored.
            2 => {
                let mut bytes = written.clone();
                damage(&mut chance, &mut bytes);
                let Ok(manifest) = postcard::from_bytes::<Manifest>(&bytes) else {
                    refused += 1;
                    continue;
                };
                (manifest, field.blob.clone())
            }
            _ => {
                let (manifest, contents) = hostile_manifest(&mut chance);
                let archive = archive_of(&manifest, &contents);
                (manifest, compress(&archive))
            }
        };
        if field.attempt(&manifest, &blob, number) {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    // Else the attempts would prove nothing about one side.
    assert!(accepted > attempts / 50, "{accepted} of {attempts}");
    assert!(refused > attempts / 2, "{refused} of {attempts}");
}
