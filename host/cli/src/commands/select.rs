//! The selector: a list of tasks on the terminal that shrinks while one types.
//!
//! It is drawn on standard error and read from standard input. Nothing of it is left on the
//! screen, and the terminal is as it was, however it ends.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::commands::choice::{Choice, fitting};
use crate::report::live::cut;
use crate::report::screen::Screen;
use crate::report::wording;

/// How many tasks are shown at once.
const PAGE: usize = 8;

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Letter(char),
    Up,
    Down,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-C, Ctrl-D, or no more input.
    Leave,
    Other,
}

/// The terminal without its usual services, for as long as this lives.
struct Raw {
    before: Termios,
}

impl Raw {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that has gone away needs nothing back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Lets somebody choose a task; `query` is what is typed already. None if they leave.
///
/// # Errors
/// When the terminal can't be used.
pub(crate) fn select(
    screen: &mut Screen,
    choices: &[Choice],
    query: &str,
) -> io::Result<Option<String>> {
    let raw = Raw::new()?;
    let mut selector = Selector {
        choices,
        query: query.to_owned(),
        at: 0,
        drawn: 0,
    };
    let chosen = loop {
        selector.draw(screen);
        match selector.press(key()?) {
            Pressed::Nothing => {}
            Pressed::Chosen(name) => break Some(name),
            Pressed::Left => break None,
        }
    };
    selector.erase(screen);
    drop(raw);
    Ok(chosen)
}

enum Pressed {
    Nothing,
    Chosen(String),
    Left,
}

struct Selector<'c> {
    choices: &'c [Choice],
    query: String,
    /// The place of the marked task among those that fit.
    at: usize,
    /// How many lines are on the screen above the cursor.
    drawn: usize,
}

impl Selector<'_> {
    fn press(&mut self, key: Key) -> Pressed {
        let found = fitting(self.choices, &self.query);
        match key {
            Key::Enter => {
                if let Some(choice) = found.get(self.at) {
                    return Pressed::Chosen(choice.name.clone());
                }
            }
            Key::Leave => return Pressed::Left,
            // What is typed first goes first.
            Key::Escape if self.query.is_empty() => return Pressed::Left,
            Key::Escape => self.type_anew(String::new()),
            Key::Up => self.at = self.at.saturating_sub(1),
            Key::Down => self.at = (self.at + 1).min(found.len().saturating_sub(1)),
            Key::Letter(letter) => self.type_anew(format!("{}{letter}", self.query)),
            Key::Backspace => {
                let mut query = self.query.clone();
                query.pop();
                self.type_anew(query);
            }
            Key::Other => {}
        }
        Pressed::Nothing
    }

    fn type_anew(&mut self, query: String) {
        self.query = query;
        self.at = 0;
    }

    fn erase(&mut self, screen: &mut Screen) {
        screen.draw(&match self.drawn {
            0 => "\r\u{1b}[J".to_owned(),
            lines => format!("\r\u{1b}[{lines}A\u{1b}[J"),
        });
        self.drawn = 0;
    }

    fn draw(&mut self, screen: &mut Screen) {
        self.erase(screen);
        let found = fitting(self.choices, &self.query);
        let start = self.at.saturating_sub(PAGE - 1);
        let columns = screen.columns();
        let mut lines = vec![wording::select_query(&self.query)];
        let page = found.iter().enumerate().skip(start).take(PAGE);
        lines.extend(page.map(|(index, choice)| {
            wording::select_line(&choice.name, &choice.command, index == self.at)
        }));
        let hidden = found.len().saturating_sub(start + PAGE);
        if found.is_empty() {
            lines.push(wording::select_none());
        } else if hidden > 0 {
            lines.push(wording::select_more(hidden));
        }
        let text: Vec<&str> = lines.iter().map(|line| cut(line, columns)).collect();
        screen.draw(&text.join("\r\n"));
        self.drawn = lines.len() - 1;
    }
}

/// The next byte; none at the end of input. Read past the buffer of the library: what lies in
/// there could not be waited for.
fn byte() -> io::Result<Option<u8>> {
    let mut one = [0];
    let count = rustix::io::retry_on_intr(|| rustix::io::read(io::stdin(), &mut one))?;
    Ok((count > 0).then_some(one[0]))
}

/// Whether more was typed: what a key sends comes in one piece.
fn has_more() -> io::Result<bool> {
    const PIECE: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 30_000_000,
    };
    let input = io::stdin();
    let mut waiting = [PollFd::new(&input, PollFlags::IN)];
    Ok(poll(&mut waiting, Some(&PIECE))? > 0)
}

fn key() -> io::Result<Key> {
    let Some(first) = byte()? else {
        return Ok(Key::Leave);
    };
    Ok(match first {
        b'\r' | b'\n' => Key::Enter,
        0x03 | 0x04 => Key::Leave,
        0x08 | 0x7f => Key::Backspace,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x1b => escaped()?,
        0x20..=0x7e => Key::Letter(char::from(first)),
        0x80.. => letter(first)?,
        _ => Key::Other,
    })
}

fn escaped() -> io::Result<Key> {
    if !has_more()? || !matches!(byte()?, Some(b'[' | b'O')) {
        return Ok(Key::Escape);
    }
    Ok(match byte()? {
        Some(b'A') => Key::Up,
        Some(b'B') => Key::Down,
        _ => Key::Other,
    })
}

/// A letter of several bytes.
fn letter(first: u8) -> io::Result<Key> {
    let length = first.leading_ones() as usize;
    let mut bytes = vec![first];
    while bytes.len() < length.min(4) {
        match byte()? {
            Some(next) => bytes.push(next),
            None => return Ok(Key::Leave),
        }
    }
    let letter = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.chars().next());
    Ok(letter.map_or(Key::Other, Key::Letter))
}
