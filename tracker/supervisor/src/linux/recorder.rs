//! Remembers of each path what has been told already, and tells what is new.
//!
//! A change is told before it takes effect. When another thread looks at the path meanwhile, the
//! disk decides which came first; if it can't tell, the look did.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use vt_tracker_abi::{
    Access, Asked, Blindness, Change, Creation, Event, Kind, Look, Looks, Order, PathHashing,
    ServiceAddress, StartDigest, State, Tier,
};

use crate::sink::{Options, Sink};
use crate::system::digest;
use crate::system::makings::Makings;
use crate::system::place::{is_below, is_kernel_path};
use crate::system::tracee;

/// How many distinct paths are kept.
const MOST_PATHS: usize = 4_000_000;

/// What has been told of one path.
#[derive(Default)]
struct Row {
    looks: Looks,
    changes: u8,
    /// Whether it was told to be replaced.
    is_replaced: bool,
    /// Whether the first look that found out what is there found a directory.
    was_directory: bool,
    /// What that look found.
    mark: Option<NonZeroU64>,
    unconfirmed: Option<Box<Unconfirmed>>,
}

/// A first change that may not have taken effect yet.
struct Unconfirmed {
    thread: u32,
    /// The number of the call that makes it.
    call: u64,
    before: State,
}

/// Whether the bytes are worth a digest when the path changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Digesting {
    /// If somebody read them, or the change keeps them.
    Wanted,
    /// Too many files change at once.
    Skipped,
}

/// Remembers of each path what has been told already, and tells what is new.
pub(crate) struct Recorder {
    rows: HashMap<Box<[u8]>, Row, PathHashing>,
    sink: Box<dyn Sink>,
    roots: Vec<Vec<u8>>,
    /// Not told of.
    library: Option<Vec<u8>>,
    thread: u32,
    calls: u64,
    last_calls: HashMap<u32, u64, PathHashing>,
    makings: Makings,
    /// The sockets that listened at any time, by inode.
    listening: HashSet<u64>,
    /// The services that have been told, in the form of what was told.
    services: BTreeSet<String>,
    is_full: bool,
}

impl Recorder {
    pub(crate) fn new(sink: Box<dyn Sink>, options: &Options) -> Self {
        Self {
            rows: HashMap::default(),
            sink,
            roots: real_roots(options),
            library: options.library.as_deref().map(real_bytes),
            thread: 0,
            calls: 0,
            last_calls: HashMap::default(),
            makings: Makings::default(),
            listening: HashSet::new(),
            services: BTreeSet::new(),
            is_full: false,
        }
    }

    /// Adds a directory below which the bytes are digested before they change.
    pub(crate) fn add_root(&mut self, root: &Path) {
        self.roots.push(real_bytes(root));
    }

    /// Notes that a thread makes a call; what is told from now on belongs to it.
    pub(crate) fn begin(&mut self, thread: u32) {
        self.calls += 1;
        self.thread = thread;
        self.last_calls.insert(thread, self.calls);
        self.makings.settle(thread);
    }

    /// Whether the tree has changed what is at a real path, or is about to.
    pub(crate) fn has_changed(&self, path: &[u8]) -> bool {
        self.rows.get(path).is_some_and(Row::has_changed_bytes)
    }

    /// Notes a look at a real path.
    pub(crate) fn look(&mut self, path: &[u8], look: Look, state: State) {
        let Some(row) = self.rows.get_mut(path) else {
            if let Some(row) = self.row(path) {
                row.looks.insert(look);
                let _ = row.finds_another(look, &state);
                let event = Event::Looked {
                    look,
                    order: Order::InSequence,
                };
                self.sink.access(&Access { path, state, event });
            }
            return;
        };
        if row.finds_another(look, &state) {
            let event = Event::Replaced;
            self.sink.access(&Access { path, state, event });
        }
        if row.looks.contains(look) {
            return;
        }
        let mut order = Order::InSequence;
        if row.has_changed_bytes() {
            let is_done = row.unconfirmed.as_ref().is_none_or(|unconfirmed| {
                unconfirmed.thread == self.thread
                    || self
                        .last_calls
                        .get(&unconfirmed.thread)
                        .is_some_and(|last| *last > unconfirmed.call)
                    || unconfirmed.before != state
            });
            if is_done {
                row.unconfirmed = None;
            } else {
                order = Order::BeforeFirstChange;
            }
            // What others put into a directory is there whoever made it.
            if is_done && look != Look::List {
                return;
            }
        }
        row.looks.insert(look);
        self.sink.access(&Access {
            path,
            state,
            event: Event::Looked { look, order },
        });
    }

    /// Notes that a real path is about to be changed.
    pub(crate) fn change(
        &mut self,
        path: &[u8],
        change: Change,
        state: State,
        creation: Creation,
        digesting: Digesting,
    ) {
        if !self.rows.contains_key(path) && self.row(path).is_none() {
            return;
        }
        let is_inside = self.roots.iter().any(|root| is_below(path, root));
        let row = self
            .rows
            .get_mut(path)
            .expect("the row was made just above");
        let bit = 1 << change as u8;
        if row.changes & bit != 0 {
            return;
        }
        let start = if is_inside && digesting == Digesting::Wanted && row.wants_digest(change) {
            digest::start(path, &state)
        } else {
            StartDigest::NotTaken
        };
        if !row.has_changed_bytes() && change.touches_bytes() {
            let (thread, call) = (self.thread, self.calls);
            row.unconfirmed = Some(Box::new(Unconfirmed {
                thread,
                call,
                before: state,
            }));
        }
        row.changes |= bit;
        self.sink.access(&Access {
            path,
            state,
            event: Event::Changed {
                change,
                start,
                creation,
            },
        });
    }

    /// Notes that a directory is about to be made where there is nothing.
    pub(crate) fn make_directory(&mut self, path: &[u8]) {
        self.make(path);
        for path in self.makings.add(self.thread, path) {
            self.make(&path);
        }
    }

    /// Notes that something is about to be made at a real path whose parent is not there. Another
    /// thread may make that before this is tried.
    pub(crate) fn make_below_nothing(&mut self, path: &[u8]) {
        self.look(path, Look::Miss, State::Missing);
        for path in self.makings.add_below_nothing(self.thread, path) {
            self.make(&path);
        }
    }

    fn make(&mut self, path: &[u8]) {
        let (state, digesting) = (State::Missing, Digesting::Wanted);
        self.change(path, Change::Fresh, state, Creation::Any, digesting);
    }

    /// Notes the execution of a program.
    pub(crate) fn program(&mut self, given: &[u8], real: &[u8]) {
        self.sink.program(given, real);
    }

    /// Notes that an environment variable was asked for.
    pub(crate) fn variable(&mut self, name: &[u8], asked: Asked) {
        self.sink.variable(name, asked);
    }

    /// Notes that a socket is about to listen.
    pub(crate) fn listen(&mut self, socket: u64) {
        self.listening.insert(socket);
    }

    /// Whether it was one of these processes that had a socket listen.
    pub(crate) fn listens(&self, socket: u64) -> bool {
        self.listening.contains(&socket)
    }

    /// Whether it was told that a service is used.
    pub(crate) fn knows_service(&self, address: ServiceAddress<'_>) -> bool {
        self.services.contains(&format!("{address:?}"))
    }

    /// Notes that a service is used, and the name of its program.
    pub(crate) fn service(&mut self, address: ServiceAddress<'_>, program: Option<&[u8]>) {
        if self.services.insert(format!("{address:?}")) {
            self.sink.service(address, program);
        }
    }

    /// Tells how the tree is watched.
    pub(crate) fn tier(&mut self, tier: Tier) {
        self.sink.tier(tier);
    }

    /// Notes that something may be lacking.
    pub(crate) fn blind(&mut self, reason: Blindness) {
        self.sink.blind(reason);
    }

    /// Notes that something may be lacking because of a program.
    pub(crate) fn blame(&mut self, reason: Blindness, program: &[u8]) {
        self.sink.blind(reason);
        if !program.is_empty() {
            self.sink.culprit(reason, program);
        }
    }

    /// A program of the tree that is still running; empty if none can be found.
    pub(crate) fn running(&self) -> Vec<u8> {
        let mut threads: Vec<(u64, u32)> = self
            .last_calls
            .iter()
            .map(|(thread, call)| (*call, *thread))
            .collect();
        threads.sort_unstable();
        let programs = threads
            .iter()
            .rev()
            .map(|(_, thread)| tracee::program(*thread));
        programs
            .into_iter()
            .find(|program| !program.is_empty())
            .unwrap_or_default()
    }

    /// Gives back whom to tell of the end, and how many calls there were.
    pub(crate) fn into_sink(self) -> (Box<dyn Sink>, u64) {
        (self.sink, self.calls)
    }

    /// Makes the row of a path that has none; none if the path is not kept.
    fn row(&mut self, path: &[u8]) -> Option<&mut Row> {
        if is_kernel_path(path) || self.library.as_deref() == Some(path) {
            return None;
        }
        if self.rows.len() >= MOST_PATHS {
            if !self.is_full {
                self.is_full = true;
                self.sink
                    .blind(Blindness::TooManyRecords { limit: MOST_PATHS });
            }
            return None;
        }
        Some(self.rows.entry(path.into()).or_default())
    }
}

/// The real paths of the roots.
pub(crate) fn real_roots(options: &Options) -> Vec<Vec<u8>> {
    options.roots.iter().map(|root| real_bytes(root)).collect()
}

/// The real path of a root; the path itself if it can't be found out.
fn real_bytes(root: &Path) -> Vec<u8> {
    let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    real.as_os_str().as_bytes().to_vec()
}

impl Row {
    /// Whether it was changed otherwise than in its attributes.
    const fn has_changed_bytes(&self) -> bool {
        const METADATA: u8 = 1 << Change::Metadata as u8;
        self.changes & !METADATA != 0
    }

    /// Whether a look finds, for the first time, something else than the looks before it, and the
    /// tree did not put it there. Of a directory only a listing depends on which one it is.
    fn finds_another(&mut self, look: Look, state: &State) -> bool {
        // What may not be looked at is not told apart.
        if self.changes != 0 || self.is_replaced || look == Look::Denied {
            return false;
        }
        let (mark, is_directory) = (state.mark(), state.kind() == Some(Kind::Directory));
        let Some(first) = self.mark else {
            self.mark = Some(mark);
            self.was_directory = is_directory;
            return false;
        };
        let is_alike = self.was_directory && is_directory && look != Look::List;
        self.is_replaced = first != mark && !is_alike;
        self.is_replaced
    }

    fn wants_digest(&self, change: Change) -> bool {
        let saw = |looks: &[Look]| looks.iter().any(|look| self.looks.contains(*look));
        let was_read = saw(&[Look::Read, Look::Execute, Look::Link]);
        !self.has_changed_bytes()
            && match change {
                Change::Keeps | Change::Append => true,
                // What is written over after a mere look is worth remembering, too.
                Change::Fresh => was_read || saw(&[Look::Probe]),
                Change::Delete => was_read,
                Change::Metadata => false,
            }
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
