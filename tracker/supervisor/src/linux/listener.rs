//! The descriptor on which the kernel tells of stopped calls.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use libc::c_void;

/// A call that was stopped and waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice {
    /// Names this call to the kernel.
    pub(crate) id: u64,
    /// The thread that made the call, as this process sees it; 0 if it can't be seen from here.
    pub(crate) thread: u32,
    /// The number of the call.
    pub(crate) number: i32,
    /// Which table of numbers is meant.
    pub(crate) architecture: u32,
    /// The arguments.
    pub(crate) arguments: [u64; 6],
}

/// The descriptor on which the kernel tells of stopped calls.
#[derive(Debug)]
pub(crate) struct Listener(OwnedFd);

impl Listener {
    pub(crate) const fn new(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Another descriptor of the same listener.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }

    /// The next stopped call; none if it was given up while it waited.
    pub(crate) fn receive(&self) -> io::Result<Option<Notice>> {
        // The kernel insists on zeroes.
        // SAFETY: all zeroes is a valid value of this plain structure.
        let mut raw: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        match self.control(libc::SECCOMP_IOCTL_NOTIF_RECV, (&raw mut raw).cast()) {
            Ok(()) => Ok(Some(Notice {
                id: raw.id,
                thread: raw.pid,
                number: raw.data.nr,
                architecture: raw.data.arch,
                arguments: raw.data.args,
            })),
            // The caller was killed, or a signal came.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Lets a call go on as if nobody had looked.
    pub(crate) fn proceed(&self, id: u64) {
        let mut answer = libc::seccomp_notif_resp {
            id,
            val: 0,
            error: 0,
            flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        };
        // A caller that was killed meanwhile needs no answer.
        let _ = self.control(libc::SECCOMP_IOCTL_NOTIF_SEND, (&raw mut answer).cast());
    }

    /// Whether a call still waits. If it does, its thread is the one it was: what was read from
    /// its memory and its part of `/proc` was not a stranger's.
    pub(crate) fn still_waits(&self, id: u64) -> bool {
        let mut id = id;
        self.control(libc::SECCOMP_IOCTL_NOTIF_ID_VALID, (&raw mut id).cast())
            .is_ok()
    }

    fn control(&self, request: libc::Ioctl, argument: *mut c_void) -> io::Result<()> {
        // SAFETY: each caller passes the structure that its request reads and writes.
        if unsafe { libc::ioctl(self.0.as_raw_fd(), request, argument) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Listener> for OwnedFd {
    fn from(listener: Listener) -> Self {
        listener.0
    }
}
