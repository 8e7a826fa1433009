//! A command on a terminal: what it shows there, what is typed, what it ends as.
//!
//! The terminal is a real one of the kernel, the controlling one of the command's session; what it would show is worked
//! out by an emulator.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use pty_process::blocking::Pty;

use crate::call::Outcome;

/// How large the terminal is.
const ROWS: NonZeroU16 = NonZeroU16::new(40).expect("not zero");
/// How large the terminal is.
const COLUMNS: NonZeroU16 = NonZeroU16::new(100).expect("not zero");
const PATIENCE: Duration = Duration::from_secs(60);

/// A command that runs on a terminal.
pub struct Terminal {
    line: String,
    child: Child,
    keyboard: Arc<Pty>,
    received: Receiver<Vec<u8>>,
    raw: Vec<u8>,
    emulator: vt100::Parser,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` shows:\n{}", self.line, self.screen())
    }
}

impl Terminal {
    pub(crate) fn start(
        line: String,
        command: pty_process::blocking::Command,
    ) -> pty_process::Result<Self> {
        let (pty, side) = pty_process::blocking::open()?;
        pty.resize(pty_process::Size::new(ROWS.get(), COLUMNS.get()))?;
        let child = command.spawn(side)?;
        let pty = Arc::new(pty);
        let (sender, received) = channel();
        let reader = Arc::clone(&pty);
        // Reading ends with an error once nobody holds the other side.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = (&*reader).read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            line,
            child,
            keyboard: pty,
            received,
            raw: Vec::new(),
            emulator: vt100::Parser::new(ROWS, COLUMNS, 0),
        })
    }

    /// The process id, for signals.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types something. `\u{3}` is Ctrl-C, `\r` is Enter, `\u{1b}` is Escape.
    ///
    /// # Panics
    ///
    /// If the terminal is gone.
    pub fn type_in(&self, keys: &str) {
        (&*self.keyboard)
            .write_all(keys.as_bytes())
            .expect("the terminal is there");
    }

    /// What is on the screen now, without empty lines at the end.
    #[must_use]
    pub fn screen(&self) -> String {
        self.emulator.screen().contents().trim_end().to_owned()
    }

    /// Waits until the screen is as wished.
    ///
    /// # Panics
    ///
    /// If it does not become so, or the command ends before.
    pub fn wait_until(&mut self, wished: &str, is_so: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !is_so(&self.screen()) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            match self.received.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("no {wished} on the screen ({error}):\n{}", self.screen()),
            }
        }
    }

    /// Waits until the screen shows a text.
    ///
    /// # Panics
    ///
    /// As [`Terminal::wait_until`].
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.emulator.process(bytes);
    }

    /// Waits for the end. `stdout` of the outcome is the screen, `stderr` every byte that came.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn finish(mut self) -> Outcome {
        let start = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(start.elapsed());
            match self.received.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    drop(self.child.kill());
                    panic!("`{}` does not end:\n{}", self.line, self.screen());
                }
            }
        }
        let status = self.child.wait().expect("our own child can be waited for");
        Outcome {
            line: self.line.clone(),
            exit_code: status
                .code()
                .or_else(|| status.signal().map(|signal| 128 + signal))
                .unwrap_or(-1),
            stdout: self.screen().into_bytes(),
            stderr: self.raw,
            summary: None,
            processes: None,
        }
    }
}
