//! Hits that take no thread: one look by the dispatcher, when nothing else runs.

use std::time::Instant;

use vt_base::CachePolicy;
use vt_fingerprint::Why;
use vt_plan::PlannedStep;
use vt_store::StepLock;

use crate::context::Context;
use crate::event::StepOutcome;
use crate::glimpse::Glimpse;
use crate::replay::{Return, bring_back};
use crate::rules::{Prepared, prepare};
use crate::said::audit_reports;
use crate::task::{find_quickly, hit, lock_name};
use crate::world::Freshness;

/// What is left of an attempt to bring a step back at once.
#[derive(Default)]
pub(crate) struct Attempt<'p> {
    /// The lock of the step, if it was to be had. What follows was made ready under it.
    pub(crate) lock: Option<StepLock>,
    /// What the plugins said, and the key.
    pub(crate) prepared: Option<Prepared<'p>>,
    /// How many bytes were read by a quick look that proved nothing; `None` if there was none.
    pub(crate) read: Option<u64>,
    /// Why what holds can't be brought back.
    pub(crate) why: Option<Why>,
}

/// Brings a step back if its result is in place and nobody else is at it; does nothing else.
pub(crate) fn bring_back_at_once<'p>(
    context: &Context<'_>,
    planned: &'p PlannedStep,
) -> Result<StepOutcome, Box<Attempt<'p>>> {
    let started = Instant::now();
    let mut attempt = Box::<Attempt<'p>>::default();
    let back = try_at_once(context, planned, &mut attempt);
    context.pass_notices();
    match back {
        Some(mut outcome) => {
            outcome.duration = started.elapsed();
            Ok(outcome)
        }
        None => Err(attempt),
    }
}

fn try_at_once<'p>(
    context: &Context<'_>,
    planned: &'p PlannedStep,
    attempt: &mut Attempt<'p>,
) -> Option<StepOutcome> {
    let (CachePolicy::Enabled, Ok(opened), Freshness::UseEntries) =
        (planned.invocation.cache, &context.store, context.freshness)
    else {
        return None;
    };
    let lock = opened.store.try_lock_step(&lock_name(opened, planned));
    let lock = &*attempt.lock.insert(lock.ok().flatten()?);
    if lock.is_unfinished() {
        return None;
    }
    let mut glimpse = Glimpse::default();
    let prepared = prepare(context, opened, planned, &mut glimpse);
    let prepared = &*attempt.prepared.insert(prepared);
    let snapshot = glimpse.go_on(opened).ok().flatten()?;
    let before = context.rows.effort();
    let found = find_quickly(context, opened, prepared, &snapshot);
    attempt.read = Some(context.rows.effort() - before);
    let (memory, found) = found.ok()??;
    // To drop a damaged entry is to write.
    drop(snapshot);
    let mut outcome = StepOutcome::of(&planned.invocation);
    outcome.directives = prepared.directives.lines();
    match bring_back(context, opened, prepared, &memory, &found, Some(lock)) {
        Return::Back(changed) => {
            audit_reports(context, prepared, &found.entry.reports, &[]);
            Some(hit(outcome, &found, changed))
        }
        Return::Run(why) => {
            attempt.why = Some(why);
            None
        }
    }
}
