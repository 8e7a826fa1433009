//! Shows lines as they are complete, and below them a block that says what runs right now.
//!
//! The block is drawn again whenever something happens and every now and then, and is taken away
//! before anything else is shown. Nothing of it is left in the end, nor while a step has the
//! terminal. Knows nothing about when it is wanted: on terminals only.

use std::time::Instant;

use unicode_width::UnicodeWidthChar as _;
use vt_base::StepId;
use vt_run::{Event, Status};

use crate::report::interleaved::Interleaved;
use crate::report::labeled::Labeled;
use crate::report::names::{Names, full};
use crate::report::screen::Screen;
use crate::report::{Listener, wording};

/// How many running steps are named.
const NAMED: usize = 6;

/// Shows lines and a block below them.
pub(crate) struct Live {
    lines: Box<dyn Listener>,
    names: Names,
    began: Instant,
    running: Vec<(StepId, Instant)>,
    counts: wording::Counts,
    /// How many lines the block has that is on the screen.
    drawn: usize,
    /// Whether a step writes past us.
    is_given_away: bool,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            lines: Box::<Labeled>::default(),
            names: Names::default(),
            began: Instant::now(),
            running: Vec::new(),
            counts: wording::Counts::default(),
            drawn: 0,
            is_given_away: false,
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Planned { steps } => {
                self.names = Names::of(steps);
                self.counts.all = steps.len();
                // Lines of the only step need no names.
                if steps.len() == 1 {
                    self.lines = Box::<Interleaved>::default();
                }
            }
            Event::Decided { step, verdict, .. } => {
                if matches!(verdict, vt_run::Verdict::Run(_)) {
                    self.running.push((step.clone(), Instant::now()));
                }
            }
            Event::Terminal { .. } => self.is_given_away = true,
            Event::Finished(outcome) => {
                self.is_given_away = false;
                self.running.retain(|(step, _)| *step != outcome.step);
                self.counts.done += 1;
                match outcome.status {
                    Status::Hit => self.counts.hits += 1,
                    Status::Failed => self.counts.failed += 1,
                    Status::Ran | Status::Skipped | Status::Cancelled => {}
                }
            }
            Event::Output { .. } | Event::Notice(_) | Event::Pulse => {}
        }
    }

    fn erase(&mut self, screen: &mut Screen) {
        if self.drawn > 0 {
            screen.draw(&format!("\r\u{1b}[{}A\u{1b}[J", self.drawn));
            self.drawn = 0;
        }
    }

    fn draw(&mut self, screen: &mut Screen) {
        let is_worth_it = self.names.count() > 1 && !self.running.is_empty();
        if !is_worth_it || self.is_given_away {
            return;
        }
        let mut lines: Vec<String> = self
            .running
            .iter()
            .take(NAMED)
            .map(|(step, since)| wording::live_step(&full(step), since.elapsed()))
            .collect();
        if self.running.len() > NAMED {
            lines.push(wording::live_more(self.running.len() - NAMED));
        }
        lines.push(wording::live_total(&self.counts, self.began.elapsed()));
        let columns = screen.columns();
        let text: String = lines
            .iter()
            .flat_map(|line| [cut(line, columns), "\n"])
            .collect();
        screen.draw(&text);
        self.drawn = lines.len();
    }
}

/// As much of a line as fits a width.
pub(crate) fn cut(line: &str, columns: usize) -> &str {
    let mut width = 0;
    for (at, character) in line.char_indices() {
        width += character.width().unwrap_or(0);
        if width >= columns {
            return &line[..at];
        }
    }
    line
}

impl Listener for Live {
    fn take(&mut self, screen: &mut Screen, event: &Event) {
        screen.at_one_go(|screen| {
            self.erase(screen);
            self.note(event);
            self.lines.take(screen, event);
            self.draw(screen);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_by_what_they_take_on_the_screen() {
        assert_eq!(cut("abcdef", 10), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc");
        assert_eq!(cut("日本語", 4), "日");
        assert_eq!(cut("日本語", 5), "日本");
    }
}
