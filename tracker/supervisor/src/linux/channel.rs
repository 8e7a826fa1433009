//! Hands the listener from the child to the parent.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
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
    /// The error number with which the kernel refused the filter.
    Refused(c_int),
    /// The child was never made, or died first.
    Nothing,
}

/// Two connected sockets: the parent's and the child's.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
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

/// Sends an error number and perhaps a descriptor. Safe between fork and exec.
pub(crate) fn send(socket: RawFd, errno: c_int, descriptor: Option<RawFd>) {
    let mut errno = errno;
    let mut body = libc::iovec {
        iov_base: (&raw mut errno).cast::<c_void>(),
        iov_len: size_of::<c_int>(),
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

/// Waits for what the child sends.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<Received> {
    let mut errno: c_int = 0;
    let mut body = libc::iovec {
        iov_base: (&raw mut errno).cast::<c_void>(),
        iov_len: size_of::<c_int>(),
    };
    let mut control = Control([0; 24]);
    let mut message = message(&mut body, &mut control);
    let length = loop {
        // SAFETY: everything the message points to lives until the call returns.
        let length =
            unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
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
    Ok(Received::Refused(errno))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_descriptor_an_error_and_the_end_all_arrive() {
        let (parent, child) = pair().unwrap();
        send(child.as_raw_fd(), 0, Some(parent.as_raw_fd()));
        send(child.as_raw_fd(), libc::EBUSY, None);
        drop(child);
        let got = [
            receive(parent.as_fd()).unwrap(),
            receive(parent.as_fd()).unwrap(),
        ];
        assert!(matches!(
            got,
            [Received::Listener(_), Received::Refused(libc::EBUSY)]
        ));
        drop(got);
        assert!(matches!(
            receive(parent.as_fd()).unwrap(),
            Received::Nothing
        ));
    }
}
