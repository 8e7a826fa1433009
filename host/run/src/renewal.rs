//! New identities of what a hit wrote, noted for many steps at once.
//!
//! Bringing back what a step left last changes nothing that the ledger says but under which
//! identities the files lie. A transaction costs several syncs, so these rows wait a moment for
//! others. What is lost with the process costs another look: content decides at a look-up, and a
//! run takes files of other identities for somebody else's, which is the careful side.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vt_base::{Digest, RelPath};
use vt_fingerprint::LedgerRow;
use vt_store::{StoreError, Table};

use crate::context::{Context, Opened};
use crate::lookup::{Match, Memory, manifest_states};
use crate::record::{Left, ledger_rows};
use crate::records::{LedgerRecord, decode, encode, ledger_key};
use crate::rules::Prepared;

/// How long rows wait at least. Another process should soon see who wrote a file.
const SHORTEST: Duration = Duration::from_secs(1);
/// How many times as long as it takes to note them they wait, since nobody can look anything up
/// meanwhile.
const SHARE: u32 = 10;
/// How long rows wait at most.
const LONGEST: Duration = Duration::from_secs(5);

/// A row, in the place of the one that was read.
pub(crate) struct Renewal {
    path: RelPath,
    was: LedgerRow,
    now: LedgerRecord,
}

/// Rows that wait, and since when.
#[derive(Default)]
pub(crate) struct Renewals(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    rows: Vec<Renewal>,
    since: Option<Instant>,
    /// How long it took to note the last ones.
    took: Duration,
}

impl Renewals {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, rows: Vec<Renewal>) {
        let mut waiting = self.lock();
        waiting.since.get_or_insert_with(Instant::now);
        waiting.rows.extend(rows);
    }

    /// When they have waited for long enough.
    pub(crate) fn due(&self) -> Option<Instant> {
        let waiting = self.lock();
        let longest = (waiting.took * SHARE).clamp(SHORTEST, LONGEST);
        waiting.since.map(|since| since + longest)
    }

    /// All that wait.
    pub(crate) fn take(&self) -> Vec<Renewal> {
        let mut waiting = self.lock();
        waiting.since = None;
        std::mem::take(&mut waiting.rows)
    }

    /// Remembers how long it took to note some.
    pub(crate) fn took(&self, duration: Duration) {
        self.lock().took = duration;
    }
}

/// Leaves the new rows of a hit that restored files to be noted with others. `false` when the
/// ledger has to say more than that: nothing is left to be noted then.
pub(crate) fn can_wait(
    context: &Context<'_>,
    prepared: &Prepared<'_>,
    memory: &Memory,
    found: &Match,
    restored_ns: i64,
) -> bool {
    let of_one_step = prepared.names.len() == 1;
    if !of_one_step || !found.is_latest || found.is_costly || !found.stale.is_empty() {
        return false;
    }
    let path_set: Option<Digest> = Some(found.entry.path_set);
    let mut left = Vec::new();
    for (path, state) in manifest_states(&found.entry.manifest) {
        let is_known = memory.ledger.0.get(path).is_some_and(|row| {
            let created = row.created || !found.absent.contains(path);
            row.state == state && row.path_set == path_set && row.key == prepared.weak && created
        });
        if !is_known {
            return false;
        }
        // What was in place already has the row it had.
        if found.wanted.contains(path) {
            left.push(Left {
                created: memory.ledger.0[path].created,
                path: path.clone(),
                state,
                latest_ns: restored_ns,
            });
        }
    }
    let rows = ledger_rows(context, prepared, &left, path_set, found.digested_ns);
    let renewals = rows.into_iter().map(|(path, now)| Renewal {
        was: memory.ledger.0[&path].clone(),
        path,
        now,
    });
    context.renewals.add(renewals.collect());
    true
}

/// Notes rows in one transaction, each only where the one that was read still stands.
pub(crate) fn note(opened: &Opened, rows: &[Renewal]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    opened.store.write(|writer| {
        for renewal in rows {
            let key = ledger_key(&opened.workspace, &renewal.path);
            let stands = writer
                .get(Table::Ledger, &key)?
                .and_then(|bytes| decode::<LedgerRecord>(&bytes))
                .is_some_and(|row| row.row == renewal.was && row.step == renewal.now.step);
            if stands {
                writer.put(Table::Ledger, &key, &encode(&renewal.now))?;
            }
        }
        Ok(())
    })
}
