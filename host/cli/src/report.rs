//! How a run is shown: while it goes on, and as data afterwards.
//!
//! Whoever shows a run listens to its events and to nothing else.

mod colour;
pub(crate) mod draw;
mod grouped;
pub(crate) mod history;
mod interleaved;
mod labeled;
mod lines;
pub(crate) mod live;
mod names;
mod reasons;
pub(crate) mod screen;
pub(crate) mod summary;
pub(crate) mod trace;
pub(crate) mod wording;

use vt_run::{Event, Status, Verdict};

use crate::args::Log;
use crate::report::names::Names;
use crate::report::screen::Screen;
use crate::report::summary::Summary;
use crate::settings::Looks;

/// How much is said about steps in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Details {
    /// What the run came to, in a line.
    Compact,
    /// Everything about every step.
    Full,
}

/// One way to show what happens.
trait Listener {
    /// Shows one event.
    fn take(&mut self, screen: &mut Screen, event: &Event);
}

/// Shows a run.
pub(crate) struct Reporter {
    screen: Screen,
    listener: Box<dyn Listener>,
}

impl Reporter {
    pub(crate) fn new(looks: Looks, log: Log) -> Self {
        Self {
            screen: Screen::new(looks),
            listener: match log {
                Log::Interleaved => Box::<interleaved::Interleaved>::default(),
                Log::Labeled => Box::<labeled::Labeled>::default(),
                Log::Grouped => Box::<grouped::Grouped>::default(),
                Log::Live => Box::new(live::Live::new()),
            },
        }
    }

    /// Shows one event.
    pub(crate) fn take(&mut self, event: &Event) {
        self.listener.take(&mut self.screen, event);
    }

    /// Says how all of it went: of a single step that has all been said.
    pub(crate) fn finish(&mut self, summary: &Summary, details: Details) {
        match details {
            Details::Full => {
                for line in wording::details(summary) {
                    self.screen.say(&line);
                }
            }
            Details::Compact if summary.steps.len() > 1 => {
                for line in wording::compact(summary) {
                    self.screen.say(&line);
                }
            }
            Details::Compact => {}
        }
    }
}

/// What is said of an event, besides the output of steps.
fn status_line(names: &Names, event: &Event) -> Option<String> {
    match event {
        Event::Planned { .. } | Event::Output { .. } | Event::Terminal { .. } | Event::Pulse => {
            None
        }
        Event::Decided {
            step,
            command,
            verdict,
        } => {
            let label = names.short(step);
            Some(match verdict {
                Verdict::Hit {
                    restored,
                    removed,
                    saved,
                } => wording::hit(&label, command, (*restored, *removed), *saved),
                Verdict::Run(whys) => wording::running(&label, command, whys),
            })
        }
        Event::Finished(outcome) => {
            let label = names.short(&outcome.step);
            match outcome.status {
                Status::Hit => None,
                Status::Skipped => {
                    let other = outcome.waited_for.as_ref().map(|step| names.short(step));
                    Some(wording::skipped(&label, other.as_deref()))
                }
                Status::Cancelled => Some(wording::cancelled(&label)),
                Status::Failed => Some(wording::failed(&label, outcome)),
                Status::Ran => wording::not_stored(&label, outcome),
            }
        }
        Event::Notice(text) => Some(format!("vt: {text}")),
    }
}
