//! Notes the calls that processes wrote down themselves.
//!
//! What they say of the outcome is taken; only what a name leads to is found out here. Nothing in
//! the tree can have changed that since: every change stops first, and then this is done first.

use vt_tracker_abi::{Asked, Blindness, Kind, Look, Operation, Outcome, Record, State};

use crate::system::call::{Call, Name, Stopped};
use crate::system::handlers::open::opening;
use crate::system::note::Notice;
use crate::system::place::{Last, Place, present};
use crate::system::watch::Watch;

/// Nothing is read from the process, so it does not matter whether it is still there.
struct Recorded;

impl Stopped for Recorded {
    fn still_waits(&self) -> bool {
        true
    }
}

/// Notes one call.
pub(crate) fn note(watch: &mut Watch, record: &Record) {
    let session = if watch.recorders.has(record.session) {
        record.session
    } else {
        0
    };
    watch.begin_in(record.thread, session);
    if record.operation == Operation::Variable {
        let name = record.text();
        let asked = Asked::ALL.get(record.detail as usize);
        let asked = *asked.unwrap_or(&Asked::OfItself);
        return watch
            .recorders
            .each(|recorder| recorder.variable(name, asked));
    }
    if let Some((look, state)) = directly(watch, record) {
        let path = record.text();
        return watch
            .recorders
            .each(|recorder| recorder.look(path, look, state));
    }
    let notice = Notice {
        thread: record.thread,
        number: -1,
        architecture: 0,
        arguments: [0; 6],
    };
    let name = Name {
        bytes: record.text().to_vec(),
        known: record.known,
    };
    let mut call = Call::new(word(record.operation), notice, &Recorded, watch);
    call.follow_anew();
    match record.outcome {
        Some(Outcome {
            errno: 0,
            identity: Some(identity),
        }) => found(&mut call, record, &name, present(identity)),
        Some(Outcome { errno, .. }) if i32::from(errno) == libc::ENOENT => {
            if let Some(path) = call.place(&name, last(record)).path() {
                call.look(&path, Look::Miss, State::Missing);
            }
        }
        Some(Outcome {
            errno,
            identity: Some(identity),
        }) if CLEAR.contains(&i32::from(errno)) => {
            failed(&mut call, record, &name, errno, present(identity));
        }
        // Under way, or failed in a way that needs a closer look: what is no directory may be there.
        _ => as_if_stopped(&mut call, record, &name),
    }
    if call.has_followed_descriptor() {
        // It may be closed by now, or stand for another file.
        call.blind(Blindness::UnreadablePath { call: call.name });
    }
}

/// What a call was that needs no closer look: one at the very thing that stands at the name, or at
/// nothing there. Most are.
fn directly(watch: &mut Watch, record: &Record) -> Option<(Look, State)> {
    let Outcome { errno, identity } = record.outcome?;
    let state = identity.map(present);
    let kind = state.and_then(|state| state.kind());
    let name = record.text();
    if record.operation == Operation::List {
        // By a descriptor, and so by the real path.
        return (errno == 0 && record.known == name.len()).then_some((Look::List, state?));
    }
    let mut direct = watch.resolver.directly(name, record.known)?;
    let is_kept = last(record) == Last::Keep;
    let (look, state) = match (record.operation, i32::from(errno), kind) {
        (Operation::Open, 0, Some(Kind::File | Kind::Other)) => (Look::Read, state?),
        (Operation::ReadLink | Operation::ProbeKept, 0, Some(Kind::Link)) => (Look::Link, state?),
        (_, 0, Some(_)) => (Look::Probe, state?),
        (Operation::ReadLink, libc::EINVAL, Some(_)) if kind != Some(Kind::Link) => {
            (Look::Probe, state?)
        }
        (_, libc::ENOENT, None) => (Look::Miss, State::Missing),
        _ => return None,
    };
    let is_direct = is_kept
        || match identity {
            Some(identity) => direct.is_itself(identity.ino),
            None => direct.is_missing(),
        };
    // The process said what it found; a link of that name can only be one that was made since the
    // directory was listed.
    (is_direct && (is_kept || !watch.recorders.has_changed(name))).then_some((look, state))
}

/// The errors that say what they were about, if something is there.
const CLEAR: [i32; 5] = [
    libc::ENOTDIR,
    libc::EACCES,
    libc::EPERM,
    libc::ELOOP,
    libc::EINVAL,
];

const fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Open => "open",
        Operation::Probe | Operation::ProbeKept => "stat",
        Operation::ReadLink => "readlink",
        Operation::List => "getdents64",
        Operation::Variable => "getenv",
    }
}

const fn last(record: &Record) -> Last {
    match record.operation {
        Operation::Open if record.detail & libc::O_NOFOLLOW as u32 != 0 => Last::Keep,
        Operation::Open | Operation::Probe => Last::Follow,
        _ => Last::Keep,
    }
}

fn found(call: &mut Call<'_>, record: &Record, name: &Name, state: State) {
    let Some(path) = call.place(name, last(record)).path() else {
        return;
    };
    let look = match (record.operation, state.kind()) {
        (Operation::List, _) => Look::List,
        (Operation::Open, Some(Kind::File | Kind::Other)) => Look::Read,
        (Operation::ReadLink | Operation::ProbeKept, Some(Kind::Link)) => Look::Link,
        _ => Look::Probe,
    };
    call.look(&path, look, state);
}

fn failed(call: &mut Call<'_>, record: &Record, name: &Name, errno: u16, state: State) {
    let Some(path) = call.place(name, last(record)).path() else {
        return;
    };
    let is_refused = [libc::EACCES, libc::EPERM].contains(&i32::from(errno));
    if is_refused && record.operation == Operation::Open {
        call.look(&path, Look::Denied, state);
        if state.kind() != Some(Kind::Directory) {
            return;
        }
    }
    let look = match state.kind() {
        Some(Kind::Link) => Look::Link,
        _ => Look::Probe,
    };
    call.look(&path, look, state);
}

fn as_if_stopped(call: &mut Call<'_>, record: &Record, name: &Name) {
    if record.operation == Operation::Open {
        return opening(call, name, record.detail as i32);
    }
    let place = call.place(name, last(record));
    if record.operation == Operation::List
        && let Place::Present { path, state, .. } = &place
    {
        return call.look(path, Look::List, *state);
    }
    call.probe(place);
}
