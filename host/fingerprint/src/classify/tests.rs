//! One test per row of the table of classes, and the table itself as a property.

use proptest::prelude::*;
use vt_base::{Digest, FilePolicy};

use super::*;
use crate::globs::{Filter, Globs};
use crate::item::State;
use crate::ledger::LedgerRow;
use crate::observed::Seen;

fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn rules() -> PathRules {
    let side = || Filter::new(&FilePolicy::default(), vec![], vec![], &[], &[]);
    PathRules {
        input: side(),
        output: side(),
        existence_only: Globs::new([]),
        redacted: std::collections::BTreeMap::new(),
        hidden: vec![rel(".vt/cache")],
    }
}

fn row(number: u64) -> StatRow {
    StatRow {
        device: 1,
        inode: number,
        size: 1,
        mtime_ns: 1,
        ctime_ns: 1,
        mode: 0o100_644,
    }
}

const READ: Seen = Seen {
    read: true,
    listed: false,
    probed: false,
    missed: false,
    link: false,
    denied: false,
};
const PROBED: Seen = Seen {
    read: false,
    probed: true,
    ..READ
};
const MISSED: Seen = Seen {
    read: false,
    missed: true,
    ..READ
};
const UNSEEN: Seen = Seen {
    read: false,
    ..READ
};

fn file(number: u64) -> StateSeen {
    StateSeen::Present(NodeKind::File, row(number))
}

fn change(before: StateSeen, kinds: &[ChangeKind], start: StartBytes) -> Option<Change> {
    Some(Change {
        kinds: kinds.to_vec(),
        before,
        start,
    })
}

fn class_with(facts: &PathFacts, end: Option<u64>, ledger: &Ledger, digest: Digest) -> Class {
    let rules = rules();
    let around = Surroundings {
        rules: &rules,
        ledger,
        key: &key(),
        end: end.map(|number| (NodeKind::File, row(number))),
        end_digest: &|| Some(digest),
        indexes: &[],
    };
    classify(&rel("a"), facts, &around).class
}

fn class(first: StateSeen, seen: Seen, change: Option<Change>, end: Option<u64>) -> Class {
    let facts = PathFacts {
        first,
        seen,
        listed: false,
        replaced: false,
        change,
    };
    class_with(&facts, end, &Ledger::default(), Digest::of(b"end"))
}

/// The weak key of all runs here.
fn key() -> Digest {
    Digest::of(b"key")
}

fn owning(path_set: Option<Digest>) -> Ledger {
    left(path_set, true)
}

/// What a step left at a path: in a run that was traced or not, created by itself or not.
fn left(path_set: Option<Digest>, created: bool) -> Ledger {
    let state = State::File {
        digest: Digest::of(b"x"),
        executable: false,
    };
    let row = LedgerRow {
        state,
        row: row(1),
        created,
        path_set,
        key: key(),
        settled: true,
    };
    Ledger([(rel("a"), row)].into())
}

#[test]
fn what_was_only_looked_at_is_an_input() {
    assert_eq!(class(file(1), READ, None, Some(1)), Class::Input);
    assert_eq!(class(file(1), PROBED, None, Some(1)), Class::Input);
    assert_eq!(class(StateSeen::Missing, MISSED, None, None), Class::Input);
}

#[test]
fn what_changed_under_the_step_is_no_input() {
    assert_eq!(class(file(1), READ, None, Some(2)), Class::ChangedMeanwhile);
    assert_eq!(class(file(1), READ, None, None), Class::ChangedMeanwhile);
    assert_eq!(
        class(StateSeen::Missing, MISSED, None, Some(1)),
        Class::ChangedMeanwhile
    );
}

#[test]
fn writing_without_looking_makes_an_unconditional_output() {
    let made = change(
        StateSeen::Missing,
        &[ChangeKind::Fresh],
        StartBytes::Unknown,
    );
    assert_eq!(
        class(StateSeen::Missing, UNSEEN, made, Some(1)),
        Class::Output { conditional: false }
    );
    let replaced = change(file(1), &[ChangeKind::Fresh], StartBytes::Unknown);
    assert_eq!(
        class(file(1), UNSEEN, replaced, Some(2)),
        Class::Output { conditional: false }
    );
}

#[test]
fn looking_before_writing_makes_a_conditional_output() {
    let made = change(
        StateSeen::Missing,
        &[ChangeKind::Fresh],
        StartBytes::Unknown,
    );
    assert_eq!(
        class(StateSeen::Missing, MISSED, made, Some(1)),
        Class::Output { conditional: true }
    );
    let replaced = change(
        file(1),
        &[ChangeKind::Delete, ChangeKind::Fresh],
        StartBytes::Unknown,
    );
    assert_eq!(
        class(file(1), PROBED, replaced, Some(2)),
        Class::Output { conditional: true }
    );
}

#[test]
fn a_directory_that_had_to_make_way_was_an_input_unless_it_was_removed() {
    let directory = StateSeen::Present(NodeKind::Directory, row(2));
    let class_of = |kinds: &[ChangeKind]| {
        let change = change(directory, kinds, StartBytes::Unknown);
        class(directory, Seen::default(), change, Some(1))
    };
    assert_eq!(class_of(&[ChangeKind::Fresh]), Class::ModifiedInput);
    let removed = class_of(&[ChangeKind::Delete, ChangeKind::Fresh]);
    assert_eq!(removed, Class::Output { conditional: false });
}

#[test]
fn reading_before_writing_is_decided_by_the_bytes() {
    let kinds = [ChangeKind::Fresh];
    let known = |bytes: &[u8]| StartBytes::Known(Digest::of(bytes));
    let same = change(file(1), &kinds, known(b"end"));
    assert_eq!(class(file(1), READ, same, Some(2)), Class::Rewritten);
    let other = change(file(1), &kinds, known(b"start"));
    assert_eq!(class(file(1), READ, other, Some(2)), Class::ModifiedInput);
    let unknown = change(file(1), &kinds, StartBytes::Unknown);
    assert_eq!(class(file(1), READ, unknown, Some(2)), Class::ModifiedInput);
    let kept = change(file(1), &[ChangeKind::Keeps], StartBytes::Unknown);
    assert_eq!(class(file(1), UNSEEN, kept, Some(2)), Class::ModifiedInput);
}

#[test]
fn an_open_for_writing_that_wrote_nothing_is_no_change() {
    let kept = change(file(1), &[ChangeKind::Keeps], StartBytes::Unknown);
    assert_eq!(class(file(1), READ, kept, Some(1)), Class::Input);
}

#[test]
fn own_state_needs_a_traced_past() {
    let facts = PathFacts {
        first: file(1),
        seen: READ,
        listed: false,
        replaced: false,
        change: change(file(1), &[ChangeKind::Keeps], StartBytes::Unknown),
    };
    let digest = Digest::of(b"end");
    let traced = owning(Some(Digest::of(b"set")));
    assert_eq!(
        class_with(&facts, Some(2), &traced, digest),
        Class::OwnState
    );
    assert_eq!(
        class_with(&facts, Some(2), &owning(None), digest),
        Class::ModifiedInput
    );
}

#[test]
fn own_leftovers_are_no_inputs_but_their_path_set_is() {
    let facts = PathFacts {
        first: file(1),
        seen: READ,
        listed: false,
        replaced: false,
        change: None,
    };
    let digest = Digest::of(b"x");
    let traced = owning(Some(Digest::of(b"set")));
    assert_eq!(
        class_with(&facts, Some(1), &traced, digest),
        Class::Leftover
    );
    assert_eq!(
        class_with(&facts, Some(1), &owning(None), digest),
        Class::Input
    );
}

#[test]
fn appending_to_what_an_earlier_run_created_is_a_log() {
    let facts = PathFacts {
        first: file(1),
        seen: UNSEEN,
        listed: false,
        replaced: false,
        change: change(file(1), &[ChangeKind::Append], StartBytes::Unknown),
    };
    let digest = Digest::of(b"end");
    assert_eq!(
        class_with(&facts, Some(2), &owning(None), digest),
        Class::Log
    );
    assert_eq!(
        class_with(&facts, Some(2), &Ledger::default(), digest),
        Class::ModifiedInput
    );
}

#[test]
fn deletions_leave_a_tombstone_unless_the_bytes_were_used() {
    let gone = || change(file(1), &[ChangeKind::Delete], StartBytes::Unknown);
    assert_eq!(class(file(1), PROBED, gone(), None), Class::Tombstone);
    assert_eq!(class(file(1), READ, gone(), None), Class::ModifiedInput);
    let made = [ChangeKind::Fresh, ChangeKind::Delete];
    let made = change(StateSeen::Missing, &made, StartBytes::Unknown);
    assert_eq!(
        class(StateSeen::Missing, UNSEEN, made, None),
        Class::Temporary
    );
}

#[test]
fn of_the_repository_only_what_names_the_commit_counts() {
    let rules = rules();
    let ledger = Ledger::default();
    let class = |path: &str, facts: &PathFacts, end: Option<u64>| {
        let around = Surroundings {
            rules: &rules,
            ledger: &ledger,
            key: &key(),
            end: end.map(|number| (NodeKind::File, row(number))),
            end_digest: &|| None,
            indexes: &[],
        };
        classify(&rel(path), facts, &around).class
    };
    let read = PathFacts {
        first: file(1),
        seen: READ,
        listed: false,
        replaced: false,
        change: None,
    };
    assert_eq!(class(".git/HEAD", &read, Some(1)), Class::Input);
    assert_eq!(class(".git/objects/ab/cd", &read, Some(1)), Class::Nothing);
    let wrote = PathFacts {
        first: StateSeen::Missing,
        seen: UNSEEN,
        listed: false,
        replaced: false,
        change: change(
            StateSeen::Missing,
            &[ChangeKind::Fresh],
            StartBytes::Unknown,
        ),
    };
    assert_eq!(class(".git/refs/heads/x", &wrote, Some(1)), Class::WroteGit);
    assert_eq!(class(".vt/cache/x", &wrote, Some(1)), Class::Nothing);
}

fn any_state() -> impl Strategy<Value = StateSeen> {
    prop_oneof![Just(StateSeen::Missing), (1..3_u64).prop_map(file)]
}

fn any_facts() -> impl Strategy<Value = PathFacts> {
    let seen =
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(read, probed, missed)| Seen {
            read,
            probed,
            missed,
            ..UNSEEN
        });
    let kinds = prop::sample::subsequence(
        vec![
            ChangeKind::Fresh,
            ChangeKind::Keeps,
            ChangeKind::Append,
            ChangeKind::Delete,
        ],
        1..4,
    )
    .prop_shuffle();
    let start = prop_oneof![
        Just(StartBytes::Unknown),
        Just(StartBytes::Known(Digest::of(b"end"))),
        Just(StartBytes::Known(Digest::of(b"start"))),
    ];
    let changed = (kinds, any_state(), start).prop_map(|(kinds, before, start)| Change {
        kinds,
        before,
        start,
    });
    let replaced = prop::bool::weighted(0.2);
    (any_state(), seen, replaced, prop::option::of(changed)).prop_map(
        |(first, seen, replaced, change)| PathFacts {
            first,
            seen,
            listed: false,
            replaced,
            change,
        },
    )
}

#[test]
fn what_was_another_file_in_between_is_no_input() {
    let replaced = |change, end| {
        let facts = PathFacts {
            first: file(1),
            seen: READ,
            listed: false,
            replaced: true,
            change,
        };
        class_with(&facts, end, &Ledger::default(), Digest::of(b"end"))
    };
    assert_eq!(replaced(None, Some(1)), Class::ChangedMeanwhile);
    let same = StartBytes::Known(Digest::of(b"end"));
    let rewritten = change(file(1), &[ChangeKind::Keeps], same);
    assert_eq!(replaced(rewritten, Some(2)), Class::ChangedMeanwhile);
    // A lock that others took and gave back, and the step in the end.
    let taken = change(
        StateSeen::Missing,
        &[ChangeKind::Fresh],
        StartBytes::Unknown,
    );
    assert_eq!(replaced(taken, None), Class::Temporary);
}

#[test]
fn a_listed_directory_is_the_one_at_the_end() {
    let directory = |number| (NodeKind::Directory, row(number));
    let class = |listed, end| {
        let facts = PathFacts {
            first: StateSeen::Present(NodeKind::Directory, row(1)),
            seen: PROBED,
            listed,
            replaced: false,
            change: None,
        };
        unchanged_input(&facts, Some(directory(end)))
    };
    assert_eq!(class(true, 1), Class::Input);
    assert_eq!(class(true, 2), Class::ChangedMeanwhile);
    assert_eq!(class(false, 2), Class::Input);
}

proptest! {
    /// Without a past of its own, a step can have made only what it did not need the bytes
    /// of, and what it looked at first is never an unconditional result.
    #[test]
    fn nothing_that_was_read_becomes_a_result(
        facts in any_facts(),
        end in prop::option::of(1..4_u64),
    ) {
        let class = class_with(&facts, end, &Ledger::default(), Digest::of(b"end"));
        match class {
            Class::Output { conditional } => {
                prop_assert!(!facts.seen.read);
                prop_assert_eq!(conditional, facts.seen.any());
                prop_assert!(facts.change.is_some() && end.is_some());
            }
            Class::Input => prop_assert!(facts.seen.any() || facts.change.is_some()),
            Class::Leftover | Class::OwnState | Class::Log => {
                prop_assert!(false, "{:?} without a ledger", class);
            }
            Class::Rewritten => {
                let change = facts.change.as_ref().unwrap();
                prop_assert_eq!(change.start, StartBytes::Known(Digest::of(b"end")));
            }
            Class::Nothing => prop_assert!(facts.change.is_none() || !facts.seen.any()),
            Class::Tombstone | Class::Temporary => prop_assert!(end.is_none()),
            Class::ModifiedInput => prop_assert!(facts.change.is_some()),
            Class::ChangedMeanwhile | Class::WroteGit => {}
        }
    }
}

/// As below, and what was replaced between two looks was changed by somebody else, if it counts.
fn by_the_table(facts: &PathFacts, end: Option<u64>, own: Option<&LedgerRow>) -> Class {
    match by_its_rows(facts, end, own) {
        Class::Input | Class::Leftover | Class::Rewritten | Class::OwnState if facts.replaced => {
            Class::ChangedMeanwhile
        }
        class => class,
    }
}

/// The table of `docs/semantics.md`, row by row, for a file that no rule speaks of.
fn by_its_rows(facts: &PathFacts, end: Option<u64>, own: Option<&LedgerRow>) -> Class {
    let is_traced = own.is_some_and(|row| row.path_set.is_some());
    let is_created = own.is_some_and(|row| row.created);
    let looked = facts.seen.read || facts.seen.probed || facts.seen.missed;
    let at_end = end.map_or(StateSeen::Missing, file);
    let written = facts
        .change
        .as_ref()
        .filter(|change| change.before != at_end || end.is_none());
    let Some(written) = written else {
        // Looked at, never written.
        let opened_in_vain = facts.change.is_some() && facts.first != StateSeen::Missing;
        return match (looked || opened_in_vain, is_traced) {
            (false, _) => Class::Nothing,
            (true, true) => Class::Leftover,
            (true, false) if facts.first == at_end => Class::Input,
            (true, false) => Class::ChangedMeanwhile,
        };
    };
    let has = |kind| written.kinds.contains(&kind);
    if end.is_none() {
        return match written.before {
            StateSeen::Missing => Class::Temporary,
            // It went, and not by the step.
            StateSeen::Present(..) if !has(ChangeKind::Delete) => Class::ChangedMeanwhile,
            StateSeen::Present(..) if facts.seen.read && own.is_none() => Class::ModifiedInput,
            StateSeen::Present(..) => Class::Tombstone,
        };
    }
    let starts_anew = matches!(written.kinds[0], ChangeKind::Fresh | ChangeKind::Delete);
    let is_as_before = written.before != StateSeen::Missing
        && written.start == StartBytes::Known(Digest::of(b"end"));
    let only_appended = written.kinds == [ChangeKind::Append] && !facts.seen.read;
    match () {
        () if starts_anew && !facts.seen.read => Class::Output {
            conditional: looked,
        },
        () if is_as_before && is_traced => Class::Leftover,
        () if is_as_before => Class::Rewritten,
        () if is_created && only_appended => Class::Log,
        () if is_created && is_traced => Class::OwnState,
        () => Class::ModifiedInput,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn every_trace_is_classified_by_the_table(
        facts in any_facts(),
        end in prop::option::of(1..4_u64),
        own in prop::option::of((any::<bool>(), any::<bool>())),
    ) {
        let ledger = own.map_or_else(Ledger::default, |(traced, created)| {
            left(traced.then(|| Digest::of(b"set")), created)
        });
        let row = ledger.own(&rel("a"), &facts.first);
        let expected = by_the_table(&facts, end, row);
        prop_assert_eq!(class_with(&facts, end, &ledger, Digest::of(b"end")), expected);
    }
}

#[test]
fn what_the_step_left_under_another_key_is_an_input_where_it_is_only_read() {
    let mut ledger = owning(Some(Digest::of(b"set")));
    let read = PathFacts {
        first: file(1),
        seen: READ,
        listed: false,
        change: None,
        replaced: false,
    };
    let class = |ledger: &Ledger| class_with(&read, Some(1), ledger, Digest::of(b"x"));
    assert_eq!(class(&ledger), Class::Leftover);
    let row = ledger.0.get_mut(&rel("a")).unwrap();
    row.key = Digest::of(b"the key of other arguments");
    assert_eq!(class(&ledger), Class::Input);
}
