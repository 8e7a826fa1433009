//! The descriptor on which the kernel tells of stopped calls.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use libc::c_void;

use crate::system::call::Stopped;
use crate::system::keeper::{Place, is_hung_up};
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
///
/// If it is dropped before the last process of its tree is gone, the keeper answers from then on.
#[derive(Debug)]
pub(crate) struct Listener {
    descriptor: OwnedFd,
    /// Where the kernel writes what it tells, for the keeper to find if this process dies.
    place: Place,
}

impl Listener {
    /// Takes charge of a listener, with the keeper in reserve.
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
        let place = Place::of(descriptor.as_fd());
        Self { descriptor, place }
    }

    /// Another descriptor of the same listener.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.descriptor.try_clone()
    }

    /// Whether its calls will be answered when this process is gone.
    pub(crate) fn is_kept(&self) -> bool {
        self.place.is_kept()
    }

    /// The next stopped call; none if it was given up while it waited. The call before has to be
    /// answered.
    pub(crate) fn receive(&self) -> io::Result<Option<Waiting<'_>>> {
        let received = self.place.slot().received();
        // The kernel insists on zeroes.
        // SAFETY: all zeroes is a valid value of this plain structure, and nobody else uses it as
        // long as this listener is there.
        unsafe { received.write_volatile(std::mem::zeroed()) };
        match self.control(libc::SECCOMP_IOCTL_NOTIF_RECV, received.cast()) {
            Ok(_) => {
                // SAFETY: as above, and the kernel has filled it in.
                let received = unsafe { received.read_volatile() };
                Ok(Some(Waiting {
                    listener: self,
                    id: received.id,
                    notice: Notice {
                        thread: received.pid,
                        number: received.data.nr,
                        architecture: received.data.arch,
                        arguments: received.data.args,
                    },
                }))
            }
            // The caller was killed, or a signal came.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn control(&self, request: libc::Ioctl, argument: *mut c_void) -> io::Result<i32> {
        // SAFETY: each caller passes the structure that its request reads and writes.
        let result = unsafe { libc::ioctl(self.descriptor.as_raw_fd(), request, argument) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(result)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if !is_hung_up(self.as_fd()) {
            self.place.leave();
        }
    }
}
