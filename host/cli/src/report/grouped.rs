//! Shows the output of a step when the step is over, in one piece.
//!
//! Until then it waits in memory, and what is too much for that in a temporary file.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, Write as _};

use tempfile::SpooledTempFile;
use vt_base::StepId;
use vt_run::{Event, Stream};

use crate::report::names::{Names, full};
use crate::report::screen::Screen;
use crate::report::{Listener, status_line, wording};

/// Output of more than this, in bytes, waits in a file.
const IN_MEMORY: usize = 1 << 20;

/// Shows the output of a step when the step is over.
#[derive(Default)]
pub(crate) struct Grouped {
    names: Names,
    waiting: BTreeMap<StepId, Waiting>,
}

/// What waits to be shown: pieces of output, each behind a byte for its stream and its length as
/// 32 bits little-endian.
struct Waiting {
    spool: SpooledTempFile,
    said: Vec<String>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            spool: SpooledTempFile::new(IN_MEMORY),
            said: Vec::new(),
        }
    }
}

impl Waiting {
    fn add(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(u32::MAX as usize) {
            let length = u32::try_from(piece.len()).expect("chunks fit 32 bits");
            self.spool.write_all(&[u8::from(stream == Stream::Err)])?;
            self.spool.write_all(&length.to_le_bytes())?;
            self.spool.write_all(piece)?;
        }
        Ok(())
    }

    /// Shows everything, the last line ended.
    fn show(&mut self, screen: &mut Screen) -> io::Result<()> {
        let length = self.spool.stream_position()?;
        self.spool.rewind()?;
        let mut ended = [true; 2];
        while self.spool.stream_position()? < length {
            let mut head = [0; 5];
            self.spool.read_exact(&mut head)?;
            let [number, rest @ ..] = head;
            let mut piece = vec![0; u32::from_le_bytes(rest) as usize];
            self.spool.read_exact(&mut piece)?;
            ended[usize::from(number)] = piece.last() == Some(&b'\n');
            screen.show(stream(number), &piece);
        }
        for (number, ended) in (0..).zip(ended) {
            if !ended {
                screen.show(stream(number), b"\n");
            }
        }
        Ok(())
    }
}

const fn stream(number: u8) -> Stream {
    match number {
        0 => Stream::Out,
        _ => Stream::Err,
    }
}

impl Listener for Grouped {
    fn take(&mut self, screen: &mut Screen, event: &Event) {
        match event {
            Event::Planned { steps } => self.names = Names::of(steps),
            Event::Output {
                step,
                stream,
                bytes,
            } => {
                let waiting = self.waiting.entry(step.clone()).or_default();
                // What finds no room is shown rather than lost.
                if waiting.add(*stream, bytes).is_err() {
                    screen.show(*stream, bytes);
                }
            }
            Event::Decided { step, .. } => {
                let text = status_line(&self.names, event);
                let waiting = self.waiting.entry(step.clone()).or_default();
                waiting.said.extend(text);
            }
            Event::Finished(outcome) => {
                if let Some(mut waiting) = self.waiting.remove(&outcome.step) {
                    screen.say(&wording::group(&full(&outcome.step)));
                    for text in &waiting.said {
                        screen.say(text);
                    }
                    if let Err(error) = waiting.show(screen) {
                        screen.say(&wording::lost_output(&full(&outcome.step), &error));
                    }
                }
                if let Some(text) = status_line(&self.names, event) {
                    screen.say(&text);
                }
            }
            event => {
                if let Some(text) = status_line(&self.names, event) {
                    screen.say(&text);
                }
            }
        }
    }
}
