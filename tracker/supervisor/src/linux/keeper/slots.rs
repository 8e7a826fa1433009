//! Memory shared by a supervisor and its keeper: a slot for each listener.
//!
//! A call that was received and not answered is delivered to nobody else: whoever made it would
//! wait for ever. So the kernel writes what it tells of a call right into the slot. Whenever the
//! supervisor dies, the keeper finds the call there; there is no instruction between.

use std::cell::UnsafeCell;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many listeners a keeper can hold.
pub(super) const CAPACITY: usize = 1024;

/// What the keeper knows of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum State {
    /// It has none here.
    Free = 0,
    /// It is on the way.
    Given = 1,
    /// It has it.
    Held = 2,
    /// It could not take it.
    Lost = 3,
}

/// What belongs to one listener. Aligned, so that none lies on two pages: the kernel writes all of
/// a call or nothing.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    /// Zeroes, or the call received last.
    received: UnsafeCell<libc::seccomp_notif>,
    state: AtomicU32,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            // SAFETY: all zeroes is a valid value of this plain structure.
            received: UnsafeCell::new(unsafe { std::mem::zeroed() }),
            state: AtomicU32::new(State::Free as u32),
        }
    }

    /// Where the kernel writes a call to.
    pub(crate) const fn received(&self) -> *mut libc::seccomp_notif {
        self.received.get()
    }

    pub(crate) fn state(&self) -> State {
        match self.state.load(Ordering::SeqCst) {
            0 => State::Free,
            1 => State::Given,
            2 => State::Held,
            _ => State::Lost,
        }
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u32, Ordering::SeqCst);
    }
}

// SAFETY: the state is atomic. What was received belongs to the listener's thread, until that
// leaves it to the keeper.
unsafe impl Sync for Slot {}

/// The slots of one keeper. Never unmapped: it lives as long as the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots(NonNull<Slot>);

// SAFETY: the memory stays mapped, and slots can be shared.
unsafe impl Send for Slots {}
// SAFETY: as above.
unsafe impl Sync for Slots {}

impl Slots {
    pub(super) const SIZE: usize = CAPACITY * size_of::<Slot>();

    pub(super) fn map() -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: asks for new memory at any address.
        let memory =
            unsafe { libc::mmap(std::ptr::null_mut(), Self::SIZE, protection, flags, -1, 0) };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // New memory is all zeroes, which is what free slots are.
        Ok(Self(
            NonNull::new(memory.cast()).expect("a mapping is never at zero"),
        ))
    }

    pub(super) fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    pub(super) fn get(self, index: usize) -> Option<&'static Slot> {
        // SAFETY: within the mapping, which is never unmapped and was zeroed by the kernel.
        (index < CAPACITY).then(|| unsafe { self.0.add(index).as_ref() })
    }
}
