//! Decides what a hit does to the tree: what of the result is not in place, what lies around that should
//! not, and what forbids it. A hit may do what the command was seen to do, and nothing else.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use vt_base::RelPath;
use vt_fingerprint::{
    FileNames, IndexNames, Item, Look, Met, NodeKind, PathSet, StatRow, State, Why, index_names,
    now_ns,
};
use vt_store::{Judged, Judgement, Manifest, ManifestKind, Snapshot, Table};

use crate::context::Opened;
use crate::lookup::{Memory, manifest_states};
use crate::records::{
    ConductRecord, EntryRecord, LedgerRecord, ResultRecord, conduct_key, decode, ledger_key,
};
use crate::rules::Prepared;

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

/// What is known beyond the entry and the disk. Most hits need none of it, so it is asked for when
/// it decides.
pub(crate) struct Known<'k> {
    snapshot: &'k Snapshot,
    opened: &'k Opened,
    prepared: &'k Prepared<'k>,
    conduct: OnceCell<ConductRecord>,
    index: OnceCell<IndexNames>,
}

impl<'k> Known<'k> {
    pub(crate) fn new(
        snapshot: &'k Snapshot,
        opened: &'k Opened,
        prepared: &'k Prepared<'k>,
    ) -> Self {
        Self {
            snapshot,
            opened,
            prepared,
            conduct: OnceCell::new(),
            index: OnceCell::new(),
        }
    }

    /// What the latest runs of the key in this workspace showed.
    fn conduct(&self) -> &ConductRecord {
        self.conduct.get_or_init(|| {
            let key = conduct_key(&self.opened.workspace, &self.prepared.weak);
            let bytes = self.snapshot.get(Table::Memo, &key).ok().flatten();
            bytes.and_then(|bytes| decode(&bytes)).unwrap_or_default()
        })
    }

    /// Whether the index of the repository holds a path, or may.
    fn may_be_committed(&self, look: &Look<'_>, path: &RelPath) -> bool {
        let index = self.index.get_or_init(|| index_names(look.disk.root));
        index.may_hold(path)
    }

    /// Whether what is at a path is what another step of the workspace left there.
    fn is_of_another(&self, look: &Look<'_>, path: &RelPath) -> bool {
        let key = ledger_key(&self.opened.workspace, path);
        let row = self.snapshot.get(Table::Ledger, &key).ok().flatten();
        row.and_then(|bytes| decode::<LedgerRecord>(&bytes))
            .is_some_and(|row| {
                !self.prepared.names.contains(&row.step)
                    && row.row.state == look.disk.path_state(path).0
            })
    }
}

/// Whether a hit may put a result in the place of what is there now; if not, the reason.
fn may_replace(
    look: &Look<'_>,
    known: &Known<'_>,
    path: &RelPath,
    (state, now): (&State, &State),
    result: Option<&ResultRecord>,
    is_listed: bool,
) -> Result<(), Why> {
    let edited = || Why::OutputEdited {
        path: path.to_string(),
    };
    // A directory is never replaced, and nothing is put in the place of one.
    if *state == State::Directory || *now == State::Directory {
        return Err(edited());
    }
    // The run started from this very file.
    if let Some(Met::Foreign {
        state: Some(met), ..
    }) = result.map(|result| &result.met)
        && met == now
    {
        return Ok(());
    }
    // The command would have written through a link, and failed on other things.
    let is_same_kind = std::mem::discriminant(state) == std::mem::discriminant(now);
    let is_unconditional = result.is_some_and(|result| !result.conditional);
    if is_unconditional && is_same_kind && !is_listed {
        return Ok(());
    }
    if !look.is_own(path) {
        return Err(edited());
    }
    let is_ignored = || {
        look.rules.ignores_input(path) || look.ignored.iter().any(|above| path.starts_with(above))
    };
    let is_overwritten = || {
        let by_entry = result.and_then(|result| result.met.overwritten());
        by_entry.or_else(|| known.conduct().overwritten.get(path).copied()) == Some(true)
    };
    if is_ignored() || is_overwritten() || known.conduct().reproduces {
        Ok(())
    } else {
        Err(Why::OutputDiffers {
            path: path.to_string(),
        })
    }
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
    let looked = matches!(result.met, Met::Foreign { looked: true, .. });
    (looked && *now == State::Missing) || (result.keeps_mode && other_mode)
}

/// Whether a result that is in place but for its mode has to get the recorded one: where the step left
/// another one in a run since, and where somebody lets in others whom the step kept out. Who makes it
/// narrower keeps it so, and a file that was written into has the mode that it was found with.
fn has_other_mode(
    look: &Look<'_>,
    path: &RelPath,
    recorded: u16,
    row: Option<StatRow>,
    result: Option<&&ResultRecord>,
    names: &FileNames<'_>,
    is_listed: &dyn Fn(&RelPath) -> bool,
) -> bool {
    let Some(row) = row.filter(|row| row.permissions() != recorded) else {
        return false;
    };
    let keeps_mode = result.is_some_and(|result| result.keeps_mode);
    if keeps_mode || (!row.is_directory() && names.has_strangers(path)) {
        return false;
    }
    let is_wider = row.permissions() & !recorded & 0o077 != 0;
    match look.ledger.0.get(path).filter(|_| look.is_own(path)) {
        Some(left) => is_wider || left.row.permissions() == row.permissions(),
        None => {
            let is_conditional = result.is_none_or(|result| result.conditional) || is_listed(path);
            is_wider && !row.is_directory() && !is_conditional
        }
    }
}

/// The names that are in place, of files with several of which another is not in place, or is another file
/// now: only together they are one file again.
fn parted<'m>(
    look: &Look<'_>,
    manifest: &'m Manifest,
    wanted: &BTreeSet<RelPath>,
) -> Vec<&'m RelPath> {
    let mut files: BTreeMap<&RelPath, Vec<&RelPath>> = BTreeMap::new();
    for entry in &manifest.entries {
        if let ManifestKind::Name { of } = &entry.kind {
            files
                .entry(of)
                .or_insert_with(|| vec![of])
                .push(&entry.path);
        }
    }
    let file = |path: &RelPath| {
        let there = look.disk.node(path);
        there.map(|(_, row)| (row.device, row.inode))
    };
    let is_whole = |names: &[&RelPath]| {
        let first = names.first().and_then(|name| file(name));
        names
            .iter()
            .all(|name| !wanted.contains(*name) && file(name) == first)
    };
    let apart = files.into_values().filter(|names| !is_whole(names));
    apart
        .flatten()
        .filter(|name| !wanted.contains(*name))
        .collect()
}

/// What of the result set is not in place, and what lies around that should not; or the edits of
/// somebody else that a return would overwrite.
pub(crate) fn place(
    look: &Look<'_>,
    memory: &Memory,
    path_set: &PathSet,
    entry: &EntryRecord,
    known: &Known<'_>,
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
    let names = FileNames::new(look.disk, || {
        let own = memory.ledger.0.keys();
        states.keys().copied().chain(own).cloned().collect()
    });
    // Both are in the order of the paths.
    for ((path, state), stored) in states.iter().zip(&entry.manifest.entries) {
        let (now, row) = look.disk.path_state(path);
        if now == *state {
            let recorded = stored.kind.mode();
            let result = results.get(*path);
            if recorded.is_some_and(|mode| {
                has_other_mode(look, path, mode, row, result, &names, &is_listed)
            }) {
                if *state != State::Directory {
                    judge(path, row);
                }
                wanted.insert((*path).clone());
            }
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
        let shared = now != State::Missing && names.has_strangers(path);
        if found && now == State::Missing {
            edited.push(Why::InputRemoved {
                path: path.to_string(),
            });
        } else if carried {
            edited.push(Why::OutputDiffers {
                path: path.to_string(),
            });
        } else if found || shared {
            edited.push(Why::OutputEdited {
                path: path.to_string(),
            });
        } else if now != State::Missing {
            let states = (state, &now);
            let allowed = may_replace(look, known, path, states, result.copied(), is_listed(path));
            edited.extend(allowed.err());
        }
        if *state != State::Directory {
            judge(path, row);
        }
        wanted.insert((*path).clone());
    }
    for path in parted(look, &entry.manifest, &wanted) {
        // Where it would not be overwritten, what is there stays, a file of its own.
        let result = results.get(path).filter(|_| !is_listed(path));
        let may_be_linked = look.is_own(path) || result.is_some_and(|result| !result.conditional);
        if may_be_linked && !names.has_strangers(path) {
            judge(path, look.disk.node(path).map(|(_, row)| row));
            wanted.insert(path.clone());
        }
    }
    for (path, state) in &entry.kept_back {
        let (now, _) = look.disk.path_state(path);
        let path = path.to_string();
        if now == State::Missing {
            edited.push(Why::OutputMissing { path });
        } else if now != *state {
            edited.push(Why::OutputEdited { path });
        }
    }
    let mut stale = Vec::new();
    for path in &entry.tombstones {
        let Some((kind, row)) = look.disk.node(path) else {
            continue;
        };
        if look.is_own(path) && !known.may_be_committed(look, path) {
            if kind != NodeKind::Directory {
                judge(path, Some(row));
            }
            stale.push(path.clone());
        } else if !known.is_of_another(look, path) {
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
        let is_directory = kind == NodeKind::Directory;
        if !is_directory && !look.is_own(path) {
            continue;
        }
        let differs = || Why::OutputDiffers {
            path: path.to_string(),
        };
        // What a run of the key that found anything did is what the command would do.
        let wipes = entry
            .wipes
            .as_ref()
            .or_else(|| known.conduct().wipes.as_ref());
        match wipes {
            None if is_directory => {}
            None => edited.push(differs()),
            Some(wipes) => {
                let is_below = |above: &RelPath| path != above && path.starts_with(above);
                if !wipes.iter().any(is_below) {
                    continue;
                }
                // A directory goes only once it is empty, which is for the removal to see.
                if is_directory {
                    stale.push(path.clone());
                } else if known.may_be_committed(look, path) {
                    edited.push(differs());
                } else {
                    judge(path, Some(row));
                    stale.push(path.clone());
                }
            }
        }
    }
    if !edited.is_empty() {
        return Err(edited);
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
