//! Writes to the store what a run or a hit changed. The index is told last, in one short
//! transaction; blobs are durable before.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::{AbsPath, Digest, RelPath};
use vt_fingerprint::{
    Conduct, LedgerRow, MemoryUse, Nature, NotStored, PathSet, ResultPath, StatRow, State,
};
use vt_store::{Manifest, ManifestEntry, StoreError, Table, Writer};

use crate::context::{Context, Opened, chain};
use crate::lookup::{Match, Memory, manifest_states, state_of};
use crate::memory::{Before, shape};
use crate::records::{
    ConductRecord, EntryRecord, LedgerRecord, MemoryRecord, Recency, StepRecord, conduct_key,
    decode, encode, key, ledger_key, memory_key,
};
use crate::rules::Prepared;

/// The rows a step has from now on.
pub(crate) struct Left {
    pub(crate) path: RelPath,
    pub(crate) state: State,
    pub(crate) created: bool,
    /// What changed after this time, in nanoseconds, is not what the step left.
    pub(crate) latest_ns: i64,
}

/// What a run gives to the store.
pub(crate) struct Recorded<'r> {
    /// A time before the results were digested, in nanoseconds.
    pub(crate) digested_ns: i64,
    /// The path set, if the trace can be vouched for.
    pub(crate) path_set: Option<PathSet>,
    /// The entry with its strong key, if the run is stored.
    pub(crate) entry: Option<(Digest, EntryRecord)>,
    /// Whether the entry depends on a value because what the step left has it in it.
    pub(crate) is_by_mention: bool,
    /// What the step leaves on the disk.
    pub(crate) left: Vec<Left>,
    /// What the run showed about the command.
    pub(crate) shown: Shown<'r>,
}

/// What a run showed about how the command treats what it finds.
pub(crate) struct Shown<'r> {
    /// Whether its trace is whole. Of others nothing is learned but that memory may be another.
    pub(crate) is_vouched: bool,
    pub(crate) conduct: &'r Conduct,
    pub(crate) memory: &'r [MemoryUse],
    pub(crate) before: &'r Before,
    pub(crate) results: &'r [ResultPath],
    pub(crate) reproduces: Option<bool>,
}

impl Shown<'_> {
    /// Adds what the run showed to what is known of the key.
    fn learn(&self, known: &mut ConductRecord) {
        let met = self.results.iter();
        let met = met.filter_map(|result| Some((result.path.clone(), result.met.overwritten()?)));
        known.overwritten.extend(met);
        known.fates.learn(&self.conduct.fates);
        if let Some(reproduces) = self.reproduces {
            known.reproduces = reproduces;
        }
    }

    /// What the memory at a place is like after the run.
    fn nature_of(&self, memory: &MemoryUse) -> Nature {
        if !memory.existed {
            // It was begun anew, with all results.
            return Nature::Unknown;
        }
        let before = self.before.natures.get(&memory.root).copied();
        match (before.unwrap_or(Nature::Carries), self.conduct.nature) {
            (before, Nature::Unknown) => before,
            (Nature::Carries, _) => Nature::Carries,
            (_, now) => now,
        }
    }
}

/// The reason that stands for a store that failed.
pub(crate) fn store_error(error: &StoreError) -> NotStored {
    NotStored::StoreError {
        detail: chain(error),
    }
}

/// Writes to the index, or leaves it to the next writer if others hold it for too long.
pub(crate) fn write(
    opened: &Opened,
    work: impl Fn(&mut Writer<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    opened.store.write_or_defer(work).map(drop)
}

/// Records a run.
pub(crate) fn run(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    memory: &Memory,
    recorded: &Recorded<'_>,
) -> Result<(), StoreError> {
    let set_digest = recorded.path_set.as_ref().map(PathSet::digest);
    let rows = ledger_rows(
        context,
        prepared,
        &recorded.left,
        set_digest,
        recorded.digested_ns,
    );
    if let Some((strong, _)) = &recorded.entry {
        opened.store.note_use(strong);
    }
    let root = &context.project.root;
    let memories = recorded.shown.memory.iter();
    let shapes: Vec<_> = memories.map(|memory| shape(root, &memory.root)).collect();
    write(opened, |writer| {
        if let (Some(set), Some(digest)) = (&recorded.path_set, &set_digest) {
            writer.put(Table::PathSets, &digest.0, &encode(set))?;
        }
        if let Some((strong, entry)) = &recorded.entry {
            writer.put(
                Table::Entries,
                &key(&[&prepared.weak, strong]),
                &encode(entry),
            )?;
            let is_local = entry.only_in.is_some() || recorded.is_by_mention;
            promote(
                writer,
                &prepared.weak,
                entry.path_set,
                *strong,
                Some(is_local),
            )?;
        }
        let shown = &recorded.shown;
        if shown.is_vouched {
            let key = conduct_key(&opened.workspace, &prepared.weak);
            let known = writer.get(Table::Memo, &key)?;
            let known = known.and_then(|bytes| decode::<ConductRecord>(&bytes));
            let mut learned = known.clone().unwrap_or_default();
            shown.learn(&mut learned);
            if known.as_ref() != Some(&learned) {
                writer.put(Table::Memo, &key, &encode(&learned))?;
            }
        }
        for (memory, shape) in shown.memory.iter().zip(&shapes) {
            let nature = match shown.is_vouched {
                true => shown.nature_of(memory),
                false => Nature::Carries,
            };
            let record = MemoryRecord {
                shape: *shape,
                nature,
            };
            let key = memory_key(&opened.workspace, &memory.root);
            writer.put(Table::Memo, &key, &encode(&record))?;
        }
        let entry = recorded.entry.as_ref();
        let entry = entry.map(|(strong, entry)| (*strong, &entry.manifest));
        write_step(
            writer,
            context,
            opened,
            prepared,
            memory,
            &Step {
                entry,
                rows: &rows,
                shown: Some(shown),
            },
        )
    })
}

/// Records that a hit changed the disk, or became the entry used last.
pub(crate) fn hit(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    memory: &Memory,
    found: &Match,
    restored_ns: i64,
) -> Result<(), StoreError> {
    let left: Vec<Left> = manifest_states(&found.entry.manifest)
        .into_iter()
        .map(|(path, state)| {
            let created_before = memory.ledger.0.get(path).is_some_and(|row| row.created);
            let latest_ns = if found.wanted.contains(path) {
                restored_ns
            } else {
                found.digested_ns
            };
            Left {
                path: path.clone(),
                state,
                created: created_before || found.absent.contains(path),
                latest_ns,
            }
        })
        .collect();
    let rows = ledger_rows(
        context,
        prepared,
        &left,
        Some(found.entry.path_set),
        found.digested_ns,
    );
    write(opened, |writer| {
        promote(
            writer,
            &prepared.weak,
            found.entry.path_set,
            found.strong,
            None,
        )?;
        if let Some(rows) = &found.fresh_rows {
            renew_rows(writer, &key(&[&prepared.weak, &found.strong]), rows)?;
        }
        write_step(
            writer,
            context,
            opened,
            prepared,
            memory,
            &Step {
                entry: Some((found.strong, &found.entry.manifest)),
                rows: &rows,
                shown: None,
            },
        )
    })
}

/// Replaces the identities that the inputs of an entry were read under: those that were copied or
/// checked out anew would have to be read at every look-up.
fn renew_rows(
    writer: &mut Writer<'_>,
    key: &[u8],
    rows: &[Option<StatRow>],
) -> Result<(), StoreError> {
    let entry = writer.get(Table::Entries, key)?;
    // Another process may have dropped it meanwhile.
    let Some(mut entry) = entry.and_then(|bytes| decode::<EntryRecord>(&bytes)) else {
        return Ok(());
    };
    entry.rows = rows.to_vec();
    writer.put(Table::Entries, key, &encode(&entry))
}

/// Drops an entry that can't be used.
pub(crate) fn forget(
    opened: &Opened,
    prepared: &Prepared<'_>,
    strong: &Digest,
) -> Result<(), StoreError> {
    write(opened, |writer| remove(writer, &prepared.weak, strong))
}

fn remove(writer: &mut Writer<'_>, weak: &Digest, strong: &Digest) -> Result<(), StoreError> {
    writer.remove(Table::Entries, &key(&[weak, strong]))?;
    let mut recency = read_recency(writer, weak)?;
    recency.0.retain(|(_, known)| known != strong);
    recency.1.retain(|known| known != strong);
    writer.put(Table::Entries, &weak.0, &encode(&recency))
}

/// Finds a result that another step left after a time, in nanoseconds, and drops the last entry of
/// that step: it may hold what this one wrote. Whoever ends last finds out, whichever process it is.
pub(crate) fn disown(
    opened: &Opened,
    prepared: &Prepared<'_>,
    wrote: &[RelPath],
    started_ns: i64,
) -> Result<Option<RelPath>, StoreError> {
    let Some(snapshot) = opened.store.read()? else {
        return Ok(None);
    };
    let mut shared = None;
    let mut others = BTreeSet::new();
    for path in wrote {
        let bytes = snapshot.get(Table::Ledger, &ledger_key(&opened.workspace, path))?;
        let row = bytes.and_then(|bytes| decode::<LedgerRecord>(&bytes));
        let is_foreign = |row: &LedgerRecord| {
            row.row.row.ctime_ns > started_ns && !prepared.names.contains(&row.step)
        };
        if let Some(row) = row.filter(is_foreign) {
            shared.get_or_insert_with(|| path.clone());
            others.insert(row.step);
        }
    }
    // Who reads keeps others from writing.
    drop(snapshot);
    if !others.is_empty() {
        end_entries(opened, &others)?;
    }
    Ok(shared)
}

/// Drops the entry that was stored or used last of each of some steps.
pub(crate) fn end_entries(opened: &Opened, steps: &BTreeSet<Digest>) -> Result<(), StoreError> {
    write(opened, |writer| {
        for step in steps {
            let bytes = writer.get(Table::Steps, &key(&[&opened.workspace, step]))?;
            let record = bytes.and_then(|bytes| decode::<StepRecord>(&bytes));
            if let Some((parts, strong)) = record.and_then(|one| Some((one.parts, one.strong?))) {
                remove(writer, &parts.key(), &strong)?;
            }
        }
        Ok(())
    })
}

fn read_recency(writer: &Writer<'_>, weak: &Digest) -> Result<Recency, StoreError> {
    let bytes = writer.get(Table::Entries, &weak.0)?;
    Ok(bytes.and_then(|bytes| decode(&bytes)).unwrap_or_default())
}

/// Puts an entry first. `is_local` is `None` for one that is known.
fn promote(
    writer: &mut Writer<'_>,
    weak: &Digest,
    path_set: Digest,
    strong: Digest,
    is_local: Option<bool>,
) -> Result<(), StoreError> {
    let mut recency = read_recency(writer, weak)?;
    let is_local = is_local.unwrap_or_else(|| recency.1.contains(&strong));
    for dropped in recency.promote(path_set, strong, is_local) {
        writer.remove(Table::Entries, &key(&[weak, &dropped]))?;
    }
    writer.put(Table::Entries, &weak.0, &encode(&recency))
}

pub(crate) fn ledger_rows(
    context: &Context<'_>,
    prepared: &Prepared<'_>,
    left: &[Left],
    path_set: Option<Digest>,
    digested_ns: i64,
) -> Vec<(RelPath, LedgerRecord)> {
    let row_of = |left: &Left| {
        let path = context.project.root.join_rel(&left.path);
        let metadata = std::fs::symlink_metadata(path).ok()?;
        let row = StatRow::of(&metadata);
        if row.ctime_ns > left.latest_ns && !metadata.is_dir() {
            return None;
        }
        let settled = row.settled_at(digested_ns);
        let row = LedgerRow {
            state: left.state.clone(),
            row,
            created: left.created,
            path_set,
            key: prepared.weak,
            settled,
        };
        Some((
            left.path.clone(),
            LedgerRecord {
                step: prepared.name,
                row,
            },
        ))
    };
    left.iter().filter_map(row_of).collect()
}

fn still_own(root: &AbsPath, path: &RelPath, row: &StatRow, state: &State) -> bool {
    std::fs::symlink_metadata(root.join_rel(path)).is_ok_and(|metadata| {
        StatRow::of(&metadata) == *row || (*state == State::Directory && metadata.is_dir())
    })
}

/// The identities under which the paths of a manifest were left, in their order.
fn identities(manifest: &Manifest, rows: &[(RelPath, LedgerRecord)]) -> Vec<Option<StatRow>> {
    let known: BTreeMap<&RelPath, &LedgerRow> =
        rows.iter().map(|(path, row)| (path, &row.row)).collect();
    let identity = |entry: &ManifestEntry| {
        let row = known.get(&entry.path).filter(|row| row.settled)?;
        // A link may be stored with another text than it has.
        (row.state == state_of(manifest, entry)).then_some(row.row)
    };
    manifest.entries.iter().map(identity).collect()
}

/// What is new of a step.
struct Step<'s> {
    entry: Option<(Digest, &'s Manifest)>,
    rows: &'s [(RelPath, LedgerRecord)],
    /// Of a run, not of a hit.
    shown: Option<&'s Shown<'s>>,
}

fn write_step(
    writer: &mut Writer<'_>,
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    memory: &Memory,
    step: &Step<'_>,
) -> Result<(), StoreError> {
    let Step { entry, rows, shown } = *step;
    let lost = shown.map_or(&[][..], |shown| &shown.conduct.lost);
    let mut now: BTreeSet<&RelPath> = rows.iter().map(|(path, _)| path).collect();
    now.extend(&memory.taken_over);
    for (path, row) in &memory.ledger.0 {
        if now.contains(path) {
            continue;
        }
        // What still lies as the step left it stays the step's; so does what is lost while something
        // remembers it as made.
        let is_lost = lost.contains(path);
        if is_lost || still_own(&context.project.root, path, &row.row, &row.state) {
            now.insert(path);
            if memory.is_rejoined {
                let step = prepared.name;
                let row = row.clone();
                let key = ledger_key(&opened.workspace, path);
                writer.put(Table::Ledger, &key, &encode(&LedgerRecord { step, row }))?;
            }
        } else {
            writer.remove(Table::Ledger, &ledger_key(&opened.workspace, path))?;
        }
    }
    for (path, row) in rows {
        writer.put(
            Table::Ledger,
            &ledger_key(&opened.workspace, path),
            &encode(row),
        )?;
    }
    // A run that is not stored leaves the last entry as the one to compare with.
    let strong = entry.map(|(strong, _)| strong);
    let (parts, strong) = match (&memory.record, strong) {
        (Some(record), None) => (record.parts.clone(), record.strong),
        (_, strong) => (prepared.parts.clone(), strong),
    };
    let (mut nature, mut memories) =
        memory
            .record
            .as_ref()
            .map_or_else(Default::default, |record| {
                (
                    record.nature,
                    record.memory.iter().cloned().collect::<BTreeSet<_>>(),
                )
            });
    if let Some(shown) = shown {
        nature = match (nature, shown.conduct.nature) {
            (Nature::Carries, _) | (_, Nature::Unknown) => nature,
            (_, now) => now,
        };
        memories.extend(shown.memory.iter().map(|memory| memory.root.clone()));
    }
    let record = StepRecord {
        parts,
        strong,
        in_place: entry.map_or_else(Vec::new, |(_, manifest)| identities(manifest, rows)),
        paths: now.into_iter().cloned().collect(),
        nature,
        memory: memories.into_iter().collect(),
        segments: prepared.names.len() as u64,
    };
    writer.put(
        Table::Steps,
        &key(&[&opened.workspace, &prepared.name]),
        &encode(&record),
    )
}
