//! Runs a command under `strace` and reads the log.
//!
//! With `-xx` every byte of a name is written in hexadecimal and with `-X raw` every flag is a
//! number, so that a log has one reading only, whatever files are called.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

mod call;

pub use call::{Call, Descriptor, Outcome};

/// What is traced: whatever takes a path, lists a directory, changes an open file's attributes, or
/// decides which process means what by a descriptor or a relative name.
const TRACED: &str = "trace=%file,%process,getdents,getdents64,fchmod,fchown,fsetxattr,\
    fremovexattr,bind,connect,inotify_add_watch,name_to_handle_at,fchdir,unshare,dup,dup2,dup3,\
    fcntl,close,close_range,memfd_create";

/// Longer than any path; names are never cut.
const LONGEST: &str = "4200";

/// One thing that the log says, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The call with this index was made.
    Begin(usize),
    /// The call with this index came back.
    End(usize),
}

/// A log, read.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The calls, in the order in which they were made.
    pub calls: Vec<Call>,
    /// When they began and ended.
    pub steps: Vec<Step>,
}

/// Runs a command under `strace` with the same arguments, environment, directory and user, and
/// says how it ended and what the log is. What it says on standard error goes to `words`.
///
/// # Errors
/// When `strace` can't be run or its log can't be read.
///
/// # Panics
/// When the log has a line that can't be read: a comparison with half a log proves nothing.
pub fn run(command: &Command, words: File, log: &Path) -> io::Result<(ExitStatus, Log)> {
    let mut traced = Command::new("strace");
    traced
        .args(["--seccomp-bpf", "-f", "-y", "-xx", "-X", "raw"])
        .args(["-s", LONGEST, "-e", TRACED, "-e", "signal=none"])
        // The tracker answers so: what would go through the ring is done by calls instead.
        .args(["-e", "inject=io_uring_setup:error=ENOSYS", "-o"])
        .arg(log)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(words);
    if let Some(directory) = command.get_current_dir() {
        traced.current_dir(directory);
    }
    traced.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            traced.env(name, value);
        }
    }
    let status = traced.status()?;
    Ok((status, read(&fs::read_to_string(log)?)))
}

/// Reads a log.
///
/// # Panics
/// When there is a line that can't be read.
#[must_use]
pub fn read(text: &str) -> Log {
    let mut reader = Reader::default();
    for line in text.lines() {
        reader
            .line(line)
            .unwrap_or_else(|| panic!("a line of the log can't be read: {line}"));
    }
    reader.finish()
}

/// Joins calls that were interrupted in the log by others.
#[derive(Default)]
struct Reader {
    log: Log,
    /// The text so far of the unfinished calls, by thread.
    unfinished: HashMap<u32, (usize, String)>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Option<()> {
        let (thread, rest) = line.split_once(char::is_whitespace)?;
        let thread: u32 = thread.parse().ok()?;
        let rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix("+++ ") {
            self.ended(thread, rest);
            return Some(());
        }
        if rest.starts_with("--- ") {
            return Some(());
        }
        if let Some(rest) = rest.strip_prefix("<... ") {
            let (_, tail) = rest.split_once(" resumed>")?;
            let (index, mut text) = self.unfinished.remove(&thread)?;
            text.push_str(tail);
            self.log.calls[index] = Call::parse(thread, &text)?;
            self.log.steps.push(Step::End(index));
            return Some(());
        }
        let index = self.log.calls.len();
        self.log.steps.push(Step::Begin(index));
        if let Some(head) = rest.strip_suffix(" <unfinished ...>") {
            self.log.calls.push(Call::parse_unfinished(thread, head)?);
            self.unfinished.insert(thread, (index, head.to_owned()));
        } else {
            self.log.calls.push(Call::parse(thread, rest)?);
            self.log.steps.push(Step::End(index));
        }
        Some(())
    }

    /// A thread is gone. One that executes a program takes over the number of its process.
    fn ended(&mut self, thread: u32, how: &str) {
        let successor = how
            .strip_prefix("superseded by execve in pid ")
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u32>().ok());
        if let Some(successor) = successor
            && let Some(unfinished) = self.unfinished.remove(&successor)
        {
            self.unfinished.insert(thread, unfinished);
        } else {
            self.unfinished.remove(&thread);
        }
    }

    fn finish(self) -> Log {
        self.log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted_calls_are_joined_where_they_end() {
        let log = read(
            "7 openat(-100<\\x2f>, \"\\x61\", 0x80000 <unfinished ...>\n\
             8 unlink(\"\\x62\")                    = 0\n\
             8 +++ exited with 0 +++\n\
             7 <... openat resumed>)             = 3<\\x2f\\x61>\n",
        );
        assert_eq!(log.calls.len(), 2);
        assert_eq!(
            log.steps,
            [Step::Begin(0), Step::Begin(1), Step::End(1), Step::End(0)]
        );
        let opened = &log.calls[0];
        assert_eq!((opened.name.as_str(), opened.thread), ("openat", 7));
        assert_eq!(opened.text(1), Some(b"a".to_vec()));
        assert_eq!(opened.number(2), Some(0x80000));
        assert_eq!(
            opened.opened().and_then(|descriptor| descriptor.path),
            Some(b"/a".to_vec())
        );
    }

    #[test]
    fn a_thread_that_executes_a_program_takes_over_the_number_of_its_process() {
        let log = read(
            "9 execve(\"\\x2f\\x61\", [\"\\x61\"], 0x7ffc /* 1 var */ <unfinished ...>\n\
             7 +++ superseded by execve in pid 9 +++\n\
             7 <... execve resumed>)             = 0\n",
        );
        assert_eq!(log.steps, [Step::Begin(0), Step::End(0)]);
        assert_eq!(log.calls[0].thread, 7);
        assert!(log.calls[0].succeeded());
    }

    #[test]
    #[should_panic(expected = "can't be read")]
    fn a_line_that_makes_no_sense_is_not_passed_over() {
        let _ = read("7 whatever\n");
    }
}
