//! What one path was to a run, from the order of what happened to it.
//!
//! The order decides: a path that was looked at before it was written is an input or a
//! modification, one that was written first is an output. This is a pure function of the facts,
//! the ledger and the end of the run; [`crate::seal`] turns its answers into a path set and a
//! result set.

use vt_base::RelPath;

use crate::git;
use crate::globs::PathRules;
use crate::item::NodeKind;
use crate::ledger::Ledger;
use crate::observed::{Change, ChangeKind, PathFacts, StartBytes, StateSeen};
use crate::rows::StatRow;

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
    /// The weak key of the run: what the same step left under another one is an input where it is
    /// only read.
    pub(crate) key: &'a vt_base::Digest,
    /// What is at the path now.
    pub(crate) end: Option<(NodeKind, StatRow)>,
    /// The digest of the file at the path now, or of the text of the link, asked only when it matters.
    pub(crate) end_digest: &'a dyn Fn() -> Option<vt_base::Digest>,
    /// The indexes of repositories as they were before the step.
    pub(crate) indexes: &'a [(StatRow, vt_base::Digest)],
}

/// Classifies one path.
#[must_use]
pub(crate) fn classify(path: &RelPath, facts: &PathFacts, around: &Surroundings<'_>) -> Classified {
    let classified = by_order(path, facts, around);
    let is_used = matches!(
        classified.class,
        Class::Input | Class::Leftover | Class::Rewritten | Class::OwnState
    );
    // Git replaces an index that says the same all the time.
    if facts.replaced && is_used && !git::is_index(path.as_bytes()) {
        // The step saw another file in between, even if the first one is back in the end.
        return Classified {
            class: Class::ChangedMeanwhile,
            left_by: None,
        };
    }
    classified
}

fn by_order(path: &RelPath, facts: &PathFacts, around: &Surroundings<'_>) -> Classified {
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
    let left_by_same = left_by.filter(|_| row.is_some_and(|row| row.key == *around.key));

    let Some(change) = effective_change(facts, around.end) else {
        // Whoever sets a mode that is set already, or opens a file and writes nothing, depends on
        // what is there.
        let tried = facts.change.is_some() && facts.first != StateSeen::Missing;
        if !as_input || !(facts.seen.any() || tried) {
            return plain(Class::Nothing);
        }
        if left_by_same.is_some() && !facts.listed && !around.rules.input.adds(path) {
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
    if row.is_none() && as_input && took_the_place_of_a_directory(change, &end_row) {
        return plain(Class::ModifiedInput);
    }
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
        if left_by_same.is_some() && as_input && as_output && !around.rules.input.adds(path) {
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

/// Whether a directory had to make way, with whatever is in it: two things changed places, or it was
/// empty, which nobody looked at.
fn took_the_place_of_a_directory(change: &Change, end: &StatRow) -> bool {
    let StateSeen::Present(NodeKind::Directory, before) = &change.before else {
        return false;
    };
    let file = |row: &StatRow| (row.device, row.inode);
    change.kinds.first() == Some(&ChangeKind::Fresh) && file(before) != file(end)
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
        (StateSeen::Present(NodeKind::Directory, row), Some((NodeKind::Directory, end))) => {
            !facts.listed || (row.device, row.inode) == (end.device, end.inode)
        }
        (StateSeen::Present(NodeKind::Other, _), Some((NodeKind::Other, _))) => true,
        (StateSeen::Present(kind, row), Some((end_kind, end))) => {
            // A write moves the time of modification; that of change alone is moved by a name more or
            // less, too: who installs a package elsewhere links the files of one store.
            kind == end_kind && (row == end || same_but_for_attributes(row, end))
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
    let is_alike = match (&change.before, end_kind) {
        (StateSeen::Present(NodeKind::File, before), NodeKind::File) => {
            before.executable() == end.executable()
        }
        (StateSeen::Present(NodeKind::Link, _), NodeKind::Link) => true,
        _ => false,
    };
    let StartBytes::Known(start) = change.start else {
        return false;
    };
    is_alike && (around.end_digest)() == Some(start)
}

#[cfg(test)]
mod tests;
