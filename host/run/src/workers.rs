//! The threads that steps work on: as many as ever ran at once, each used again and again.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use vt_plan::PlannedStep;

use crate::at_once::Attempt;
use crate::context::Context;
use crate::event::Event;
use crate::spawn::Streams;
use crate::task::run_step;

/// A step to run, where its output goes, and what is known of it.
type Job<'c> = (&'c PlannedStep, Streams, Box<Attempt<'c>>);

/// The threads. They end when this is dropped, each after the step it is at.
pub(crate) struct Workers<'s, 'c> {
    scope: &'s Scope<'s, 'c>,
    context: &'c Context<'c>,
    jobs: Sender<Job<'c>>,
    queue: Arc<Mutex<Receiver<Job<'c>>>>,
    count: usize,
}

impl<'s, 'c: 's> Workers<'s, 'c> {
    pub(crate) fn new(scope: &'s Scope<'s, 'c>, context: &'c Context<'c>) -> Self {
        let (jobs, queue) = channel();
        Self {
            scope,
            context,
            jobs,
            queue: Arc::new(Mutex::new(queue)),
            count: 0,
        }
    }

    /// Starts a step, which makes it so many that run now.
    pub(crate) fn start(&mut self, job: Job<'c>, running: usize) {
        let sent = self.jobs.send(job);
        sent.expect("the queue lives as long as this does");
        // Who has told that its step is over takes the next one at once.
        if self.count < running {
            self.count += 1;
            let (context, queue) = (self.context, Arc::clone(&self.queue));
            self.scope.spawn(move || {
                while let Some((planned, streams, attempt)) = next(&queue) {
                    let outcome = run_step(context, planned, streams, *attempt);
                    context.tell(Event::Finished(Box::new(outcome)));
                }
            });
        }
    }
}

/// The next step, as soon as there is one; none when there will be no more.
fn next<'c>(queue: &Mutex<Receiver<Job<'c>>>) -> Option<Job<'c>> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.recv().ok()
}
