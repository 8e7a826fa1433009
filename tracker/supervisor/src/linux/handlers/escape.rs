//! Calls after which names may mean other files, or files are reached without names. They go on
//! as they would; the trace just can't be vouched for.

use vt_tracker_abi::Blindness;

use crate::system::call::{Call, Skip};
use crate::system::place::{Last, is_kernel_path};

/// A call that changes what paths mean.
pub(crate) fn namespace(call: &mut Call<'_>) -> Result<(), Skip> {
    call.blind_for_good(Blindness::NamespaceChanged { call: call.name });
    Ok(())
}

/// `mount(source, target, type, flags, data)`: harmless if it only says how mounts spread from one
/// namespace to another, or if nothing of interest is below the target.
pub(crate) fn mount(call: &mut Call<'_>) -> Result<(), Skip> {
    const SPREADING: u64 =
        libc::MS_SHARED | libc::MS_PRIVATE | libc::MS_SLAVE | libc::MS_UNBINDABLE;
    if call.word(3) & SPREADING != 0 {
        return Ok(());
    }
    covers(call, 1)
}

/// `umount2(target, flags)`
pub(crate) fn umount(call: &mut Call<'_>) -> Result<(), Skip> {
    covers(call, 0)
}

fn covers(call: &mut Call<'_>, target: usize) -> Result<(), Skip> {
    let name = call.name(target)?;
    let place = call.place(&name, Last::Follow).path();
    if place.is_some_and(|path| is_kernel_path(&path)) {
        return Ok(());
    }
    namespace(call)
}

/// `chroot(name)`: harmless if the root stays what it is.
pub(crate) fn chroot(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    if call.place(&name, Last::Follow).path().as_deref() == Some(b"/") {
        return Ok(());
    }
    namespace(call)
}

/// `setns(descriptor, kinds)`: harmless unless it may enter a mount namespace.
pub(crate) fn setns(call: &mut Call<'_>) -> Result<(), Skip> {
    let kinds = call.number(1);
    if kinds == 0 || kinds & libc::CLONE_NEWNS != 0 {
        return namespace(call);
    }
    Ok(())
}

/// A call whose effects on paths are not followed.
pub(crate) fn unsupported(call: &mut Call<'_>) -> Result<(), Skip> {
    call.blind(Blindness::UnsupportedCall { call: call.name });
    Ok(())
}

/// `seccomp(operation, flags, program)`: a listener of the task's own takes calls before a tracer
/// is told of them. Below a listener of ours the kernel refuses another one.
pub(crate) fn seccomp(call: &mut Call<'_>) -> Result<(), Skip> {
    const LISTENS: u64 = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let installs = call.number(0) as u32 == libc::SECCOMP_SET_MODE_FILTER;
    if installs && call.word(1) & LISTENS != 0 && call.yields_to_listeners() {
        return unsupported(call);
    }
    Ok(())
}
