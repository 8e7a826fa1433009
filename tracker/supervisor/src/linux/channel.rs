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
    let ends = unsafe {
        (
            OwnedFd::from_raw_fd(sockets[0]),
            OwnedFd::from_raw_fd(sockets[1]),
        )
    };
    [&ends.0, &ends.1].into_iter().for_each(sign);
    Ok(ends)
}

/// What an end of a line is known by: a priority, which a Unix socket has no other use for. Its
/// kind alone would not do, as the standard library has such sockets too: with one of them a child
/// says that its program could not be executed.
const SIGN: c_int = 5;

/// Signs an end of a line. If the kernel refuses, [`close_others`] leaves it open.
fn sign(end: &OwnedFd) {
    let sign = SIGN;
    // SAFETY: the variable outlives the call.
    unsafe {
        libc::setsockopt(
            end.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PRIORITY,
            (&raw const sign).cast::<c_void>(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
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

/// Closes all lines but the child's end of its own, in a child that has not executed its program
/// yet. The end of a parent holds the listener that was sent and not received: a copy of it in the
/// child, or in a child that was made at the same time, would keep the listener of a parent that
/// was killed, and the child would wait for ever for its execution to be answered.
pub(crate) fn close_others(own: RawFd) {
    let close = |descriptor| {
        if descriptor != own && is_line(descriptor) {
            // SAFETY: nothing here uses it any more, and it would not survive the execution.
            unsafe { libc::close(descriptor) };
        }
    };
    if !each_descriptor(close) {
        (0..MOST_DESCRIPTORS).for_each(close);
    }
}

/// Where a process without `/proc` stops looking for descriptors.
const MOST_DESCRIPTORS: RawFd = 4096;

/// Whether a descriptor is an end of a line.
fn is_line(descriptor: RawFd) -> bool {
    let has = |option, wanted| {
        let mut value: c_int = 0;
        let mut length = size_of::<c_int>() as libc::socklen_t;
        let into = (&raw mut value).cast::<c_void>();
        // SAFETY: the variables outlive the call; what is no socket is an error.
        let result = unsafe {
            libc::getsockopt(descriptor, libc::SOL_SOCKET, option, into, &raw mut length)
        };
        result == 0 && value == wanted
    };
    // SAFETY: takes no pointers; a number that is no descriptor is an error.
    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
    flags >= 0
        && flags & libc::FD_CLOEXEC != 0
        && has(libc::SO_TYPE, libc::SOCK_SEQPACKET)
        && has(libc::SO_PRIORITY, SIGN)
}

/// Where the length of a directory entry is, and where its name begins.
const ENTRY_LENGTH: usize = 16;
const ENTRY_NAME: usize = 19;

/// Hands out the numbers of this process's descriptors, and says whether they could be listed.
/// They may be closed meanwhile: the kernel goes on with the next number.
fn each_descriptor(mut take: impl FnMut(RawFd)) -> bool {
    let path = c"/proc/self/fd".as_ptr();
    // SAFETY: the path is a constant.
    let directory =
        unsafe { libc::open(path, libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC) };
    if directory < 0 {
        return false;
    }
    let mut buffer = [0_u64; 256];
    let length = size_of_val(&buffer);
    let end = loop {
        let start = buffer.as_mut_ptr().cast::<u8>();
        // SAFETY: the buffer has this length.
        let filled = unsafe { libc::syscall(libc::SYS_getdents64, directory, start, length) };
        let Some(filled @ 1..) = usize::try_from(filled).ok() else {
            break filled;
        };
        // SAFETY: the kernel has written so many bytes into the buffer.
        let mut entries = unsafe { std::slice::from_raw_parts(start, filled) };
        while let Some([low, high]) = entries.get(ENTRY_LENGTH..ENTRY_LENGTH + 2) {
            let (entry, rest) = entries.split_at(usize::from(u16::from_ne_bytes([*low, *high])));
            let digits = entry[ENTRY_NAME..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit());
            let number = digits.fold(None, |number: Option<RawFd>, digit| {
                Some(number.unwrap_or_default() * 10 + RawFd::from(digit - b'0'))
            });
            if let Some(number) = number.filter(|number| *number != directory) {
                take(number);
            }
            entries = rest;
        }
    };
    // SAFETY: it was opened above.
    unsafe { libc::close(directory) };
    end == 0
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

    #[test]
    fn a_child_has_no_line_but_its_own() {
        let (parent, child) = pair().unwrap();
        let (_other_parent, other_child) = pair().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        let mut unsigned = [0; 2];
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        // SAFETY: the array has room for the two descriptors.
        let result = unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, unsigned.as_mut_ptr()) };
        assert_eq!(result, 0);
        // The child tells which descriptors it has left, by the exit code.
        let have = [
            parent.0.as_raw_fd(),
            other_child.as_raw_fd(),
            child.as_raw_fd(),
        ];
        let [of_others, _] = unsigned;
        let kept = [reader.as_raw_fd(), writer.as_raw_fd(), of_others];
        // SAFETY: the child makes system calls only.
        let process = unsafe { libc::fork() };
        if process == 0 {
            close_others(child.as_raw_fd());
            // SAFETY: takes no pointers.
            let is_open =
                |descriptor: &RawFd| unsafe { libc::fcntl(*descriptor, libc::F_GETFD) } >= 0;
            let open = have.iter().chain(&kept).map(is_open);
            let code = open.fold(0, |code, open| code * 2 + i32::from(open));
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(code) };
        }
        let mut status = 0;
        // SAFETY: the variable outlives the call.
        unsafe { libc::waitpid(process, &raw mut status, 0) };
        assert!(libc::WIFEXITED(status));
        assert_eq!(libc::WEXITSTATUS(status), 0b001111);
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
