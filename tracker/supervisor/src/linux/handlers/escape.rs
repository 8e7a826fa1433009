//! Calls after which names may mean other files, or files are reached without names. They go on
//! as they would; the trace just can't be vouched for.

use vt_tracker_abi::Blindness;

use crate::system::call::{Call, Skip};
use crate::system::handlers::look;
use crate::system::place::{Last, is_kernel_path};

// The numbers of capabilities.
const NET_ADMIN: u32 = 12;
const SYS_CHROOT: u32 = 18;
const SYS_PACCT: u32 = 20;
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

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

/// `chroot(name)`: harmless if the root stays what it is, or nobody may change it.
pub(crate) fn chroot(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    let place = call.place(&name, Last::Follow);
    if call.lacks(&[SYS_CHROOT])? {
        call.probe(place);
        return Ok(());
    }
    if place.path().as_deref() == Some(b"/") {
        return Ok(());
    }
    namespace(call)
}

/// `open_tree(directory, name, flags)`: without a copy of the tree, an opening for the path alone.
pub(crate) fn open_tree(call: &mut Call<'_>) -> Result<(), Skip> {
    const COPIES: i32 = 1;
    if call.number(2) & COPIES == 0 {
        return look::at_flags_2(call);
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

/// A call that opens files without a name, or whose effects on paths are not followed otherwise.
pub(crate) fn unsupported(call: &mut Call<'_>) -> Result<(), Skip> {
    call.blind(Blindness::UnsupportedCall { call: call.name });
    Ok(())
}

/// `fanotify_init(flags, …)`: a group whose events name files by handles opens none of them, and
/// only who may open handles gets at them, by a call that is reported. The events of any other group
/// bring descriptors of what others opened along.
pub(crate) fn fanotify_init(call: &mut Call<'_>) -> Result<(), Skip> {
    const DECIDES: u32 = libc::FAN_CLASS_CONTENT | libc::FAN_CLASS_PRE_CONTENT;
    const HANDLES: u32 = libc::FAN_REPORT_FID | libc::FAN_REPORT_DIR_FID;
    let flags = call.number(0) as u32;
    if flags & DECIDES == 0 && flags & HANDLES != 0 {
        return Ok(());
    }
    needs(call, &[SYS_ADMIN])
}

/// `bpf(command, attributes, size)`: tables reach no file. Programs may read whatever the kernel
/// does, but without privileges they only filter packets.
pub(crate) fn bpf(call: &mut Call<'_>) -> Result<(), Skip> {
    const LOADS_PROGRAM: i32 = 5;
    const LOADS_TYPES: i32 = 18;
    match call.number(0) {
        // To make a table, and to work on one: entry by entry, then in batches.
        0..=4 | 21 | 22 | 24..=27 | LOADS_TYPES => Ok(()),
        LOADS_PROGRAM => needs(call, &[SYS_ADMIN, NET_ADMIN, PERFMON, BPF]),
        _ => unsupported(call),
    }
}

/// `swapon(name, flags)`: what is swapped out is written there.
pub(crate) fn swapon(call: &mut Call<'_>) -> Result<(), Skip> {
    needs(call, &[SYS_ADMIN])
}

/// `acct(name)`: the kernel writes down there which processes end from now on.
pub(crate) fn acct(call: &mut Call<'_>) -> Result<(), Skip> {
    needs(call, &[SYS_PACCT])
}

/// `quotactl(command, device, id, address)`: asks about the file system on a device, or has it keep
/// account in a file that is named at the address.
pub(crate) fn quotactl(call: &mut Call<'_>) -> Result<(), Skip> {
    const TURNS_ON: u32 = 0x80_0002;
    const KIND_BITS: u32 = 8;
    if call.number(0).cast_unsigned() >> KIND_BITS == TURNS_ON && !call.lacks(&[SYS_ADMIN])? {
        return unsupported(call);
    }
    let name = call.name(1)?;
    let place = call.place(&name, Last::Follow);
    call.probe(place);
    Ok(())
}

/// A call that the kernel grants to those with one of some capabilities, and to nobody else.
fn needs(call: &mut Call<'_>, capabilities: &[u32]) -> Result<(), Skip> {
    if call.lacks(capabilities)? {
        return Ok(());
    }
    unsupported(call)
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
