//! Makes of a log what should be reported of each path.
//!
//! A call takes effect in the model where it ended in the log: only from its result is it known
//! what it did. A new thread starts from what its maker had when it made it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use vt_tracker::Change;

use crate::expected::{Attempt, Expected, Look, There};
use crate::process::Processes;
use crate::resolve::{End, Place, Resolved, resolve};
use crate::strace::{Call, Log, Outcome, Step};
use crate::tree::{Content, Id, ROOT, Tree, join};

/// Works out what should be reported.
#[derive(Debug)]
pub struct Oracle {
    pub(crate) tree: Tree,
    pub(crate) processes: Processes,
    /// What each path went through.
    pub paths: BTreeMap<Vec<u8>, Expected>,
    /// How often which programs were executed: the path as given, and the real one.
    pub programs: BTreeMap<(Vec<u8>, Vec<u8>), u64>,
    /// Programs whose execution failed after they had been found.
    pub failed_programs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Paths of which one, it can't be said which, should be reported as refused.
    pub refusals: Vec<Vec<Vec<u8>>>,
    /// Where the model and the log contradict each other.
    pub doubts: Vec<String>,
}

/// What the kernel makes up as it is asked is nobody's input.
fn is_made_up(path: &[u8]) -> bool {
    let path = Path::new(OsStr::from_bytes(path));
    ["/proc", "/sys", "/dev"]
        .iter()
        .any(|root| path.starts_with(root))
}

impl Oracle {
    /// Reads in what is in the room; the command is about to be started in `directory`.
    ///
    /// # Panics
    /// When the directory is not there.
    #[must_use]
    pub fn new(room: &Path, directory: &Path) -> Self {
        let mut tree = Tree::with_room(room);
        let mut start = ROOT;
        for part in directory.components().skip(1) {
            start = tree
                .child(start, part.as_os_str().as_bytes())
                .expect("the directory is there");
        }
        Self {
            tree,
            processes: Processes::starting_in(start),
            paths: BTreeMap::new(),
            programs: BTreeMap::new(),
            failed_programs: Vec::new(),
            refusals: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// Goes through a log.
    pub fn replay(&mut self, log: &Log) {
        let makers = ["clone", "clone3", "fork", "vfork"];
        for step in &log.steps {
            match *step {
                Step::Begin(index) => {
                    let call = &log.calls[index];
                    self.note_closing(call);
                    if makers.contains(&call.name.as_str())
                        && let Outcome::Value(child) = call.outcome
                        && let Ok(child) = u32::try_from(child)
                    {
                        self.processes.fork(call, child);
                    }
                }
                Step::End(index) => {
                    self.note(&log.calls[index]);
                }
            }
        }
    }

    /// Resolves a name that a call gives, relative to the descriptor `directory` of the call, or to
    /// the current directory. Links on the way are noted.
    pub(crate) fn place(
        &mut self,
        call: &Call,
        directory: Option<usize>,
        name: &[u8],
        end: End,
    ) -> Place {
        let Some(start) = self.start(call, directory, name) else {
            return Place::Elsewhere;
        };
        if !matches!(self.tree.content(start), Content::Directory(_)) {
            return Self::below_a_file(call, directory, name);
        }
        let process = self.processes.process(call.thread);
        let Resolved { crossed, place } = resolve(&mut self.tree, process, start, name, end);
        for (path, id) in crossed {
            let kind = self.tree.kind(id);
            let look = match kind {
                vt_tracker::Kind::Link => Look::Link,
                _ => Look::Probed,
            };
            self.look(call, &path, There::Something(kind), look);
        }
        place
    }

    /// A name relative to a descriptor that is no directory.
    fn below_a_file(call: &Call, directory: Option<usize>, name: &[u8]) -> Place {
        let descriptor = directory.and_then(|index| call.descriptor(index));
        match descriptor.and_then(|descriptor| descriptor.path) {
            Some(path) => Place::Missing {
                path: join(&path, name),
                entry: None,
            },
            None => Place::Elsewhere,
        }
    }

    fn start(&mut self, call: &Call, directory: Option<usize>, name: &[u8]) -> Option<Id> {
        if name.starts_with(b"/") {
            return Some(ROOT);
        }
        let current = self.processes.process(call.thread).directory;
        let Some(descriptor) = directory.and_then(|index| call.descriptor(index)) else {
            return Some(current);
        };
        if descriptor.number == libc::AT_FDCWD {
            self.check_directory(call, current, descriptor.path.as_deref());
            return Some(current);
        }
        self.node_at(call, &descriptor.path?)
    }

    /// The log says where a thread is: so must the model.
    fn check_directory(&mut self, call: &Call, current: Id, said: Option<&[u8]>) {
        let path = self.tree.path(current);
        if path.as_deref() != said {
            self.doubts.push(format!(
                "{} of {}: the current directory is {:?}, not {:?}",
                call.name,
                call.thread,
                said.map(String::from_utf8_lossy),
                path.as_deref().map(String::from_utf8_lossy),
            ));
        }
    }

    /// The node at a real path.
    pub(crate) fn node_at(&mut self, call: &Call, path: &[u8]) -> Option<Id> {
        let process = self.processes.process(call.thread);
        match resolve(&mut self.tree, process, ROOT, path, End::Kept).place {
            Place::Found { id, .. } => Some(id),
            _ => None,
        }
    }

    pub(crate) fn there(&self, id: Id) -> There {
        There::Something(self.tree.kind(id))
    }

    fn expected(&mut self, call: &Call, path: &[u8], there: There) -> Option<&mut Expected> {
        if is_made_up(path) {
            return None;
        }
        let origin = || format!("{} {:?}", call.name, call.outcome);
        Some(
            self.paths
                .entry(path.to_vec())
                .or_insert_with(|| Expected::new(there, origin())),
        )
    }

    pub(crate) fn look(&mut self, call: &Call, path: &[u8], there: There, look: Look) {
        if let Some(expected) = self.expected(call, path, there) {
            expected.look(look);
        }
    }

    pub(crate) fn change(&mut self, call: &Call, path: &[u8], there: There, change: Change) {
        if let Some(expected) = self.expected(call, path, there) {
            expected.change(change, there, false);
        }
    }

    /// Something was made, which needs nothing to be there.
    pub(crate) fn make(&mut self, call: &Call, path: &[u8]) {
        if let Some(expected) = self.expected(call, path, There::Nothing) {
            expected.look(Look::Missed);
            expected.change(Change::Fresh, There::Nothing, true);
        }
    }

    /// A change failed for a reason that can't be foreseen.
    pub(crate) fn attempt(&mut self, call: &Call, path: &[u8], there: There, change: Change) {
        let error = call.error().unwrap_or_default().to_owned();
        let attempt = Attempt {
            change,
            call: call.name.clone(),
            error,
        };
        if let Some(expected) = self.expected(call, path, there) {
            expected.attempts.push(attempt);
        }
    }

    /// A look may be reported or not.
    pub(crate) fn tolerate(&mut self, call: &Call, path: &[u8], there: There, look: Look) {
        if let Some(expected) = self.expected(call, path, there) {
            expected.tolerated.push(look);
        }
    }

    /// A call made nothing at a path: that its directory is there may have decided that.
    pub(crate) fn tolerate_way(&mut self, call: &Call, path: &[u8]) {
        let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let directory = &path[..end.max(1)];
        if let Some(id) = self.node_at(call, directory) {
            let there = self.there(id);
            self.tolerate(call, directory, there, Look::Probed);
        }
    }

    /// Notes a look without an interest in the content, or that there was nothing to look at.
    pub(crate) fn probe(&mut self, call: &Call, place: &Place) {
        let error = call.error();
        match place {
            Place::Found { path, id, .. } | Place::NoDirectory { path, id } => {
                if error == Some("ENOENT") && matches!(place, Place::Found { .. }) {
                    self.doubt(call, path, "is there, but the call says it is not");
                }
                let there = self.there(*id);
                let look = match there {
                    There::Something(vt_tracker::Kind::Link) => Look::Link,
                    _ => Look::Probed,
                };
                self.look(call, path, there, look);
            }
            Place::Missing { path, .. } => match error {
                Some("ENOENT" | "ENOTDIR") => self.look(call, path, There::Nothing, Look::Missed),
                Some("EACCES" | "ENAMETOOLONG" | "ELOOP") => {
                    self.look(call, path, There::Unknown, Look::Denied);
                }
                Some(_) => self.tolerate(call, path, There::Nothing, Look::Missed),
                None => self.doubt(call, path, "is not there, but the call says it is"),
            },
            Place::Loop { path } => self.look(call, path, There::Unknown, Look::Denied),
            Place::Elsewhere => {}
        }
    }

    pub(crate) fn doubt(&mut self, call: &Call, path: &[u8], what: &str) {
        let path = String::from_utf8_lossy(path);
        let (name, outcome) = (&call.name, &call.outcome);
        self.doubts
            .push(format!("{name} {outcome:?}: {path} {what}"));
    }
}

#[cfg(test)]
#[path = "oracle_tests.rs"]
mod tests;
