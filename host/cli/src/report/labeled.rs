//! Shows output line by line, each line with the name of its task.

use std::collections::BTreeMap;

use vt_base::StepId;
use vt_run::{Event, Stream};

use crate::report::lines::Lines;
use crate::report::names::{Names, full};
use crate::report::screen::Screen;
use crate::report::{Listener, status_line};

/// Shows output line by line.
#[derive(Default)]
pub(crate) struct Labeled {
    names: Names,
    lines: BTreeMap<StepId, [Lines; 2]>,
}

impl Labeled {
    fn output(&mut self, screen: &mut Screen, step: &StepId, stream: Stream, bytes: Option<&[u8]>) {
        let label = screen.bracketed(stream, &full(step), self.names.number(step));
        let lines = &mut self.lines.entry(step.clone()).or_default()[match stream {
            Stream::Out => 0,
            Stream::Err => 1,
        }];
        let mut show = |line: &[u8]| {
            screen.show(stream, &[label.as_bytes(), line].concat());
        };
        match bytes {
            Some(bytes) => lines.add(bytes, &mut show),
            None => lines.finish(&mut show),
        }
    }
}

impl Listener for Labeled {
    fn take(&mut self, screen: &mut Screen, event: &Event) {
        match event {
            Event::Planned { steps } => self.names = Names::of(steps),
            Event::Output {
                step,
                stream,
                bytes,
            } => self.output(screen, step, *stream, Some(bytes)),
            event => {
                if let Event::Finished(outcome) = event {
                    for stream in [Stream::Out, Stream::Err] {
                        self.output(screen, &outcome.step, stream, None);
                    }
                    self.lines.remove(&outcome.step);
                }
                if let Some(text) = status_line(&self.names, event) {
                    screen.say(&text);
                }
            }
        }
    }
}
