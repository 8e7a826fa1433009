//! The two streams of this process, and what they can show.

use std::io::{self, Write};
use std::os::fd::AsFd;

use anstyle::{AnsiColor, Style};
use vt_run::Stream;

use crate::report::colour::Colours;
use crate::settings::{Look, Looks};

/// The colours that tell tasks apart.
const OF_TASKS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Red,
];

/// Where a run is shown. A terminal that has gone away changes nothing about the run, so what
/// can't be written is dropped.
pub(crate) struct Screen {
    out: Shown<io::Stdout>,
    err: Shown<io::Stderr>,
    /// Whether both streams end up at the same place.
    is_joined: bool,
    /// Whether what was shown last on a stream ended in the middle of a line.
    mid_line: [bool; 2],
    /// What is to be written at one go.
    held: Option<Vec<u8>>,
}

/// A stream of this process.
struct Shown<S> {
    stream: S,
    look: Look,
    colours: Colours,
}

impl<S: Write> Shown<S> {
    fn new(stream: S, look: Look) -> Self {
        Self {
            stream,
            look,
            colours: match look {
                Look::Coloured => Colours::Kept,
                Look::Plain => Colours::dropped(),
            },
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }
}

/// Whether two streams are the same file, pipe or terminal.
fn is_same(one: &impl AsFd, other: &impl AsFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

impl Screen {
    pub(crate) fn new(looks: Looks) -> Self {
        Self {
            out: Shown::new(io::stdout(), looks.out),
            err: Shown::new(io::stderr(), looks.err),
            is_joined: is_same(&io::stdout(), &io::stderr()),
            mid_line: [false; 2],
            held: None,
        }
    }

    /// Writes at one go what is shown meanwhile, where both streams end up at the same place: so a
    /// terminal never shows half of it, and is not woken for each piece.
    pub(crate) fn at_one_go(&mut self, show: impl FnOnce(&mut Self)) {
        if self.is_joined {
            self.held = Some(Vec::new());
        }
        show(self);
        if let Some(held) = self.held.take().filter(|held| !held.is_empty()) {
            let _ = self.err.write(&held);
        }
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        match (&mut self.held, stream) {
            (Some(held), _) => {
                held.extend_from_slice(bytes);
                Ok(())
            }
            (None, Stream::Out) => self.out.write(bytes),
            (None, Stream::Err) => self.err.write(bytes),
        }
    }

    /// Passes on what a step wrote.
    pub(crate) fn show(&mut self, stream: Stream, bytes: &[u8]) {
        let passed = match stream {
            Stream::Out => self.out.colours.pass(bytes),
            Stream::Err => self.err.colours.pass(bytes),
        };
        let written = self.write(stream, &passed);
        if let (Ok(()), Some(last)) = (written, bytes.last()) {
            let place = self.place(stream);
            self.mid_line[place] = *last != b'\n';
        }
    }

    /// Ends the line of a stream, if it is not.
    pub(crate) fn end_line(&mut self, stream: Stream) {
        if self.mid_line[self.place(stream)] {
            self.show(stream, b"\n");
        }
    }

    /// Where the state of a stream is kept.
    const fn place(&self, stream: Stream) -> usize {
        match stream {
            Stream::Err if !self.is_joined => 1,
            _ => 0,
        }
    }

    /// Says something of `vt`'s own, as a line of standard error.
    pub(crate) fn say(&mut self, text: &str) {
        self.end_line(Stream::Err);
        let _ = self.write(Stream::Err, format!("{text}\n").as_bytes());
    }

    /// Writes to standard error what must not be touched.
    pub(crate) fn draw(&mut self, text: &str) {
        let _ = self.write(Stream::Err, text.as_bytes());
    }

    /// A name in brackets, in a colour of its own where there are any.
    pub(crate) fn bracketed(&self, stream: Stream, name: &str, number: usize) -> String {
        let look = match stream {
            Stream::Out => self.out.look,
            Stream::Err => self.err.look,
        };
        match look {
            Look::Plain => format!("[{name}] "),
            Look::Coloured => {
                let style = Style::new().fg_color(Some(OF_TASKS[number % OF_TASKS.len()].into()));
                format!("{style}[{name}]{style:#} ")
            }
        }
    }

    /// How wide standard error is.
    pub(crate) fn columns(&self) -> usize {
        const FALLBACK: usize = 80;
        rustix::termios::tcgetwinsize(&self.err.stream)
            .map_or(FALLBACK, |size| usize::from(size.ws_col))
            .max(1)
    }
}
