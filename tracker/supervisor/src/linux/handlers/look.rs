//! Calls that look at a path, by where they take it from.

use vt_tracker_abi::{Kind, Look};

use crate::system::call::{Call, Skip, last_of};
use crate::system::place::{Last, Place};

fn probe(call: &mut Call<'_>, directory: usize, name: usize, last: Last) -> Result<(), Skip> {
    let name = call.name_at(directory, name)?;
    let place = call.place(&name, last);
    call.probe(place);
    Ok(())
}

fn probe_path(call: &mut Call<'_>, last: Last) -> Result<(), Skip> {
    let name = call.name(0)?;
    let place = call.place(&name, last);
    call.probe(place);
    Ok(())
}

/// `f(name, …)`
pub(crate) fn path_followed(call: &mut Call<'_>) -> Result<(), Skip> {
    probe_path(call, Last::Follow)
}

/// `f(name, …)`, about a link itself.
pub(crate) fn path_kept(call: &mut Call<'_>) -> Result<(), Skip> {
    probe_path(call, Last::Keep)
}

/// `f(directory, name, …)`
pub(crate) fn at_followed(call: &mut Call<'_>) -> Result<(), Skip> {
    probe(call, 0, 1, Last::Follow)
}

/// `f(directory, name, …)`, about a link itself.
pub(crate) fn at_kept(call: &mut Call<'_>) -> Result<(), Skip> {
    probe(call, 0, 1, Last::Keep)
}

/// `f(directory, name, flags, …)`
pub(crate) fn at_flags_2(call: &mut Call<'_>) -> Result<(), Skip> {
    probe(call, 0, 1, last_of(call.number(2)))
}

/// `f(directory, name, x, flags, …)`
pub(crate) fn at_flags_3(call: &mut Call<'_>) -> Result<(), Skip> {
    probe(call, 0, 1, last_of(call.number(3)))
}

/// `f(directory, name, x, x, flags)`
pub(crate) fn at_flags_4(call: &mut Call<'_>) -> Result<(), Skip> {
    probe(call, 0, 1, last_of(call.number(4)))
}

/// `chdir(name)`
pub(crate) fn chdir(call: &mut Call<'_>) -> Result<(), Skip> {
    call.disturb_directories();
    probe_path(call, Last::Follow)
}

/// `fchdir(descriptor)`; that it was opened was noted.
pub(crate) fn fchdir(call: &mut Call<'_>) -> Result<(), Skip> {
    call.disturb_directories();
    Ok(())
}

/// `inotify_add_watch(descriptor, name, mask)`
pub(crate) fn inotify_add_watch(call: &mut Call<'_>) -> Result<(), Skip> {
    let is_kept = call.word(2) & u64::from(libc::IN_DONT_FOLLOW) != 0;
    let name = call.name(1)?;
    let place = call.place(&name, if is_kept { Last::Keep } else { Last::Follow });
    call.probe(place);
    Ok(())
}

/// `fanotify_mark(descriptor, flags, mask, directory, name)`
pub(crate) fn fanotify_mark(call: &mut Call<'_>) -> Result<(), Skip> {
    let is_kept = call.word(1) & u64::from(libc::FAN_MARK_DONT_FOLLOW) != 0;
    probe(call, 3, 4, if is_kept { Last::Keep } else { Last::Follow })
}

/// `name_to_handle_at(directory, name, handle, mount, flags)`, which keeps links by default.
pub(crate) fn name_to_handle_at(call: &mut Call<'_>) -> Result<(), Skip> {
    let is_followed = call.number(4) & libc::AT_SYMLINK_FOLLOW != 0;
    probe(
        call,
        0,
        1,
        if is_followed {
            Last::Follow
        } else {
            Last::Keep
        },
    )
}

/// `getdents(descriptor, …)`
pub(crate) fn list(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.descriptor(0)?;
    if let Place::Present {
        path,
        kind: Kind::Directory,
        state,
    } = call.place(&name, Last::Keep)
    {
        call.look(&path, Look::List, state);
    }
    Ok(())
}
