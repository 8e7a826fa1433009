//! Finds the entry that holds for the tree as it is now, or says why none does.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::{Digest, RelPath};
use vt_fingerprint::{
    Comparison, Disk, EntryStates, Item, Ledger, Look, NodeKind, PathRules, PathSet, Reasons,
    Recorded, StatRow, State, Why, compare_recorded, covering, now_ns,
};
use vt_store::{Manifest, ManifestKind, Snapshot, StoreError, Table};

use crate::context::{Context, Opened};
use crate::records::{
    EntryRecord, LedgerRecord, Recency, ResultRecord, StepRecord, decode, key, ledger_key,
};
use crate::rules::Prepared;

/// What the store remembers of a step in this workspace.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) record: Option<StepRecord>,
    pub(crate) ledger: Ledger,
    pub(crate) recency: Recency,
}

/// An entry that holds, and what its return takes.
pub(crate) struct Match {
    pub(crate) entry: EntryRecord,
    pub(crate) strong: Digest,
    /// A time before the result set was compared with the disk, in nanoseconds.
    pub(crate) digested_ns: i64,
    /// The paths of the result set that are not in place.
    pub(crate) wanted: BTreeSet<RelPath>,
    /// Those of them at which nothing is now.
    pub(crate) absent: BTreeSet<RelPath>,
    /// What the step left earlier and this result does not hold.
    pub(crate) stale: Vec<RelPath>,
    /// Whether the entry was also the last one used.
    pub(crate) is_latest: bool,
    /// Whether so much was read to find this out that the identities of now are worth writing down.
    pub(crate) is_costly: bool,
    /// Those of the inputs, in the order of the path set, if it was they that were read.
    pub(crate) fresh_rows: Option<Vec<Option<StatRow>>>,
}

/// From this effort on a hit writes down what it learned. Writing to the index costs some
/// milliseconds, and so does reading as many bytes.
const COSTLY: u64 = 8 << 20;

/// The outcome of a look-up.
pub(crate) enum Found {
    Hit(Box<Match>),
    Miss(Vec<Why>),
}

/// Reads what the store remembers of a step.
pub(crate) fn remember(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    snapshot: Option<&Snapshot>,
) -> Result<Memory, StoreError> {
    let Some(snapshot) = snapshot else {
        return Ok(Memory::default());
    };
    let read = |table, key: &[u8]| snapshot.get(table, key);
    let record: Option<StepRecord> =
        read(Table::Steps, &key(&[&opened.workspace, &prepared.name]))?
            .and_then(|bytes| decode(&bytes));
    let recency: Recency = read(Table::Entries, &prepared.weak.0)?
        .and_then(|bytes| decode(&bytes))
        .unwrap_or_default();
    let mut ledger = Ledger::default();
    let mut paths: BTreeSet<RelPath> = BTreeSet::new();
    paths.extend(record.iter().flat_map(|record| record.paths.clone()));
    // What the segments of a joined step left when they ran on their own is its own as well.
    for name in &prepared.names[1..] {
        let record = read(Table::Steps, &key(&[&opened.workspace, name]))?
            .and_then(|bytes| decode::<StepRecord>(&bytes));
        paths.extend(record.into_iter().flat_map(|record| record.paths));
    }
    for path in &paths {
        let row: Option<LedgerRecord> = read(Table::Ledger, &ledger_key(&opened.workspace, path))?
            .and_then(|bytes| decode(&bytes));
        let Some(row) = row.filter(|row| prepared.names.contains(&row.step)) else {
            continue;
        };
        if let (true, State::File { digest, .. }) = (row.settled, &row.row.state) {
            context.rows.learn(row.row.row, *digest);
        }
        ledger.0.insert(path.clone(), row.row);
    }
    Ok(Memory {
        record,
        ledger,
        recency,
    })
}

/// An entry as it was read, with its path set.
struct Candidate {
    /// Without the states and their identities, which are beside it.
    entry: EntryRecord,
    path_set: PathSet,
    states: EntryStates,
    rows: Vec<Option<StatRow>>,
}

impl Candidate {
    fn recorded(&self) -> Recorded<'_> {
        Recorded {
            path_set: &self.path_set,
            states: &self.states,
            rows: &self.rows,
        }
    }
}

fn read_candidate(
    snapshot: &Snapshot,
    weak: &Digest,
    strong: &Digest,
) -> Result<Option<Candidate>, StoreError> {
    let Some(entry) = snapshot.get(Table::Entries, &key(&[weak, strong]))? else {
        return Ok(None);
    };
    let Some(mut entry) = decode::<EntryRecord>(&entry) else {
        return Ok(None);
    };
    let Some(path_set) = read_path_set(snapshot, &entry.path_set)? else {
        return Ok(None);
    };
    // What is damaged in a way no checksum caught would not answer to its own name.
    if entry.states.strong_key(weak, &entry.path_set) != *strong {
        return Ok(None);
    }
    Ok(Some(Candidate {
        path_set,
        states: std::mem::take(&mut entry.states),
        rows: std::mem::take(&mut entry.rows),
        entry,
    }))
}

/// Reads a path set and checks that it is the one it is called.
pub(crate) fn read_path_set(
    snapshot: &Snapshot,
    digest: &Digest,
) -> Result<Option<PathSet>, StoreError> {
    let bytes = snapshot.get(Table::PathSets, &digest.0)?;
    Ok(bytes
        .and_then(|bytes| decode::<PathSet>(&bytes))
        .filter(|set| set.digest() == *digest))
}

/// Learns the digests that the entry used last was stored with: a run that is forced has to digest
/// only what changed, like any other.
pub(crate) fn learn(
    context: &Context<'_>,
    prepared: &Prepared<'_>,
    snapshot: Option<&Snapshot>,
    memory: &Memory,
) -> Result<(), StoreError> {
    if let (Some(snapshot), Some((_, strong))) = (snapshot, memory.recency.0.first()) {
        let candidate = read_candidate(snapshot, &prepared.weak, strong)?;
        if let Some(Candidate { states, rows, .. }) = candidate {
            context.rows.learn_entry(states, rows);
        }
    }
    Ok(())
}

/// Looks a step up.
pub(crate) fn look_up(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    snapshot: Option<&Snapshot>,
    memory: &Memory,
    rules: &PathRules,
) -> Result<Found, StoreError> {
    let Some(snapshot) = snapshot else {
        return Ok(Found::Miss(vec![Why::FirstRun]));
    };
    prepared.with_env(opened, |env| {
        let disk = Disk {
            root: &context.project.root,
            home: context.world.home.as_ref(),
            path: &prepared.env.path,
            env,
            hidden: &opened.hidden,
            rows: &context.rows,
        };
        let program = program_name(prepared);
        let mut damaged = false;
        for (_, strong) in &memory.recency.0 {
            let Some(candidate) = read_candidate(snapshot, &prepared.weak, strong)? else {
                damaged = true;
                continue;
            };
            if candidate
                .entry
                .only_in
                .is_some_and(|only| only != opened.workspace)
            {
                continue;
            }
            let covered = covered(&candidate.entry);
            let look = Look {
                disk: &disk,
                ledger: &memory.ledger,
                rules,
                ignored: &candidate.entry.ignored_inputs,
                covered: &covered,
            };
            let threads = context.world.threads;
            let recorded = candidate.recorded();
            let before = context.rows.effort();
            let is_costly = || context.rows.effort() - before >= COSTLY;
            let compared = compare_recorded(&recorded, &look, &program, threads, Reasons::First);
            let fresh_rows = is_costly().then(|| fresh_rows(&recorded, &disk));
            // Whoever digests files after this one need not read those again.
            context.rows.learn_entry(candidate.states, candidate.rows);
            if compared != Comparison::Same {
                continue;
            }
            let digested_ns = now_ns();
            return Ok(
                match place(&look, memory, &candidate.path_set, &candidate.entry) {
                    Ok(Placed {
                        wanted,
                        absent,
                        stale,
                    }) => {
                        let used = memory.record.as_ref().and_then(|record| record.strong);
                        let first = memory.recency.0.first().map(|(_, strong)| *strong);
                        Found::Hit(Box::new(Match {
                            is_latest: used == Some(*strong) && first == Some(*strong),
                            is_costly: is_costly(),
                            fresh_rows,
                            entry: candidate.entry,
                            strong: *strong,
                            digested_ns,
                            wanted,
                            absent,
                            stale,
                        }))
                    }
                    Err(edited) => Found::Miss(edited),
                },
            );
        }
        let mut whys = explain(context, opened, prepared, snapshot, memory, rules, &disk)?;
        if damaged {
            whys.push(Why::BlobDamaged);
        }
        if whys.is_empty() {
            whys.push(Why::FirstRun);
        }
        Ok(Found::Miss(whys))
    })
}

/// The identities of now, where they are known to stand for the recorded content.
fn fresh_rows(recorded: &Recorded<'_>, disk: &Disk<'_>) -> Vec<Option<StatRow>> {
    let rows = recorded.rows.iter().chain(std::iter::repeat(&None));
    let states = &recorded.states.0;
    let fresh = |((item, state), row): ((&Item, &State), &Option<StatRow>)| match (item, state) {
        (Item::Path(path), State::File { digest, .. }) => {
            let now = disk.node(path).map(|(_, now)| now);
            now.filter(|now| disk.rows.get(now) == Some(*digest))
                .or(*row)
        }
        _ => *row,
    };
    recorded
        .path_set
        .0
        .iter()
        .zip(states)
        .zip(rows)
        .map(fresh)
        .collect()
}

/// Every reason why the entry that was used last, or the latest of the key, does not hold.
fn explain(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    snapshot: &Snapshot,
    memory: &Memory,
    rules: &PathRules,
    disk: &Disk<'_>,
) -> Result<Vec<Why>, StoreError> {
    let mut whys = Vec::new();
    let latest = memory
        .recency
        .0
        .first()
        .map(|(_, strong)| (prepared.weak, *strong));
    let used = memory.record.as_ref().and_then(|record| {
        whys.extend(prepared.parts.differences(&record.parts));
        Some((record.parts.key(), record.strong?))
    });
    // Of equal keys the entries of the key say more than none.
    let Some((weak, strong)) = used.or(latest) else {
        return Ok(whys);
    };
    let Some(candidate) = read_candidate(snapshot, &weak, &strong)? else {
        return Ok(whys);
    };
    if candidate
        .entry
        .only_in
        .is_some_and(|only| only != opened.workspace)
    {
        return Ok(whys);
    }
    let covered = covered(&candidate.entry);
    let look = Look {
        disk,
        ledger: &memory.ledger,
        rules,
        ignored: &candidate.entry.ignored_inputs,
        covered: &covered,
    };
    let program = program_name(prepared);
    let threads = context.world.threads;
    let recorded = candidate.recorded();
    let compared = compare_recorded(&recorded, &look, &program, threads, Reasons::All);
    if let Comparison::Differs(more) = compared {
        whys.extend(more);
    }
    Ok(whys)
}

fn program_name(prepared: &Prepared<'_>) -> String {
    match &prepared.planned.invocation.program {
        vt_base::Program::Direct(name) => name.clone(),
        vt_base::Program::Shell(_) => String::new(),
    }
}

/// The paths whose presence is the step's own doing.
fn covered(entry: &EntryRecord) -> BTreeSet<RelPath> {
    covering(
        entry.results.iter().map(|result| result.path.clone()),
        entry.tombstones.iter().cloned(),
    )
}

/// The states of a manifest's paths.
pub(crate) fn manifest_states(manifest: &Manifest) -> BTreeMap<&RelPath, State> {
    manifest
        .entries
        .iter()
        .map(|entry| {
            let state = match &entry.kind {
                ManifestKind::File {
                    digest, executable, ..
                } => State::File {
                    digest: *digest,
                    executable: *executable,
                },
                ManifestKind::Directory => State::Directory,
                ManifestKind::Link { target } => {
                    State::Link(serde_bytes::ByteBuf::from(target.clone()))
                }
            };
            (&entry.path, state)
        })
        .collect()
}

struct Placed {
    wanted: BTreeSet<RelPath>,
    absent: BTreeSet<RelPath>,
    stale: Vec<RelPath>,
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
fn place(
    look: &Look<'_>,
    memory: &Memory,
    path_set: &PathSet,
    entry: &EntryRecord,
) -> Result<Placed, Vec<Why>> {
    // What the step once made and this run of it only read is its input now.
    let is_input = |path: &RelPath| {
        let asks = |item: Item| path_set.0.binary_search(&item).is_ok();
        asks(Item::Path(path.clone())) || asks(Item::Kind(path.clone()))
    };
    let states = manifest_states(&entry.manifest);
    let results: BTreeMap<&RelPath, &ResultRecord> = entry
        .results
        .iter()
        .map(|result| (&result.path, result))
        .collect();
    let mut wanted = BTreeSet::new();
    let mut absent = BTreeSet::new();
    let mut edited = Vec::new();
    for (path, state) in &states {
        let (now, _) = look.disk.path_state(path);
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
            || (now != State::Missing && !may_replace(look, path, state, &now, result))
        {
            edited.push(Why::OutputEdited {
                path: path.to_string(),
            });
        }
        wanted.insert((*path).clone());
    }
    let mut stale = Vec::new();
    for path in &entry.tombstones {
        if look.disk.node(path).is_none() {
            continue;
        }
        if look.is_own(path) {
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
        let Some((kind, _)) = look.disk.node(path) else {
            continue;
        };
        // A directory goes only once it is empty, which is for the removal to see.
        if kind == NodeKind::Directory || look.is_own(path) {
            stale.push(path.clone());
        }
    }
    // Deepest first, so that directories are empty when their turn comes.
    stale.sort_by(|left, right| right.cmp(left));
    Ok(Placed {
        wanted,
        absent,
        stale,
    })
}
