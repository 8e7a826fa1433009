//! Calls after which names may mean other files, or files are reached without names. They go on
//! as they would; the trace just can't be vouched for.

use vt_tracker_abi::Blindness;

use crate::system::call::{Call, Skip};

/// A call that changes what paths mean.
pub(crate) fn namespace(call: &mut Call<'_>) -> Result<(), Skip> {
    call.blind(Blindness::NamespaceChanged { call: call.name });
    Ok(())
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
