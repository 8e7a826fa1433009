//! Calls that move something.
//!
//! What is moved takes its bytes along, so a file that nobody of the tree wrote counts as read:
//! what ends up at the new name depends on it.

use vt_tracker_abi::{Change, Identity, Kind, Look, State};

use crate::system::call::{Call, Ending, Name, Skip};
use crate::system::handlers::create::may_create;
use crate::system::handlers::remove::{is_empty, may_remove};
use crate::system::place::{Parent, Place, is_below, look_at};

const NO_REPLACE: i32 = libc::RENAME_NOREPLACE as i32;
const EXCHANGE: i32 = libc::RENAME_EXCHANGE as i32;

/// `rename(old, new)`
pub(crate) fn rename(call: &mut Call<'_>) -> Result<(), Skip> {
    let names = (call.name(0), call.name(1));
    moving(call, names, 0)
}

/// `renameat(old directory, old, new directory, new)`
pub(crate) fn renameat(call: &mut Call<'_>) -> Result<(), Skip> {
    let names = (call.name_at(0, 1), call.name_at(2, 3));
    moving(call, names, 0)
}

/// `renameat2(old directory, old, new directory, new, flags)`
pub(crate) fn renameat2(call: &mut Call<'_>) -> Result<(), Skip> {
    let names = (call.name_at(0, 1), call.name_at(2, 3));
    let flags = call.number(4);
    let both = NO_REPLACE | EXCHANGE;
    if flags & !(both | libc::RENAME_WHITEOUT as i32) != 0 || flags & both == both {
        return Err(Skip::Nothing);
    }
    moving(call, names, flags)
}

/// Something that is there.
struct Node {
    path: Vec<u8>,
    kind: Kind,
    state: State,
}

impl Node {
    fn identity(&self) -> Option<Identity> {
        match self.state {
            State::Present { identity, .. } => Some(identity),
            State::Missing => None,
        }
    }

    fn is_same_file(&self, other: &Self) -> bool {
        let file = |node: &Self| node.identity().map(|identity| (identity.dev, identity.ino));
        file(self) == file(other)
    }
}

/// Where something is moved to.
enum Target {
    Free(Vec<u8>),
    Taken(Node),
}

fn moving(
    call: &mut Call<'_>,
    (old, new): (Result<Name, Skip>, Result<Name, Skip>),
    flags: i32,
) -> Result<(), Skip> {
    let old = old?;
    let place = call.entry(&old);
    let new = match new {
        Ok(new) => new,
        Err(skip) => {
            // Only the way to the old name was gone by then.
            call.way(place, old.ending());
            return Err(skip);
        }
    };
    let node = match place {
        Place::Present { path, kind, state } => Node { path, kind, state },
        Place::Missing {
            path,
            parent: Parent::Exists,
        } => {
            call.look(&path, Look::Miss, State::Missing);
            // A new name that is none, or to which no way leads, fails before the old one is missed.
            // Itself it is not looked for then.
            let place = call.entry(&new);
            if !call.way(place, new.ending()) || new.ending() == Ending::Dots {
                call.directory_of(&path);
            }
            return Ok(());
        }
        place => {
            call.probe(place);
            return Ok(());
        }
    };
    let target = match call.entry(&new) {
        Place::Present { path, kind, state } => Target::Taken(Node { path, kind, state }),
        Place::Missing {
            path,
            parent: Parent::Exists,
        } => Target::Free(path),
        place => {
            refuse(call, &node, None);
            call.probe(place);
            return Ok(());
        }
    };
    if is_refused_by_name(&node, &target, (old.ending(), new.ending()), flags) {
        refuse(call, &node, None);
        if let Target::Free(path) = &target
            && new.ending() != Ending::Dots
        {
            call.directory_of(path);
        }
        let place = call.entry(&new);
        call.probe(place);
        return Ok(());
    }
    to(call, &node, target, flags);
    Ok(())
}

/// Whether the names alone say that the call fails.
fn is_refused_by_name(
    old: &Node,
    target: &Target,
    (old_ending, new_ending): (Ending, Ending),
    flags: i32,
) -> bool {
    if old_ending == Ending::Dots || new_ending == Ending::Dots {
        return true;
    }
    let is_directory = |node: &Node| node.kind == Kind::Directory;
    let is_exchange = flags & EXCHANGE != 0;
    if is_exchange && matches!(target, Target::Free(_)) {
        // That the new name is missing is found before.
        return false;
    }
    let old_has_to_be = old_ending == Ending::Slash || new_ending == Ending::Slash && !is_exchange;
    let new_path = match target {
        Target::Free(path) => path,
        Target::Taken(taken) => {
            if is_exchange && new_ending == Ending::Slash && !is_directory(taken) {
                return true;
            }
            &taken.path
        }
    };
    let is_above = |above: &[u8], below: &[u8]| above != below && is_below(below, above);
    old_has_to_be && !is_directory(old) || is_directory(old) && is_above(&old.path, new_path)
}

/// Notes a move between names that can be.
fn to(call: &mut Call<'_>, old: &Node, new: Target, flags: i32) {
    match new {
        Target::Free(path) if flags & EXCHANGE != 0 => {
            call.look(&old.path, Look::Probe, old.state);
            call.look(&path, Look::Miss, State::Missing);
        }
        Target::Free(path) => {
            if is_elsewhere(old, &path) {
                call.directory_of(&path);
                return refuse(call, old, None);
            }
            if !may_remove(call, &old.path) || !may_create(call, &path) {
                deny(call, old, None);
                return call.deny_making(&path);
            }
            disturb(call, old, None);
            if flags & NO_REPLACE != 0 {
                take_away(call, old);
                call.create_exclusively(&path);
                call.move_along(&old.path, &path, old.kind);
                below(call, old, &path);
            } else {
                carry(call, old, &path, State::Missing);
            }
        }
        Target::Taken(taken) => onto(call, old, &taken, flags),
    }
}

fn onto(call: &mut Call<'_>, old: &Node, taken: &Node, flags: i32) {
    let is_directory = |node: &Node| node.kind == Kind::Directory;
    if flags & NO_REPLACE != 0 || old.is_same_file(taken) {
        return refuse(call, old, Some(taken));
    }
    if !may_remove(call, &old.path) || !may_remove(call, &taken.path) {
        return deny(call, old, Some(taken));
    }
    if is_below(&old.path, &taken.path) {
        if flags & EXCHANGE != 0 {
            return refuse(call, old, Some(taken));
        }
        // What is below it keeps it from being empty.
        call.look(&old.path, Look::Probe, old.state);
        return call.look(&taken.path, Look::List, taken.state);
    }
    if flags & EXCHANGE != 0 {
        disturb(call, old, Some(taken));
        call.exchange();
        exchange(call, old, taken);
        return;
    }
    if is_directory(old) != is_directory(taken) {
        return refuse(call, old, Some(taken));
    }
    if is_directory(taken) && !is_empty(&taken.path) {
        call.look(&old.path, Look::Probe, old.state);
        return call.look(&taken.path, Look::List, taken.state);
    }
    disturb(call, old, Some(taken));
    carry(call, old, &taken.path, taken.state);
}

/// Whether a path is on another device, to which nothing can be renamed.
fn is_elsewhere(old: &Node, new: &[u8]) -> bool {
    match look_at(crate::system::place::parent(new)) {
        Ok(State::Present { identity, .. }) => {
            old.identity().is_some_and(|old| old.dev != identity.dev)
        }
        _ => false,
    }
}

fn refuse(call: &mut Call<'_>, old: &Node, taken: Option<&Node>) {
    for node in [Some(old), taken].into_iter().flatten() {
        let (path, kind, state) = (node.path.clone(), node.kind, node.state);
        call.probe(Place::Present { path, kind, state });
    }
}

/// Notes that a move was looked into, and that there is no right to make it.
fn deny(call: &mut Call<'_>, old: &Node, taken: Option<&Node>) {
    refuse(call, old, taken);
    for node in [Some(old), taken].into_iter().flatten() {
        call.look(&node.path, Look::Denied, node.state);
    }
}

fn disturb(call: &mut Call<'_>, old: &Node, taken: Option<&Node>) {
    let leads_on = |node: &Node| matches!(node.kind, Kind::Directory | Kind::Link);
    if leads_on(old) || taken.is_some_and(leads_on) {
        call.disturb_names();
    }
}

/// What is moved is read, and then gone.
fn take_away(call: &mut Call<'_>, old: &Node) {
    look_inside(call, old);
    call.change(&old.path, Change::Delete, old.state);
}

fn look_inside(call: &mut Call<'_>, node: &Node) {
    match node.kind {
        Kind::File => call.look(&node.path, Look::Read, node.state),
        Kind::Link => call.look(&node.path, Look::Link, node.state),
        Kind::Directory | Kind::Other => {}
    }
}

fn carry(call: &mut Call<'_>, old: &Node, new: &[u8], there: State) {
    take_away(call, old);
    call.change(new, Change::Fresh, there);
    call.move_along(&old.path, new, old.kind);
    below(call, old, new);
}

/// Everything below a directory moves along.
fn below(call: &mut Call<'_>, old: &Node, new: &[u8]) {
    if old.kind != Kind::Directory {
        return;
    }
    for (node, rest) in nodes_below(&old.path) {
        look_inside(call, &node);
        call.change_in_bulk(&node.path, Change::Delete, node.state);
        call.change_in_bulk(&[new, &rest].concat(), Change::Fresh, State::Missing);
    }
}

/// Two things change places: what lies below one comes to lie below the other.
fn exchange(call: &mut Call<'_>, left: &Node, right: &Node) {
    let below = |node: &Node| match node.kind {
        Kind::Directory => nodes_below(&node.path),
        _ => Vec::new(),
    };
    let sides = [(left, below(left), right), (right, below(right), left)];
    for (from, nodes, _) in &sides {
        look_inside(call, from);
        call.change(&from.path, Change::Fresh, from.state);
        for (node, _) in nodes {
            look_inside(call, node);
            call.change_in_bulk(&node.path, Change::Delete, node.state);
        }
    }
    for (_, nodes, to) in &sides {
        for (_, rest) in nodes {
            let path = [to.path.as_slice(), rest].concat();
            // Below a link there is nothing: what it leads to is elsewhere.
            let there = match to.kind {
                Kind::Directory => look_at(&path).unwrap_or(State::Missing),
                _ => State::Missing,
            };
            call.change_in_bulk(&path, Change::Fresh, there);
        }
    }
}

/// Everything below a directory, with the rest of its path. Links are not followed.
fn nodes_below(directory: &[u8]) -> Vec<(Node, Vec<u8>)> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let mut found = Vec::new();
    let mut open = vec![directory.to_vec()];
    while let Some(next) = open.pop() {
        let Ok(entries) = std::fs::read_dir(OsStr::from_bytes(&next)) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = [next.as_slice(), b"/", entry.file_name().as_bytes()].concat();
            let Ok(state) = look_at(&path) else { continue };
            let kind = state.kind().expect("what was found has a kind");
            if kind == Kind::Directory {
                open.push(path.clone());
            }
            let rest = path[directory.len()..].to_vec();
            found.push((Node { path, kind, state }, rest));
        }
    }
    found
}
