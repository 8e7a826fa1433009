//! Where a hit is known to differ from the truth.
//!
//! Each is left out by name and counted. Those that `docs/semantics.md` does not speak of are
//! faults that wait to be mended. `VT_RANDOM_KNOWN=1` leaves none
//! out, and the smallest program of each is tested to still show it.

use std::fs;
use std::path::Path;

use vt_tracker_conformance::world::{
    Change, Chronicle, History, Look, Machine, Op, Program, ROOT, Seedling, What,
};

use super::mutation::Mutation;

/// A known difference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Gap {
    /// Documented: what was only probed, or not even that, and removed is a tombstone. The command
    /// says again that it was there.
    Tombstone,
    /// Documented: a missing directory lists as an empty one.
    MissingListsAsEmpty,
    /// Documented with the format: a link in the result that leads to an absolute path of the workspace comes
    /// back as a relative one. That it was there before, and is only put elsewhere, makes no difference.
    AbsoluteLink,
    /// Documented: what is created and gone in the end is neither input nor result, also where the
    /// command would have removed or stumbled over what somebody else put there.
    Temporary,
    /// Documented: directories above results are no inputs.
    DirectoryAboveResult,
    /// Documented: what was there and is written over without a look is a result. Where it is
    /// missing it is put there, although a command that does not create it would have said so.
    RemovedResult,
}

/// Whether something is there, and what, without following links.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum There {
    /// Nothing.
    Nothing,
    /// A file, executable or not.
    File { executable: bool },
    /// A directory.
    Directory,
    /// A link.
    Link,
}

impl There {
    /// What is at a path.
    pub(crate) fn at(path: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        match fs::symlink_metadata(path) {
            Err(_) => Self::Nothing,
            Ok(there) if there.is_dir() => Self::Directory,
            Ok(there) if there.is_symlink() => Self::Link,
            Ok(there) => Self::File {
                executable: there.permissions().mode() & 0o100 != 0,
            },
        }
    }
}

/// The gap that a program falls into whatever changes.
pub(crate) fn of_program(program: &Program) -> Option<Gap> {
    let is_absolute = |text: &str| text.starts_with('@');
    let makes = |op: &Op| matches!(op, Op::Symlink(text, _) if is_absolute(text));
    let machine = program.run();
    let changed = |path: &str| {
        let paths = &machine.chronicle().paths;
        let mut changed = paths
            .iter()
            .filter(|(_, history)| !history.changes.is_empty());
        changed.any(|(other, _)| is_within(path, other))
    };
    let moves = |(path, there): &(String, Seedling)| {
        matches!(there, Seedling::Link(text) if is_absolute(text)) && changed(path)
    };
    (program.ops.iter().any(makes) || program.tree.iter().any(moves)).then_some(Gap::AbsoluteLink)
}

/// The program, made so that it falls into none of the gaps of programs where that can be: most
/// would, and tell nothing.
pub(crate) fn around(program: &Program) -> Program {
    let mut tame = program.clone();
    for op in &mut tame.ops {
        if let Op::Symlink(text, _) = op
            && let Some(rest) = text.strip_prefix("@/")
        {
            *text = rest.to_owned();
        }
    }
    let machine = tame.run();
    let is_good = !machine.is_unpredictable();
    if is_good { tame } else { program.clone() }
}

/// The gap that a program falls into when something changes, in the tree that it left maybe to a link
/// that leads nowhere there.
pub(crate) fn of_change(
    program: &Program,
    mutation: &Mutation,
    before: There,
    after: There,
    leads_nowhere: bool,
) -> Option<Gap> {
    let machine = program.run();
    let chronicle = machine.chronicle();
    let path = mutation.path.as_str();
    let is_made_or_gone = (before == There::Directory) != (after == There::Directory);
    let leads_to_removed = leads_nowhere && near(chronicle, "", is_tombstone);
    if near(chronicle, path, is_tombstone) || leads_to_removed {
        Some(Gap::Tombstone)
    } else if is_in_temporary(chronicle, path) {
        Some(Gap::Temporary)
    } else if is_made_or_gone && is_above_result(&machine, path) {
        Some(Gap::DirectoryAboveResult)
    } else if is_made_or_gone && near(chronicle, path, |history| history.listed) {
        Some(Gap::MissingListsAsEmpty)
    } else if near(chronicle, path, is_overwritten) && after == There::Nothing {
        Some(Gap::RemovedResult)
    } else {
        None
    }
}

/// Whether something holds of a path, or of one above or below it.
fn near(chronicle: &Chronicle, path: &str, holds: impl Fn(&History) -> bool) -> bool {
    chronicle.paths.iter().any(|(other, history)| {
        (is_within(other, path) || is_within(path, other)) && holds(history)
    })
}

fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| directory.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

fn is_tombstone(history: &History) -> bool {
    history
        .before_change
        .is_some_and(|what| what != What::Missing)
        && history.changes.contains(&Change::Delete)
        && !history.seen.contains(&Look::Read)
}

fn is_temporary(history: &History) -> bool {
    history.before_change == Some(What::Missing) && history.changes.contains(&Change::Delete)
}

fn is_overwritten(history: &History) -> bool {
    matches!(history.before_change, Some(What::File(_)))
        && history.changes.contains(&Change::Fresh)
        && history.seen.is_empty()
}

/// Whether a path is, or is below, what is created and gone in the end.
fn is_in_temporary(chronicle: &Chronicle, path: &str) -> bool {
    let mut paths = chronicle.paths.iter();
    paths.any(|(other, history)| is_within(path, other) && is_temporary(history))
}

/// Whether something below a path was changed and is there in the end.
fn is_above_result(machine: &Machine, path: &str) -> bool {
    let there = machine.files().below(ROOT);
    let is_result = |other: &str| {
        let history = machine.chronicle().paths.get(other);
        history.is_some_and(|history| !history.changes.is_empty())
    };
    there
        .iter()
        .any(|(other, _)| other != path && is_within(other, path) && is_result(other))
}
