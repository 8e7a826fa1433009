//! Permission bits: what is brought back has those it had, and a directory that its owner may not
//! write to stands in nobody's way.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use vt_base::RelPath;

use super::bench::{Bench, Node, Tree, file, rel, tree};
use crate::failpoint::{self, Point};
use crate::{Judgement, Packed};

/// Says to a process that it is the one without privileges.
const ROLE: &str = "VT_STORE_TEST_ORDINARY";
/// A user who owns nothing.
const NOBODY: u32 = 65_534;

fn with_mode(content: &str, mode: u32) -> Node {
    Node::File {
        content: content.as_bytes().to_vec(),
        mode,
    }
}

/// A tree that its owner may not write to in places.
fn closed(text: &str) -> Tree {
    tree(&[
        ("dist", Node::Directory(0o750)),
        ("dist/key", with_mode(text, 0o600)),
        ("dist/run.sh", with_mode(text, 0o751)),
        ("dist/closed", Node::Directory(0o555)),
        ("dist/closed/a", with_mode(text, 0o444)),
        ("dist/closed/deep", Node::Directory(0o500)),
        ("dist/closed/deep/b", with_mode(text, 0o640)),
        ("dist/closed/deep/empty", Node::Directory(0o500)),
        ("shared", with_mode(text, 0o666)),
    ])
}

fn restore(bench: &Bench, packed: &Packed, wanted: &Tree, remove: &Tree) -> Result<u64, String> {
    let wanted: BTreeSet<RelPath> = wanted.keys().cloned().collect();
    let remove: Vec<RelPath> = remove.keys().cloned().collect();
    let blob = packed.blob.as_ref();
    let judgement = Judgement::new();
    bench
        .store
        .restore(
            &bench.root,
            blob,
            &packed.manifest,
            &wanted,
            &remove,
            &judgement,
        )
        .map(|restored| restored.written)
        .map_err(|error| error.to_string())
}

/// Does this as a user for whom permissions count, in a process of its own if this one is root's.
#[expect(
    clippy::disallowed_methods,
    reason = "the other process is this test binary, which is told so through the environment"
)]
fn as_ordinary_user(test: &str, work: impl FnOnce()) {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || std::env::var_os(ROLE).is_some() {
        work();
        return;
    }
    let home = tempfile::tempdir().unwrap();
    chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    // Whoever built the tests may be the only one who may reach them.
    let binary = home.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    let output = Command::new(binary)
        .args(["--exact", &format!("tests::modes::{test}")])
        .env(ROLE, "")
        .env("TMPDIR", home.path())
        .current_dir(home.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn modes_come_back_whatever_mask_the_process_has() {
    as_ordinary_user("modes_come_back_whatever_mask_the_process_has", || {
        for mask in [0o022, 0o077, 0o000] {
            let bench = Bench::new();
            bench.set_tree(&closed("one"));
            let packed = bench.pack_all();
            bench.set_tree(&Tree::new());
            let before = rustix::process::umask(mask.into());
            let restored = restore(&bench, &packed, &closed("one"), &Tree::new());
            rustix::process::umask(before);
            assert_eq!(restored, Ok(5), "{mask:o}");
            assert_eq!(bench.tree(), closed("one"), "{mask:o}");
            bench.assert_clean();
        }
    });
}

#[test]
fn a_directory_that_its_owner_may_not_write_to_is_opened_up_and_closed_again() {
    let test = "a_directory_that_its_owner_may_not_write_to_is_opened_up_and_closed_again";
    as_ordinary_user(test, || {
        for bench in [Bench::new(), Bench::across_mounts()] {
            bench.set_tree(&closed("one"));
            let packed = bench.pack_all();
            let files: Tree = closed("one")
                .into_iter()
                .filter(|(_, node)| matches!(node, Node::File { .. }))
                .collect();
            bench.set_tree(&closed("two"));
            let restored = restore(&bench, &packed, &files, &Tree::new());
            assert_eq!(restored, Ok(5));
            assert_eq!(bench.tree(), closed("one"));
            // What is gone comes back, and what is left over goes.
            let mut other = closed("one");
            other.remove(&rel("dist/closed/a"));
            other.remove(&rel("dist/closed/deep/empty"));
            let stale = tree(&[
                ("dist/closed/deep/stale", file("stale")),
                ("dist/closed/old", Node::Directory(0o555)),
                ("dist/closed/old/stale", file("stale")),
            ]);
            other.extend(stale.clone());
            bench.set_tree(&other);
            let missing = tree(&[
                ("dist/closed/a", file("")),
                ("dist/closed/deep/empty", file("")),
            ]);
            assert_eq!(restore(&bench, &packed, &missing, &stale), Ok(1));
            assert_eq!(bench.tree(), closed("one"));
            bench.assert_clean();
        }
    });
}

#[test]
fn what_a_failure_undoes_has_the_modes_it_had() {
    as_ordinary_user("what_a_failure_undoes_has_the_modes_it_had", || {
        let bench = Bench::new();
        bench.set_tree(&closed("one"));
        let packed = bench.pack_all();
        let mut before = closed("two");
        before.insert(rel("dist/closed"), Node::Directory(0o511));
        before.remove(&rel("dist/closed/deep/b"));
        before.remove(&rel("dist/closed/deep/empty"));
        before.remove(&rel("dist/closed/deep"));
        let stale = tree(&[
            ("dist/closed/old", Node::Directory(0o555)),
            ("dist/closed/old/stale", file("stale")),
        ]);
        before.extend(stale.clone());
        let mut failures = 0;
        for step in 0.. {
            bench.set_tree(&before);
            failpoint::set(move |point| {
                if point == Point::Swap(step) {
                    Err(io::Error::other("failed on purpose"))
                } else {
                    Ok(())
                }
            });
            let outcome = restore(&bench, &packed, &closed("one"), &stale);
            failpoint::clear();
            bench.assert_clean();
            if outcome.is_ok() {
                break;
            }
            failures += 1;
            assert_eq!(bench.tree(), before, "step {step}");
        }
        // Two directories to open, two removals, two to make, five files, four modes to set.
        assert_eq!(failures, 15);
        assert_eq!(bench.tree(), closed("one"));
    });
}
