//! The descriptor on which the kernel tells of stopped calls.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use libc::c_void;

use crate::system::call::Stopped;
use crate::system::note::Notice;

/// A call that waits for its answer.
pub(crate) struct Waiting<'l> {
    listener: &'l Listener,
    /// Names this call to the kernel.
    id: u64,
    pub(crate) notice: Notice,
}

impl Waiting<'_> {
    /// Lets the call go on as if nobody had looked.
    pub(crate) fn proceed(&self) {
        self.answer(0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32);
    }

    fn answer(&self, val: i64, error: i32, flags: u32) {
        let mut answer = libc::seccomp_notif_resp {
            id: self.id,
            val,
            error,
            flags,
        };
        let request = libc::SECCOMP_IOCTL_NOTIF_SEND;
        // A caller that was killed meanwhile needs no answer, nor does one that has got it.
        let _ = self.listener.control(request, (&raw mut answer).cast());
    }
}

impl Stopped for Waiting<'_> {
    fn still_waits(&self) -> bool {
        let mut id = self.id;
        let request = libc::SECCOMP_IOCTL_NOTIF_ID_VALID;
        self.listener.control(request, (&raw mut id).cast()).is_ok()
    }

    fn give(&self, descriptor: BorrowedFd<'_>) {
        let mut addition = libc::seccomp_notif_addfd {
            id: self.id,
            flags: 0,
            srcfd: descriptor.as_raw_fd() as u32,
            newfd: 0,
            newfd_flags: libc::O_CLOEXEC as u32,
        };
        let request = libc::SECCOMP_IOCTL_NOTIF_ADDFD;
        let argument = (&raw mut addition).cast();
        if let Ok(number) = self.listener.control(request, argument) {
            self.answer(i64::from(number), 0, 0);
        }
    }

    fn refuse(&self, errno: i32) {
        self.answer(0, -errno, 0);
    }
}

/// The descriptor on which the kernel tells of stopped calls.
#[derive(Debug)]
pub(crate) struct Listener(OwnedFd);

impl Listener {
    pub(crate) fn new(descriptor: OwnedFd) -> Self {
        const SYNC_WAKE_UP: libc::c_ulong = 1;
        // The two sides take turns, so the kernel may switch from one to the other where it is.
        // Kernels before 6.6 do not know that.
        // SAFETY: the flags are passed as they are, not by pointer.
        unsafe {
            libc::ioctl(
                descriptor.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS,
                SYNC_WAKE_UP,
            )
        };
        Self(descriptor)
    }

    /// Another descriptor of the same listener.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }

    /// The next stopped call; none if it was given up while it waited.
    pub(crate) fn receive(&self) -> io::Result<Option<Waiting<'_>>> {
        // The kernel insists on zeroes.
        // SAFETY: all zeroes is a valid value of this plain structure.
        let mut raw: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        match self.control(libc::SECCOMP_IOCTL_NOTIF_RECV, (&raw mut raw).cast()) {
            Ok(_) => Ok(Some(Waiting {
                listener: self,
                id: raw.id,
                notice: Notice {
                    thread: raw.pid,
                    number: raw.data.nr,
                    architecture: raw.data.arch,
                    arguments: raw.data.args,
                },
            })),
            // The caller was killed, or a signal came.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn control(&self, request: libc::Ioctl, argument: *mut c_void) -> io::Result<i32> {
        // SAFETY: each caller passes the structure that its request reads and writes.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), request, argument) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(result)
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
