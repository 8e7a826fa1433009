//! Brings a hit back: what is not in place is restored, what is stale removed, output replayed.

use vt_fingerprint::{NotStored, Why};
use vt_store::StoreError;

use crate::context::{Context, Opened, chain};
use crate::event::{Event, Replayed, Verdict};
use crate::lookup::{Match, Memory};
use crate::output::{Frame, decode};
use crate::record;
use crate::rules::Prepared;

/// The most that stored terminal output may unpack to, in bytes.
const OUTPUT_LIMIT: u64 = 1 << 30;

/// How an attempt to bring a hit back ended.
pub(crate) enum Return {
    /// Everything is in place; this many files were written.
    Back(u64),
    /// The entry can't be used, for this reason: the step runs.
    Run(Why),
}

/// Brings a hit back.
pub(crate) fn bring_back(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    memory: &Memory,
    found: &Match,
) -> Return {
    let step = &prepared.planned.invocation.step;
    let frames = match stored_output(opened, found) {
        Ok(frames) => frames,
        Err(detail) => return damaged(context, opened, prepared, found, &detail),
    };
    let mut restored = 0;
    if !found.wanted.is_empty() || !found.stale.is_empty() {
        let result = opened.store.restore(
            &context.project.root,
            found.entry.archive.as_ref(),
            &found.entry.manifest,
            &found.wanted,
            &found.stale,
        );
        match result {
            Ok(report) => restored = report.written,
            Err(StoreError::Blocked { path }) => {
                return Return::Run(Why::OutputEdited { path: path.to_string() });
            }
            Err(error) => return damaged(context, opened, prepared, found, &chain(&error)),
        }
    }
    let untouched = found.wanted.is_empty() && found.stale.is_empty() && found.is_latest;
    if !untouched && let Err(error) = record::hit(context, opened, prepared, memory, found) {
        // The tree is right; only the memory of it is not, which the next run notices.
        context.notice(format!("{step}: cannot note the hit: {}", chain(&error)));
    }
    context.tell(Event::Decided {
        step: step.clone(),
        command: prepared.planned.invocation.command.clone(),
        verdict: Verdict::Hit,
    });
    for Frame { stream, bytes } in frames {
        context.tell(Event::Output { step: step.clone(), stream, bytes, replayed: Replayed::Yes });
    }
    Return::Back(restored)
}

fn stored_output(opened: &Opened, found: &Match) -> Result<Vec<Frame>, String> {
    let Some(digest) = &found.entry.output else { return Ok(Vec::new()) };
    let bytes =
        opened.store.get_bytes(digest, OUTPUT_LIMIT).map_err(|error| chain(&error))?;
    decode(&bytes).ok_or_else(|| "the stored terminal output cannot be read".to_owned())
}

/// Says what is damaged and drops the entry, so that the run that follows stores it again.
fn damaged(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    found: &Match,
    detail: &str,
) -> Return {
    let step = &prepared.planned.invocation.step;
    context.notice(format!("{step}: a stored result cannot be used: {detail}"));
    if let Err(error) = record::forget(opened, prepared, &found.strong) {
        let NotStored::StoreError { detail } = record::store_error(&error) else { unreachable!() };
        context.notice(format!("{step}: cannot drop the entry: {detail}"));
    }
    Return::Run(Why::BlobDamaged)
}
