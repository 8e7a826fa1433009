//! What is packed comes back the same, whatever it was.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vt_base::RelPath;

use super::bench::{Bench, Node, Tree, directory, file, link, name, rel, tree};
use crate::{Judgement, differs};

/// Names that have made trouble somewhere: not UTF-8, blank, like options, long.
fn any_name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "C", "a-", "a.b", "dist", "node_modules"])
            .prop_map(|name| name.as_bytes().to_vec()),
        1 => prop::sample::select(vec![
            " ".as_bytes().to_vec(),
            b"-rf".to_vec(),
            b"\xff\xfe".to_vec(),
            "\u{e9}\n\\".as_bytes().to_vec(),
            vec![b'n'; 255],
        ]),
    ]
}

fn mode() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![0o644, 0o755, 0o600, 0o444, 0o640, 0o750])
}

fn node() -> impl Strategy<Value = Node> {
    prop_oneof![
        5 => (prop::collection::vec(any::<u8>(), 0..2000), mode())
            .prop_map(|(content, mode)| Node::File { content, mode }),
        1 => (0..3_usize << 19, any::<u8>()).prop_map(|(length, byte)| Node::File {
            content: (0..length).map(|at| byte.wrapping_add((at / 311) as u8)).collect(),
            mode: 0o644,
        }),
        2 => prop::sample::select(vec![0o755, 0o700, 0o555, 0o775]).prop_map(Node::Directory),
        2 => prop::collection::vec(any_name(), 1..3).prop_map(|names| Node::Link(names.join(&b'/'))),
    ]
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let path = || prop::collection::vec(any_name(), 1..4).prop_map(|names| rel(names.join(&b'/')));
    let another = (path(), any::<prop::sample::Index>());
    let others = prop::collection::vec(another, 0..4);
    (prop::collection::vec((path(), node()), 0..24), others).prop_map(|(nodes, others)| {
        let mut tree = Tree::new();
        for (path, node) in nodes {
            let is_taken = tree.contains_key(&path)
                || path.ancestors().any(|above| {
                    tree.get(&above)
                        .is_some_and(|node| !matches!(node, Node::Directory(_)))
                });
            if is_taken {
                continue;
            }
            for above in path.ancestors().filter(|above| !above.is_root()) {
                tree.insert(above, directory());
            }
            tree.insert(path, node);
        }
        for (path, index) in others {
            let is_file = |(_, node): &(&RelPath, &Node)| matches!(node, Node::File { .. });
            let files: Vec<RelPath> = tree
                .iter()
                .filter(is_file)
                .map(|(path, _)| path.clone())
                .collect();
            let above = path.parent().unwrap();
            let has_place = above.is_root() || matches!(tree.get(&above), Some(Node::Directory(_)));
            if files.is_empty() || !has_place || tree.contains_key(&path) {
                continue;
            }
            // The first one of the names is the one with the content.
            let of = index.get(&files);
            if *of < path {
                tree.insert(path, Node::Name(of.clone()));
            }
        }
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_comes_back(tree in any_tree()) {
        let bench = Bench::in_memory();
        bench.set_tree(&tree);
        let packed = bench.pack_all();
        prop_assert!(packed.manifest.entries.iter().all(|entry| !differs(&bench.root, entry)));
        let names = tree.values().filter(|node| matches!(node, Node::Name(_))).count();
        let packed_names = packed.manifest.entries.iter();
        let packed_names = packed_names
            .filter(|entry| matches!(entry.kind, crate::ManifestKind::Name { .. }))
            .count();
        prop_assert_eq!(packed_names, names);
        bench.set_tree(&Tree::new());
        let restored = bench.restore_all(&packed).unwrap();
        let files = tree.values().filter(|node| !matches!(node, Node::Directory(_))).count();
        prop_assert_eq!(restored.written, files as u64);
        prop_assert_eq!(bench.tree(), tree);
        bench.assert_clean();
    }

    #[test]
    fn any_tree_comes_back_over_any_other_when_the_other_is_removed(
        tree in any_tree(),
        other in any_tree(),
    ) {
        let bench = Bench::in_memory();
        bench.set_tree(&tree);
        let packed = bench.pack_all();
        bench.set_tree(&other);
        let wanted: BTreeSet<RelPath> = tree.keys().cloned().collect();
        let remove: Vec<RelPath> = other.keys().cloned().collect();
        let blob = packed.blob.as_ref();
        bench.store.restore(&bench.root, blob, &packed.manifest, &wanted, &remove, &Judgement::new()).unwrap();
        prop_assert_eq!(bench.tree(), tree);
        bench.assert_clean();
    }

    #[test]
    fn a_manifest_survives_serialising(tree in any_tree()) {
        let bench = Bench::in_memory();
        bench.set_tree(&tree);
        let manifest = bench.pack_all().manifest;
        let bytes = postcard::to_stdvec(&manifest).unwrap();
        prop_assert_eq!(postcard::from_bytes::<crate::Manifest>(&bytes).unwrap(), manifest);
    }
}

#[test]
fn some_of_the_names_of_a_file_come_back_as_one_file() {
    let whole = || {
        tree(&[
            ("a", file("text")),
            ("d", directory()),
            ("d/b", name("a")),
            ("d/c", name("a")),
            ("tool", file("text")),
        ])
    };
    for bench in [Bench::new(), Bench::across_mounts()] {
        bench.set_tree(&whole());
        let packed = bench.pack_all();
        bench.set_tree(&tree(&[("a", file("other")), ("d/b", file("old"))]));
        bench.restore(&packed, &["d/b", "d/c"], &[]).unwrap();
        let expected = tree(&[
            ("a", file("other")),
            ("d", directory()),
            ("d/b", file("text")),
            ("d/c", name("d/b")),
        ]);
        assert_eq!(bench.tree(), expected);
        // What was one file with something else is not written through.
        bench.set_tree(&tree(&[
            ("a", file("old")),
            ("d/b", name("a")),
            ("mine", name("a")),
        ]));
        let wanted = ["a", "d/b", "d/c", "tool"];
        bench.restore(&packed, &wanted, &[]).unwrap();
        let mut expected = whole();
        expected.insert(rel("mine"), file("old"));
        assert_eq!(bench.tree(), expected);
        bench.assert_clean();
    }
}

#[test]
fn only_what_is_wanted_is_written() {
    let bench = Bench::new();
    let whole = tree(&[
        ("d", directory()),
        ("d/a", file("a")),
        ("d/b", file("b")),
        ("l", link("d/a")),
    ]);
    bench.set_tree(&whole);
    let packed = bench.pack_all();
    bench.set_tree(&tree(&[("d/a", file("edited"))]));
    let restored = bench.restore(&packed, &["d/b", "l"], &[]).unwrap();
    assert_eq!(restored.written, 2);
    let mut expected = whole;
    expected.insert(rel("d/a"), file("edited"));
    assert_eq!(bench.tree(), expected);
    bench.assert_clean();
}

#[test]
fn an_archive_on_another_file_system_comes_back_too() {
    let bench = Bench::across_mounts();
    let mut whole = tree(&[
        ("d", directory()),
        ("d/e", directory()),
        ("d/e/a", file("a")),
        ("l", link("d/e/a")),
    ]);
    whole.insert(
        rel("tool"),
        Node::File {
            content: vec![b'#'; 2 << 20],
            mode: 0o755,
        },
    );
    bench.set_tree(&whole);
    let packed = bench.pack_all();
    bench.set_tree(&tree(&[
        ("tool", file("old")),
        ("stale", file("stale")),
        ("l", file("old")),
    ]));
    let wanted: Vec<String> = whole.keys().map(ToString::to_string).collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    bench.restore(&packed, &wanted, &["stale"]).unwrap();
    assert_eq!(bench.tree(), whole);
    bench.assert_clean();
}
