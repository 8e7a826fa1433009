//! Private memory of tools: what they remember of their results beside them, below
//! `node_modules/.cache` for example.
//!
//! A hit brings results back and no memory. A tool that trusts its memory instead of looking at its
//! results would go on from results that are not there. So memory that may be trusted like that is
//! thrown away before results change without it.

use std::collections::BTreeMap;
use std::io;

use vt_base::{AbsPath, Digest, RelPath, StableHasher};
use vt_fingerprint::{Nature, StatRow};
use vt_store::{Snapshot, Table};

use crate::context::{Context, Opened};
use crate::lookup::Memory;
use crate::records::{MemoryRecord, decode, memory_key};

/// How many files are looked at to see whether memory is as it was left. Where there are more, it
/// is taken for changed.
const MOST_FILES: usize = 20_000;

/// The identities of all files of a memory; none if nothing can be said.
pub(crate) fn shape(root: &AbsPath, memory: &RelPath) -> Option<Digest> {
    let mut hasher = StableHasher::new("vt-private-memory-shape");
    let mut pending = vec![root.join_rel(memory)];
    let mut count = 0;
    while let Some(path) = pending.pop() {
        let metadata = match std::fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(_) => return None,
        };
        count += 1;
        if count > MOST_FILES {
            return None;
        }
        if metadata.is_dir() {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&path).ok()? {
                names.push(entry.ok()?.file_name());
            }
            names.sort();
            pending.extend(names.into_iter().map(|name| path.join(name)));
            continue;
        }
        let row = StatRow::of(&metadata);
        hasher
            .bytes(path.as_bytes())
            .number(row.inode)
            .number(row.size)
            .number(row.mtime_ns.cast_unsigned())
            .number(row.ctime_ns.cast_unsigned());
    }
    Some(hasher.finish())
}

/// What is known of a memory; `Carries` if it is not as the last run left it.
pub(crate) fn nature(
    snapshot: Option<&Snapshot>,
    opened: &Opened,
    root: &AbsPath,
    memory: &RelPath,
) -> Nature {
    let bytes = snapshot.and_then(|snapshot| {
        let key = memory_key(&opened.workspace, memory);
        snapshot.get(Table::Memo, &key).ok().flatten()
    });
    match bytes.and_then(|bytes| decode::<MemoryRecord>(&bytes)) {
        Some(record) if record.shape.is_some() && record.shape == shape(root, memory) => {
            record.nature
        }
        _ => Nature::Carries,
    }
}

/// Those of some memories that are there and may be trusted by a tool more than its results.
pub(crate) fn doubtful<'m>(
    snapshot: Option<&Snapshot>,
    opened: &Opened,
    root: &AbsPath,
    memories: impl Iterator<Item = &'m RelPath>,
) -> Vec<RelPath> {
    let mut doubtful: Vec<RelPath> = memories
        .filter(|memory| std::fs::symlink_metadata(root.join_rel(memory)).is_ok())
        .filter(|memory| nature(snapshot, opened, root, memory) != Nature::Whole)
        .cloned()
        .collect();
    doubtful.sort();
    doubtful.dedup();
    doubtful
}

/// Throws memories away.
///
/// # Errors
/// The path of one that can't be removed.
pub(crate) fn discard(root: &AbsPath, memories: &[RelPath]) -> Result<(), RelPath> {
    for memory in memories {
        let path = root.join_rel(memory);
        let removed = match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(&path),
            Ok(_) => std::fs::remove_file(&path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(memory.clone()),
            _ => {}
        }
    }
    Ok(())
}

/// What the memories of a step are like before it runs.
#[derive(Default)]
pub(crate) struct Before {
    pub(crate) natures: BTreeMap<RelPath, Nature>,
    /// A result that is gone, and a memory that had to go because of it and can't be removed.
    pub(crate) stuck: Option<(RelPath, RelPath)>,
}

/// Gets the memories of a step ready for a run: where results are gone that the step made, it starts
/// without what may say that they need not be made.
pub(crate) fn before_run(context: &Context<'_>, opened: &Opened, memory: &Memory) -> Before {
    let root = &context.project.root;
    let Some(record) = memory
        .record
        .as_ref()
        .filter(|record| !record.memory.is_empty())
    else {
        return Before::default();
    };
    let snapshot = opened.store.read().ok().flatten();
    let is_gone = |path: &RelPath| std::fs::symlink_metadata(root.join_rel(path)).is_err();
    let mut rows = memory.ledger.0.iter();
    let lost = rows.find(|(path, row)| row.created && is_gone(path));
    let mut stuck = None;
    if let Some((lost, _)) = lost
        && record.nature != Nature::Whole
    {
        let doubtful = doubtful(snapshot.as_ref(), opened, root, record.memory.iter());
        if let Err(kept) = discard(root, &doubtful) {
            stuck = Some((lost.clone(), kept));
        }
    }
    let natures = record.memory.iter().map(|memory| {
        let nature = nature(snapshot.as_ref(), opened, root, memory);
        (memory.clone(), nature)
    });
    Before {
        natures: natures.collect(),
        stuck,
    }
}
