//! Calls that remove something.

use rustix::fs::Access;
use vt_tracker_abi::{Change, Kind, Look, State};

use crate::system::call::{Call, Ending, Name, Skip};
use crate::system::place::{Place, parent};

/// What a call is made to remove.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Directory,
    Anything,
}

/// `unlink(name)`
pub(crate) fn unlink(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    remove(call, &name, Wanted::Anything);
    Ok(())
}

/// `rmdir(name)`
pub(crate) fn rmdir(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    remove(call, &name, Wanted::Directory);
    Ok(())
}

/// `unlinkat(directory, name, flags)`
pub(crate) fn unlinkat(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name_at(0, 1)?;
    let flags = call.number(2);
    if flags & !libc::AT_REMOVEDIR != 0 {
        return Err(Skip::Nothing);
    }
    let is_directory = flags != 0;
    remove(
        call,
        &name,
        if is_directory {
            Wanted::Directory
        } else {
            Wanted::Anything
        },
    );
    Ok(())
}

/// Whether a directory has no entries. One that can't be read is taken for empty: the call is
/// about to say so.
pub(crate) fn is_empty(path: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    std::fs::read_dir(std::ffi::OsStr::from_bytes(path))
        .map_or(true, |mut entries| entries.next().is_none())
}

/// Whether something can be taken out of its directory.
pub(crate) fn may_remove(call: &Call<'_>, path: &[u8]) -> bool {
    call.may(parent(path), Access::WRITE_OK | Access::EXEC_OK)
}

/// Notes that something that can't be removed was looked at.
fn refuse(call: &mut Call<'_>, path: &[u8], state: State) {
    call.look(path, Look::Probe, state);
    call.look(path, Look::Denied, state);
}

fn remove(call: &mut Call<'_>, name: &Name, wanted: Wanted) {
    let (path, kind, state) = match call.entry(name) {
        Place::Present { path, kind, state } => (path, kind, state),
        place => return call.probe(place),
    };
    let is_nameable = match wanted {
        Wanted::Directory => name.ending() != Ending::Dots,
        Wanted::Anything => name.ending() == Ending::Plain,
    };
    if !is_nameable {
        return call.probe(Place::Present { path, kind, state });
    }
    if !may_remove(call, &path) {
        return refuse(call, &path, state);
    }
    if (kind == Kind::Directory) != (wanted == Wanted::Directory) {
        return call.probe(Place::Present { path, kind, state });
    }
    if kind == Kind::Directory && !is_empty(&path) {
        // Whether it goes depends on its being empty.
        return call.look(&path, Look::List, state);
    }
    if matches!(kind, Kind::Directory | Kind::Link) {
        call.disturb_names();
    }
    call.change(&path, Change::Delete, state);
}
