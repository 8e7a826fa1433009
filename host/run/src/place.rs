//! Decides what a hit does to the tree: what of the result is not in place, what lies around that should
//! not, and what forbids it. A hit may do what the command was seen to do, and nothing else.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use vt_base::RelPath;
use vt_fingerprint::{
    Fate, Fates, FileNames, IndexNames, Item, LedgerRow, Look, Met, NodeKind, PathSet, StatRow,
    State, Why, index_names, now_ns,
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

    /// What the command would do to a leftover, as far as runs of the key showed. The run of the entry
    /// itself counts more than others.
    fn fate(&self, of_entry: &Fates, path: &RelPath) -> Option<Fate> {
        of_entry.of(path).or_else(|| self.conduct().fates.of(path))
    }

    /// Whether the run of an entry could not come upon a leftover: it lies where the run wrote nothing and
    /// listed nothing.
    fn is_out_of_reach(&self, look: &Look<'_>, path_set: &PathSet, path: &RelPath) -> bool {
        // What the command runs in is not cleared by it.
        let home = &self.prepared.planned.invocation.directory;
        let is_reached = |directory: &RelPath| {
            let listing = Item::Listing(directory.clone());
            path_set.0.binary_search(&listing).is_ok()
                || (look.covered.contains(directory) && !home.starts_with(directory))
        };
        !path.ancestors().any(|directory| is_reached(&directory))
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
    fates: &Fates,
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
    // What is removed with its directory is made anew, whatever it was.
    let is_wiped = || known.fate(fates, path) == Some(Fate::Cleared);
    if is_ignored() || is_overwritten() || is_wiped() || known.conduct().reproduces {
        Ok(())
    } else {
        Err(Why::OutputDiffers {
            path: path.to_string(),
        })
    }
}

/// The modes of new files under the usual masks.
const MADE_ANEW: [u16; 4] = [0o640, 0o644, 0o664, 0o666];

/// Whether the step would have started from something else than it did: where somebody else's file
/// was, and was seen, there is nothing, or the mode that it kept is another one.
fn other_start(result: &ResultRecord, state: &State, now: &State, mode: Option<u16>) -> bool {
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
        // What is made anew has a mode that follows from the mask of the process.
        State::Missing => mode.is_some_and(|mode| !MADE_ANEW.contains(&mode)),
        State::File { .. } => executable(state) != executable(now),
        _ => false,
    };
    let looked = matches!(result.met, Met::Foreign { looked: true, .. });
    (looked && *now == State::Missing) || (result.keeps_mode && other_mode)
}

/// What a hit does where a result has another mode than the run left.
enum OtherMode {
    /// It is the same, or the command would leave it.
    Stays,
    /// It is set right.
    Restored,
    /// Nobody knows whether the command would.
    Unknown,
}

/// What becomes of another mode. The command sets it itself, or it follows from a mode that the step left
/// earlier and from the mask of the process; whether a file that somebody else gave another mode is written
/// over in place or made anew, nobody knows.
fn other_mode(
    look: &Look<'_>,
    path: &RelPath,
    recorded: u16,
    row: Option<StatRow>,
    result: Option<&ResultRecord>,
    (names, is_written): (&FileNames<'_>, bool),
) -> OtherMode {
    let Some(row) = row.filter(|row| row.permissions() != recorded) else {
        return OtherMode::Stays;
    };
    let left = look.ledger.0.get(path).filter(|_| look.is_own(path));
    if row.is_directory() {
        let is_wider = row.permissions() & !recorded & 0o077 != 0;
        let is_left = |left: &LedgerRow| is_wider || left.row.permissions() == row.permissions();
        return match left.is_some_and(is_left) {
            true => OtherMode::Restored,
            false => OtherMode::Stays,
        };
    }
    // Written in place it keeps the mode that it has, which nothing but another content makes a hit touch.
    let keeps_mode = result.is_some_and(|result| result.keeps_mode);
    if (keeps_mode && !is_written) || names.has_strangers(path) {
        return OtherMode::Stays;
    }
    if result.is_some_and(|result| result.sets_mode) {
        return OtherMode::Restored;
    }
    let differs = (row.permissions() ^ recorded) & 0o700 != 0;
    match left.is_some_and(|left| left.row.permissions() == row.permissions()) && !differs {
        true => OtherMode::Stays,
        false => OtherMode::Unknown,
    }
}

/// What lies in a directory that the command might clear, as its run found none, and is nobody's of whom
/// that is known.
fn stranger(
    look: &Look<'_>,
    known: &Known<'_>,
    accepted: &[RelPath],
    directory: &RelPath,
) -> Option<RelPath> {
    let path = look.disk.root.join_rel(directory);
    let entries = std::fs::read_dir(path).ok()?;
    let names = entries.flatten().map(|entry| entry.file_name());
    let paths = names.filter_map(|name| directory.join(name.as_encoded_bytes()).ok());
    let is_known = |path: &RelPath| {
        look.covered.contains(path)
            || accepted.contains(path)
            || look.rules.input.cuts(path)
            || look.is_own(path)
            || look
                .disk
                .hidden
                .iter()
                .any(|hidden| path.starts_with(hidden))
            || known.is_of_another(look, path)
    };
    let mut strange = paths.filter(|path| !is_known(path));
    strange.next()
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
            let result = results.get(*path).copied();
            let mode = stored.kind.mode().map_or(OtherMode::Stays, |recorded| {
                other_mode(look, path, recorded, row, result, (&names, false))
            });
            match mode {
                OtherMode::Stays => {}
                OtherMode::Restored => {
                    if *state != State::Directory {
                        judge(path, row);
                    }
                    wanted.insert((*path).clone());
                }
                OtherMode::Unknown => edited.push(Why::OutputEdited {
                    path: path.to_string(),
                }),
            }
            let may_be_cleared = result.is_some_and(|result| result.conditional);
            if *state == State::Directory
                && may_be_cleared
                && let Some(path) = stranger(look, known, &entry.strangers, path)
            {
                edited.push(Why::InputAdded {
                    path: path.to_string(),
                });
            }
            continue;
        }
        if now == State::Missing {
            absent.insert((*path).clone());
        }
        let result = results.get(*path);
        // What only lay there may be stale: the command has to make it anew, or leave it out.
        let carried = result.is_some_and(|result| result.carried);
        let found =
            result.is_some_and(|result| other_start(result, state, &now, stored.kind.mode()));
        // What the command would write is seen under the other name as well; what a hit puts there is not.
        let shared = now != State::Missing && names.has_strangers(path);
        if found && now == State::Missing {
            edited.push(Why::InputRemoved {
                path: path.to_string(),
            });
        } else if carried && now == State::Missing {
            edited.push(Why::OutputMissing {
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
            let mode = stored.kind.mode().map_or(OtherMode::Stays, |recorded| {
                other_mode(look, path, recorded, row, result.copied(), (&names, true))
            });
            if matches!(mode, OtherMode::Unknown) {
                edited.push(Why::OutputEdited {
                    path: path.to_string(),
                });
            }
            let states = (state, &now);
            let allowed = may_replace(
                look,
                known,
                path,
                states,
                result.copied(),
                &entry.fates,
                is_listed(path),
            );
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
        } else if entry.results.is_empty() || !known.is_of_another(look, path) {
            // What does nothing but remove has nothing to share a directory with.
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
        // Who lists what is there may say so in a result.
        let listing = path.parent().map(Item::Listing);
        let is_listed = listing.is_some_and(|listing| path_set.0.binary_search(&listing).is_ok());
        match known.fate(&entry.fates, path) {
            Some(Fate::Kept) if !is_listed => {}
            // A directory goes only once it is empty, which is for the removal to see.
            Some(Fate::Cleared) if is_directory => stale.push(path.clone()),
            Some(Fate::Cleared) if !known.may_be_committed(look, path) => {
                judge(path, Some(row));
                stale.push(path.clone());
            }
            _ if is_directory || known.is_out_of_reach(look, path_set, path) => {}
            _ => edited.push(differs()),
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
