//! Calls that set the mode, owner or extended attributes of a path.

use vt_tracker_abi::Change;

use crate::system::call::{Call, Empty, Name, Skip, last_of};
use crate::system::place::{Last, Place};

fn set(call: &mut Call<'_>, name: &Name, last: Last) {
    match call.place(name, last) {
        Place::Present { path, state, .. } => call.change(&path, Change::Metadata, state),
        place => call.probe(place),
    }
}

fn set_at(call: &mut Call<'_>, flags: i32) -> Result<(), Skip> {
    let name = call.name_or_descriptor(0, 1, Empty::of(flags))?;
    set(call, &name, last_of(flags));
    Ok(())
}

/// `f(name, …)`
pub(crate) fn path_followed(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    set(call, &name, Last::Follow);
    Ok(())
}

/// `f(name, …)`, about a link itself.
pub(crate) fn path_kept(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    set(call, &name, Last::Keep);
    Ok(())
}

/// `f(descriptor, …)`
pub(crate) fn descriptor(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.descriptor(0)?;
    set(call, &name, Last::Keep);
    Ok(())
}

/// `f(directory, name, …)`
pub(crate) fn at_followed(call: &mut Call<'_>) -> Result<(), Skip> {
    set_at(call, 0)
}

/// `f(directory, name, flags, …)`
pub(crate) fn at_flags_2(call: &mut Call<'_>) -> Result<(), Skip> {
    set_at(call, call.number(2))
}

/// `f(directory, name, x, flags)`
pub(crate) fn at_flags_3(call: &mut Call<'_>) -> Result<(), Skip> {
    set_at(call, call.number(3))
}

/// `f(directory, name, x, x, flags)`
pub(crate) fn at_flags_4(call: &mut Call<'_>) -> Result<(), Skip> {
    set_at(call, call.number(4))
}
