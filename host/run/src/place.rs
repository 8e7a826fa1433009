//! Decides what a hit does to the tree: what of the result is not in place, what lies around that should
//! not, and which edits of somebody else forbid it.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::RelPath;
use vt_fingerprint::{Item, Look, NodeKind, PathSet, StatRow, State, Why, now_ns};
use vt_store::{Judged, Judgement};

use crate::lookup::{Memory, manifest_states};
use crate::records::{EntryRecord, ResultRecord};

/// What a hit has to do to the tree, and what it was decided on.
pub(crate) struct Placed {
    pub(crate) wanted: BTreeSet<RelPath>,
    pub(crate) absent: BTreeSet<RelPath>,
    pub(crate) stale: Vec<RelPath>,
    pub(crate) judgement: Judgement,
    pub(crate) unsettled: Option<RelPath>,
}

/// What was there when somebody looked, for the store.
const fn judged(row: &StatRow) -> Judged {
    Judged {
        device: row.device,
        inode: row.inode,
        size: row.size,
        mtime_ns: row.mtime_ns,
        ctime_ns: row.ctime_ns,
    }
}

/// Whether a hit may put a result in the place of what is there now.
fn may_replace(
    look: &Look<'_>,
    path: &RelPath,
    state: &State,
    now: &State,
    result: Option<&&ResultRecord>,
) -> bool {
    // A directory is never replaced, and nothing is put in the place of one.
    if *state == State::Directory || *now == State::Directory {
        return false;
    }
    // The command would have written through a link, and failed on other things.
    let same_kind = std::mem::discriminant(state) == std::mem::discriminant(now);
    let unconditional = result.is_some_and(|result| !result.conditional);
    (unconditional && same_kind) || look.is_own(path)
}

/// Whether the step would have started from something else than it did: where somebody else's file
/// was, and was seen, there is nothing, or the mode that it kept is another one.
fn other_start(result: &ResultRecord, state: &State, now: &State) -> bool {
    let executable = |state: &State| {
        matches!(
            state,
            State::File {
                executable: true,
                ..
            }
        )
    };
    let other_mode = match now {
        // What is made anew can't be executed.
        State::Missing => executable(state),
        State::File { .. } => executable(state) != executable(now),
        _ => false,
    };
    (result.presence && *now == State::Missing) || (result.mode && other_mode)
}

/// What of the result set is not in place, and what lies around that should not; or the edits of
/// somebody else that a return would overwrite.
pub(crate) fn place(
    look: &Look<'_>,
    memory: &Memory,
    path_set: &PathSet,
    entry: &EntryRecord,
) -> Result<Placed, Vec<Why>> {
    // What the step once made and this run of it only read is its input now.
    let is_input = |path: &RelPath| path_set.asks_for(path);
    let states = manifest_states(&entry.manifest);
    let results: BTreeMap<&RelPath, &ResultRecord> = entry
        .results
        .iter()
        .map(|result| (&result.path, result))
        .collect();
    let mut wanted = BTreeSet::new();
    let mut absent = BTreeSet::new();
    let mut edited = Vec::new();
    // Who listed its directory has seen whether it was there, whatever the command did then.
    let is_listed = |path: &RelPath| {
        let listing = path.parent().map(Item::Listing);
        listing.is_some_and(|listing| path_set.0.binary_search(&listing).is_ok())
    };
    let mut judgement = Judgement::new();
    let mut unsettled = None;
    let started_ns = now_ns();
    // The identity is of a time before whatever else is found out about the path: what was not judged
    // has another one.
    let mut judge = |path: &RelPath, row: Option<StatRow>| {
        if row.is_some_and(|row| !row.settled_at(started_ns)) {
            unsettled.get_or_insert_with(|| path.clone());
        }
        judgement.insert(path.clone(), row.as_ref().map(judged));
    };
    for (path, state) in &states {
        let (now, row) = look.disk.path_state(path);
        if now == *state {
            continue;
        }
        if now == State::Missing {
            absent.insert((*path).clone());
        }
        let result = results.get(*path);
        // What only lay there may be stale: the command has to make it anew, or leave it out.
        let carried = result.is_some_and(|result| result.carried);
        let found = result.is_some_and(|result| other_start(result, state, &now));
        // What the command would write is seen under the other name as well; what a hit puts there is not.
        let shared = now != State::Missing && look.disk.has_other_names(path);
        if found && now == State::Missing {
            edited.push(Why::InputRemoved {
                path: path.to_string(),
            });
        } else if carried
            || found
            || shared
            || (now != State::Missing
                && !may_replace(look, path, state, &now, result.filter(|_| !is_listed(path))))
        {
            edited.push(Why::OutputEdited {
                path: path.to_string(),
            });
        }
        if *state != State::Directory {
            judge(path, row);
        }
        wanted.insert((*path).clone());
    }
    let mut stale = Vec::new();
    for path in &entry.tombstones {
        let Some((kind, row)) = look.disk.node(path) else {
            continue;
        };
        if look.is_own(path) {
            if kind != NodeKind::Directory {
                judge(path, Some(row));
            }
            stale.push(path.clone());
        } else {
            edited.push(Why::OutputEdited {
                path: path.to_string(),
            });
        }
    }
    if !edited.is_empty() {
        return Err(edited);
    }
    for (path, row) in &memory.ledger.0 {
        let in_result =
            states.contains_key(path) || look.covered.contains(path) || stale.contains(path);
        if in_result || !row.created || is_input(path) {
            continue;
        }
        let Some((kind, row)) = look.disk.node(path) else {
            continue;
        };
        // A directory goes only once it is empty, which is for the removal to see.
        if kind == NodeKind::Directory {
            stale.push(path.clone());
        } else if look.is_own(path) {
            judge(path, Some(row));
            stale.push(path.clone());
        }
    }
    // Deepest first, so that directories are empty when their turn comes.
    stale.sort_by(|left, right| right.cmp(left));
    Ok(Placed {
        wanted,
        absent,
        stale,
        judgement,
        unsettled,
    })
}
