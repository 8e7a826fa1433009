//! A run is sealed against a real tree, and compared with it afterwards.

use std::fs;
use std::time::Duration;

use vt_base::{AbsPath, Digest, FilePolicy, RelPath, Toolchain};
use vt_fingerprint::{
    Change, ChangeKind, Comparison, Covered, Disk, EnvSnapshot, Filter, Globs, Item, Ledger,
    LedgerRow, Look, Nature, NotStored, Observation, Outside, PathFacts, PathRules, PathSet,
    Reasons, SealRequest, Sealed, Secret, Seen, StartBytes, StatRow, StatRows, State, StateSeen,
    Why, compare, covering, now_ns, seal,
};

const NOTHING: Seen = Seen {
    read: false,
    listed: false,
    probed: false,
    missed: false,
    link: false,
    denied: false,
};

/// A tree, and what a run did in it.
struct Run {
    _directory: tempfile::TempDir,
    root: AbsPath,
    observation: Observation,
    ledger: Ledger,
    rows: StatRows,
    stamp_ns: i64,
}

fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

impl Run {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsPath::new(fs::canonicalize(directory.path()).unwrap()).unwrap();
        let run = Self {
            _directory: directory,
            root,
            observation: Observation::default(),
            ledger: Ledger::default(),
            rows: StatRows::default(),
            stamp_ns: 0,
        };
        for (path, text) in files {
            run.write(path, text);
        }
        // The step starts a tick after everything is in place.
        std::thread::sleep(Duration::from_millis(30));
        Self {
            stamp_ns: now_ns() - 20_000_000,
            ..run
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn state(&self, path: &str) -> StateSeen {
        let (kind, row) = self.with_disk(|disk| disk.node(&rel(path)).unwrap());
        StateSeen::Present(kind, row)
    }

    fn saw(&mut self, path: &str, first: StateSeen, seen: Seen, change: Option<Change>) {
        let listed = seen.listed;
        let facts = PathFacts {
            first,
            seen,
            listed,
            replaced: false,
            change,
        };
        self.observation.paths.insert(rel(path), facts);
    }

    fn read(&mut self, path: &str) {
        let first = self.state(path);
        self.saw(
            path,
            first,
            Seen {
                read: true,
                ..NOTHING
            },
            None,
        );
    }

    fn missed(&mut self, path: &str) {
        self.saw(
            path,
            StateSeen::Missing,
            Seen {
                missed: true,
                ..NOTHING
            },
            None,
        );
    }

    fn made(&mut self, path: &str, text: &str) {
        self.write(path, text);
        let change = Change {
            kinds: vec![ChangeKind::Fresh],
            before: StateSeen::Missing,
            start: StartBytes::Unknown,
        };
        self.saw(path, StateSeen::Missing, NOTHING, Some(change));
    }

    fn with_disk<T>(&self, ask: impl FnOnce(&Disk<'_>) -> T) -> T {
        let none = vt_base::EnvMap::new();
        ask(&Disk {
            root: &self.root,
            home: None,
            path: &[],
            env: EnvSnapshot {
                variables: &none,
                secret: Secret([0; 32]),
            },
            hidden: &[],
            rows: &self.rows,
        })
    }

    fn seal(&self) -> Sealed {
        self.with_disk(|disk| {
            seal(&SealRequest {
                observation: &self.observation,
                rules: &rules(),
                disk,
                ledger: &self.ledger,
                is_taken_over: false,
                key: Digest::of(b"key"),
                nature: Nature::Unknown,
                stamp_ns: self.stamp_ns,
                asked: Vec::new(),
                path_set: &|_| Some(PathSet(vec![Item::Path(rel("earlier"))])),
                outside: Outside {
                    toolchain: Toolchain::Content,
                    own: &self.root,
                    scratch: &[],
                    excused: &[],
                },
                indexes: &[],
                threads: 1,
            })
            .unwrap()
        })
    }

    fn compare(&self, sealed: &Sealed) -> Comparison {
        let covered = covering(
            sealed.results.iter().map(|result| result.path.clone()),
            sealed.tombstones.iter().cloned(),
        );
        self.with_disk(|disk| {
            let look = Look {
                disk,
                ledger: &self.ledger,
                key: Digest::of(b"key"),
                rules: &rules(),
                ignored: &[],
                covered: Covered::new(|| covered),
            };
            compare(&sealed.path_set, &sealed.states, &look, "", Reasons::All)
        })
    }
}

fn rules() -> PathRules {
    let side = || Filter::new(&FilePolicy::default(), vec![], vec![], &[], &[]);
    PathRules {
        input: side(),
        output: side(),
        existence_only: Globs::new([]),
        redacted: std::collections::BTreeMap::new(),
        hidden: vec![],
    }
}

fn differs(why: Why) -> Comparison {
    Comparison::Differs(vec![why])
}

#[test]
fn inputs_and_results_are_told_apart_and_an_edit_is_named() {
    let mut run = Run::new(&[("src/a", "1")]);
    run.read("src/a");
    run.made("dist/out", "1");
    let sealed = run.seal();
    assert_eq!(sealed.not_stored, [].into());
    assert_eq!(sealed.path_set.0, [Item::Path(rel("src/a"))]);
    assert_eq!(sealed.results[0].path, rel("dist/out"));
    assert!(sealed.results[0].created && !sealed.results[0].conditional);
    assert_eq!(run.compare(&sealed), Comparison::Same);
    run.write("src/a", "2");
    let path = "src/a".to_owned();
    assert_eq!(run.compare(&sealed), differs(Why::InputModified { path }));
}

#[test]
fn a_missing_path_is_shortened_to_what_is_missing_anyway() {
    let mut run = Run::new(&[("a", "1")]);
    run.missed("no/such/file");
    run.missed("b");
    let sealed = run.seal();
    assert_eq!(
        sealed.path_set.0,
        [Item::Path(rel("b")), Item::Path(rel("no"))]
    );
    run.write("no/other", "");
    let path = "no".to_owned();
    assert_eq!(run.compare(&sealed), differs(Why::InputAdded { path }));
}

#[test]
fn a_listing_leaves_out_what_the_step_made_and_nothing_else() {
    let mut run = Run::new(&[("src/a", "1")]);
    let first = run.state("src");
    run.saw(
        "src",
        first,
        Seen {
            listed: true,
            ..NOTHING
        },
        None,
    );
    run.made("src/made", "1");
    let sealed = run.seal();
    assert_eq!(sealed.not_stored, [].into());
    fs::remove_file(run.root.join("src/made")).unwrap();
    assert_eq!(run.compare(&sealed), Comparison::Same);
    run.write("src/b", "");
    let (path, entry) = ("src".to_owned(), "b".to_owned());
    assert_eq!(
        run.compare(&sealed),
        differs(Why::ListingChanged { path, entry })
    );
}

#[test]
fn an_edit_by_somebody_else_while_the_step_runs_is_never_stored() {
    let mut run = Run::new(&[("a", "1"), ("b", "1")]);
    run.read("a");
    run.write("a", "2");
    let path = "a".to_owned();
    assert_eq!(
        run.seal().not_stored,
        [NotStored::InputChangedDuringRun { path }].into()
    );

    // Also when it was edited before it was read, but after the step had started.
    let mut run = Run::new(&[("a", "1")]);
    std::thread::sleep(Duration::from_millis(10));
    run.write("a", "2");
    run.read("a");
    let path = "a".to_owned();
    assert_eq!(
        run.seal().not_stored,
        [NotStored::InputChangedDuringRun { path }].into()
    );
}

#[test]
fn a_name_that_somebody_else_gives_an_input_while_the_step_runs_is_no_change() {
    let mut run = Run::new(&[("a", "one"), ("b", "two")]);
    run.read("a");
    run.read("b");
    run.made("out", "made");
    fs::hard_link(run.root.join("a"), run.root.join("elsewhere")).unwrap();
    assert!(run.seal().not_stored.is_empty());
    // Nor is the removal of that name.
    fs::remove_file(run.root.join("elsewhere")).unwrap();
    assert!(run.seal().not_stored.is_empty());
    // A write is one, however much of the identity is the same afterwards.
    run.write("b", "TWO");
    let path = "b".to_owned();
    let expected = [NotStored::InputChangedDuringRun { path }].into();
    assert_eq!(run.seal().not_stored, expected);
}

#[test]
fn what_is_written_into_a_file_with_a_name_of_somebody_else_is_not_stored() {
    let mut run = Run::new(&[("dist/o", "old")]);
    fs::hard_link(run.root.join("dist/o"), run.root.join("other")).unwrap();
    let first = run.state("dist/o");
    run.write("dist/o", "new");
    let change = Change {
        kinds: vec![ChangeKind::Fresh],
        before: first,
        start: StartBytes::Unknown,
    };
    run.saw("dist/o", first, NOTHING, Some(change));
    let path = "dist/o".to_owned();
    let refused = [NotStored::ModifiedInput { path }].into();
    assert_eq!(run.seal().not_stored, refused);
    // In the cache of a tool a name is nobody else's.
    let cache = run.root.join("node_modules/.cache/tool");
    fs::create_dir_all(&cache).unwrap();
    fs::rename(run.root.join("other"), cache.join("other")).unwrap();
    assert!(run.seal().not_stored.is_empty());
    // Nor is one that the step made.
    fs::rename(cache.join("other"), run.root.join("dist/h")).unwrap();
    run.saw(
        "dist/h",
        StateSeen::Missing,
        NOTHING,
        Some(Change {
            kinds: vec![ChangeKind::Fresh],
            before: StateSeen::Missing,
            start: StartBytes::Unknown,
        }),
    );
    assert!(run.seal().not_stored.is_empty());
}

#[test]
fn what_appears_in_a_listed_directory_meanwhile_is_noticed() {
    let mut run = Run::new(&[("src/a", "1")]);
    let first = run.state("src");
    run.saw(
        "src",
        first,
        Seen {
            listed: true,
            ..NOTHING
        },
        None,
    );
    run.write("src/strange", "");
    let path = "src".to_owned();
    assert_eq!(
        run.seal().not_stored,
        [NotStored::InputChangedDuringRun { path }].into()
    );
}

#[test]
fn what_a_run_may_know_of_an_earlier_one_travels_along_with_its_path_set() {
    let mut run = Run::new(&[("src/a", "1"), ("dist/old", "1"), ("earlier", "1")]);
    let StateSeen::Present(_, row) = run.state("dist/old") else {
        panic!("it was just written")
    };
    let state = State::File {
        digest: Digest::of(b"1"),
        executable: false,
    };
    let row = LedgerRow {
        state,
        row,
        created: true,
        path_set: Some(Digest::of(b"set")),
        key: Digest::of(b"key"),
        settled: true,
    };
    run.ledger.0.insert(rel("dist/old"), row);
    run.read("src/a");
    run.made("dist/new", "1");
    let sealed = run.seal();
    assert_eq!(sealed.results.len(), 1);
    assert!(!sealed.carried);
    // With a memory of its own it may have left something out.
    run.made("node_modules/.cache/tool/memory", "1");
    let sealed = run.seal();
    let results: Vec<String> = sealed
        .results
        .iter()
        .map(|result| result.path.to_string())
        .collect();
    assert_eq!(results, ["dist/new", "dist/old"]);
    assert!(sealed.carried);
    let carried: Vec<bool> = sealed.results.iter().map(|result| result.carried).collect();
    assert_eq!(carried, [false, true]);
    assert!(sealed.path_set.0.contains(&Item::Path(rel("earlier"))));
}

#[test]
fn rows_of_fresh_files_are_not_handed_on() {
    let run = Run::new(&[("a", "1")]);
    run.write("b", "1");
    let known = |path: &str| {
        let path = run.root.join(path);
        let row = StatRow::of(&fs::symlink_metadata(&path).unwrap());
        run.rows.digest(path.as_path(), row).unwrap();
        run.rows.get(&row).is_some()
    };
    assert!(known("a"));
    assert!(!known("b"));
}
