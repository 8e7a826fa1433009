//! Shows a run as it happens: the output of steps as it comes, `vt`'s own words on standard error.

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use vt_base::StepId;
use vt_run::{Event, Finished, Status, StepOutcome, Stream, Verdict};

use crate::args::Color;
use crate::report::colour::Colours;
use crate::report::wording;

/// Shows a run as it happens.
pub(crate) struct Reporter {
    out: Shown<io::Stdout>,
    err: Shown<io::Stderr>,
    /// Whether tasks of several packages run, so that their names need the package.
    with_package: bool,
    /// Whether what was shown last ended in the middle of a line of a terminal.
    mid_line: bool,
}

/// A stream of this process, and what it can show.
struct Shown<S> {
    stream: S,
    is_terminal: bool,
    colours: Colours,
}

impl<S: Write> Shown<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(&self.colours.pass(bytes))?;
        self.stream.flush()
    }
}

impl Reporter {
    pub(crate) fn new(color: Color, recursive: bool) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let colours = |auto: ColorChoice| match (color, auto) {
            (Color::Always, _) => Colours::Kept,
            (Color::Auto, auto) if auto != ColorChoice::Never => Colours::Kept,
            _ => Colours::dropped(),
        };
        let out_colours = colours(AutoStream::choice(&out));
        let err_colours = colours(AutoStream::choice(&err));
        Self {
            out: Shown {
                is_terminal: out.is_terminal(),
                stream: out,
                colours: out_colours,
            },
            err: Shown {
                is_terminal: err.is_terminal(),
                stream: err,
                colours: err_colours,
            },
            with_package: recursive,
            mid_line: false,
        }
    }

    /// Shows one event. A terminal that has gone away changes nothing about the run.
    pub(crate) fn take(&mut self, event: &Event) {
        match event {
            Event::Decided {
                step,
                command,
                verdict,
            } => {
                let label = self.label(step);
                self.say(&match verdict {
                    Verdict::Hit { restored, saved } => {
                        wording::hit(&label, command, *restored, *saved)
                    }
                    Verdict::Run(whys) => wording::running(&label, command, whys),
                });
            }
            Event::Output { stream, bytes, .. } => self.show(*stream, bytes),
            Event::Finished(outcome) => self.finished(outcome),
            Event::Notice(text) => self.say(&format!("vt: {text}")),
        }
    }

    fn finished(&mut self, outcome: &StepOutcome) {
        let label = self.label(&outcome.step);
        match outcome.status {
            Status::Hit => {}
            Status::Skipped => self.say(&wording::skipped(&label)),
            Status::Cancelled => self.say(&wording::cancelled(&label)),
            Status::Failed => self.say(&wording::failed(&label, outcome)),
            Status::Ran => {
                if let Some(text) = wording::not_stored(&label, outcome) {
                    self.say(&text);
                }
            }
        }
    }

    /// Says how all of it went, if it was more than one step.
    pub(crate) fn finish(&mut self, finished: &Finished) {
        if finished.steps.len() > 1 {
            self.say(&wording::total(finished));
        }
    }

    fn label(&self, step: &StepId) -> String {
        if self.with_package {
            format!("{}#{}", step.package, step.task)
        } else {
            step.task.clone()
        }
    }

    fn show(&mut self, stream: Stream, bytes: &[u8]) {
        let (written, is_terminal) = match stream {
            Stream::Out => (self.out.write(bytes), self.out.is_terminal),
            Stream::Err => (self.err.write(bytes), self.err.is_terminal),
        };
        if written.is_ok() && is_terminal {
            self.mid_line = bytes.last().is_some_and(|byte| *byte != b'\n');
        }
    }

    fn say(&mut self, text: &str) {
        if std::mem::take(&mut self.mid_line) && self.err.is_terminal {
            let _ = self.err.stream.write_all(b"\n");
        }
        let _ = writeln!(self.err.stream, "{text}");
    }
}
