//! What a supervisor tells its keeper, and how it gets there.

use std::mem;
use std::os::fd::RawFd;
use std::ptr;

use libc::{c_int, c_void};

use crate::system::keeper::raw;

/// One thing that is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(super) enum Kind {
    /// Here is a listener for this slot.
    Give = 1,
    /// Nobody answers the listener of this slot any more, although the supervisor goes on.
    Leave = 2,
}

/// What came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Received {
    /// A listener, unless there was no room for its descriptor.
    Given(usize, Option<RawFd>),
    /// A listener was left alone.
    Left(usize),
    /// Nothing is waiting.
    Nothing,
    /// Nothing will ever come again.
    Over,
}

/// The body of a message.
#[derive(Default)]
#[repr(C)]
struct Body {
    kind: u32,
    slot: u32,
}

/// Room for one descriptor, aligned as its header has to be.
#[repr(C)]
struct Rights {
    header: libc::cmsghdr,
    descriptor: c_int,
    padding: c_int,
}

impl Rights {
    const LENGTH: usize = size_of::<libc::cmsghdr>() + size_of::<c_int>();

    const fn empty() -> Self {
        // SAFETY: all zeroes is a valid value of this plain structure.
        unsafe { mem::zeroed() }
    }
}

fn header(body: &mut Body, bytes: &mut libc::iovec, rights: &mut Rights) -> libc::msghdr {
    bytes.iov_base = ptr::from_mut(body).cast::<c_void>();
    bytes.iov_len = size_of::<Body>();
    // SAFETY: all zeroes is a valid, empty message header.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = bytes;
    header.msg_iovlen = 1;
    header.msg_control = ptr::from_mut(rights).cast::<c_void>();
    header.msg_controllen = size_of::<Rights>() as _;
    header
}

const fn no_bytes() -> libc::iovec {
    libc::iovec {
        iov_base: ptr::null_mut(),
        iov_len: 0,
    }
}

/// Tells something. Waits for as long as the socket is set to.
pub(super) fn send(
    socket: RawFd,
    kind: Kind,
    slot: usize,
    descriptor: Option<RawFd>,
) -> Result<(), c_int> {
    let mut body = Body {
        kind: kind as u32,
        slot: slot as u32,
    };
    let (mut bytes, mut rights) = (no_bytes(), Rights::empty());
    if let Some(descriptor) = descriptor {
        rights.header.cmsg_len = Rights::LENGTH as _;
        rights.header.cmsg_level = libc::SOL_SOCKET;
        rights.header.cmsg_type = libc::SCM_RIGHTS;
        rights.descriptor = descriptor;
    }
    let mut header = header(&mut body, &mut bytes, &mut rights);
    if descriptor.is_none() {
        header.msg_controllen = 0;
    }
    loop {
        let flags = libc::MSG_NOSIGNAL as usize;
        let at = (&raw const header) as usize;
        // SAFETY: everything the header points to lives until the call returns.
        match unsafe { raw::call(libc::SYS_sendmsg, [socket as usize, at, flags, 0, 0, 0]) } {
            Err(libc::EINTR) => {}
            result => return result.map(|_| ()),
        }
    }
}

/// Takes what was told next, without waiting for it.
pub(super) fn receive(socket: RawFd) -> Received {
    let mut body = Body::default();
    let (mut bytes, mut rights) = (no_bytes(), Rights::empty());
    let mut header = header(&mut body, &mut bytes, &mut rights);
    let flags = (libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC) as usize;
    let length = loop {
        let at = (&raw mut header) as usize;
        // SAFETY: everything the header points to lives until the call returns.
        match unsafe { raw::call(libc::SYS_recvmsg, [socket as usize, at, flags, 0, 0, 0]) } {
            Ok(length) => break length,
            Err(libc::EINTR) => {}
            Err(libc::EAGAIN) => return Received::Nothing,
            Err(_) => return Received::Over,
        }
    };
    if length == 0 {
        return Received::Over;
    }
    // Without a descriptor the kernel leaves the header as it was.
    let came = rights.header.cmsg_type == libc::SCM_RIGHTS;
    if body.kind == Kind::Leave as u32 {
        Received::Left(body.slot as usize)
    } else {
        Received::Given(body.slot as usize, came.then_some(rights.descriptor))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

    use super::*;
    use crate::system::channel;

    #[test]
    fn what_is_told_arrives_in_order_and_the_end_is_told_apart_from_silence() {
        let (ours, theirs) = channel::connected().unwrap();
        send(ours.as_raw_fd(), Kind::Give, 7, Some(ours.as_raw_fd())).unwrap();
        send(ours.as_raw_fd(), Kind::Leave, 7, None).unwrap();
        let Received::Given(7, Some(descriptor)) = receive(theirs.as_raw_fd()) else {
            panic!("a listener was given");
        };
        // SAFETY: it was just received and belongs to nobody else.
        drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
        assert_eq!(receive(theirs.as_raw_fd()), Received::Left(7));
        assert_eq!(receive(theirs.as_raw_fd()), Received::Nothing);
        drop(ours);
        assert_eq!(receive(theirs.as_raw_fd()), Received::Over);
        assert_eq!(
            send(theirs.as_raw_fd(), Kind::Leave, 0, None),
            Err(libc::EPIPE)
        );
    }
}
