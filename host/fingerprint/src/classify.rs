//! What one path was to a run, from the order of what happened to it.
//!
//! The order decides: a path that was looked at before it was written is an input or a
//! modification, one that was written first is an output. This is a pure function of the facts,
//! the ledger and the end of the run; [`crate::seal`] turns its answers into a path set and a
//! result set.

use vt_base::RelPath;

use crate::disk::StatRow;
use crate::git;
use crate::globs::PathRules;
use crate::item::NodeKind;
use crate::ledger::Ledger;
use crate::observed::{Change, ChangeKind, PathFacts, StartBytes, StateSeen};

/// What a path was to a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// It does not count.
    Nothing,
    /// Its state decided the run.
    Input,
    /// It was written, with the bytes it had: an input that is never archived.
    Rewritten,
    /// The step left it in an earlier run and only looked at it.
    Leftover,
    /// The step made it.
    Output {
        /// Whether the step looked before it wrote.
        conditional: bool,
    },
    /// The step made it in an earlier run and carried it on.
    OwnState,
    /// The step removed it.
    Tombstone,
    /// Made and removed within the run.
    Temporary,
    /// The step only appended to what it created in an earlier run.
    Log,
    /// It was read and then changed: the run can't be stored.
    ModifiedInput,
    /// Refs or objects of the repository were written: the run can't be stored.
    WroteGit,
    /// Somebody else changed it while the step ran: the run can't be stored.
    ChangedMeanwhile,
}

/// What a path was, and whether the path set of an earlier run belongs to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Classified {
    /// What the path was.
    pub(crate) class: Class,
    /// The path set of the run that left the path, to be united with this run's.
    pub(crate) left_by: Option<vt_base::Digest>,
}

/// What is known besides the facts of the path itself.
pub(crate) struct Surroundings<'a> {
    /// Who decides what counts.
    pub(crate) rules: &'a PathRules,
    /// What the step left before.
    pub(crate) ledger: &'a Ledger,
    /// What is at the path now.
    pub(crate) end: Option<(NodeKind, StatRow)>,
    /// The digest of the file at the path now, asked only when it matters.
    pub(crate) end_digest: &'a dyn Fn() -> Option<vt_base::Digest>,
    /// The indexes of repositories as they were before the step.
    pub(crate) indexes: &'a [(StatRow, vt_base::Digest)],
}

/// Classifies one path.
#[must_use]
pub(crate) fn classify(path: &RelPath, facts: &PathFacts, around: &Surroundings<'_>) -> Classified {
    let plain = |class| Classified {
        class,
        left_by: None,
    };
    if around.rules.is_hidden(path) {
        return plain(Class::Nothing);
    }
    if let Some(inside) = git::inside(path) {
        let index = git::Index {
            known: around.indexes,
            now: around.end_digest,
        };
        let index = git::is_index(path.as_bytes()).then_some(&index);
        return plain(git::classify(&inside, facts, around.end, index));
    }
    let as_input = around.rules.input.counts(path);
    let as_output = around.rules.output.counts(path);
    let row = around.ledger.own(path, &facts.first);
    // What an unstored and untraced run left behind stands for inputs nobody knows.
    let left_by = row.and_then(|row| row.path_set);

    let Some(change) = effective_change(facts, around.end) else {
        // Whoever sets a mode that is set already, or opens a file and writes nothing, depends on
        // what is there.
        let tried = facts.change.is_some() && facts.first != StateSeen::Missing;
        if !as_input || !(facts.seen.any() || tried) {
            return plain(Class::Nothing);
        }
        if left_by.is_some() && !facts.listed && !around.rules.input.adds(path) {
            return Classified {
                class: Class::Leftover,
                left_by,
            };
        }
        return plain(unchanged_input(facts, around.end));
    };

    let looked = facts.seen.any();
    let Some((end_kind, end_row)) = around.end else {
        return plain(gone_at_the_end(facts, change, row.is_some(), as_output));
    };
    if matches!(end_kind, NodeKind::Directory) {
        return plain(if as_output {
            Class::Output { conditional: false }
        } else {
            Class::Nothing
        });
    }

    let needed_old_bytes =
        used_content(facts) || !matches!(change.kinds[0], ChangeKind::Fresh | ChangeKind::Delete);
    if !needed_old_bytes {
        return plain(if as_output {
            Class::Output {
                conditional: looked,
            }
        } else {
            Class::Nothing
        });
    }
    if same_bytes(change, end_kind, &end_row, around) {
        if left_by.is_some() && as_input && as_output && !around.rules.input.adds(path) {
            return Classified {
                class: Class::Leftover,
                left_by,
            };
        }
        return plain(if as_input {
            Class::Rewritten
        } else {
            Class::Nothing
        });
    }
    if around.rules.input.adds(path) {
        return plain(Class::ModifiedInput);
    }
    if !as_output {
        // The tool, a rule or the config said that what is written here is nobody's business.
        return plain(if as_input {
            Class::Rewritten
        } else {
            Class::Nothing
        });
    }
    if around.rules.output.adds(path) {
        return plain(Class::Output { conditional: true });
    }
    let created_earlier = row.is_some_and(|row| row.created);
    if created_earlier && change.kinds == [ChangeKind::Append] && !facts.seen.read {
        return plain(Class::Log);
    }
    if created_earlier && left_by.is_some() {
        return Classified {
            class: Class::OwnState,
            left_by,
        };
    }
    plain(if as_input {
        Class::ModifiedInput
    } else {
        Class::Output { conditional: true }
    })
}

/// A change that left the very same file, times included, did not happen: an open for writing
/// that was refused, or never used. Nor did one of attributes that don't count.
pub(crate) fn effective_change(
    facts: &PathFacts,
    end: Option<(NodeKind, StatRow)>,
) -> Option<&Change> {
    let change = facts.change.as_ref()?;
    let untouched = match (&change.before, end) {
        (StateSeen::Present(NodeKind::Directory, _), Some((NodeKind::Directory, _))) => {
            only_attributes(facts)
        }
        (StateSeen::Present(_, before), Some((_, end))) => {
            *before == end || (only_attributes(facts) && same_but_for_attributes(before, &end))
        }
        // A created path that is missing may have been temporary: that is told elsewhere.
        _ => false,
    };
    (!untouched).then_some(change)
}

/// Whether all that was changed are attributes.
fn only_attributes(facts: &PathFacts) -> bool {
    facts
        .change
        .as_ref()
        .is_some_and(|change| change.kinds == [ChangeKind::Metadata])
}

/// Whether what counts of a file is the same: not its times of change, owner or all of its mode.
pub(crate) fn same_but_for_attributes(before: &StatRow, end: &StatRow) -> bool {
    let counted = |row: &StatRow| (row.device, row.inode, row.size, row.mtime_ns);
    counted(before) == counted(end) && before.executable() == end.executable()
}

/// Whether what was there, and not only that it was, could have decided something.
fn used_content(facts: &PathFacts) -> bool {
    let was_link = matches!(facts.first, StateSeen::Present(NodeKind::Link, _));
    facts.seen.read || (facts.seen.link && was_link)
}

/// Whether what the step only looked at is still what it looked at.
pub(crate) fn unchanged_input(facts: &PathFacts, end: Option<(NodeKind, StatRow)>) -> Class {
    let same = match (&facts.first, &end) {
        (StateSeen::Missing, None) => true,
        (StateSeen::Present(NodeKind::Directory, _), Some((NodeKind::Directory, _))) => true,
        (StateSeen::Present(NodeKind::Other, _), Some((NodeKind::Other, _))) => true,
        (StateSeen::Present(kind, row), Some((end_kind, end))) => {
            kind == end_kind
                && (row == end || (only_attributes(facts) && same_but_for_attributes(row, end)))
        }
        _ => false,
    };
    if same {
        Class::Input
    } else {
        Class::ChangedMeanwhile
    }
}

fn gone_at_the_end(facts: &PathFacts, change: &Change, own: bool, as_output: bool) -> Class {
    if matches!(change.before, StateSeen::Missing) {
        return Class::Temporary;
    }
    if !change.kinds.contains(&ChangeKind::Delete) {
        return Class::ChangedMeanwhile;
    }
    if !as_output {
        return Class::Nothing;
    }
    if used_content(facts) && !own {
        Class::ModifiedInput
    } else {
        Class::Tombstone
    }
}

fn same_bytes(
    change: &Change,
    end_kind: NodeKind,
    end: &StatRow,
    around: &Surroundings<'_>,
) -> bool {
    let (StateSeen::Present(NodeKind::File, before), NodeKind::File) = (&change.before, end_kind)
    else {
        return false;
    };
    let StartBytes::Known(start) = change.start else {
        return false;
    };
    before.executable() == end.executable() && (around.end_digest)() == Some(start)
}

#[cfg(test)]
mod tests {
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
        let side = || Filter::new(&FilePolicy::default(), vec![], vec![], &[], &[]).unwrap();
        PathRules {
            input: side(),
            output: side(),
            existence_only: Globs::new([]).unwrap(),
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
            change,
        };
        class_with(&facts, end, &Ledger::default(), Digest::of(b"end"))
    }

    fn owning(path_set: Option<Digest>) -> Ledger {
        let state = State::File {
            digest: Digest::of(b"x"),
            executable: false,
        };
        let row = LedgerRow {
            state,
            row: row(1),
            created: true,
            path_set,
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
            change: None,
        };
        assert_eq!(class(".git/HEAD", &read, Some(1)), Class::Input);
        assert_eq!(class(".git/objects/ab/cd", &read, Some(1)), Class::Nothing);
        let wrote = PathFacts {
            first: StateSeen::Missing,
            seen: UNSEEN,
            listed: false,
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
        (any_state(), seen, prop::option::of(changed)).prop_map(|(first, seen, change)| PathFacts {
            first,
            seen,
            listed: false,
            change,
        })
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
}
