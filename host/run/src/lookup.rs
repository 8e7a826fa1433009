//! Finds the entry that holds for the tree as it is now, or says why none does.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::{Digest, RelPath};
use vt_fingerprint::{
    Comparison, Covered, Disk, EntryStates, Item, Ledger, Look, PathRules, PathSet, Reasons,
    Recorded, StatRow, State, Why, compare_recorded, covering, now_ns,
};
use vt_store::{Judgement, Manifest, ManifestEntry, ManifestKind, Snapshot, StoreError, Table};

use crate::context::{Context, Opened};
use crate::memory;
use crate::place::{Known, Placed, place};
use crate::records::{EntryRecord, LedgerRecord, Recency, StepRecord, decode, key, ledger_key};
use crate::rules::Prepared;

/// What the store remembers of a step in this workspace.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) record: Option<StepRecord>,
    pub(crate) ledger: Ledger,
    pub(crate) recency: Recency,
    /// What the step left and another step has written over since.
    pub(crate) taken_over: Vec<RelPath>,
    /// Whether the ledger is of runs in which the step was made of other segments.
    pub(crate) is_rejoined: bool,
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
    /// What was there when it was decided that it may be replaced or removed.
    pub(crate) judgement: Judgement,
    /// A path of these that was written so lately that a later write would not show.
    pub(crate) unsettled: Option<RelPath>,
    /// Whether the entry was also the last one used.
    pub(crate) is_latest: bool,
    /// Whether so much was read to find this out that the identities of now are worth writing down.
    pub(crate) is_costly: bool,
    /// Whether it was found without the ledger, which what is remembered then lacks.
    pub(crate) is_quick: bool,
    /// How many paths its path set has.
    pub(crate) items: usize,
    /// Private memory that must not outlive a change of the results.
    pub(crate) doubtful: Vec<RelPath>,
    /// Those of the inputs, in the order of the path set, if it was they that were read.
    pub(crate) fresh_rows: Option<Vec<Option<StatRow>>>,
}

/// From this effort on a hit writes down what it learned. Writing to the index costs some
/// milliseconds, and so does reading as many bytes.
pub(crate) const COSTLY: u64 = 8 << 20;

/// The outcome of a look-up.
pub(crate) enum Found {
    Hit(Box<Match>),
    Miss(Vec<Why>),
}

impl Memory {
    /// What was left last, with the strong key of its entry, if that is also the one to be looked at first.
    pub(crate) fn used_last(&self) -> Option<(&StepRecord, Digest)> {
        let record = self.record.as_ref()?;
        let (_, first) = self.recency.0.first()?;
        (record.strong == Some(*first)).then_some((record, *first))
    }
}

/// Reads what the store remembers of a step, but for the ledger.
pub(crate) fn recall(
    opened: &Opened,
    prepared: &Prepared<'_>,
    snapshot: Option<&Snapshot>,
) -> Result<Memory, StoreError> {
    let Some(snapshot) = snapshot else {
        return Ok(Memory::default());
    };
    let record = snapshot.get(Table::Steps, &key(&[&opened.workspace, &prepared.name]))?;
    let recency = snapshot.get(Table::Entries, &prepared.weak.0)?;
    Ok(Memory {
        record: record.and_then(|bytes| decode(&bytes)),
        ledger: Ledger::default(),
        is_rejoined: false,
        taken_over: Vec::new(),
        recency: recency.and_then(|bytes| decode(&bytes)).unwrap_or_default(),
    })
}

/// Reads what the store remembers of a step.
pub(crate) fn remember(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    snapshot: Option<&Snapshot>,
) -> Result<Memory, StoreError> {
    let mut memory = recall(opened, prepared, snapshot)?;
    let Some(snapshot) = snapshot else {
        return Ok(memory);
    };
    let read = |table, key: &[u8]| snapshot.get(table, key);
    let segments = prepared.names.len() as u64;
    let before = memory.record.as_ref().map(|record| record.segments);
    memory.is_rejoined = before.is_some_and(|before| before != segments);
    let mut paths: BTreeSet<RelPath> = BTreeSet::new();
    paths.extend(memory.record.iter().flat_map(|record| record.paths.clone()));
    // What the segments of a joined step left when they ran on their own is its own as well.
    for name in &prepared.names[1..] {
        let record = read(Table::Steps, &key(&[&opened.workspace, name]))?
            .and_then(|bytes| decode::<StepRecord>(&bytes));
        paths.extend(record.into_iter().flat_map(|record| record.paths));
    }
    for path in &paths {
        let row: Option<LedgerRecord> = read(Table::Ledger, &ledger_key(&opened.workspace, path))?
            .and_then(|bytes| decode(&bytes));
        let is_other = |row: &LedgerRecord| !prepared.names.contains(&row.step);
        if row.as_ref().is_some_and(is_other) {
            memory.taken_over.push(path.clone());
        }
        let Some(row) = row.filter(|row| !is_other(row)) else {
            continue;
        };
        if let (true, State::File { digest, .. }) = (row.row.settled, &row.row.state) {
            context.rows.learn(row.row.row, *digest);
        }
        let mut kept = row.row;
        if row.step != prepared.name || memory.is_rejoined {
            // A segment ran under a key of its own; what it left is the joined step's.
            kept.key = prepared.weak;
        }
        memory.ledger.0.insert(path.clone(), kept);
    }
    Ok(memory)
}

/// An entry as it was read, with its path set.
pub(crate) struct Candidate {
    /// Without the states and their identities, which are beside it.
    pub(crate) entry: EntryRecord,
    pub(crate) path_set: PathSet,
    pub(crate) states: EntryStates,
    pub(crate) rows: Vec<Option<StatRow>>,
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

/// Reads an entry, and checks that it is the one it is called.
pub(crate) fn read_candidate(
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

/// Looks a step up. `effort` is what had been read before the step was looked at in any way.
pub(crate) fn look_up(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    snapshot: Option<&Snapshot>,
    memory: &Memory,
    rules: &PathRules,
    effort: u64,
) -> Result<Found, StoreError> {
    let Some(snapshot) = snapshot else {
        return Ok(Found::Miss(vec![Why::FirstRun]));
    };
    prepared.with_env(context, opened, |env| {
        let disk = Disk {
            root: &context.project.root,
            home: context.world.home.as_ref(),
            path: &prepared.env.path,
            env,
            hidden: &opened.hidden,
            rows: &context.rows,
        };
        let program = program_name(prepared);
        let known = Known::new(snapshot, opened, prepared);
        let mut refused: Vec<Why> = Vec::new();
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
            let look = Look {
                disk: &disk,
                ledger: &memory.ledger,
                key: prepared.weak,
                rules,
                ignored: &candidate.entry.ignored_inputs,
                covered: covered(&candidate.entry),
            };
            let threads = context.world.threads;
            let recorded = candidate.recorded();
            let is_costly = || context.rows.effort() - effort >= COSTLY;
            let compared = compare_recorded(&recorded, &look, &program, threads, Reasons::First);
            let fresh_rows = is_costly().then(|| fresh_rows(&recorded, &disk));
            // Whoever digests files after this one need not read those again.
            context.rows.learn_entry(candidate.states, candidate.rows);
            if compared != Comparison::Same {
                continue;
            }
            let digested_ns = now_ns();
            let placed = place(&look, memory, &candidate.path_set, &candidate.entry, &known);
            drop(look);
            let Placed {
                wanted,
                absent,
                stale,
                judgement,
                unsettled,
            } = match placed {
                Ok(placed) => placed,
                // Another entry of the same inputs may be in place.
                Err(reasons) => {
                    if refused.is_empty() {
                        refused = reasons;
                    }
                    continue;
                }
            };
            let used = memory.record.as_ref().and_then(|record| record.strong);
            let first = memory.recency.0.first().map(|(_, strong)| *strong);
            let is_latest = used == Some(*strong) && first == Some(*strong);
            let changes = !wanted.is_empty() || !stale.is_empty();
            let of_record = memory.record.iter().flat_map(|record| &record.memory);
            let memories = candidate.entry.memory.iter().chain(of_record);
            // What was left last is what the memory knows of.
            let doubtful = match changes && !is_latest {
                true => memory::doubtful(Some(snapshot), opened, disk.root, memories),
                false => Vec::new(),
            };
            return Ok(Found::Hit(Box::new(Match {
                is_latest,
                is_costly: is_costly(),
                is_quick: false,
                items: candidate.path_set.0.len(),
                doubtful,
                fresh_rows,
                entry: candidate.entry,
                strong: *strong,
                digested_ns,
                wanted,
                absent,
                stale,
                judgement,
                unsettled,
            })));
        }
        if !refused.is_empty() {
            return Ok(Found::Miss(refused));
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
    let look = Look {
        disk,
        ledger: &memory.ledger,
        key: weak,
        rules,
        ignored: &candidate.entry.ignored_inputs,
        covered: covered(&candidate.entry),
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

pub(crate) fn program_name(prepared: &Prepared<'_>) -> String {
    match &prepared.planned.invocation.program {
        vt_base::Program::Direct(name) => name.clone(),
        vt_base::Program::Shell(_) => String::new(),
    }
}

/// The paths whose presence is the step's own doing.
pub(crate) fn covered(entry: &EntryRecord) -> Covered<'_> {
    Covered::new(|| {
        covering(
            entry
                .results
                .iter()
                .map(|result| &result.path)
                .chain(entry.kept_back.iter().map(|(path, _)| path))
                .cloned(),
            entry.tombstones.iter().cloned(),
        )
    })
}

/// The state that an entry of a manifest has.
pub(crate) fn state_of(manifest: &Manifest, entry: &ManifestEntry) -> State {
    let kind = manifest.kind(entry);
    match kind {
        ManifestKind::File { digest, .. } => State::File {
            digest: *digest,
            executable: kind.is_executable(),
        },
        ManifestKind::Directory { .. } => State::Directory,
        ManifestKind::Link { target } => State::Link(serde_bytes::ByteBuf::from(target.clone())),
        // A manifest that is in order has the file.
        ManifestKind::Name { .. } => State::Other,
    }
}

/// The states of a manifest's paths.
pub(crate) fn manifest_states(manifest: &Manifest) -> BTreeMap<&RelPath, State> {
    let entries = manifest.entries.iter();
    entries
        .map(|entry| (&entry.path, state_of(manifest, entry)))
        .collect()
}
