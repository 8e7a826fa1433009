//! What the child and the thread that watches it say to each other before the program runs.
//!
//! The child says what it could do, with the listener if it has one, or asks to be traced and
//! waits for the answer.

use std::io;
use std::mem;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::ptr;

use libc::{c_int, c_void};

/// Room for one control message with one descriptor, aligned as its header has to be.
#[repr(C, align(8))]
struct Control([u8; 24]);

/// What came from the child.
#[derive(Debug)]
pub(crate) enum Received {
    /// The listener of the installed filter.
    Listener(OwnedFd),
    /// The error number with which the kernel refused the filter; 0 if it was not asked.
    Refused(c_int),
    /// The child waits to be traced.
    AsksForTracer(Asking),
    /// The child was never made, or died first.
    Nothing,
}

/// A child that waits to be traced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asking {
    /// The number of the process.
    pub(crate) process: c_int,
    /// The error number with which the kernel refused it a listener; 0 if it was not asked.
    pub(crate) refused: c_int,
}

/// What the child is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub(crate) enum Answer {
    /// Nobody traces it: it goes on unwatched.
    Alone = 0,
    /// It is traced from now on.
    Traced = 1,
    /// As before, and it has to find out whether that is of any use.
    TracedForTest = 2,
}

/// A message of the child: an error number, and the number of the process if it asks for
/// something.
type Words = [c_int; 2];

/// The parent's end. Once it is dropped, no child waits for an answer any more, whoever else has
/// a copy of the descriptor.
#[derive(Debug)]
pub(crate) struct ParentEnd(OwnedFd);

impl ParentEnd {
    /// Waits for what the child says.
    pub(crate) fn receive(&self) -> io::Result<Received> {
        receive(self.0.as_fd(), 0)
    }

    /// What the child has said already, if anything.
    pub(crate) fn already_received(&self) -> Option<Received> {
        receive(self.0.as_fd(), libc::MSG_DONTWAIT).ok()
    }

    /// Answers a child that asks.
    pub(crate) fn answer(&self, answer: Answer) {
        let word = answer as c_int;
        // A child that has died meanwhile needs no answer.
        // SAFETY: the word outlives the call.
        unsafe {
            libc::send(
                self.0.as_raw_fd(),
                (&raw const word).cast::<c_void>(),
                size_of::<c_int>(),
                libc::MSG_NOSIGNAL,
            )
        };
    }
}

impl Drop for ParentEnd {
    fn drop(&mut self) {
        // SAFETY: takes no pointers. Closing would not do: the child has a copy itself.
        unsafe { libc::shutdown(self.0.as_raw_fd(), libc::SHUT_RDWR) };
    }
}

/// Two connected sockets: the parent's and the child's.
pub(crate) fn pair() -> io::Result<(ParentEnd, OwnedFd)> {
    let (parent, child) = connected()?;
    Ok((ParentEnd(parent), child))
}

/// Two connected sockets.
pub(crate) fn connected() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut sockets = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the array has room for the two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, sockets.as_mut_ptr()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both were just made and belong to nobody else.
    Ok(unsafe {
        (
            OwnedFd::from_raw_fd(sockets[0]),
            OwnedFd::from_raw_fd(sockets[1]),
        )
    })
}

fn message(body: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: all zeroes is a valid, empty message header.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = body;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len();
    message
}

/// Says that there is a listener. Safe between fork and exec, as all that the child does here.
pub(crate) fn send_listener(socket: RawFd, listener: RawFd) {
    send(socket, [0, 0], Some(listener));
}

/// Says that the kernel refused the filter.
pub(crate) fn send_refused(socket: RawFd, errno: c_int) {
    send(socket, [errno, 0], None);
}

/// Asks to be traced, and waits for the answer, but not beyond the end of the parent, of which
/// the descriptor tells.
pub(crate) fn ask_for_tracer(socket: RawFd, parent: RawFd, asking: Asking) -> Answer {
    send(socket, [asking.refused, asking.process], None);
    let wait_for = |descriptor| libc::pollfd {
        fd: descriptor,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut waiting = [wait_for(socket), wait_for(parent)];
    loop {
        // SAFETY: the array outlives the call.
        let result = unsafe { libc::poll(waiting.as_mut_ptr(), 2, -1) };
        // SAFETY: the pointer to this thread's error number is always valid.
        if result >= 0 || unsafe { *libc::__errno_location() } != libc::EINTR {
            break;
        }
    }
    let mut word: c_int = 0;
    // SAFETY: the word outlives the call.
    let length = unsafe {
        libc::recv(
            socket,
            (&raw mut word).cast::<c_void>(),
            size_of::<c_int>(),
            libc::MSG_DONTWAIT,
        )
    };
    let is_whole = length == size_of::<c_int>() as isize;
    [Answer::Traced, Answer::TracedForTest]
        .into_iter()
        .find(|answer| is_whole && word == *answer as c_int)
        .unwrap_or(Answer::Alone)
}

/// Sends a message and perhaps a descriptor.
fn send(socket: RawFd, words: Words, descriptor: Option<RawFd>) {
    let mut words = words;
    let mut body = libc::iovec {
        iov_base: (&raw mut words).cast::<c_void>(),
        iov_len: size_of::<Words>(),
    };
    let mut control = Control([0; 24]);
    let mut message = message(&mut body, &mut control);
    if let Some(descriptor) = descriptor {
        // SAFETY: the control buffer has room for a header and one descriptor, and is aligned.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size_of::<c_int>() as u32) as usize;
            ptr::write_unaligned(libc::CMSG_DATA(header).cast::<c_int>(), descriptor);
        }
    } else {
        message.msg_control = ptr::null_mut();
        message.msg_controllen = 0;
    }
    // If the parent is gone there is nobody to tell.
    // SAFETY: everything the message points to lives until the call returns.
    unsafe { libc::sendmsg(socket, &raw const message, libc::MSG_NOSIGNAL) };
}

fn receive(socket: BorrowedFd<'_>, flags: c_int) -> io::Result<Received> {
    let mut words: Words = [0; 2];
    let mut body = libc::iovec {
        iov_base: (&raw mut words).cast::<c_void>(),
        iov_len: size_of::<Words>(),
    };
    let mut control = Control([0; 24]);
    let mut message = message(&mut body, &mut control);
    let length = loop {
        // SAFETY: everything the message points to lives until the call returns.
        let length = unsafe {
            libc::recvmsg(
                socket.as_raw_fd(),
                &raw mut message,
                libc::MSG_CMSG_CLOEXEC | flags,
            )
        };
        if length >= 0 {
            break length;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    };
    if length == 0 {
        return Ok(Received::Nothing);
    }
    // SAFETY: the kernel filled the header in; the data of a rights message is descriptors, and
    // the one in it was made for us.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if !header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS {
            let descriptor = ptr::read_unaligned(libc::CMSG_DATA(header).cast::<c_int>());
            return Ok(Received::Listener(OwnedFd::from_raw_fd(descriptor)));
        }
    }
    Ok(match words {
        [errno, 0] => Received::Refused(errno),
        [refused, process] => Received::AsksForTracer(Asking { process, refused }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_an_error_and_the_end_all_arrive() {
        let (parent, child) = pair().unwrap();
        send_listener(child.as_raw_fd(), parent.0.as_raw_fd());
        send_refused(child.as_raw_fd(), libc::EBUSY);
        let got = [parent.receive().unwrap(), parent.receive().unwrap()];
        assert!(matches!(
            got,
            [Received::Listener(_), Received::Refused(libc::EBUSY)]
        ));
        assert!(parent.already_received().is_none());
        drop((got, child));
        assert!(matches!(parent.receive().unwrap(), Received::Nothing));
    }

    fn ask(child: &OwnedFd, lifeline: &OwnedFd) -> Answer {
        let asking = Asking {
            process: 7,
            refused: libc::EBUSY,
        };
        ask_for_tracer(child.as_raw_fd(), lifeline.as_raw_fd(), asking)
    }

    #[test]
    fn whoever_asks_is_answered_and_never_waits_for_nobody() {
        let (_parent_lives, lifeline) = pair().unwrap();
        let (parent, child) = pair().unwrap();
        parent.answer(Answer::Traced);
        assert_eq!(ask(&child, &lifeline), Answer::Traced);
        let Received::AsksForTracer(asking) = parent.receive().unwrap() else {
            panic!("it has asked")
        };
        assert_eq!((asking.process, asking.refused), (7, libc::EBUSY));
        let copy = parent.0.try_clone().unwrap();
        drop(parent);
        assert_eq!(ask(&child, &lifeline), Answer::Alone);
        drop(copy);
    }

    #[test]
    fn the_end_of_the_parent_is_an_answer() {
        let (parent_lives, lifeline) = pair().unwrap();
        let (parent, child) = pair().unwrap();
        drop(parent_lives);
        assert_eq!(ask(&child, &lifeline), Answer::Alone);
        drop(parent);
    }
}
