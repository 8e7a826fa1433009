//! Orders the steps of a plan and tells their story.
//!
//! Each step works on a thread of its own and sends events; the dispatcher starts what may start,
//! passes the events on one by one, and is the only one who knows how it all ends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use vt_config::Project;
use vt_plan::{Plan, PlannedStep};

use crate::context::Context;
use crate::error::RunError;
use crate::event::{Event, Status, StepOutcome};
use crate::sweep::sweep;
use crate::task::run_step;
use crate::world::{RunRequest, World};

/// How a run ended.
pub struct Finished {
    /// The exit code of the run: 0, the code of the first step that failed, or 128+n.
    pub exit_code: i32,
    /// How long it took.
    pub duration: Duration,
    /// The steps in the order of the plan.
    pub steps: Vec<StepOutcome>,
}

/// Runs a task and what it depends on.
///
/// # Errors
/// When the request does not fit the project; nothing has run then.
pub fn run(
    project: &Project,
    world: &World,
    request: &RunRequest,
    listener: &mut dyn FnMut(&Event),
) -> Result<Finished, RunError> {
    let plan = vt_plan::plan(project, &request.target)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    let started = Instant::now();
    let (events, received) = mpsc::unbounded_channel();
    let context = Context::new(project, world, request.freshness, request.grace, events);
    let mut dispatcher = Dispatcher::new(&plan, request.concurrency);
    // Steps borrow the context, so their threads are scoped; the runtime only waits.
    std::thread::scope(|scope| {
        runtime.block_on(dispatcher.work(scope, &context, received, listener))
    })
    .map_err(RunError::Runtime)?;
    let stored = dispatcher
        .outcomes
        .iter()
        .flatten()
        .any(|outcome| outcome.stored);
    if let (true, Ok(opened)) = (stored, &context.store) {
        sweep(opened);
    }
    let exit_code = dispatcher.exit_code();
    Ok(Finished {
        exit_code,
        duration: started.elapsed(),
        steps: dispatcher.outcomes.into_iter().flatten().collect(),
    })
}

struct Dispatcher<'p> {
    plan: &'p Plan,
    concurrency: usize,
    waiting: BTreeSet<usize>,
    running: usize,
    outcomes: Vec<Option<StepOutcome>>,
    /// The exit code of what failed first.
    failed: Option<i32>,
    interrupted: Option<i32>,
}

/// The signals that end a run, with their numbers.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.hangup.recv() => SignalKind::hangup().as_raw_value(),
        }
    }
}

impl<'p> Dispatcher<'p> {
    fn new(plan: &'p Plan, concurrency: usize) -> Self {
        Self {
            plan,
            concurrency: concurrency.max(1),
            waiting: (0..plan.steps.len()).collect(),
            running: 0,
            outcomes: plan.steps.iter().map(|_| None).collect(),
            failed: None,
            interrupted: None,
        }
    }

    async fn work<'s, 'c: 's>(
        &mut self,
        scope: &'s std::thread::Scope<'s, 'c>,
        context: &'c Context<'c>,
        mut events: mpsc::UnboundedReceiver<Event>,
        listener: &mut dyn FnMut(&Event),
    ) -> std::io::Result<()>
    where
        'p: 'c,
    {
        let mut signals = Signals::new()?;
        loop {
            self.start_what_may_start(scope, context);
            self.skip_what_never_will(listener);
            if self.running == 0 && self.waiting.is_empty() {
                break;
            }
            tokio::select! {
                Some(event) = events.recv() => {
                    self.take(&event, context);
                    listener(&event);
                }
                number = signals.next() => self.interrupt(number, context),
            }
        }
        while let Ok(event) = events.try_recv() {
            listener(&event);
        }
        Ok(())
    }

    fn start_what_may_start<'s, 'c: 's>(
        &mut self,
        scope: &'s std::thread::Scope<'s, 'c>,
        context: &'c Context<'c>,
    ) where
        'p: 'c,
    {
        let ready: Vec<usize> = self
            .waiting
            .iter()
            .copied()
            .filter(|index| self.is_ready(*index))
            .collect();
        for index in ready {
            if self.running >= self.concurrency || self.is_over() {
                return;
            }
            self.waiting.remove(&index);
            self.running += 1;
            let planned = &self.plan.steps[index];
            scope
                .spawn(move || context.tell(Event::Finished(Box::new(run_step(context, planned)))));
        }
    }

    fn is_ready(&self, index: usize) -> bool {
        self.plan.steps[index].after.iter().all(|before| {
            self.outcomes[*before]
                .as_ref()
                .is_some_and(|outcome| matches!(outcome.status, Status::Hit | Status::Ran))
        })
    }

    fn is_over(&self) -> bool {
        self.failed.is_some() || self.interrupted.is_some()
    }

    fn skip_what_never_will(&mut self, listener: &mut dyn FnMut(&Event)) {
        if !self.is_over() {
            return;
        }
        for index in std::mem::take(&mut self.waiting) {
            let outcome = skipped(&self.plan.steps[index]);
            listener(&Event::Finished(Box::new(outcome.clone())));
            self.outcomes[index] = Some(outcome);
        }
    }

    fn take(&mut self, event: &Event, context: &Context<'_>) {
        let Event::Finished(outcome) = event else {
            return;
        };
        self.running -= 1;
        let index = self
            .plan
            .steps
            .iter()
            .position(|step| step.invocation.step == outcome.step);
        self.outcomes[index.expect("only planned steps run")] = Some(outcome.as_ref().clone());
        if outcome.status == Status::Failed && !self.is_over() {
            self.failed = Some(outcome.exit_code.unwrap_or(1));
            context.cancel.stop(SignalKind::terminate().as_raw_value());
        }
    }

    fn interrupt(&mut self, number: i32, context: &Context<'_>) {
        const KILL: i32 = 9;
        // Who asks twice means it.
        context.cancel.stop(if self.interrupted.is_some() {
            KILL
        } else {
            number
        });
        self.interrupted.get_or_insert(number);
    }

    fn exit_code(&self) -> i32 {
        match (self.failed, self.interrupted) {
            (Some(code), _) => code,
            (None, Some(number)) => 128 + number,
            (None, None) => 0,
        }
    }
}

fn skipped(planned: &PlannedStep) -> StepOutcome {
    StepOutcome {
        status: Status::Skipped,
        ..StepOutcome::of(&planned.invocation)
    }
}
