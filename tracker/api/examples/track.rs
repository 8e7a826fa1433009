//! Runs a command and says which paths it and everything it started touched.
//!
//! ```text
//! cargo run -p vt-tracker --example track -- [OPTIONS] [--] COMMAND [ARGUMENTS…]
//!
//! --paths          one line for each path: what was there, how it was looked at, how it changed; and
//!                  for each variable that was asked for beside those in the environment
//! --json           as JSON
//! --report FILE    to a file instead of standard error
//! --root DIR       digest files below here before they change; default: the current directory
//! --demand NAME=VALUE
//!                  a variable that programs get by asking for it by name
//! --no-preload     without the library that saves stops
//! --grace SECONDS  how long processes may outlive the command; default: 2
//! ```
//!
//! Ends as the command does: with its exit code, or 128 and the number of the signal. It is not a
//! shell: the command gets a process group of its own, but not the terminal.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use vt_tracker::{Killer, Options, spawn};

#[path = "track/json.rs"]
mod json;
#[path = "track/report.rs"]
mod report;

/// What was asked for.
struct Asked {
    form: report::Form,
    report: Option<PathBuf>,
    roots: Vec<PathBuf>,
    grace: Duration,
    demand: BTreeMap<OsString, OsString>,
    preload: bool,
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let result = parse(std::env::args_os().skip(1)).and_then(|asked| run(&asked));
    result.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "track: {error}");
        ExitCode::from(127)
    })
}

/// Reads the arguments.
fn parse(arguments: impl Iterator<Item = OsString>) -> io::Result<Asked> {
    let mut arguments = arguments;
    let mut asked = Asked {
        form: report::Form::default(),
        report: None,
        roots: Vec::new(),
        grace: Duration::from_secs(2),
        demand: BTreeMap::new(),
        preload: true,
        command: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || {
            let missing = || invalid(&format!("`{}` needs a value", argument.display()));
            arguments.next().ok_or_else(missing)
        };
        match argument.to_str() {
            Some("--paths") => asked.form.paths = true,
            Some("--json") => asked.form.json = true,
            Some("--report") => asked.report = Some(value()?.into()),
            Some("--demand") => {
                let value = value()?;
                let text = value.to_str().and_then(|text| text.split_once('='));
                let (name, value) =
                    text.ok_or_else(|| invalid("`--demand` needs a name and a value"))?;
                asked.demand.insert(name.into(), value.into());
            }
            Some("--no-preload") => asked.preload = false,
            Some("--root") => asked.roots.push(value()?.into()),
            Some("--grace") => {
                let seconds = value()?.to_str().and_then(|text| text.parse().ok());
                asked.grace = seconds
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .ok_or_else(|| invalid("`--grace` needs a number of seconds"))?;
            }
            Some("--") => break,
            Some(option) if option.starts_with('-') => {
                return Err(invalid(&format!("unknown option `{option}`")));
            }
            _ => {
                asked.command.push(argument);
                break;
            }
        }
    }
    asked.command.extend(arguments);
    if asked.command.is_empty() {
        return Err(invalid("no command; see the head of `examples/track.rs`"));
    }
    if asked.roots.is_empty() {
        asked.roots.push(std::env::current_dir()?);
    }
    Ok(asked)
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn run(asked: &Asked) -> io::Result<ExitCode> {
    let mut command = Command::new(&asked.command[0]);
    command.args(&asked.command[1..]);
    let expected = Signals::hold_back(&mut command);
    let options = Options {
        roots: asked.roots.clone(),
        grace: asked.grace,
        preload: asked.preload,
        demand: asked.demand.clone(),
        ..Options::default()
    };
    let start = Instant::now();
    let child = spawn(command, options)?;
    expected.pass_on(child.killer());
    let tracked = child.wait()?;
    let wall = start.elapsed();
    match &asked.report {
        Some(file) => {
            let mut file = io::BufWriter::new(std::fs::File::create(file)?);
            report::write(&mut file, &tracked, wall, asked.form)?;
            file.flush()?;
        }
        None => {
            let mut text = Vec::new();
            report::write(&mut text, &tracked, wall, asked.form)?;
            io::stderr().write_all(&text)?;
        }
    }
    Ok(code(tracked.status))
}

fn code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// The signals that a terminal or another process sends to end or wake a command.
struct Signals(libc::sigset_t);

impl Signals {
    /// Holds them back in this thread and those it starts, but not in the command.
    fn hold_back(command: &mut Command) -> Self {
        // SAFETY: the sets are filled in before they are used, and belong to this frame.
        let (set, former) = unsafe {
            let mut set = std::mem::zeroed();
            let mut former = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
                libc::sigaddset(&raw mut set, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut former);
            (set, former)
        };
        let restore = move || {
            // SAFETY: the set is a copy that the closure owns; the call may be made after a fork.
            unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const former, std::ptr::null_mut());
            }
            Ok(())
        };
        // SAFETY: what runs between fork and exec is that one call, which allocates nothing.
        unsafe { command.pre_exec(restore) };
        Self(set)
    }

    /// Passes them on to the command's process group, from now on.
    fn pass_on(self, killer: Killer) {
        std::thread::spawn(move || {
            let mut signal = 0;
            // SAFETY: both pointers lead into this frame.
            while unsafe { libc::sigwait(&raw const self.0, &raw mut signal) } == 0 {
                killer.kill(signal);
            }
        });
    }
}
