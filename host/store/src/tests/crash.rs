//! Processes that are killed in the middle, and processes that work at once.
//!
//! The test binary starts itself again as the process that is killed.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::bench::{Bench, Node, Tree, abs, directory, file, link, name, read_tree, rel, tree};
use crate::failpoint::{self, Point};
use crate::{Judgement, Manifest, Store, StoreError, Table};

const ROLE: &str = "VT_STORE_TEST_ROLE";
const DIRECTORY: &str = "VT_STORE_TEST_DIRECTORY";

/// Starts this test binary as another process that does nothing but play a role.
#[expect(
    clippy::disallowed_methods,
    reason = "the other process is this test binary"
)]
fn start(role: &str, directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::crash::plays_a_role_when_started_by_another_test",
        ])
        .env(ROLE, role)
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the end; `true` when the process was killed rather than finished.
fn was_killed(mut child: Child) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    let status = child.wait().unwrap();
    assert!(
        status.success() || status.signal() == Some(9),
        "{status}: {said}"
    );
    !status.success()
}

fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    unreachable!("a process does not survive this")
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the role comes through the environment"
)]
fn plays_a_role_when_started_by_another_test() {
    let (Ok(role), Some(directory)) = (std::env::var(ROLE), std::env::var_os(DIRECTORY)) else {
        return;
    };
    let directory = PathBuf::from(directory);
    let store = Store::open(&abs(&directory.join("cache"))).unwrap();
    let (role, argument) = role.split_once(' ').unwrap_or((&role, ""));
    let deadly = match argument {
        "blob" => Some(Point::BlobBeforeName),
        "commit" => Some(Point::BeforeCommit),
        "journal" => Some(Point::BeforeJournal),
        "journal-removal" => Some(Point::BeforeJournalRemoval),
        number => number.parse().ok().map(Point::Swap),
    };
    failpoint::set(move |point| if Some(point) == deadly { die() } else { Ok(()) });
    match role {
        "count" => count(&store, argument),
        "count-for-ever" => loop {
            count(&store, argument);
        },
        "put" => drop(store.put_bytes(b"a blob without a name").unwrap()),
        "restore" => {
            restore(&store, &directory).unwrap();
        }
        "restore-for-ever" => loop {
            restore(&store, &directory).unwrap();
        },
        other => panic!("{other}"),
    }
}

/// Counts one up in the index, and says so in a file once it is committed.
fn count(store: &Store, name: &str) {
    let number = store
        .write(|writer| {
            let before = writer.get(Table::Steps, b"count")?;
            let number =
                before.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap())) + 1;
            writer.put(Table::Steps, b"count", &number.to_le_bytes())?;
            writer.put(Table::Memo, &number.to_be_bytes(), &number.to_le_bytes())?;
            Ok(number)
        })
        .unwrap();
    let said = store.directory().join(format!("said-{name}"));
    let new = store.directory().join(format!("said-{name}.new"));
    fs::write(&new, number.to_string()).unwrap();
    fs::rename(new, said).unwrap();
}

fn counted(store: &Store) -> u64 {
    let Some(snapshot) = store.read().unwrap() else {
        return 0;
    };
    let Some(bytes) = snapshot.get(Table::Steps, b"count").unwrap() else {
        return 0;
    };
    let number = u64::from_le_bytes(bytes.try_into().unwrap());
    let all = snapshot.prefix(Table::Memo, b"").unwrap();
    assert_eq!(all.len() as u64, number, "a transaction was torn");
    number
}

fn said(store: &Store, name: &str) -> u64 {
    let path = store.directory().join(format!("said-{name}"));
    fs::read_to_string(path).map_or(0, |text| text.parse().unwrap())
}

#[test]
fn killed_writers_lose_nothing_that_they_committed() {
    let bench = Bench::new();
    for round in 0..25_u64 {
        let mut child = start("count-for-ever x", bench.outer.path());
        std::thread::sleep(Duration::from_millis(20 + round * 5));
        child.kill().unwrap();
        assert!(was_killed(child));
        let (counted, said) = (counted(&bench.store), said(&bench.store, "x"));
        assert!(
            counted >= said,
            "round {round}: {said} were committed, {counted} are there"
        );
    }
    assert!(counted(&bench.store) > 0, "no writer got anywhere");
    assert_eq!(bench.store.take_notices(), []);
}

#[test]
fn a_writer_killed_before_its_commit_leaves_the_index_as_it_was() {
    let bench = Bench::new();
    assert!(!was_killed(start("count x", bench.outer.path())));
    assert!(was_killed(start("count commit", bench.outer.path())));
    assert_eq!(counted(&bench.store), 1);
    assert!(!was_killed(start("count x", bench.outer.path())));
    assert_eq!(counted(&bench.store), 2);
    assert_eq!(bench.store.take_notices(), []);
}

#[test]
fn the_first_writer_of_all_may_be_killed_too() {
    let bench = Bench::new();
    assert!(was_killed(start("count commit", bench.outer.path())));
    assert_eq!(counted(&bench.store), 0);
    assert!(!was_killed(start("count x", bench.outer.path())));
    assert_eq!(counted(&bench.store), 1);
    assert_eq!(bench.store.take_notices(), []);
}

#[test]
fn processes_that_write_at_once_lose_no_write_of_each_other() {
    let bench = Bench::new();
    let count = |name: &str| {
        for _ in 0..8 {
            assert!(!was_killed(start(
                &format!("count {name}"),
                bench.outer.path()
            )));
        }
    };
    std::thread::scope(|scope| {
        for name in ["x", "y", "z"] {
            scope.spawn(move || count(name));
        }
        let reader = scope.spawn(|| (0..40).map(|_| counted(&bench.store)).is_sorted());
        assert!(reader.join().unwrap(), "a commit was taken back");
    });
    assert_eq!(counted(&bench.store), 24);
    assert_eq!(bench.store.take_notices(), []);
}

#[test]
fn a_blob_killed_before_it_has_its_name_is_not_there() {
    let bench = Bench::new();
    assert!(was_killed(start("put blob", bench.outer.path())));
    let digest = bench.store.put_bytes(b"a blob without a name").unwrap();
    bench.store.get_bytes(&digest, 100).unwrap();
    let path = bench.store.blob_path(&digest);
    fs::remove_file(&path).unwrap();
    assert!(was_killed(start("put blob", bench.outer.path())));
    assert!(!path.exists());
}

fn old_tree() -> Tree {
    tree(&[
        ("dist", directory()),
        ("dist/a.js", file("old a")),
        ("dist/gone", Node::Directory(0o555)),
        ("dist/gone/x.js", file("stale")),
        ("link", file("old link")),
        ("source.js", file("a source")),
    ])
}

fn new_tree() -> Tree {
    tree(&[
        ("dist", directory()),
        ("dist/a.js", file("new a")),
        ("dist/b.js", file("new b")),
        ("dist/c.js", name("dist/b.js")),
        ("dist/deep", Node::Directory(0o511)),
        ("dist/deep/c.js", file("new c")),
        ("link", link("dist/a.js")),
        ("source.js", file("a source")),
    ])
}

/// The steps that lead from the old tree to the new one.
const STEPS: usize = 10;

/// Packs the new tree, and leaves the manifest where the other process finds it.
fn prepare(bench: &Bench) {
    let mut tree = new_tree();
    tree.remove(&rel("source.js"));
    bench.set_tree(&tree);
    let packed = bench.pack_all();
    let both = postcard::to_stdvec(&(packed.manifest, packed.blob)).unwrap();
    fs::write(bench.outer.path().join("packed"), both).unwrap();
}

fn restore(store: &Store, directory: &Path) -> Result<(), StoreError> {
    let bytes = fs::read(directory.join("packed")).unwrap();
    let (manifest, blob): (Manifest, Option<vt_base::Digest>) =
        postcard::from_bytes(&bytes).unwrap();
    let wanted = manifest
        .entries
        .iter()
        .map(|entry| entry.path.clone())
        .collect();
    let remove = ["dist/gone/x.js", "dist/gone"].map(rel);
    let root = abs(&directory.join("tree"));
    store.recover(&root)?;
    store
        .restore(
            &root,
            blob.as_ref(),
            &manifest,
            &wanted,
            &remove,
            &Judgement::new(),
        )
        .map(drop)
}

#[test]
fn a_restore_killed_before_its_journal_leaves_the_tree_as_it_was() {
    let bench = Bench::new();
    prepare(&bench);
    bench.set_tree(&old_tree());
    assert!(was_killed(start("restore journal", bench.outer.path())));
    assert_eq!(bench.store.recover(&bench.root).unwrap(), 0);
    assert_eq!(bench.tree(), old_tree());
    restore(&bench.store, bench.outer.path()).unwrap();
    assert_eq!(bench.tree(), new_tree());
}

#[test]
fn a_restore_killed_at_any_step_is_finished_by_the_next_process() {
    let bench = Bench::new();
    prepare(&bench);
    for step in 0..STEPS {
        bench.set_tree(&old_tree());
        assert!(
            was_killed(start(&format!("restore {step}"), bench.outer.path())),
            "step {step}"
        );
        assert_ne!(bench.tree(), new_tree(), "step {step}");
        assert_eq!(bench.store.recover(&bench.root).unwrap(), 1);
        assert_eq!(bench.tree(), new_tree(), "step {step}");
        bench.assert_clean();
    }
    bench.set_tree(&old_tree());
    assert!(was_killed(start(
        "restore journal-removal",
        bench.outer.path()
    )));
    assert_eq!(bench.store.recover(&bench.root).unwrap(), 1);
    assert_eq!(bench.tree(), new_tree());
    bench.assert_clean();
}

#[test]
fn what_was_edited_after_a_crash_is_kept() {
    let bench = Bench::new();
    prepare(&bench);
    bench.set_tree(&old_tree());
    // The removals and the new directory are done, the files and its mode are not.
    assert!(was_killed(start("restore 4", bench.outer.path())));
    fs::write(bench.root.join("dist/a.js"), "edited after the crash").unwrap();
    assert_eq!(bench.store.recover(&bench.root).unwrap(), 1);
    let mut expected = new_tree();
    expected.insert(rel("dist/a.js"), file("edited after the crash"));
    assert_eq!(bench.tree(), expected);
    bench.assert_clean();
}

#[test]
fn a_journal_of_a_living_process_or_another_workspace_is_left_alone() {
    let bench = Bench::new();
    prepare(&bench);
    bench.set_tree(&old_tree());
    assert!(was_killed(start("restore 4", bench.outer.path())));
    let before = bench.tree();
    assert_eq!(bench.store.recover(&abs(Path::new("/another"))).unwrap(), 0);
    let [journal] = &crate::journal::journals(&bench.store).unwrap()[..] else {
        panic!("there is one journal")
    };
    let held = fs::File::open(journal).unwrap();
    assert!(crate::lock::try_lock(&held, crate::lock::Share::Exclusive).unwrap());
    assert_eq!(bench.store.recover(&bench.root).unwrap(), 0);
    assert_eq!(bench.tree(), before);
    drop(held);
    assert_eq!(bench.store.recover(&bench.root).unwrap(), 1);
    assert_eq!(bench.tree(), new_tree());
}

#[test]
fn a_torn_journal_is_dropped() {
    let bench = Bench::new();
    prepare(&bench);
    bench.set_tree(&old_tree());
    assert!(was_killed(start("restore 0", bench.outer.path())));
    let [journal] = &crate::journal::journals(&bench.store).unwrap()[..] else {
        panic!("there is one journal")
    };
    let whole = fs::read(journal).unwrap();
    fs::write(journal, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(bench.store.recover(&bench.root).unwrap(), 0);
    assert_eq!(bench.tree(), old_tree());
    bench.assert_clean();
}

#[test]
fn restores_killed_at_random_leave_the_old_tree_or_the_new_one() {
    let bench = Bench::new();
    prepare(&bench);
    for round in 0..25_u64 {
        bench.set_tree(&old_tree());
        let mut child = start("restore-for-ever", bench.outer.path());
        std::thread::sleep(Duration::from_millis(4 + round));
        child.kill().unwrap();
        assert!(was_killed(child));
        bench.store.recover(&bench.root).unwrap();
        let found = read_tree(bench.root.as_path());
        assert!(
            found == old_tree() || found == new_tree(),
            "round {round}: {found:?}"
        );
    }
}
