//! What stands in the way of a restore, and what happens to the tree then: nothing.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::bench::{Bench, directory, file, link, rel, tree};
use crate::failpoint::{self, Point};
use crate::{Judged, Judgement, StoreError};

/// A tree whose entries were packed, and the bench it was packed on.
fn packed() -> (Bench, crate::Packed) {
    let bench = Bench::new();
    bench.set_tree(&tree(&[
        ("dist", directory()),
        ("dist/a.js", file("new a")),
        ("dist/b.js", file("new b")),
        ("dist/deep", directory()),
        ("dist/deep/c.js", file("new c")),
        ("link", link("dist/a.js")),
    ]));
    let packed = bench.pack_all();
    (bench, packed)
}

fn blocker(result: Result<crate::Restored, StoreError>) -> String {
    match result.unwrap_err() {
        StoreError::Blocked { path } => path.to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_symlink_where_a_directory_should_be_is_in_the_way() {
    let (bench, packed) = packed();
    let elsewhere = bench.outer.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    bench.set_tree(&tree(&[("other", file("x"))]));
    symlink(&elsewhere, bench.root.join("dist").as_path()).unwrap();
    let before = bench.tree();
    assert_eq!(
        blocker(bench.restore(&packed, &["dist/a.js", "link"], &[])),
        "dist"
    );
    assert_eq!(
        blocker(bench.restore(&packed, &["dist/deep/c.js"], &[])),
        "dist"
    );
    assert_eq!(bench.tree(), before);
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
    bench.assert_clean();
}

#[test]
fn a_file_where_a_directory_should_be_is_in_the_way_unless_it_is_stale() {
    let (bench, packed) = packed();
    let before = tree(&[("dist", file("a file"))]);
    bench.set_tree(&before);
    assert_eq!(blocker(bench.restore(&packed, &["dist/a.js"], &[])), "dist");
    assert_eq!(bench.tree(), before);
    // As an entry of its own, the directory is what is wanted in place of the file.
    bench.restore(&packed, &["dist", "dist/a.js"], &[]).unwrap();
    assert_eq!(
        bench.tree(),
        tree(&[("dist", directory()), ("dist/a.js", file("new a"))])
    );
    bench.assert_clean();
}

#[test]
fn a_full_directory_where_a_file_should_be_is_in_the_way_and_all_is_undone() {
    let (bench, packed) = packed();
    let before = tree(&[
        ("dist", directory()),
        ("dist/a.js", file("old a")),
        ("dist/stale.js", file("stale")),
        ("link", directory()),
        ("link/mine", file("mine")),
    ]);
    bench.set_tree(&before);
    let wanted = ["dist/a.js", "dist/b.js", "dist/deep/c.js", "link"];
    assert_eq!(
        blocker(bench.restore(&packed, &wanted, &["dist/stale.js"])),
        "link"
    );
    assert_eq!(bench.tree(), before);
    bench.assert_clean();
    // Once what is in it is stale, it goes.
    bench
        .restore(&packed, &wanted, &["dist/stale.js", "link/mine"])
        .unwrap();
    assert_eq!(bench.tree().get(&rel("link")), Some(&link("dist/a.js")));
}

#[test]
fn stale_files_go_and_what_is_beside_them_stays() {
    let (bench, packed) = packed();
    bench.set_tree(&tree(&[
        ("dist", directory()),
        ("dist/a.js", file("new a")),
        ("dist/old", directory()),
        ("dist/old/x.js", file("stale")),
        ("dist/shared", directory()),
        ("dist/shared/mine", file("mine")),
        ("dist/shared/x.js", file("stale")),
        ("alias", link("dist")),
    ]));
    let remove = [
        "dist/old",
        "dist/old/x.js",
        "dist/shared",
        "dist/shared/x.js",
        "dist/a.js",
        "dist/none",
        "alias/shared/mine",
    ];
    let restored = bench.restore(&packed, &[], &remove).unwrap();
    assert_eq!(restored.written, 0);
    let expected = tree(&[
        ("dist", directory()),
        ("dist/a.js", file("new a")),
        ("dist/shared", directory()),
        ("dist/shared/mine", file("mine")),
        ("alias", link("dist")),
    ]);
    assert_eq!(bench.tree(), expected);
    bench.assert_clean();
}

#[test]
fn a_failure_at_any_step_of_the_swap_undoes_all_of_it() {
    let (bench, packed) = packed();
    let before = tree(&[
        ("dist", directory()),
        ("dist/a.js", file("old a")),
        ("dist/gone", directory()),
        ("dist/gone/x.js", file("stale")),
        ("link", file("old link")),
    ]);
    let wanted = ["dist/a.js", "dist/b.js", "dist/deep/c.js", "link"];
    let remove = ["dist/gone", "dist/gone/x.js"];
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
        let result = bench.restore(&packed, &wanted, &remove);
        failpoint::clear();
        bench.assert_clean();
        if result.is_ok() {
            break;
        }
        failures += 1;
        assert_eq!(bench.tree(), before, "step {step}");
    }
    // Two removals, one directory to make, four files and links.
    assert_eq!(failures, 7);
    assert_eq!(
        bench.tree().get(&rel("dist/deep/c.js")),
        Some(&file("new c"))
    );
    assert!(!bench.tree().contains_key(&rel("dist/gone")));
}

#[test]
fn who_edits_during_a_restore_keeps_the_edit() {
    let (bench, packed) = packed();
    bench.set_tree(&tree(&[
        ("dist", directory()),
        ("dist/b.js", file("old b")),
    ]));
    let edited = bench.root.join("dist/b.js");
    failpoint::set(move |point| {
        if point == Point::BeforeJournal {
            fs::write(&edited, "edited meanwhile")
        } else {
            Ok(())
        }
    });
    let result = bench.restore(&packed, &["dist/a.js", "dist/b.js"], &[]);
    failpoint::clear();
    assert_eq!(blocker(result), "dist/b.js");
    let expected = tree(&[
        ("dist", directory()),
        ("dist/b.js", file("edited meanwhile")),
    ]);
    assert_eq!(bench.tree(), expected);
    bench.assert_clean();
}

#[test]
fn who_edits_between_the_last_look_and_the_renaming_keeps_the_edit() {
    for (wanted, remove, target) in [
        (&["dist/a.js", "dist/b.js"][..], &[][..], "dist/b.js"),
        (&["dist/a.js"], &["dist/mine.js"], "dist/mine.js"),
    ] {
        let (bench, packed) = packed();
        let mut expected = tree(&[
            ("dist", directory()),
            ("dist/b.js", file("old b")),
            ("dist/mine.js", file("mine")),
        ]);
        bench.set_tree(&expected);
        let edited = bench.root.join(target);
        failpoint::set(move |point| match point {
            Point::TargetChecked => fs::write(&edited, "edited at the last moment"),
            _ => Ok(()),
        });
        let result = bench.restore(&packed, wanted, remove);
        failpoint::clear();
        assert_eq!(blocker(result), target);
        expected.insert(rel(target), file("edited at the last moment"));
        assert_eq!(bench.tree(), expected);
        bench.assert_clean();
    }
}

#[test]
fn a_path_that_the_manifest_lacks_cannot_be_wanted() {
    let (bench, packed) = packed();
    let error = bench.restore(&packed, &["dist/none.js"], &[]).unwrap_err();
    assert!(matches!(error, StoreError::BadManifest { .. }), "{error}");
}

#[test]
fn what_is_not_what_was_judged_any_more_is_neither_replaced_nor_removed() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("an edit of another size", |path| {
            fs::write(path, "edited").unwrap();
        }),
        ("an edit of the same size", |path| {
            fs::write(path, "old X").unwrap();
        }),
        ("another file", |path| {
            fs::write(path.with_extension("new"), "old a").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("a directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ];
    for (name, change) in changes {
        for (wanted, remove, target) in [
            ("dist/a.js", &[][..], "dist/a.js"),
            ("dist/b.js", &["dist/mine.js"], "dist/mine.js"),
        ] {
            let (bench, packed) = packed();
            let old = || file("old a");
            let before = [("dist/a.js", old()), ("dist/mine.js", old())];
            bench.set_tree(&tree(&before));
            let path = bench.root.join(target);
            // So that an edit shows in the time of change, however soon it comes.
            let long_ago = UNIX_EPOCH + Duration::from_secs(1_000_000);
            let opened = fs::File::options().write(true).open(&path).unwrap();
            opened.set_modified(long_ago).unwrap();
            let metadata = fs::metadata(&path).unwrap();
            let judged = Judged {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                mtime_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
                ctime_ns: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
            };
            let judgement = |judged| Judgement::from([(rel(target), judged)]);
            change(path.as_path());
            let edited = bench.tree();
            for judgement in [judgement(Some(judged)), judgement(None)] {
                let result = bench.restore_judged(&packed, &[wanted], remove, &judgement);
                assert_eq!(blocker(result), target, "{name}");
                assert_eq!(bench.tree(), edited, "{name}");
                bench.assert_clean();
            }
            // The same order does what it says to a tree that is as it was.
            bench.set_tree(&tree(&before));
            bench.restore(&packed, &[wanted], remove).unwrap();
        }
    }
}
