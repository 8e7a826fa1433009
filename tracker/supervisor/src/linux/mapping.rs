//! The memory that the processes of a tree share with the supervisor.

use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr::{self, NonNull};

use vt_tracker_abi::{Endpoint, Place, Shared};

/// The memory that the processes of a tree share with the supervisor.
///
/// They find it below `/proc` by the descriptor that this holds; no descriptor is inherited.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<Shared>,
    descriptor: OwnedFd,
    token: [u64; 2],
}

// SAFETY: the memory consists of atomics only, and is unmapped by whoever owns this.
unsafe impl Send for Mapping {}

impl Mapping {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: the name is a terminated string.
        let raw = unsafe { libc::memfd_create(c"vt-tracker".as_ptr(), flags) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just made and belongs to nobody else.
        let descriptor = unsafe { OwnedFd::from_raw_fd(raw) };
        // With a fixed size nobody can take pages away from under us.
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: the descriptor is open; no pointers are passed.
        let is_sized = unsafe {
            libc::ftruncate(raw, Shared::SIZE as libc::off_t) == 0
                && libc::fcntl(raw, libc::F_ADD_SEALS, seals) == 0
        };
        if !is_sized {
            return Err(io::Error::last_os_error());
        }
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                Shared::SIZE,
                protection,
                libc::MAP_SHARED,
                raw,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mapping = Self {
            address: NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?,
            descriptor,
            token: random()?,
        };
        mapping.prepare(mapping.token);
        Ok(mapping)
    }

    /// What only the processes of the tree know.
    pub(crate) const fn token(&self) -> [u64; 2] {
        self.token
    }

    /// What a process needs to find the memory, and variables on demand, for the environment.
    pub(crate) fn endpoint(&self, demand: Option<Place>) -> Endpoint {
        Endpoint {
            memory: Place {
                process: std::process::id(),
                descriptor: self.descriptor.as_raw_fd() as u32,
            },
            token: self.token,
            session: 0,
            demand,
        }
    }
}

fn random() -> io::Result<[u64; 2]> {
    let mut words = [0_u64; 2];
    // SAFETY: the array has room for as many bytes.
    let got = unsafe { libc::getrandom(words.as_mut_ptr().cast(), size_of_val(&words), 0) };
    if usize::try_from(got) != Ok(size_of_val(&words)) {
        return Err(io::Error::last_os_error());
    }
    Ok(words)
}

impl Deref for Mapping {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        // SAFETY: mapped until this is dropped, as large as the type, and all of it atomics, for
        // which every content is valid.
        unsafe { self.address.as_ref() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nobody borrows from this any more.
        unsafe { libc::munmap(self.address.as_ptr().cast(), Shared::SIZE) };
    }
}
