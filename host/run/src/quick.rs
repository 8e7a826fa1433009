//! Proves with one look at each path that what the step left last is in place and stands for what there is
//! now. What it can't prove so it leaves to the full look-up: it can only say yes.
//!
//! It reads no row of the ledger. Without them a listing shows all that the step left and that is not in
//! its result; so it looks only where the step left nothing else.

use std::collections::BTreeSet;

use vt_base::RelPath;
use vt_fingerprint::{
    Comparison, Disk, EntryStates, Ledger, Look, PathRules, Reasons, Recorded, State,
    compare_recorded, now_ns,
};
use vt_store::{Judgement, Manifest, ManifestKind, Snapshot, StoreError};

use crate::context::{Context, Opened};
use crate::lookup::{
    COSTLY, Candidate, Match, Memory, covered, program_name, read_candidate, state_of,
};
use crate::records::{EntryRecord, ResultRecord, StepRecord};
use crate::rules::Prepared;

/// Finds the entry that was used last, if it holds and all of its result is in place.
pub(crate) fn look_quickly(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    snapshot: &Snapshot,
    memory: &Memory,
    rules: &PathRules,
) -> Result<Option<Match>, StoreError> {
    let Some((record, strong)) = memory.used_last() else {
        return Ok(None);
    };
    // What the segments of a joined step left on their own is in records of their own.
    if prepared.names.len() > 1 {
        return Ok(None);
    }
    let Some(candidate) = read_candidate(snapshot, &prepared.weak, &strong)? else {
        return Ok(None);
    };
    let Candidate {
        entry,
        path_set,
        states,
        rows,
    } = candidate;
    let left = &entry.manifest.entries;
    let only_in = entry.only_in.as_ref();
    if only_in.is_some_and(|only| *only != opened.workspace) || !left_nothing_else(record, &entry) {
        return Ok(None);
    }
    let before = context.rows.effort();
    let holds = prepared.with_env(context, opened, |env| {
        let disk = Disk {
            root: &context.project.root,
            home: context.world.home.as_ref(),
            path: &prepared.env.path,
            env,
            hidden: &opened.hidden,
            rows: &context.rows,
        };
        let recorded = Recorded {
            path_set: &path_set,
            states: &states,
            rows: &rows,
        };
        let look = Look {
            disk: &disk,
            ledger: &Ledger::default(),
            key: prepared.weak,
            rules,
            ignored: &entry.ignored_inputs,
            covered: covered(&entry),
        };
        let (program, threads) = (program_name(prepared), context.world.threads);
        let gone = |path| disk.node(path).is_none();
        // What is cheap to refute comes first.
        let as_left = |(path, state): &(RelPath, State)| disk.path_state(path).0 == *state;
        entry.tombstones.iter().all(gone)
            && entry.kept_back.iter().all(as_left)
            && is_in_place(&disk, &entry, record)
            && compare_recorded(&recorded, &look, &program, threads, Reasons::First)
                == Comparison::Same
    });
    if !holds || context.rows.effort() - before >= COSTLY {
        return Ok(None);
    }
    // Whoever digests files after this one need not read these.
    context.rows.learn_entry(states, rows);
    let states = left.iter();
    let states = states.map(|one| state_of(&entry.manifest, one)).collect();
    let rows = record.in_place.clone();
    context.rows.learn_entry(EntryStates(states), rows);
    Ok(Some(Match {
        entry,
        strong,
        digested_ns: now_ns(),
        wanted: BTreeSet::new(),
        absent: BTreeSet::new(),
        stale: Vec::new(),
        judgement: Judgement::new(),
        unsettled: None,
        is_latest: true,
        is_costly: false,
        is_quick: true,
        items: path_set.0.len(),
        doubtful: Vec::new(),
        fresh_rows: None,
    }))
}

/// Whether the identities of all of a result are known, and the step left nothing besides.
fn left_nothing_else(record: &StepRecord, entry: &EntryRecord) -> bool {
    let left = &entry.manifest.entries;
    let mut left_paths = left.iter();
    let is_kept_back = |path: &RelPath| entry.kept_back.iter().any(|(kept, _)| kept == path);
    // Both are sorted.
    record.in_place.len() == left.len()
        && record
            .paths
            .iter()
            .filter(|path| !is_kept_back(path))
            .all(|path| left_paths.any(|entry| entry.path == *path))
}

fn is_in_place(disk: &Disk<'_>, entry: &EntryRecord, record: &StepRecord) -> bool {
    let (manifest, strangers) = (&entry.manifest, &entry.strangers);
    let left = &manifest.entries;
    let may_be_cleared = |path: &RelPath| {
        let of = |result: &ResultRecord| result.path.cmp(path);
        let found = entry.results.binary_search_by(of);
        found.is_ok_and(|at| entry.results[at].conditional)
    };
    let paths = left.iter().map(|entry| &entry.path);
    let now = disk.glance(paths);
    let mut each = left.iter().zip(&record.in_place).zip(now);
    each.all(|((entry, then), now)| match (&entry.kind, now) {
        (_, None) => false,
        (_, Some(now)) if Some(now) == *then => true,
        // Another look has to tell whether it is still one file with the other name.
        (ManifestKind::Name { .. }, Some(_)) => false,
        // Whether another mode is left as it is, the ledger has to say.
        (kind, Some(now)) if kind.mode().is_some_and(|mode| mode != now.permissions()) => false,
        (ManifestKind::Directory { .. }, Some(now)) => {
            now.is_directory()
                && (!may_be_cleared(&entry.path)
                    || holds_nothing_else(disk, (manifest, strangers), &entry.path))
        }
        (_, Some(_)) => disk.path_state(&entry.path).0 == state_of(manifest, entry),
    })
}

/// Whether a directory has only results in it, or directories above them.
fn holds_nothing_else(
    disk: &Disk<'_>,
    (manifest, strangers): (&Manifest, &[RelPath]),
    directory: &RelPath,
) -> bool {
    let Ok(entries) = std::fs::read_dir(disk.root.join_rel(directory)) else {
        return false;
    };
    let is_result = |path: &RelPath| {
        let found = manifest
            .entries
            .binary_search_by(|entry| entry.path.cmp(path));
        found.is_ok()
    };
    entries.flatten().all(|entry| {
        let path = directory.join(entry.file_name().as_encoded_bytes());
        path.is_ok_and(|path| is_result(&path) || strangers.contains(&path))
    })
}
