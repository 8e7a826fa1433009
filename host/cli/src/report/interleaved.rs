//! Shows output as it comes, whoever it comes from.
//!
//! Not a byte is changed, but that what a step left unfinished is ended before another one writes.

use std::collections::BTreeSet;

use vt_base::StepId;
use vt_run::{Event, Stream};

use crate::report::names::Names;
use crate::report::screen::Screen;
use crate::report::{Listener, status_line};

/// Shows output as it comes.
#[derive(Default)]
pub(crate) struct Interleaved {
    names: Names,
    finished: BTreeSet<StepId>,
    /// Who wrote last to each stream.
    last: [Option<StepId>; 2],
}

impl Interleaved {
    fn output(&mut self, screen: &mut Screen, step: &StepId, stream: Stream, bytes: &[u8]) {
        let last = &mut self.last[match stream {
            Stream::Out => 0,
            Stream::Err => 1,
        }];
        if last.as_ref() != Some(step) {
            if last
                .as_ref()
                .is_some_and(|last| self.finished.contains(last))
            {
                screen.end_line(stream);
            }
            *last = Some(step.clone());
        }
        screen.show(stream, bytes);
    }
}

impl Listener for Interleaved {
    fn take(&mut self, screen: &mut Screen, event: &Event) {
        match event {
            Event::Planned { steps } => self.names = Names::of(steps),
            Event::Output {
                step,
                stream,
                bytes,
            } => self.output(screen, step, *stream, bytes),
            event => {
                if let Event::Finished(outcome) = event {
                    self.finished.insert(outcome.step.clone());
                }
                if let Some(text) = status_line(&self.names, event) {
                    screen.say(&text);
                }
            }
        }
    }
}
