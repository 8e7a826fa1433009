//! Calls that make something where there is nothing.

use rustix::fs::Access;
use vt_tracker_abi::{Kind, Look};

use crate::system::call::{Call, Empty, Ending, Name, Skip};
use crate::system::handlers::sockets::socket_path;
use crate::system::place::{Last, Parent, Place, parent};

/// Whether something can be made at a missing path.
pub(crate) fn may_create(call: &Call<'_>, path: &[u8]) -> bool {
    call.may(parent(path), Access::WRITE_OK | Access::EXEC_OK)
}

/// What is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Made {
    /// A file, or something that is looked at like one.
    File,
    /// What may be a link. What was looked at by its name, or below it, is something else then,
    /// even if both times it was found, or was not.
    Link,
}

/// Notes the making of something other than a directory. It fails if anything is there.
fn make(call: &mut Call<'_>, name: &Name, made: Made) {
    match call.entry(name) {
        Place::Missing {
            path,
            parent: Parent::Exists,
        } if name.ending() == Ending::Plain => {
            if may_create(call, &path) {
                if made == Made::Link {
                    call.disturb_names();
                }
                call.create_exclusively(&path);
            } else {
                call.deny_making(&path);
            }
        }
        Place::Missing {
            path,
            parent: Parent::Missing,
        } if name.ending() == Ending::Plain => call.make_below_nothing(&path),
        place => call.probe(place),
    }
}

fn make_directory(call: &mut Call<'_>, name: &Name) {
    match call.entry(name) {
        Place::Missing {
            path,
            parent: Parent::Exists,
        } if name.ending() != Ending::Dots => {
            if may_create(call, &path) {
                call.make_directory(&path);
            } else {
                call.deny_making(&path);
            }
        }
        Place::Missing {
            path,
            parent: Parent::Missing,
        } if name.ending() != Ending::Dots => call.make_below_nothing(&path),
        place => call.probe(place),
    }
}

/// `mkdir(name, mode)`
pub(crate) fn mkdir(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    make_directory(call, &name);
    Ok(())
}

/// `mkdirat(directory, name, mode)`
pub(crate) fn mkdirat(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name_at(0, 1)?;
    make_directory(call, &name);
    Ok(())
}

/// `mknod(name, mode, device)`
pub(crate) fn mknod(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    make(call, &name, Made::File);
    Ok(())
}

/// `mknodat(directory, name, mode, device)`
pub(crate) fn mknodat(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name_at(0, 1)?;
    make(call, &name, Made::File);
    Ok(())
}

/// `symlink(target, name)`
pub(crate) fn symlink(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(1)?;
    make(call, &name, Made::Link);
    Ok(())
}

/// `symlinkat(target, directory, name)`
pub(crate) fn symlinkat(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name_at(1, 2)?;
    make(call, &name, Made::Link);
    Ok(())
}

/// `bind(socket, address, length)`
pub(crate) fn bind(call: &mut Call<'_>) -> Result<(), Skip> {
    let text = socket_path(call)?;
    let name = call.absolute(libc::AT_FDCWD, text)?;
    make(call, &name, Made::File);
    Ok(())
}

/// `link(old, new)`
pub(crate) fn link(call: &mut Call<'_>) -> Result<(), Skip> {
    let (old, new) = (call.name(0), call.name(1));
    hard_link(call, old, new, Last::Keep)
}

/// `linkat(old directory, old, new directory, new, flags)`
pub(crate) fn linkat(call: &mut Call<'_>) -> Result<(), Skip> {
    let flags = call.number(4);
    if flags & !(libc::AT_SYMLINK_FOLLOW | libc::AT_EMPTY_PATH) != 0 {
        return Err(Skip::Nothing);
    }
    let old = call.name_or_descriptor(0, 1, Empty::of(flags));
    let new = call.name_at(2, 3);
    let is_followed = flags & libc::AT_SYMLINK_FOLLOW != 0;
    hard_link(
        call,
        old,
        new,
        if is_followed {
            Last::Follow
        } else {
            Last::Keep
        },
    )
}

/// The old name may lead to a file that never had a path and gets its first one now.
fn hard_link(
    call: &mut Call<'_>,
    old: Result<Name, Skip>,
    new: Result<Name, Skip>,
    last: Last,
) -> Result<(), Skip> {
    let place = match old {
        Ok(old) => call.place(&old, last),
        Err(Skip::Unnamed) => Place::Elsewhere,
        Err(skip) => return Err(skip),
    };
    let made = match place {
        Place::Present {
            path,
            kind: Kind::File | Kind::Other,
            state,
        } => {
            call.look(&path, Look::Read, state);
            Made::File
        }
        Place::Present {
            path,
            kind: Kind::Link,
            state,
        } => {
            call.look(&path, Look::Link, state);
            Made::Link
        }
        Place::Elsewhere => Made::Link,
        // It can't be linked to, but if there is something at the new name, that is what is said.
        place @ Place::Present { .. } => {
            call.probe(place);
            let new = new?;
            let place = call.entry(&new);
            if let Place::Missing {
                path,
                parent: Parent::Exists,
            } = &place
                && new.ending() == Ending::Plain
            {
                call.directory_of(path);
            }
            call.probe(place);
            return Ok(());
        }
        // There is nothing to link to, so nothing will be made.
        place => {
            call.probe(place);
            return Ok(());
        }
    };
    make(call, &new?, made);
    Ok(())
}
