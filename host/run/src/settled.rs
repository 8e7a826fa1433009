//! Waits until identities name contents. A file that was written within the last tick of the clock
//! may be written once more and look the same; nothing may be decided by its identity until then.

use std::time::Duration;

use vt_fingerprint::{Disk, StatRow, State, now_ns};
use vt_store::StoreError;

use crate::context::{Context, Opened};
use crate::glimpse::Glimpse;
use crate::lookup::{Found, Memory};
use crate::rules::Prepared;
use crate::task::find;

/// How long after a write no later one can leave the same identity.
pub(crate) const WAIT: Duration = Duration::from_millis(20);

/// How often a result that keeps changing is looked at.
const TRIES: usize = 5;

/// Looks a step up, once more if something that a hit would replace was written a moment ago.
pub(crate) fn find_settled(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    mut glimpse: Glimpse,
    read: Option<u64>,
) -> Result<(Memory, Found), StoreError> {
    for _ in 1..TRIES {
        match find(
            context,
            opened,
            prepared,
            std::mem::take(&mut glimpse),
            read,
        )? {
            (_, Found::Hit(found)) if found.unsettled.is_some() => wait(),
            other => return Ok(other),
        }
    }
    find(context, opened, prepared, glimpse, read)
}

/// Finds out what of that which the step left a moment ago is still as it left it. From then on its
/// identity says so.
pub(crate) fn settle_ledger(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    memory: &mut Memory,
) {
    prepared.with_env(context, opened, |env| {
        let disk = Disk {
            root: &context.project.root,
            home: context.world.home.as_ref(),
            path: &prepared.env.path,
            env,
            hidden: &opened.hidden,
            rows: &context.rows,
        };
        let unsettled: Vec<_> = memory
            .ledger
            .0
            .iter_mut()
            .filter(|(_, row)| !row.settled && row.state != State::Directory)
            .filter(|(path, row)| is_there(&disk, path, &row.row))
            .collect();
        let started_ns = now_ns();
        if unsettled
            .iter()
            .any(|(_, row)| !row.row.settled_at(started_ns))
        {
            wait();
        }
        let started_ns = now_ns();
        for (path, row) in unsettled {
            let (state, seen) = disk.path_state(path);
            row.settled =
                state == row.state && seen == Some(row.row) && row.row.settled_at(started_ns);
        }
    });
}

fn is_there(disk: &Disk<'_>, path: &vt_base::RelPath, row: &StatRow) -> bool {
    disk.node(path).is_some_and(|(_, seen)| seen == *row)
}

fn wait() {
    // Time itself has to pass here: the file system's clock must tick on.
    std::thread::sleep(WAIT);
}
