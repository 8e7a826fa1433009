//! Orders the steps of a plan and tells their story.
//!
//! Each step works on a thread beside and sends events; the dispatcher starts what may start,
//! passes the events on one by one, and is the only one who knows how it all ends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;
use vt_base::{CachePolicy, StepId, WrittenPattern};
use vt_config::Project;
use vt_fingerprint::matches_anything;
use vt_plan::Plan;

use crate::at_once::{Attempt, bring_back_at_once};
use crate::clocks::{Clocks, beat, until};
use crate::context::{Context, MESSAGES, Message, Purpose};
use crate::error::RunError;
use crate::event::{Event, Status, StepOutcome};
use crate::join::joined;
use crate::order::{End, Order};
use crate::plugins::InUse;
use crate::rules::admit;
use crate::spawn::Streams;
use crate::workers::Workers;
use crate::world::{OnFailure, RunRequest, Screens, Terminal, World};

/// How long steps that were told to stop may take before they are killed. Who interrupts by hand
/// decides that by hand.
const PATIENCE: Duration = Duration::from_secs(3);

const KILL: i32 = 9;

/// How long hits may follow each other before signals get their turn.
const TURN: Duration = Duration::from_millis(20);

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
    let in_use = InUse::load(project, world, Purpose::Run)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    let started = Instant::now();
    let (events, received) = mpsc::channel(MESSAGES);
    let mut context = Context::new(project, world, Purpose::Run, request, in_use, events);
    let (plan, segments) = joined(context.store.as_ref().ok(), plan);
    context.segments = segments;
    admit(&context, &plan)?;
    if let Ok(opened) = &context.store {
        let outlines = &context.in_use.outlines;
        outlines.keep(&opened.directory, &project.root);
    }
    for (task, filter) in &plan.unmatched {
        let text = format!("no package matches `{filter}` in the command of `{task}`");
        listener(&Event::Notice(text));
    }
    let mut dispatcher = Dispatcher::new(&plan, request, world.screens);
    listener(&Event::Planned {
        steps: plan
            .steps
            .iter()
            .map(|planned| planned.invocation.step.clone())
            .collect(),
    });
    // Steps borrow the context, so their threads are scoped; the runtime only waits.
    std::thread::scope(|scope| dispatcher.work(scope, &context, &runtime, received, listener))
        .map_err(RunError::Runtime)?;
    let exit_code = dispatcher.exit_code();
    if exit_code == 0 {
        for text in matched_nothing(&context, &plan, &dispatcher.outcomes) {
            listener(&Event::Notice(text));
        }
    }
    Ok(Finished {
        exit_code,
        duration: started.elapsed(),
        steps: dispatcher.outcomes.into_iter().flatten().collect(),
    })
}

/// What is to be said of patterns of tasks that ran and by now match nothing: of a slip of the pen
/// nobody would hear otherwise.
fn matched_nothing(
    context: &Context<'_>,
    plan: &Plan,
    outcomes: &[Option<StepOutcome>],
) -> BTreeSet<String> {
    let Ok(opened) = &context.store else {
        return BTreeSet::new();
    };
    let root = &context.project.root;
    let steps = plan.steps.iter().zip(outcomes);
    let ran = steps.filter(|(planned, outcome)| {
        let is_cached = planned.invocation.cache == CachePolicy::Enabled;
        let is_run = |outcome: &StepOutcome| outcome.status == Status::Ran;
        is_cached && outcome.as_ref().is_some_and(is_run)
    });
    let declared = ran.flat_map(|(planned, _)| {
        let step = &planned.invocation.step;
        let written = planned.invocation.declared.written.iter();
        written.map(move |written| (step, written))
    });
    let in_vain = declared.filter(|(_, written)| {
        let mut globs = written.globs.iter();
        let is_outside = |glob: &String| glob.starts_with(['/', '~']) || glob.starts_with("../");
        !globs.any(|glob| is_outside(glob) || matches_anything(root, glob, &opened.hidden))
    });
    let said = |(step, written): (&StepId, &WrittenPattern)| {
        let (StepId { package, task, .. }, WrittenPattern { key, text, .. }) = (step, written);
        format!("nothing matches `{text}` in `{key}` of `{package}#{task}`")
    };
    in_vain.map(said).collect()
}

struct Dispatcher<'p> {
    plan: &'p Plan,
    request: &'p RunRequest,
    /// Whether any output ends up on a terminal.
    is_watched: bool,
    order: Order,
    /// The last step that could not be brought back at once, and what was found out.
    tried: Option<(usize, Box<Attempt<'p>>)>,
    outcomes: Vec<Option<StepOutcome>>,
    /// The exit code of what failed first.
    failed: Option<i32>,
    interrupted: Option<i32>,
    /// When what was told to stop is killed.
    patience_ends: Option<tokio::time::Instant>,
}

impl<'p> Dispatcher<'p> {
    fn new(plan: &'p Plan, request: &'p RunRequest, screens: Screens) -> Self {
        Self {
            plan,
            request,
            is_watched: screens != Screens::default(),
            order: Order::new(&plan.steps),
            tried: None,
            outcomes: plan.steps.iter().map(|_| None).collect(),
            failed: None,
            interrupted: None,
            patience_ends: None,
        }
    }

    fn work<'s, 'c: 's>(
        &mut self,
        scope: &'s std::thread::Scope<'s, 'c>,
        context: &'c Context<'c>,
        runtime: &tokio::runtime::Runtime,
        mut events: mpsc::Receiver<Message>,
        listener: &mut dyn FnMut(&Event),
    ) -> std::io::Result<()>
    where
        'p: 'c,
    {
        let mut clocks = runtime.block_on(async { Clocks::new(self.request) })?;
        let mut workers = Workers::new(scope, context);
        while !self.order.is_through() {
            let began = Instant::now();
            while let Some(index) = self.lone()
                && began.elapsed() < TURN
            {
                self.bring_back_lone(index, context, listener);
            }
            runtime.block_on(self.serve(
                scope,
                context,
                &mut workers,
                &mut clocks,
                &mut events,
                listener,
            ));
        }
        context.renew(&context.renewals.take());
        while let Ok(message) = events.try_recv() {
            self.receive(message, context, listener);
        }
        Ok(())
    }

    /// Starts steps and takes their events, until there is nothing to do or a step that may be brought
    /// back at once.
    async fn serve<'s, 'c: 's>(
        &mut self,
        scope: &'s std::thread::Scope<'s, 'c>,
        context: &'c Context<'c>,
        workers: &mut Workers<'s, 'c>,
        clocks: &mut Clocks,
        events: &mut mpsc::Receiver<Message>,
        listener: &mut dyn FnMut(&Event),
    ) where
        'p: 'c,
    {
        // Whoever interrupts a long series of hits need not wait for its end.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            number = clocks.signals.next() => self.interrupt(number, context),
            () = std::future::ready(()) => {}
        }
        loop {
            if self.lone().is_some() {
                return;
            }
            self.start_what_may_start(workers);
            self.skip_what_never_will(listener);
            if self.order.is_through() {
                return;
            }
            tokio::select! {
                // What a signal ended is not what failed by itself.
                biased;
                number = clocks.signals.next() => self.interrupt(number, context),
                () = until(self.patience_ends) => {
                    self.patience_ends = None;
                    context.cancel.stop(KILL);
                }
                Some(message) = events.recv() => {
                    if has_failed(&message) {
                        // A signal that ended it has come to this process, too: it goes first.
                        tokio::task::yield_now().await;
                        tokio::select! {
                            biased;
                            number = clocks.signals.next() => self.interrupt(number, context),
                            () = std::future::ready(()) => {}
                        }
                    }
                    self.receive(message, context, listener);
                }
                () = until(context.renewals.due()) => {
                    let rows = context.renewals.take();
                    scope.spawn(move || context.renew(&rows));
                }
                () = beat(clocks.pulse.as_mut()) => listener(&Event::Pulse),
            }
        }
    }

    /// The step that may start, if nothing runs and no other may start. To hand it to a thread would
    /// take as long as to see that it is a hit.
    fn lone(&self) -> Option<usize> {
        let ready = self.order.ready();
        let index = ready.first().copied()?;
        let is_lone = ready.len() == 1 && self.order.running().is_empty() && !self.is_over();
        let is_new = self.tried.as_ref().is_none_or(|(tried, _)| *tried != index);
        (is_lone && is_new).then_some(index)
    }

    fn bring_back_lone(
        &mut self,
        index: usize,
        context: &Context<'_>,
        listener: &mut dyn FnMut(&Event),
    ) {
        let (outcome, events) =
            context.keeping(|| bring_back_at_once(context, &self.plan.steps[index]));
        for event in events {
            listener(&event);
        }
        match outcome {
            Err(attempt) => self.tried = Some((index, attempt)),
            Ok(outcome) => {
                self.order.start(index);
                let event = Event::Finished(Box::new(outcome));
                self.take(&event, context);
                listener(&event);
            }
        }
    }

    fn start_what_may_start<'s, 'c: 's>(&mut self, workers: &mut Workers<'s, 'c>)
    where
        'p: 'c,
    {
        while self.order.running().len() < self.request.concurrency.max(1) && !self.is_over() {
            let Some(index) = self.order.ready().first().copied() else {
                return;
            };
            let streams = self.streams(index);
            self.order.start(index);
            let running = self.order.running().len();
            let tried = self.tried.take_if(|(tried, _)| *tried == index);
            let attempt = tried.map_or_else(Box::default, |(_, attempt)| attempt);
            workers.start((&self.plan.steps[index], streams, attempt), running);
        }
    }

    /// Where the output of the step that is started now goes.
    fn streams(&self, index: usize) -> Streams {
        use CachePolicy::{Disabled, Enabled};
        let is_only_one = self.plan.steps.len() == 1;
        match (
            self.request.terminal,
            self.plan.steps[index].invocation.cache,
        ) {
            (Terminal::OfSteps, Disabled) => Streams::Inherited,
            (Terminal::OfWhoRunsAlone, Disabled) if self.runs_alone(index) => Streams::Inherited,
            (_, Enabled) if !self.is_watched => Streams::Captured,
            // What is shown as it comes, with nothing in between, may be drawn.
            (Terminal::OfSteps, Enabled) if self.runs_alone(index) => Streams::Shown,
            (Terminal::OfWhoRunsAlone, Enabled) if is_only_one => Streams::Shown,
            (_, Enabled) => Streams::Captured,
            (_, Disabled) => Streams::Shown,
        }
    }

    /// Whether nothing runs, and nothing will until this step is over: all that waits needs it.
    fn runs_alone(&self, index: usize) -> bool {
        if !self.order.running().is_empty() {
            return false;
        }
        let waiting = self.order.waiting();
        let mut needing = BTreeSet::from([index]);
        for waiting in waiting {
            // What a step needs stands before it in the plan.
            let after = &self.plan.steps[*waiting].after;
            if after.iter().any(|before| needing.contains(before)) {
                needing.insert(*waiting);
            }
        }
        waiting.iter().all(|waiting| needing.contains(waiting))
    }

    /// Whether nothing more is started.
    fn is_over(&self) -> bool {
        let stops = self.failed.is_some() && self.request.on_failure == OnFailure::Stop;
        stops || self.interrupted.is_some()
    }

    fn skip_what_never_will(&mut self, listener: &mut dyn FnMut(&Event)) {
        let next = |this: &Self| match this.is_over() {
            true => this.order.waiting().first().copied(),
            false => this.order.first_in_vain(),
        };
        while let Some(index) = next(self) {
            self.order.skip(index);
            let planned = &self.plan.steps[index];
            let mut needed = planned.after.iter();
            let outcome = StepOutcome {
                status: Status::Skipped,
                waited_for: needed.find_map(|before| {
                    let outcome = self.outcomes[*before].as_ref()?;
                    (!succeeded(outcome)).then(|| outcome.step.clone())
                }),
                ..StepOutcome::of(&planned.invocation)
            };
            listener(&Event::Finished(Box::new(outcome.clone())));
            self.outcomes[index] = Some(outcome);
        }
    }

    fn receive(
        &mut self,
        message: Message,
        context: &Context<'_>,
        listener: &mut dyn FnMut(&Event),
    ) {
        // The other kind only wants to be dropped.
        if let Message::Event(mut event) = message {
            if let Event::Finished(outcome) = &mut event
                && outcome.status == Status::Failed
                && self.is_over()
            {
                outcome.status = Status::Cancelled;
            }
            self.take(&event, context);
            listener(&event);
        }
    }

    fn take(&mut self, event: &Event, context: &Context<'_>) {
        let Event::Finished(outcome) = event else {
            return;
        };
        // Of a step that is planned twice, what was started first.
        let steps = &self.plan.steps;
        let mut running = self.order.running().iter();
        let index = running.find(|index| steps[**index].invocation.step == outcome.step);
        let index = *index.expect("only what was started ends");
        let end = match succeeded(outcome) {
            true => End::Succeeded,
            false => End::NotSucceeded,
        };
        self.order.end(index, end);
        self.outcomes[index] = Some(outcome.as_ref().clone());
        if outcome.status == Status::Failed && !self.is_over() {
            self.failed.get_or_insert(outcome.exit_code.unwrap_or(1));
            if self.request.on_failure == OnFailure::Stop {
                context.cancel.stop(SignalKind::terminate().as_raw_value());
                self.patience_ends = Some(tokio::time::Instant::now() + PATIENCE);
            }
        }
    }

    fn interrupt(&mut self, number: i32, context: &Context<'_>) {
        if number != SignalKind::interrupt().as_raw_value() {
            self.patience_ends = Some(tokio::time::Instant::now() + PATIENCE);
        }
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

fn succeeded(outcome: &StepOutcome) -> bool {
    matches!(outcome.status, Status::Hit | Status::Ran)
}

fn has_failed(message: &Message) -> bool {
    matches!(message, Message::Event(Event::Finished(outcome)) if outcome.status == Status::Failed)
}
