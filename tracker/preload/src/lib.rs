//! Spares looks at files the stop at the supervisor, from inside the process that looks.
//!
//! Loaded before the C library, it takes the place of the functions by which programs look at
//! files. A look is written into the memory shared with the supervisor and made at the gate, the
//! one instruction that the kernel's filter lets pass. **Whatever can't be written down faithfully
//! is made as any program makes it, and the kernel stops it:** nothing is lost when something is
//! odd, only time. Changes are never made at the gate; nor does this library know of them.
//!
//! It lives in other people's processes: in signal handlers, in threads, between `vfork` and
//! `execve`, before the C library is ready. So it has no lock, no allocation of its own, no storage
//! per thread and nothing that can panic, and it needs no library.
//!
//! Built as a part of the workspace it is an ordinary library that takes nobody's place. The cargo
//! that `tracker/api` starts passes `--cfg freestanding`, and only then are the names exported.

#![cfg_attr(all(freestanding, not(test)), no_std)]
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#![cfg_attr(
    test,
    expect(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "tests may fail"
    )
)]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "arch/x86_64.rs"]
mod arch;
mod attach;
mod demand;
mod directory;
mod environment;
pub mod hooks;
mod insist;
mod library;
mod look;
mod name;
mod next;
mod real;
mod record;
mod system;

/// Nothing here panics, and the linked library is checked for that: the name this calls for does
/// not exist anywhere.
#[cfg(all(freestanding, not(test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn vt_tracker_preload_can_panic() -> !;
    }
    // SAFETY: never linked, see above.
    unsafe { vt_tracker_preload_can_panic() }
}
