//! Which session a thread belongs to.
//!
//! A process belongs where it was registered, or else where its parent does. A process whose parent
//! has ended is somebody else's child by then; for it the environment it was started with tells,
//! if it still has the variable. If nothing tells, the trace of every session may lack something.

use std::collections::HashMap;
use std::fs;

use vt_tracker_abi::{Endpoint, VARIABLE};

/// A process or thread as it is told from a later one with the same number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    /// When it was started, in clock ticks since boot.
    start: u64,
    session: u32,
}

/// What is known of which thread belongs to which session.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    known: HashMap<u32, Known>,
}

/// What `/proc` says of a thread.
struct Facts {
    process: u32,
    parent: u32,
    start: u64,
}

fn facts(thread: u32) -> Option<Facts> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    Some(Facts {
        process: field("Tgid:")?,
        parent: field("PPid:")?,
        start: start(thread)?,
    })
}

/// When a thread was started, in clock ticks since boot.
fn start(thread: u32) -> Option<u64> {
    const FIELD: usize = 22;
    let stat = fs::read_to_string(format!("/proc/{thread}/stat")).ok()?;
    // The name comes second and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(FIELD - 3)?.parse().ok()
}

impl Membership {
    /// Registers a process.
    pub(crate) fn enter(&mut self, thread: u32, session: u32) {
        if let Some(start) = start(thread) {
            self.known.insert(thread, Known { start, session });
        }
    }

    /// The session of a thread that is alive; none if it can't be found out.
    pub(crate) fn of(&mut self, thread: u32) -> Option<u32> {
        self.find(thread, 0)
    }

    fn find(&mut self, thread: u32, depth: u32) -> Option<u32> {
        const DEEPEST: u32 = 1000;
        if let Some(known) = self.known.get(&thread)
            && start(thread) == Some(known.start)
        {
            return Some(known.session);
        }
        if thread == std::process::id() {
            return Some(0);
        }
        if thread <= 1 || depth > DEEPEST {
            return None;
        }
        let facts = facts(thread)?;
        let next = if facts.process == thread {
            facts.parent
        } else {
            facts.process
        };
        let session = self
            .find(next, depth + 1)
            .or_else(|| of_environment(thread))?;
        let start = facts.start;
        self.known.insert(thread, Known { start, session });
        Some(session)
    }

    /// Whether a process of the session, or of one inside it, is alive.
    pub(crate) fn is_alive(&mut self, session: u32, is_inside: impl Fn(u32) -> bool) -> bool {
        let belongs = |found: u32| found == session || is_inside(found);
        let known = self.known.iter().any(|(thread, known)| {
            belongs(known.session) && is_running(*thread) && start(*thread) == Some(known.start)
        });
        known || self.find_others(belongs)
    }

    /// Looks for processes that have made no call yet.
    fn find_others(&mut self, belongs: impl Fn(u32) -> bool) -> bool {
        let Ok(entries) = fs::read_dir("/proc") else {
            return false;
        };
        let processes: Vec<u32> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        processes.into_iter().any(|process| {
            !self.known.contains_key(&process)
                && is_running(process)
                && self.of(process).is_some_and(&belongs)
        })
    }
}

/// Whether a process does something still, rather than waiting for its parent to ask how it ended.
fn is_running(process: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else {
        return false;
    };
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// The session that the environment of a process names.
fn of_environment(process: u32) -> Option<u32> {
    let environment = fs::read(format!("/proc/{process}/environ")).ok()?;
    let value = environment
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="))?;
    Some(Endpoint::parse(value)?.session)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_belongs_where_its_parent_does() {
        let mut membership = Membership::default();
        let mut child = Command::new("/bin/sh")
            .args(["-c", "exec 3<&0; /bin/cat <&3 & echo $!; wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
        let grandchild: u32 = line.trim().parse().unwrap();
        assert_eq!(membership.of(grandchild), Some(0));

        let mut membership = Membership::default();
        membership.enter(child.id(), 7);
        assert_eq!(membership.of(grandchild), Some(7));
        assert_eq!(membership.of(std::process::id()), Some(0));
        assert_eq!(membership.of(1), None);
        assert!(membership.is_alive(7, |_| false));
        assert!(!membership.is_alive(8, |_| false));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
