//! One command in a sandbox: its words, its environment, and what came of it.
//!
//! Output goes to files, not pipes, so that a process left behind by a step cannot keep the harness waiting.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::error::{HarnessError, disk};
use crate::processes;
use crate::sandbox::{Sandbox, chain};
use crate::summary::{Status, Summary};
use crate::terminal::Terminal;
use crate::without_rule;

const PATIENCE: Duration = Duration::from_secs(180);

/// How closely a call is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// Exit code, output and summary.
    Plainly,
    /// Besides, under strace, which processes it starts.
    ForProcesses,
}

/// A command about to run.
#[derive(Debug, Clone)]
#[must_use]
pub struct Call<'a> {
    sandbox: &'a Sandbox,
    words: Vec<OsString>,
    directory: PathBuf,
    added: Vec<(OsString, OsString)>,
    watched: Watched,
    merged: bool,
}

/// A command that runs.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    summary: Option<PathBuf>,
    processes: Option<PathBuf>,
}

/// What came of a command.
#[derive(Debug, Clone)]
#[must_use]
pub struct Outcome {
    /// The command as it was written.
    pub line: String,
    /// Its exit code, 128+n for a signal.
    pub exit_code: i32,
    /// Raw bytes.
    pub stdout: Vec<u8>,
    /// Raw bytes.
    pub stderr: Vec<u8>,
    /// Of `vt run`, if it wrote one.
    pub summary: Option<Summary>,
    /// Processes it started, as strace lines; known for [`Watched::ForProcesses`] only.
    pub processes: Option<Vec<String>>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox, words: Vec<OsString>) -> Self {
        let directory = sandbox.root();
        Self {
            sandbox,
            words,
            directory,
            added: Vec::new(),
            watched: Watched::Plainly,
            merged: false,
        }
    }

    /// Adds a word.
    pub fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.added
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs in a directory below the root.
    pub fn directory(mut self, relative: &str) -> Self {
        self.directory = self.sandbox.path(relative);
        self
    }

    /// Looks as closely as this.
    pub fn watched(mut self, watched: Watched) -> Self {
        self.watched = watched;
        self
    }

    /// Gives both streams one file, so that `stdout` of the outcome shows their order.
    pub fn merged(mut self) -> Self {
        self.merged = true;
        self
    }

    /// Runs to the end.
    ///
    /// # Panics
    ///
    /// If the command cannot be started, does not end, or writes a summary that is not as documented.
    pub fn run(self) -> Outcome {
        self.try_run()
            .unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// Any [`HarnessError`]: the command could not be started, did not end, or wrote a summary that is not as documented.
    pub fn try_run(self) -> Result<Outcome, HarnessError> {
        self.try_start()?.try_finish()
    }

    /// Starts it and goes on.
    ///
    /// # Panics
    ///
    /// If the command cannot be started.
    #[must_use]
    pub fn start(self) -> Running {
        self.try_start()
            .unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// Starts it on a terminal of its own.
    ///
    /// # Panics
    ///
    /// If the command or the terminal cannot be had.
    #[must_use]
    pub fn on_terminal(self) -> Terminal {
        let line = self
            .words
            .join(OsStr::new(" "))
            .to_string_lossy()
            .into_owned();
        let command = pty_process::blocking::Command::new(self.program(&self.words[0]))
            .args(&self.words[1..])
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.sandbox.environment())
            .env("TERM", "xterm-256color")
            .envs(self.added.iter().map(|(name, value)| (name, value)));
        Terminal::start(line, command).unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    fn try_start(self) -> Result<Running, HarnessError> {
        let line = self
            .words
            .join(OsStr::new(" "))
            .to_string_lossy()
            .into_owned();
        let (stdout, stderr) = (self.sandbox.log("stdout"), self.sandbox.log("stderr"));
        let out = File::create(&stdout).map_err(disk("write", &stdout))?;
        let stderr = if self.merged { stdout.clone() } else { stderr };
        // Both ends append, else the streams of a merged call would overwrite each other.
        let open = |path: &Path| {
            OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map_err(disk("write", path))
        };
        drop(out);
        let (out, err) = (open(&stdout)?, open(&stderr)?);

        if self.words[0] == "vt" {
            without_rule::apply(&self.sandbox.root())?;
        }
        let mut words = self.words.clone();
        let summary = self.add_summary(&mut words);
        let program = self.program(&words[0]);
        let trace = (self.watched == Watched::ForProcesses).then(|| self.sandbox.log("processes"));
        let mut command = match &trace {
            Some(log) => processes::under_strace(log, &program),
            None => Command::new(&program),
        };
        let child = command
            .args(&words[1..])
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.sandbox.environment())
            .envs(self.added.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(disk("start", &program))?;
        Ok(Running {
            line,
            child,
            stdout,
            stderr,
            summary,
            processes: trace,
        })
    }

    fn program(&self, name: &OsStr) -> PathBuf {
        match name.to_str() {
            Some("vt") => self.sandbox.binaries().vt().to_path_buf(),
            Some("vtt") => self.sandbox.binaries().vtt().to_path_buf(),
            _ => PathBuf::from(name),
        }
    }

    /// `vt run` gets a `--summary-json` right behind `run`, since all that follows the task belongs to the task.
    fn add_summary(&self, words: &mut Vec<OsString>) -> Option<PathBuf> {
        let name = Path::new(words.first()?).file_name()?;
        let at = words
            .iter()
            .position(|word| word == "run")
            .filter(|_| name == "vt")?;
        // What runs nothing has nothing to sum up.
        let without = ["--summary-json", "--last-details", "--dry-run"];
        if words
            .iter()
            .any(|word| without.iter().any(|flag| word == flag))
        {
            return None;
        }
        let file = self.sandbox.log("summary.json");
        words.insert(at + 1, OsString::from("--summary-json"));
        words.insert(at + 2, file.clone().into_os_string());
        Some(file)
    }
}

impl Running {
    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// If it does not end, or writes a summary that is not as documented.
    pub fn finish(self) -> Outcome {
        self.try_finish()
            .unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// The process id, for signals.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it at once, as a power cut would.
    ///
    /// # Panics
    ///
    /// If it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }

    fn try_finish(mut self) -> Result<Outcome, HarnessError> {
        let status = self.wait()?;
        let read = |path: &Path| fs::read(path).map_err(disk("read", path));
        let summary = match &self.summary {
            Some(file) if file.exists() => {
                Some(Summary::parse(&String::from_utf8_lossy(&read(file)?))?)
            }
            _ => None,
        };
        let processes = match &self.processes {
            Some(log) => Some(processes::started(&String::from_utf8_lossy(&read(log)?))),
            None => None,
        };
        let stdout = read(&self.stdout)?;
        let stderr = if self.stdout == self.stderr {
            Vec::new()
        } else {
            read(&self.stderr)?
        };
        let exit_code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal))
            .unwrap_or(-1);
        Ok(Outcome {
            line: self.line,
            exit_code,
            stdout,
            stderr,
            summary,
            processes,
        })
    }

    fn wait(&mut self) -> Result<ExitStatus, HarnessError> {
        let start = Instant::now();
        let mut pause = Duration::from_micros(500);
        loop {
            if let Some(status) = self
                .child
                .try_wait()
                .map_err(disk("wait for", Path::new(&self.line)))?
            {
                return Ok(status);
            }
            if start.elapsed() > PATIENCE {
                drop(self.child.kill());
                drop(self.child.wait());
                return Err(HarnessError::TimedOut(self.line.clone()));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }
}

impl Outcome {
    /// The summary.
    ///
    /// # Panics
    ///
    /// If there is none, with what the command said instead.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        self.summary
            .as_ref()
            .unwrap_or_else(|| panic!("`{}` wrote no summary\n{}", self.line, self.said()))
    }

    /// How the only step ended.
    ///
    /// # Panics
    ///
    /// If there is no summary, or not one step in it.
    #[must_use]
    pub fn status(&self) -> Status {
        self.summary().only().status
    }

    /// The kinds of reasons for which the only step was not stored.
    ///
    /// # Panics
    ///
    /// As [`Outcome::status`].
    #[must_use]
    pub fn not_stored(&self) -> Vec<&str> {
        let reasons = &self.summary().only().not_stored;
        reasons.iter().map(|reason| reason.kind.as_str()).collect()
    }

    /// Says everything there is to say if the only step ended otherwise.
    ///
    /// # Panics
    ///
    /// If it did, and as [`Outcome::status`].
    pub fn expect(&self, status: Status) {
        let step = self.summary().only();
        assert_eq!(
            step.status,
            status,
            "{:?} {:?}\n{}",
            step.why,
            step.not_stored,
            self.said()
        );
    }

    /// Both streams, for messages.
    #[must_use]
    pub fn said(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "exit code {}\n--- stdout\n{}\n--- stderr\n{}",
            self.exit_code,
            text(&self.stdout),
            text(&self.stderr)
        )
    }

    /// Stdout as text.
    #[must_use]
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Stderr as text.
    #[must_use]
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}
