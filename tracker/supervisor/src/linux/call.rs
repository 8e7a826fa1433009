//! One stopped call: its arguments, the names in them, and what is noted of it.

use std::os::fd::BorrowedFd;

use rustix::fs::Access;
use vt_tracker_abi::{Blindness, Change, Creation, Kind, Look, ServiceAddress, State};

use crate::system::credentials;
use crate::system::listening::{Answering, answering};
use crate::system::memory::{self, MemoryError};
use crate::system::note::Notice;
use crate::system::place::{Last, Parent, Place, look_at, parent};
use crate::system::program;
use crate::system::recorder::Digesting;
use crate::system::resolve::Crossed;
use crate::system::tracee::{self, NoPath};
use crate::system::watch::Watch;

/// Why a call leaves nothing to note.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Skip {
    /// It names nothing that has a path, or is bound to fail.
    Nothing,
    /// It names a descriptor of a file that has no path any more, or never had one.
    Unnamed,
    /// What it names can't be found out.
    Unreadable,
}

impl From<MemoryError> for Skip {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Fault => Self::Nothing,
            MemoryError::Refused => Self::Unreadable,
        }
    }
}

impl From<NoPath> for Skip {
    fn from(error: NoPath) -> Self {
        match error {
            NoPath::None => Self::Nothing,
            NoPath::Removed(_) => Self::Unnamed,
            NoPath::Refused => Self::Unreadable,
        }
    }
}

/// A name as a call gives it, made absolute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name {
    pub(crate) bytes: Vec<u8>,
    /// How many of the bytes are a real path already.
    pub(crate) known: usize,
}

/// How a name ends. Calls that make, move or remove something go by that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// In a name of its own.
    Plain,
    /// In a slash after one: only a directory can be meant.
    Slash,
    /// In `.`, `..` or the root: nothing that can be made, moved or removed.
    Dots,
}

impl Name {
    /// How the name ends.
    pub(crate) fn ending(&self) -> Ending {
        let given = &self.bytes[self.known.min(self.bytes.len())..];
        let end = given.iter().rposition(|byte| *byte != b'/');
        let Some(end) = end else {
            return Ending::Dots;
        };
        let last = given[..=end].rsplit(|byte| *byte == b'/').next();
        match last {
            Some(b"." | b".." | b"") | None => Ending::Dots,
            _ if end + 1 < given.len() => Ending::Slash,
            _ => Ending::Plain,
        }
    }
}

/// What an empty name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Empty {
    /// Nothing: the call fails, or is about a descriptor whose opening was noted.
    Ignored,
    /// The file that the descriptor is open on.
    Descriptor,
}

impl Empty {
    /// What an empty name stands for in a call that changes or executes a file.
    pub(crate) const fn of(flags: i32) -> Self {
        if flags & libc::AT_EMPTY_PATH == 0 {
            Self::Ignored
        } else {
            Self::Descriptor
        }
    }
}

/// What a relative name that starts with `..` is, seen from the parent directory.
fn from_parent(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| *byte == b'/');
        let (part, after) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        match part {
            b".." => return Some(after),
            b"" | b"." if end.is_some() => rest = after,
            _ => return None,
        }
    }
}

/// Whether a call with these flags follows a link at the end of its name, if it does by default.
pub(crate) const fn last_of(flags: i32) -> Last {
    if flags & libc::AT_SYMLINK_NOFOLLOW == 0 {
        Last::Follow
    } else {
        Last::Keep
    }
}

/// Whoever can tell whether a thread still waits where it was stopped.
pub(crate) trait Stopped {
    /// Whether it does. If so, its thread is the one it was: what was read from its memory and
    /// its part of `/proc` was not a stranger's.
    fn still_waits(&self) -> bool;

    /// Answers the call in place of the kernel: with a descriptor, of which the caller gets a
    /// duplicate. Where that can't be done, the kernel answers.
    fn give(&self, _descriptor: BorrowedFd<'_>) {}

    /// Answers the call in place of the kernel: with an error number. Where that can't be done,
    /// the kernel answers.
    fn refuse(&self, _errno: i32) {}

    /// Whether a listener that the task itself installs would take calls before this tracker is
    /// told of them.
    fn yields_to_listeners(&self) -> bool {
        false
    }
}

/// One stopped call.
pub(crate) struct Call<'w> {
    pub(crate) name: &'static str,
    notice: Notice,
    stopped: &'w dyn Stopped,
    watch: &'w mut Watch,
}

impl<'w> Call<'w> {
    pub(crate) const fn new(
        name: &'static str,
        notice: Notice,
        stopped: &'w dyn Stopped,
        watch: &'w mut Watch,
    ) -> Self {
        Self {
            name,
            notice,
            stopped,
            watch,
        }
    }

    /// An argument as it is: an address or a length.
    pub(crate) const fn word(&self, index: usize) -> u64 {
        self.notice.arguments[index]
    }

    /// An argument as the kernel reads a descriptor or flags: its lower half.
    pub(crate) const fn number(&self, index: usize) -> i32 {
        self.notice.arguments[index] as i32
    }

    /// Reads memory of the caller.
    pub(crate) fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Skip> {
        memory::read(self.notice.thread, address, into)?;
        self.check()
    }

    /// The name at an address, relative to the current directory.
    pub(crate) fn name(&self, address: usize) -> Result<Name, Skip> {
        self.name_from(libc::AT_FDCWD, self.word(address), Empty::Ignored)
    }

    /// The name at an address, relative to a directory descriptor; both by index of argument.
    pub(crate) fn name_at(&self, directory: usize, address: usize) -> Result<Name, Skip> {
        self.name_from(self.number(directory), self.word(address), Empty::Ignored)
    }

    /// Like [`Call::name_at`], with a meaning for the empty name.
    pub(crate) fn name_or_descriptor(
        &self,
        directory: usize,
        address: usize,
        empty: Empty,
    ) -> Result<Name, Skip> {
        self.name_from(self.number(directory), self.word(address), empty)
    }

    fn name_from(&self, directory: i32, address: u64, empty: Empty) -> Result<Name, Skip> {
        if address == 0 && empty == Empty::Ignored {
            return Err(Skip::Nothing);
        }
        let text = if address == 0 {
            Vec::new()
        } else {
            memory::text(self.notice.thread, address)?.ok_or(Skip::Nothing)?
        };
        if text.is_empty() && empty == Empty::Ignored {
            return Err(Skip::Nothing);
        }
        self.absolute(directory, text)
    }

    /// Makes a name of text that the caller holds.
    pub(crate) fn absolute(&self, directory: i32, text: Vec<u8>) -> Result<Name, Skip> {
        if text.first() == Some(&b'/') {
            self.check()?;
            return Ok(Name {
                bytes: text,
                known: 0,
            });
        }
        let thread = self.notice.thread;
        let found = if directory == libc::AT_FDCWD {
            tracee::directory(thread)
        } else {
            tracee::descriptor(thread, directory)
        };
        self.check()?;
        let (mut bytes, text) = match found {
            // Nothing is found in it any more, but it still leads up.
            Err(NoPath::Removed(path)) => {
                let text = from_parent(&text).ok_or(Skip::Unnamed)?;
                (parent(&path).to_vec(), text)
            }
            found => (found?, text.as_slice()),
        };
        let known = bytes.len();
        if !text.is_empty() {
            bytes.push(b'/');
            bytes.extend_from_slice(text);
        }
        Ok(Name { bytes, known })
    }

    /// The name of what a descriptor is open on, by index of argument.
    pub(crate) fn descriptor(&self, index: usize) -> Result<Name, Skip> {
        let bytes = tracee::descriptor(self.notice.thread, self.number(index))?;
        self.check()?;
        let known = bytes.len();
        Ok(Name { bytes, known })
    }

    fn check(&self) -> Result<(), Skip> {
        if self.stopped.still_waits() {
            Ok(())
        } else {
            Err(Skip::Nothing)
        }
    }

    /// What a name leads to. Links on the way are noted.
    pub(crate) fn place(&mut self, name: &Name, last: Last) -> Place {
        let mut crossed: Vec<Crossed> = Vec::new();
        let thread = self.notice.thread;
        let place =
            self.watch
                .resolver
                .resolve(&name.bytes, name.known, last, thread, &mut crossed);
        for Crossed { path, state } in crossed {
            let look = match state.kind() {
                Some(Kind::Link) => Look::Link,
                _ => Look::Probe,
            };
            self.look(&path, look, state);
        }
        place
    }

    /// What is at a name itself: a link at its end is never followed, even if slashes come after.
    /// So do calls take names that make, move or remove something.
    pub(crate) fn entry(&mut self, name: &Name) -> Place {
        let bytes = &name.bytes;
        let end = bytes.iter().rposition(|byte| *byte != b'/');
        let length = end.map_or(0, |end| end + 1).max(name.known).max(1);
        let bare = Name {
            bytes: bytes[..length.min(bytes.len())].to_vec(),
            known: name.known,
        };
        self.place(&bare, Last::Keep)
    }

    pub(crate) fn look(&mut self, path: &[u8], look: Look, state: State) {
        self.watch
            .recorders
            .each(|recorder| recorder.look(path, look, state));
    }

    pub(crate) fn change(&mut self, path: &[u8], change: Change, state: State) {
        self.changed(path, change, state, Creation::Any, Digesting::Wanted);
    }

    /// Notes a change of something that goes along with many others.
    pub(crate) fn change_in_bulk(&mut self, path: &[u8], change: Change, state: State) {
        self.changed(path, change, state, Creation::Any, Digesting::Skipped);
    }

    /// Notes that something is made where there must be nothing.
    pub(crate) fn create_exclusively(&mut self, path: &[u8]) {
        let exclusive = Creation::Exclusive;
        self.look(path, Look::Miss, State::Missing);
        let (state, digesting) = (State::Missing, Digesting::Wanted);
        self.changed(path, Change::Fresh, state, exclusive, digesting);
    }

    /// Notes that a directory is made where there is nothing.
    pub(crate) fn make_directory(&mut self, path: &[u8]) {
        self.watch
            .recorders
            .each(|recorder| recorder.make_directory(path));
    }

    /// Notes that something is made where there is no directory to make it in, yet.
    pub(crate) fn make_below_nothing(&mut self, path: &[u8]) {
        self.watch
            .recorders
            .each(|recorder| recorder.make_below_nothing(path));
    }

    fn changed(
        &mut self,
        path: &[u8],
        change: Change,
        state: State,
        creation: Creation,
        digesting: Digesting,
    ) {
        let is_written = matches!(change, Change::Fresh | Change::Keeps | Change::Append);
        // What goes along with a directory is neither opened nor moved itself.
        if is_written && digesting == Digesting::Wanted {
            self.watch.others.expect(path);
        }
        self.watch
            .recorders
            .each(|recorder| recorder.change(path, change, state, creation, digesting));
    }

    /// Notes that something is moved, which is expected at its new path already.
    pub(crate) fn move_along(&mut self, old: &[u8], new: &[u8], kind: Kind) {
        self.watch.others.move_along(old, new, kind);
    }

    /// Notes that two things change places.
    pub(crate) fn exchange(&mut self) {
        // Rare, and who has which of them open can't be told any more.
        self.watch.others.give_up();
    }

    /// Notes that something without an interest in its content was found at a place, or was not.
    pub(crate) fn probe(&mut self, place: Place) {
        match place {
            Place::Present {
                path,
                kind: Kind::Link,
                state,
            } => {
                self.look(&path, Look::Link, state);
            }
            Place::Present { path, state, .. } | Place::NotADirectory { path, state } => {
                self.look(&path, Look::Probe, state);
            }
            Place::Missing { path, .. } => self.look(&path, Look::Miss, State::Missing),
            Place::Refused { path } => self.look(&path, Look::Denied, State::Missing),
            Place::Elsewhere => {}
        }
    }

    /// Notes that nothing was made at a path, though its directory was found: it would be missed
    /// if it were gone.
    pub(crate) fn directory_of(&mut self, path: &[u8]) {
        let directory = parent(path);
        if let Ok(state) = look_at(directory) {
            self.look(directory, Look::Probe, state);
        }
    }

    /// Notes the way to a name at which nothing was looked for; false if there is none.
    pub(crate) fn way(&mut self, place: Place, ending: Ending) -> bool {
        match place {
            Place::Present { path, .. }
            | Place::Missing {
                path,
                parent: Parent::Exists,
            } if ending != Ending::Dots => {
                self.directory_of(&path);
                true
            }
            place => {
                let is_there = matches!(place, Place::Present { .. });
                self.probe(place);
                is_there
            }
        }
    }

    /// Notes that something may not be made at a path.
    pub(crate) fn deny_making(&mut self, path: &[u8]) {
        self.look(path, Look::Miss, State::Missing);
        self.look(path, Look::Denied, State::Missing);
        self.directory_of(path);
    }

    pub(crate) fn program(&mut self, given: &[u8], real: &[u8]) {
        self.watch
            .recorders
            .each(|recorder| recorder.program(given, real));
    }

    /// Whether the socket that a descriptor is open on connects streams, by index of argument.
    pub(crate) fn is_stream(&self, index: usize) -> bool {
        tracee::is_stream(self.notice.thread, self.number(index))
    }

    /// Notes that the socket that a descriptor is open on is about to listen, by index of argument.
    pub(crate) fn listen(&mut self, index: usize) -> Result<(), Skip> {
        let socket = tracee::socket(self.notice.thread, self.number(index)).ok_or(Skip::Nothing)?;
        self.check()?;
        self.watch
            .recorders
            .each(|recorder| recorder.listen(socket));
        Ok(())
    }

    /// Notes that a stream is about to be connected to an address of this machine.
    pub(crate) fn reach(&mut self, address: ServiceAddress<'_>) -> Result<(), Skip> {
        let mut is_news = false;
        let recorders = &mut self.watch.recorders;
        recorders.each(|recorder| is_news |= !recorder.knows_service(address));
        if !is_news {
            return Ok(());
        }
        let answering = answering(self.notice.thread, &address);
        self.check()?;
        let sockets = match answering {
            Answering::Nobody => return Ok(()),
            Answering::Sockets(sockets) => sockets,
            Answering::Something => Vec::new(),
        };
        // Looked for only if somebody is to be told.
        let mut program = None;
        self.watch.recorders.each(|recorder| {
            if sockets.is_empty() || !sockets.iter().all(|socket| recorder.listens(*socket)) {
                let program =
                    program.get_or_insert_with(|| program::of_sockets(&sockets, &address));
                recorder.service(address, program.as_deref());
            }
        });
        Ok(())
    }

    /// Whether a listener that the task itself installs would hide calls.
    pub(crate) fn yields_to_listeners(&self) -> bool {
        self.stopped.yields_to_listeners()
    }

    /// Notes that something may be lacking because of the program that makes the call.
    pub(crate) fn blind(&mut self, reason: Blindness) {
        let program = tracee::program(self.notice.thread);
        self.blame(reason, &program);
    }

    /// Notes that something may be lacking because of a program.
    pub(crate) fn blame(&mut self, reason: Blindness, program: &[u8]) {
        self.watch
            .recorders
            .each(|recorder| recorder.blame(reason, program));
    }

    /// Notes that from now on something may be lacking, whoever does it.
    pub(crate) fn blind_for_good(&mut self, reason: Blindness) {
        let program = tracee::program(self.notice.thread);
        self.watch.recorders.blame_for_good(reason, &program);
    }

    /// Whether the caller has none of some capabilities, so that a call that the kernel grants to
    /// no others fails.
    pub(crate) fn lacks(&self, capabilities: &[u32]) -> Result<bool, Skip> {
        let lacks = credentials::lacks(self.notice.thread, capabilities);
        self.check()?;
        Ok(lacks)
    }

    /// What a descriptor of the caller leads to that is another process, by index of argument.
    pub(crate) fn process(&self, index: usize) -> Result<u32, Skip> {
        let process = tracee::process(self.notice.thread, self.number(index))?;
        self.check()?;
        Ok(process)
    }

    /// Notes that a directory or a link is about to be removed or renamed.
    pub(crate) fn disturb_names(&mut self) {
        self.watch.disturb_names(self.notice.thread);
    }

    /// Notes that the current directory is about to change.
    pub(crate) fn disturb_directories(&mut self) {
        self.watch.disturb_directories(self.notice.thread);
    }

    /// Whether the process may do something to a path.
    pub(crate) fn may(&self, path: &[u8], access: Access) -> bool {
        credentials::may(self.notice.thread, path, access)
    }

    /// Whether the process gains no privileges by executing a program, whatever the program has.
    pub(crate) fn gains_none(&self) -> bool {
        credentials::gains_none(self.notice.thread)
    }

    /// Forgets whether a name has led through a descriptor.
    pub(crate) fn follow_anew(&mut self) {
        self.watch.resolver.has_followed_descriptor = false;
    }

    /// Whether a name has led through a descriptor of a process since then, or another of the
    /// links below `/proc` that lead to what the process has.
    pub(crate) fn has_followed_descriptor(&self) -> bool {
        self.watch.resolver.has_followed_descriptor
    }

    /// Answers what a tracker further in asks.
    pub(crate) fn talk(&mut self, name: &[u8]) {
        self.watch.talk(name, self.notice.thread, self.stopped);
    }
}
