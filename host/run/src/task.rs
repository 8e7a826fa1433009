//! The life of one step, top to bottom.

use std::time::{Duration, Instant};

use vt_base::CachePolicy;
use vt_fingerprint::{NotStored, Why};
use vt_plan::{PlannedStep, StepEnvironment};
use vt_store::{Point, Snapshot, StepLock, reach};

use crate::at_once::Attempt;
use crate::context::{Context, Opened, chain};
use crate::event::{Event, PathSetName, Status, StepOutcome, Verdict};
use crate::glimpse::Glimpse;
use crate::lookup::{Found, Match, Memory, learn, look_up, recall, remember};
use crate::memory;
use crate::quick::look_quickly;
use crate::record::store_error;
use crate::records::step_name;
use crate::replay::{Changed, Return, bring_back};
use crate::rules::{Prepared, environment, prepare};
use crate::said::audit_reports;
use crate::seal::settle;
use crate::settled::{find_settled, settle_ledger};
use crate::spawn::{Ran, Streams, Tracking, milliseconds, run_plain, run_tracked};
use crate::world::Freshness;

/// Runs a step, or brings it back.
///
pub(crate) fn run_step(
    context: &Context<'_>,
    planned: &PlannedStep,
    streams: Streams,
    attempt: Attempt<'_>,
) -> StepOutcome {
    let started = Instant::now();
    let mut outcome = match (planned.invocation.cache, &context.store) {
        (CachePolicy::Disabled, _) => run_uncached(context, planned, streams),
        (CachePolicy::Enabled, Err(trouble)) => {
            run_without_store(context, planned, streams, trouble)
        }
        (CachePolicy::Enabled, Ok(opened)) => {
            run_cached(context, opened, planned, streams, attempt)
        }
    };
    context.pass_notices();
    outcome.duration = started.elapsed();
    if outcome.status == Status::Failed && context.cancel.is_stopped() {
        outcome.status = Status::Cancelled;
    }
    outcome
}

/// What the lock of a step in this workspace is called.
pub(crate) fn lock_name(opened: &Opened, planned: &PlannedStep) -> Vec<u8> {
    let step = step_name(&planned.invocation.step);
    [opened.workspace.0, step.0].concat()
}

fn decide(context: &Context<'_>, planned: &PlannedStep, whys: Vec<Why>) {
    context.tell(Event::Decided {
        step: planned.invocation.step.clone(),
        command: planned.invocation.command.clone(),
        verdict: Verdict::Run(whys),
    });
}

fn ended(mut outcome: StepOutcome, exit_code: i32) -> StepOutcome {
    outcome.exit_code = Some(exit_code);
    outcome.status = if exit_code == 0 {
        Status::Ran
    } else {
        Status::Failed
    };
    outcome
}

fn run_uncached(context: &Context<'_>, planned: &PlannedStep, streams: Streams) -> StepOutcome {
    decide(context, planned, vec![Why::CacheDisabled]);
    if streams == Streams::Inherited {
        context.tell(Event::Terminal {
            step: planned.invocation.step.clone(),
        });
        // From here on it writes past us.
        context.wait_until_shown();
    }
    let env = environment(context, planned.package, &planned.invocation, &[]);
    let exit_code = run_plain(context, &planned.invocation, &env.passed, streams);
    let mut outcome = ended(StepOutcome::of(&planned.invocation), exit_code);
    outcome.why = vec![Why::CacheDisabled];
    outcome.not_stored = vec![NotStored::CacheDisabled];
    outcome
}

/// The store is out of reach: the step runs in the environment it would have had, and that is
/// all.
fn run_without_store(
    context: &Context<'_>,
    planned: &PlannedStep,
    streams: Streams,
    trouble: &str,
) -> StepOutcome {
    context.notice(format!("the cache cannot be used: {trouble}"));
    decide(context, planned, vec![Why::CacheDisabled]);
    let env = environment(context, planned.package, &planned.invocation, &[]);
    let tracking = Tracking {
        invocation: &planned.invocation,
        env: &env.passed,
        demand: &env.demand(),
        streams,
        prepared: None,
    };
    let ran = run_tracked(context, None, &tracking);
    let mut outcome = ended(StepOutcome::of(&planned.invocation), ran.exit_code);
    outcome.why = vec![Why::CacheDisabled];
    outcome.not_stored = vec![NotStored::StoreError {
        detail: trouble.to_owned(),
    }];
    outcome
}

fn run_cached(
    context: &Context<'_>,
    opened: &Opened,
    planned: &PlannedStep,
    streams: Streams,
    attempt: Attempt<'_>,
) -> StepOutcome {
    // A second run of the same step waits here, and then finds what this one stored.
    let lock = match attempt.lock {
        Some(lock) => Ok(lock),
        None => opened.store.lock_step(&lock_name(opened, planned)),
    };
    let mut glimpse = Glimpse::default();
    let prepared = match attempt.prepared {
        Some(prepared) => prepared,
        None => prepare(context, opened, planned, &mut glimpse),
    };
    // Files that a killed run left are in no ledger: a hit would leave them lying around, where
    // the command might have cleaned up.
    let is_unfinished = lock.as_ref().is_ok_and(StepLock::is_unfinished);
    let mut outcome = StepOutcome::of(&planned.invocation);
    outcome.directives = prepared.directives.lines();
    let found = match attempt.why {
        None => find_settled(context, opened, &prepared, glimpse, attempt.read),
        Some(why) => {
            drop(glimpse);
            let memory = read_memory(context, opened, &prepared);
            Ok((memory, Found::Miss(vec![why])))
        }
    };
    let is_quick = matches!(&found, Ok((_, Found::Hit(found))) if found.is_quick);
    let (mut memory, whys, store_trouble) = match found {
        Ok((memory, Found::Hit(_))) if is_unfinished => (memory, vec![Why::Unfinished], None),
        // Somebody writes it over and over, and what is decided would not hold.
        Ok((memory, Found::Hit(found))) if found.unsettled.is_some() => {
            let path = found.unsettled.map(|path| path.to_string());
            let path = path.unwrap_or_default();
            (memory, vec![Why::OutputEdited { path }], None)
        }
        Ok((memory, Found::Hit(found))) => {
            let lock = lock.as_ref().ok();
            match bring_back(context, opened, &prepared, &memory, &found, lock) {
                Return::Back(changed) => {
                    audit_reports(context, &prepared, &found.entry.reports, &[]);
                    return hit(outcome, &found, changed);
                }
                Return::Run(why) => (memory, vec![why], None),
            }
        }
        Ok((memory, Found::Miss(whys))) => (memory, whys, None),
        Err(error) => (Memory::default(), vec![Why::FirstRun], Some(error)),
    };
    if is_quick {
        memory = read_memory(context, opened, &prepared);
    }
    decide(context, planned, whys.clone());
    context.sweep(opened);
    outcome.why = whys;
    settle_ledger(context, opened, &prepared, &mut memory);
    let memories = memory::before_run(context, opened, &memory);
    let began = Instant::now();
    let tracking = Tracking {
        invocation: &planned.invocation,
        env: &prepared.env.passed,
        demand: &prepared.env.demand(),
        streams,
        prepared: Some(&prepared),
    };
    // Where the lock can't be written, nothing can be stored either.
    let _ = lock.as_ref().map(StepLock::begin);
    let ran = run_tracked(context, Some(opened), &tracking);
    let mut outcome = ended(outcome, ran.exit_code);
    let _ = reach(Point::AfterCommand);
    let settled = settle(
        context,
        opened,
        &prepared,
        (&memory, &memories),
        &outcome.why,
        &ran,
        milliseconds(began),
    );
    if settled.is_recorded {
        let _ = lock.as_ref().map(StepLock::end);
    }
    outcome.stored = settled.stored;
    outcome.not_stored = settled.not_stored;
    match store_trouble {
        Some(error) if settled.stored => {
            let step = &planned.invocation.step;
            context.notice(format!(
                "{step}: the cache could not be read: {}",
                chain(&error)
            ));
        }
        error => outcome.not_stored.extend(error.as_ref().map(store_error)),
    }
    outcome.reports = settled.reports;
    outcome.path_set = settled.path_set;
    outcome.looked_for = looked_for(&ran, &prepared.env);
    if let Err(error) = lock {
        context.notice(format!(
            "{}: cannot lock the step: {error}",
            planned.invocation.step
        ));
    }
    outcome
}

pub(crate) fn hit(mut outcome: StepOutcome, found: &Match, changed: Changed) -> StepOutcome {
    outcome.status = Status::Hit;
    outcome.exit_code = Some(0);
    outcome.restored = changed.restored;
    outcome.removed = changed.removed;
    outcome.path_set = Some(PathSetName {
        digest: found.entry.path_set,
        items: found.items as u64,
    });
    outcome.saved = Some(Duration::from_millis(found.entry.duration_ms));
    outcome.reports.clone_from(&found.entry.reports);
    outcome
}

/// Everything that the store remembers of a step. What can't be read now makes a run less useful, and
/// nothing worse.
fn read_memory(context: &Context<'_>, opened: &Opened, prepared: &Prepared<'_>) -> Memory {
    let snapshot = opened.store.read().ok().flatten();
    remember(context, opened, prepared, snapshot.as_ref()).unwrap_or_default()
}

/// The variables that programs looked for and were not given.
fn looked_for(ran: &Ran, env: &StepEnvironment) -> Vec<String> {
    let asked = ran.trace.iter().flat_map(|trace| &trace.variables);
    asked
        .filter(|name| env.outer.get(name).is_some() && !env.passed.contains_key(*name))
        .filter(|name| !env.answers(name))
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

/// Looks a step up. `read` is how many bytes were read by a quick look before, if there was one.
pub(crate) fn find(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    glimpse: Glimpse,
    read: Option<u64>,
) -> Result<(Memory, Found), vt_store::StoreError> {
    let effort = context.rows.effort() - read.unwrap_or_default();
    let snapshot = glimpse.go_on(opened)?;
    let snapshot = snapshot.as_deref();
    if let (Freshness::UseEntries, None, Some(snapshot)) = (context.freshness, read, snapshot)
        && let Some((memory, found)) = find_quickly(context, opened, prepared, snapshot)?
    {
        return Ok((memory, Found::Hit(Box::new(found))));
    }
    let memory = remember(context, opened, prepared, snapshot)?;
    if context.freshness == Freshness::Force {
        learn(context, prepared, snapshot, &memory)?;
        return Ok((memory, Found::Miss(vec![Why::Forced])));
    }
    // What a plugin would have said is not known, so no entry is known to hold.
    if prepared.trouble.is_some() {
        return Ok((memory, Found::Miss(vec![Why::FirstRun])));
    }
    let rules = prepared.path_rules(opened, None);
    let found = look_up(context, opened, prepared, snapshot, &memory, &rules, effort)?;
    Ok((memory, found))
}

/// Finds what was left last, if it holds and is in place.
pub(crate) fn find_quickly(
    context: &Context<'_>,
    opened: &Opened,
    prepared: &Prepared<'_>,
    snapshot: &Snapshot,
) -> Result<Option<(Memory, Match)>, vt_store::StoreError> {
    // What a plugin would have said is not known, so no entry is known to hold.
    if prepared.trouble.is_some() {
        return Ok(None);
    }
    let rules = prepared.path_rules(opened, None);
    let memory = recall(opened, prepared, Some(snapshot))?;
    let found = look_quickly(context, opened, prepared, snapshot, &memory, &rules)?;
    Ok(found.map(|found| (memory, found)))
}
