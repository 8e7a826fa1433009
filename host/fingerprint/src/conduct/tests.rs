use std::fs;

use vt_base::{AbsPath, Digest, EnvMap};

use super::*;
use crate::env::{EnvSnapshot, Secret};
use crate::ledger::LedgerRow;
use crate::observed::{Seen, StartBytes};
use crate::rows::{StatRow, StatRows};

const READ: Seen = Seen {
    read: true,
    listed: false,
    probed: false,
    missed: false,
    link: false,
    denied: false,
};

fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// A tree in which the step had left some files before the run that is studied.
struct Tree {
    directory: tempfile::TempDir,
    ledger: Ledger,
    observation: Observation,
}

impl Tree {
    fn left(paths: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::default();
        for path in paths {
            let full = directory.path().join(path);
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(&full, path).unwrap();
            let row = LedgerRow {
                state: State::File {
                    digest: Digest::of(path.as_bytes()),
                    executable: false,
                },
                row: StatRow::of(&fs::symlink_metadata(&full).unwrap()),
                created: true,
                path_set: None,
                key: Digest::of(b""),
                settled: true,
            };
            ledger.0.insert(rel(path), row);
        }
        Self {
            directory,
            ledger,
            observation: Observation::default(),
        }
    }

    fn facts(&mut self, path: &str, seen: Seen, listed: bool, kinds: &[ChangeKind]) {
        let row = self.ledger.0.get(&rel(path));
        let first = row.map_or(StateSeen::Missing, |row| {
            StateSeen::Present(NodeKind::File, row.row)
        });
        let change = (!kinds.is_empty()).then(|| Change {
            kinds: kinds.to_vec(),
            before: first,
            start: StartBytes::Unknown,
        });
        let facts = PathFacts {
            first,
            seen,
            listed,
            change,
            replaced: false,
        };
        self.observation.paths.insert(rel(path), facts);
    }

    fn remove(&mut self, path: &str) {
        fs::remove_file(self.directory.path().join(path)).unwrap();
        self.facts(path, Seen::default(), false, &[ChangeKind::Delete]);
    }

    fn rewrite(&mut self, path: &str, seen: Seen) {
        fs::write(self.directory.path().join(path), "anew").unwrap();
        self.facts(path, seen, false, &[ChangeKind::Fresh]);
    }

    fn list(&mut self, path: &str) {
        self.facts(path, Seen::default(), true, &[]);
    }

    fn study(&self) -> Conduct {
        let root = AbsPath::new(self.directory.path()).unwrap();
        let (env, rows) = (EnvMap::default(), StatRows::default());
        let disk = Disk {
            root: &root,
            home: None,
            path: &[],
            env: EnvSnapshot {
                variables: &env,
                secret: Secret([0; 32]),
            },
            hidden: &[],
            rows: &rows,
        };
        study(&self.observation, &self.ledger, &disk)
    }
}

#[test]
fn a_run_that_found_nothing_of_its_own_shows_nothing() {
    assert_eq!(Tree::left(&[]).study(), Conduct::default());
}

#[test]
fn a_directory_that_was_looked_through_and_emptied_is_wiped() {
    let mut tree = Tree::left(&["dist/a", "dist/b/c"]);
    tree.list("dist");
    tree.remove("dist/a");
    tree.remove("dist/b/c");
    let conduct = tree.study();
    assert_eq!(conduct.fates.of(&rel("dist/b/other")), Some(Fate::Cleared));
    assert_eq!(conduct.fates.of(&rel("other")), None);
    assert_eq!(conduct.nature, Nature::Whole);
    assert_eq!(conduct.lost, []);
}

#[test]
fn a_directory_in_which_something_was_left_is_not() {
    let mut tree = Tree::left(&["dist/a", "dist/b"]);
    tree.list("dist");
    tree.remove("dist/a");
    let conduct = tree.study();
    assert_eq!(conduct.fates.of(&rel("dist/c")), None);
    assert_eq!(conduct.nature, Nature::Carries);
}

#[test]
fn who_removes_files_by_name_wipes_nothing() {
    let mut tree = Tree::left(&["src/made"]);
    tree.remove("src/made");
    assert_eq!(tree.study().fates.of(&rel("src/other")), None);
}

#[test]
fn who_leaves_what_it_does_not_write_would_leave_more_in_the_same_directory() {
    let mut tree = Tree::left(&["lib/one", "lib/two"]);
    tree.rewrite("lib/one", Seen::default());
    let mut fates = tree.study().fates;
    assert_eq!(fates.of(&rel("lib/three")), Some(Fate::Kept));
    assert_eq!(fates.of(&rel("lib/below/four")), None);
    fates.learn(&Fates([(rel("lib"), Fate::Cleared)].into()));
    assert_eq!(fates.of(&rel("lib/three")), Some(Fate::Cleared));
}

#[test]
fn who_writes_everything_shows_nothing_of_what_it_would_do_to_leftovers() {
    let mut tree = Tree::left(&["lib/one"]);
    tree.rewrite("lib/one", Seen::default());
    assert_eq!(tree.study().fates.of(&rel("lib/two")), None);
}

#[test]
fn who_compares_what_is_there_accounts_for_it() {
    let mut tree = Tree::left(&["a", "b"]);
    tree.facts("a", READ, false, &[]);
    tree.rewrite("b", READ);
    assert_eq!(tree.study().nature, Nature::Whole);
}

#[test]
fn who_only_writes_may_have_had_a_reason_to_write_just_that() {
    let mut tree = Tree::left(&["a", "b"]);
    tree.rewrite("a", Seen::default());
    tree.rewrite("b", Seen::default());
    assert_eq!(tree.study().nature, Nature::Unknown);
}

#[test]
fn what_is_gone_without_the_runs_doing_is_lost() {
    let mut tree = Tree::left(&["a", "b"]);
    fs::remove_file(tree.directory.path().join("b")).unwrap();
    tree.facts("a", READ, false, &[]);
    let conduct = tree.study();
    assert_eq!(conduct.lost, [rel("b")]);
    assert_eq!(conduct.nature, Nature::Unknown);
}

#[test]
fn what_was_met_says_whether_it_was_read() {
    let mut tree = Tree::left(&["a", "b", "c"]);
    tree.rewrite("a", Seen::default());
    tree.rewrite("b", READ);
    let of = |path: &str, is_own| met(&tree.observation.paths[&rel(path)], is_own);
    assert_eq!(of("a", true), Met::Own { overwritten: true });
    assert_eq!(of("b", true), Met::Own { overwritten: false });
    let foreign = Met::Foreign {
        looked: true,
        overwritten: false,
        state: None,
    };
    assert_eq!(of("b", false), foreign);
    assert_eq!(of("b", false).overwritten(), Some(false));
}
