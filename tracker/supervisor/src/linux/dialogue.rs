//! How a tracker below another one talks to it: by opening names that nobody else uses.
//!
//! Only one listener can watch a tree, so an inner tracker can't have its own. What it asks stops
//! at the outer one like any other call, and is answered instead of being let go on. That needs no
//! socket and no descriptor that could be lost on the way; and whoever can ask is in the tree. If
//! nobody answers, the kernel says that there is no such file, which is the answer then.
//!
//! A name is `/.vt-tracker/<version>/<token>/<request>/<session>/<text>`.

use std::ffi::CString;
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use vt_tracker_abi::{Endpoint, Place, REQUEST};

/// What can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    /// Opens a session, by a number that the inner tracker has made up. Answered with a file.
    Begin,
    /// The text is a directory below which the session wants digests of what is about to change.
    Root,
    /// The process that asks, and all it starts, belongs to the session from now on.
    Enter,
    /// Whether a process of the session is alive: [`ALIVE`] or [`DONE`].
    Poll,
    /// Closes the session: everything that was seen is written to the file. [`DONE`].
    End,
    /// The text is the name of a variable that the process asked for on demand, and could not write
    /// that down. [`DONE`].
    Demanded,
    /// As before, of a variable that it could not get. [`DONE`].
    Doubtful,
}

/// The error number that stands for "yes, there is one".
pub(crate) const ALIVE: i32 = libc::EAGAIN;
/// The error number that stands for "done" and "no, there is none".
pub(crate) const DONE: i32 = libc::EALREADY;

impl Request {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Begin, "begin"),
        (Self::Root, "root"),
        (Self::Enter, "enter"),
        (Self::Poll, "poll"),
        (Self::End, "end"),
        (Self::Demanded, "demanded"),
        (Self::Doubtful, "doubtful"),
    ];

    const fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Whether a name is one of these.
pub(crate) fn is_request(name: &[u8]) -> bool {
    name.starts_with(REQUEST.as_bytes())
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked<'n> {
    pub(crate) request: Request,
    pub(crate) session: u32,
    pub(crate) text: &'n [u8],
}

/// What a name asks of the holder of the token.
pub(crate) fn parse(name: &[u8], token: [u64; 2]) -> Option<Asked<'_>> {
    let rest = name.strip_prefix(REQUEST.as_bytes())?;
    let rest = rest.strip_prefix(written(token).as_bytes())?;
    let mut parts = rest.strip_prefix(b"/")?.splitn(3, |byte| *byte == b'/');
    let word = parts.next()?;
    let session = std::str::from_utf8(parts.next()?).ok()?;
    let (request, _) = Request::ALL
        .into_iter()
        .find(|(_, known)| known.as_bytes() == word)?;
    Some(Asked {
        request,
        session: session.parse().ok()?,
        text: parts.next()?,
    })
}

fn written(token: [u64; 2]) -> String {
    format!("{:016x}{:016x}", token[0], token[1])
}

/// The tracker above, as an inner one sees it.
#[derive(Clone, Debug)]
pub(crate) struct Above {
    endpoint: Endpoint,
}

impl Above {
    /// Reads what the environment says of it.
    pub(crate) fn parse(endpoint: &str) -> Option<Self> {
        let endpoint = Endpoint::parse(endpoint.as_bytes())?;
        Some(Self { endpoint })
    }

    /// What its processes know each other by.
    pub(crate) const fn token(&self) -> [u64; 2] {
        self.endpoint.token
    }

    /// What the processes of a session find the memory by, and the variables on demand.
    pub(crate) const fn endpoint(&self, session: u32, demand: Option<Place>) -> Endpoint {
        Endpoint {
            session,
            demand,
            ..self.endpoint
        }
    }

    /// The name that asks something.
    pub(crate) fn name(&self, request: Request, session: u32, text: &[u8]) -> CString {
        let name = format!(
            "{REQUEST}{}/{}/{session}/",
            written(self.token()),
            request.word()
        );
        let mut name = name.into_bytes();
        name.extend(text.iter().filter(|byte| **byte != 0));
        CString::new(name).expect("the zero bytes are left out")
    }

    /// Opens a session.
    pub(crate) fn begin(&self, session: u32) -> io::Result<OwnedFd> {
        let name = self.name(Request::Begin, session, b"");
        let descriptor = ask(&name)?;
        // SAFETY: it was made for us, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    /// Asks something that is answered with an error number.
    pub(crate) fn ask(&self, request: Request, session: u32, text: &[u8]) -> i32 {
        match ask(&self.name(request, session, text)) {
            Ok(_) => 0,
            Err(error) => error.raw_os_error().unwrap_or(0),
        }
    }
}

/// Asks. Safe between fork and exec.
pub(crate) fn ask(name: &CString) -> io::Result<i32> {
    // For writing, since what only looks may be written down instead of stopping; but without
    // creating, since there may be nobody to answer.
    let flags = libc::O_RDWR | libc::O_CLOEXEC;
    // SAFETY: the name is a terminated string.
    let result = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, name.as_ptr(), flags) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u64; 2] = [0x1234, u64::MAX];

    fn above() -> Above {
        Above::parse(&format!("77/5/{}/3", written(TOKEN))).unwrap()
    }

    #[test]
    fn what_is_asked_is_what_is_understood() {
        for (request, _) in Request::ALL {
            let name = above().name(request, 9, b"/a/\xff");
            assert!(is_request(name.as_bytes()));
            let asked = Asked {
                request,
                session: 9,
                text: b"/a/\xff",
            };
            assert_eq!(parse(name.as_bytes(), TOKEN), Some(asked));
            assert_eq!(parse(name.as_bytes(), [0, 0]), None);
        }
        let endpoint = above().endpoint(8, None).to_string();
        assert_eq!(endpoint, format!("77/5/{}/8", written(TOKEN)));
    }

    #[test]
    fn anything_else_is_not_understood() {
        for endpoint in ["", "1/2/3/4", "1/2", "0123456789abcdef0123456789abcdeg/1"] {
            assert!(Above::parse(endpoint).is_none(), "{endpoint}");
        }
        let token = written(TOKEN);
        for name in [
            "/.vt-tracker/2/".to_owned(),
            format!("/.vt-tracker/1/{token}/begin/1/"),
            format!("/.vt-tracker/2/{token}/begin/1"),
            format!("/.vt-tracker/2/{token}/begin/x/"),
            format!("/.vt-tracker/2/{token}/stop/1/"),
        ] {
            assert_eq!(parse(name.as_bytes(), TOKEN), None, "{name}");
        }
    }

    #[test]
    fn nobody_answers_where_nobody_is() {
        let error = above().begin(1).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    }
}
