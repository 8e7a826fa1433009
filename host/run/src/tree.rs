//! The processes of a step: the one that was started, and whatever came of it.
//!
//! A process belongs to a step if its ancestors lead to the one that was started, if it is in the
//! process group that was made for it, or if its environment holds the mark that only this step
//! was given; the last finds what made itself a daemon. A process is held by a descriptor before
//! it is signalled, so that a number that was given to somebody else meanwhile hits nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How often the processes are looked through for such as were started meanwhile.
const ROUNDS: usize = 5;

/// How often, and how long apart, they are looked through for such as were just becoming another
/// program.
const UNSURE_ROUNDS: usize = 100;
const UNSURE_PAUSE: Duration = Duration::from_millis(1);

/// Whose process group a step is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    /// One that was made for it.
    Own,
    /// That of `vt`.
    Shared,
}

/// A process as it is told from a later one with the same number.
type Name = (u32, u64);

/// The processes of a step.
pub(crate) struct Tree {
    leader: Name,
    group: Group,
    /// What stands in the environment of this step's processes and of nobody else's.
    mark: Option<Vec<u8>>,
    /// Whom a signal was sent to.
    signalled: Mutex<BTreeMap<Name, OwnedFd>>,
}

/// What `/proc` says of a process.
struct Facts {
    parent: u32,
    group: u32,
    start: u64,
    /// Whether it has ended, and only waits for its parent to ask how.
    is_over: bool,
    /// Whether it has memory of its own, as all have but those of the kernel.
    has_memory: bool,
}

/// Who belongs to a step.
#[derive(Default)]
struct Members {
    certain: BTreeSet<Name>,
    /// Whether somebody may belong to it of whom nothing can be said yet.
    is_unsure: bool,
}

/// What the environment of a process says.
enum Mark {
    /// It was started by this step.
    Own,
    Another,
    /// There is none to be read: it was given none, or it is just becoming another program.
    Unknown,
}

fn facts(process: u32) -> Option<Facts> {
    /// The numbers of the fields that say when a process was started and how much memory it has,
    /// and of the third one.
    const START: usize = 22;
    const MEMORY: usize = 23;
    const STATE: usize = 3;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name comes second and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Facts {
        is_over: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(START - STATE)?.parse().ok()?,
        has_memory: *fields.get(MEMORY - STATE)? != "0",
    })
}

/// The environment that a process was given. What is read in one go is all of one program: between
/// two reads another one may take its place, and then the first part is all there is.
fn environment(process: u32) -> io::Result<Vec<u8>> {
    const AT_FIRST: usize = 64 * 1024;
    let mut file = fs::File::open(format!("/proc/{process}/environ"))?;
    let mut bytes = vec![0; AT_FIRST];
    loop {
        let length = file.read(&mut bytes)?;
        if length < bytes.len() {
            bytes.truncate(length);
            return Ok(bytes);
        }
        file.rewind()?;
        bytes.resize(bytes.len() * 2, 0);
    }
}

/// Everybody who is alive, but for this process.
fn everybody() -> BTreeMap<u32, Facts> {
    let own = std::process::id();
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| *process != own)
        .filter_map(|process| Some((process, facts(process)?)))
        .collect()
}

impl Tree {
    /// The tree of a process that has just been started and was not waited for yet.
    pub(crate) fn new(leader: u32, group: Group, mark: Option<(&OsStr, &OsStr)>) -> Self {
        let start = facts(leader).map_or(0, |facts| facts.start);
        Self {
            leader: (leader, start),
            group,
            mark: mark
                .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat()),
            signalled: Mutex::default(),
        }
    }

    /// Sends a signal, by number, to each process of the tree, once.
    pub(crate) fn signal(&self, number: i32) {
        let Some(signal) = Signal::from_named_raw(number) else {
            return;
        };
        let mut sent: BTreeSet<Name> = BTreeSet::new();
        let mut rounds = ROUNDS;
        let mut unsure_rounds = UNSURE_ROUNDS;
        while rounds > 0 {
            let Members { certain, is_unsure } = self.members();
            let new: Vec<Name> = certain.difference(&sent).copied().collect();
            if !new.is_empty() {
                rounds -= 1;
            } else if is_unsure && unsure_rounds > 0 {
                unsure_rounds -= 1;
                std::thread::sleep(UNSURE_PAUSE);
            } else {
                return;
            }
            for name in new {
                self.send(name, signal);
                sent.insert(name);
            }
        }
    }

    /// Ends what is left of a tree that was told to stop and whose first process is gone.
    pub(crate) fn finish(&self) {
        self.signal(Signal::KILL.as_raw());
        let signalled = self.lock();
        for descriptor in signalled.values() {
            // Who is gone can't be signalled any more.
            let _ = pidfd_send_signal(descriptor, Signal::KILL);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, OwnedFd>> {
        self.signalled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, (process, start): Name, signal: Signal) {
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        let Some(held) = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
            return;
        };
        // Held by now, so the number can't change hands any more: is it still the same process?
        if facts(process).is_some_and(|facts| facts.start == start) {
            let _ = pidfd_send_signal(&held, signal);
            self.lock().insert((process, start), held);
        }
    }

    fn members(&self) -> Members {
        let everybody = everybody();
        let (leader, start) = self.leader;
        let leads = everybody
            .get(&leader)
            .is_some_and(|facts| facts.start == start);
        let mut inside: BTreeMap<u32, bool> = BTreeMap::new();
        let mut members = Members::default();
        for (process, facts) in everybody.iter().filter(|(_, facts)| !facts.is_over) {
            let belongs = (leads && descends(&everybody, *process, leader, &mut inside))
                || (leads && self.group == Group::Own && facts.group == leader);
            match self.mark_of(*process) {
                _ if belongs => drop(members.certain.insert((*process, facts.start))),
                Mark::Own => drop(members.certain.insert((*process, facts.start))),
                Mark::Unknown => members.is_unsure |= facts.start >= start && facts.has_memory,
                Mark::Another => {}
            }
        }
        members
    }

    fn mark_of(&self, process: u32) -> Mark {
        let Some(mark) = &self.mark else {
            return Mark::Another;
        };
        let Ok(environment) = environment(process) else {
            return Mark::Another;
        };
        if environment.is_empty() {
            return Mark::Unknown;
        }
        let is_first = environment.starts_with(mark);
        let whole = [&[0], &mark[..]].concat();
        if is_first || memchr::memmem::find(&environment, &whole).is_some() {
            Mark::Own
        } else {
            Mark::Another
        }
    }
}

/// Whether the ancestors of a process lead to the leader.
fn descends(
    everybody: &BTreeMap<u32, Facts>,
    process: u32,
    leader: u32,
    known: &mut BTreeMap<u32, bool>,
) -> bool {
    if process == leader {
        return true;
    }
    if let Some(known) = known.get(&process) {
        return *known;
    }
    // Set before the parents are asked: processes come and go, and what was read may run in circles.
    known.insert(process, false);
    let descends = everybody
        .get(&process)
        .is_some_and(|facts| descends(everybody, facts.parent, leader, known));
    known.insert(process, descends);
    descends
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    /// Starts a shell that starts another process, and gives the number of the latter.
    fn start(script: &str, mark: &str) -> (std::process::Child, u32) {
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .env("VT_TREE_TEST", mark)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        (child, line.trim().parse().unwrap())
    }

    /// Waits until a process is gone: its descriptor says so.
    fn await_end(process: u32) {
        let pid = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
        let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        let mut waiting = [rustix::event::PollFd::new(
            &held,
            rustix::event::PollFlags::IN,
        )];
        let limit = rustix::event::Timespec {
            tv_sec: 20,
            tv_nsec: 0,
        };
        let ready = rustix::event::poll(&mut waiting, Some(&limit)).unwrap();
        assert_eq!(ready, 1, "process {process} is still there");
    }

    #[test]
    fn children_of_children_are_signalled() {
        let (mut child, grandchild) = start("sleep 1000 & echo $!; wait", "children");
        let tree = Tree::new(child.id(), Group::Shared, None);
        tree.signal(15);
        child.wait().unwrap();
        await_end(grandchild);
    }

    /// While a program takes the place of another, there is no environment to be read: a look at
    /// that moment must not be the last.
    #[test]
    fn a_daemon_that_is_just_becoming_another_program_is_found() {
        let mark = format!("becoming-{}", std::process::id());
        let script = "(setsid sh -c 'exec env env env env env sleep 1000' </dev/null >/dev/null 2>&1 & echo $!)";
        for _ in 0..20 {
            let (mut child, daemon) = start(script, &mark);
            child.wait().unwrap();
            let name = OsStr::new("VT_TREE_TEST");
            let tree = Tree::new(child.id(), Group::Own, Some((name, OsStr::new(&mark))));
            tree.finish();
            await_end(daemon);
        }
    }

    #[test]
    fn a_daemon_is_found_by_its_mark_and_others_are_left_alone() {
        let mark = format!("daemon-{}", std::process::id());
        let script = "(setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!)";
        let (mut child, daemon) = start(script, &mark);
        let (mut other, bystander) = start("exec 2>&1; echo $$; exec sleep 1000", "somebody else");
        child.wait().unwrap();
        let name = OsStr::new("VT_TREE_TEST");
        let tree = Tree::new(child.id(), Group::Own, Some((name, OsStr::new(&mark))));
        tree.finish();
        await_end(daemon);
        assert!(facts(bystander).is_some_and(|facts| !facts.is_over));
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
