//! Finds the real path of a name as the C library does, link by link.
//!
//! Knows nothing about how links are read. The name that is left to walk stands at the end of its
//! room, so that the text of a link can be put before it.

use crate::system::{PATH_MAX, errno};

/// As many links as the kernel crosses in one name.
const MOST_LINKS: usize = 40;

/// Whoever can look at files.
pub(crate) trait Files {
    /// Reads the text of a link into a buffer and gives its length, or the error number. The path
    /// has a zero byte at its end; its first bytes, as many as given, are a real path.
    fn read_link(&mut self, path: &[u8], real: usize, into: &mut [u8]) -> Result<usize, i32>;
    /// Whether there is a directory that may be searched. The path has a slash and a zero byte at
    /// its end.
    fn search(&mut self, path: &[u8]) -> Result<(), i32>;
    /// Writes the path of the current directory and gives its length.
    fn current(&mut self, into: &mut [u8]) -> Result<usize, i32>;
}

/// Why the way ends early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// With this error number.
    Error(i32),
    /// There is too little room for what is left to walk.
    Room,
}

/// The path so far: real, but for the last component.
pub(crate) struct Path {
    /// With room for a slash and a zero byte behind the longest name.
    text: [u8; PATH_MAX + 2],
    length: usize,
}

impl Path {
    pub(crate) const fn new() -> Self {
        Self {
            text: [0; PATH_MAX + 2],
            length: 0,
        }
    }

    /// The path with a zero byte at its end.
    pub(crate) fn with_end(&mut self) -> Result<&[u8], Stop> {
        let end = self.length;
        *self.text.get_mut(end).ok_or(TOO_LONG)? = 0;
        self.text.get(..=end).ok_or(TOO_LONG)
    }

    fn push(&mut self, more: &[u8]) -> Result<(), Stop> {
        let end = self.length + more.len();
        self.text
            .get_mut(self.length..end)
            .ok_or(TOO_LONG)?
            .copy_from_slice(more);
        self.length = end;
        Ok(())
    }

    /// Adds a component, which the kernel would refuse if it got too long. Gives the length of the
    /// path of its directory.
    fn enter(&mut self, component: &[u8]) -> Result<usize, Stop> {
        let end = self.length;
        let slash = usize::from(self.last() != Some(b'/'));
        if end + slash + component.len() >= PATH_MAX {
            return Err(TOO_LONG);
        }
        if slash == 1 {
            self.push(b"/")?;
        }
        self.push(component)?;
        // Without the slash. What is in the root is known to that little extent anyway.
        Ok(end.saturating_sub(1 - slash))
    }

    fn leave(&mut self) {
        if self.length > 1 {
            self.length -= 1;
            while self.length > 0 && self.last() != Some(b'/') {
                self.length -= 1;
            }
        }
    }

    fn last(&self) -> Option<u8> {
        self.text.get(self.length.checked_sub(1)?).copied()
    }

    fn drop_slash(&mut self) {
        if self.length > 1 && self.last() == Some(b'/') {
            self.length -= 1;
        }
    }
}

const TOO_LONG: Stop = Stop::Error(errno::ENAMETOOLONG);

/// What is left to walk: everything from `start` on.
pub(crate) struct Rest<'r> {
    room: &'r mut [u8],
    start: usize,
}

impl<'r> Rest<'r> {
    /// `None` if the name does not fit.
    pub(crate) fn new(room: &'r mut [u8], name: &[u8]) -> Option<Self> {
        let start = room.len().checked_sub(name.len())?;
        room.get_mut(start..)?.copy_from_slice(name);
        Some(Self { room, start })
    }

    fn left(&self) -> &[u8] {
        self.room.get(self.start..).unwrap_or(&[])
    }

    /// The text of a link of this length, which is at the beginning of the room, goes before it.
    fn put_before(&mut self, length: usize) -> Option<()> {
        let start = self.start.checked_sub(length)?;
        self.room.copy_within(..length, start);
        self.start = start;
        Some(())
    }
}

/// Walks what is left. The path is the real one in the end; if the way ends early, it is how far
/// it led.
pub(crate) fn walk(
    files: &mut impl Files,
    rest: &mut Rest<'_>,
    path: &mut Path,
) -> Result<(), Stop> {
    if rest.left().is_empty() {
        return Err(Stop::Error(errno::ENOENT));
    }
    if rest.left().first() == Some(&b'/') {
        path.push(b"/")?;
    } else {
        let room = path.text.get_mut(..PATH_MAX).ok_or(TOO_LONG)?;
        path.length = files.current(room).map_err(Stop::Error)?;
    }
    let mut links = 0;
    loop {
        let left = rest.left();
        let slashes = left.iter().take_while(|byte| **byte == b'/').count();
        let left = left.get(slashes..).unwrap_or(&[]);
        let length = left.iter().take_while(|byte| **byte != b'/').count();
        let component = left.get(..length).unwrap_or(&[]);
        let start = rest.start + slashes + length;
        match component {
            b"" => break,
            b"." => rest.start = start,
            b".." => {
                path.leave();
                rest.start = start;
            }
            _ => {
                let parent = path.enter(component)?;
                rest.start = start;
                step(files, rest, path, parent, &mut links)?;
            }
        }
    }
    path.drop_slash();
    Ok(())
}

/// Looks whether the component that was just entered is a link.
fn step(
    files: &mut impl Files,
    rest: &mut Rest<'_>,
    path: &mut Path,
    parent: usize,
    links: &mut usize,
) -> Result<(), Stop> {
    let room = rest.room.get_mut(..rest.start).ok_or(Stop::Room)?;
    if room.len() < 2 {
        return Err(Stop::Room);
    }
    match files.read_link(path.with_end()?, parent, room) {
        // There may be more of it.
        Ok(length) if length >= room.len() => Err(Stop::Room),
        Ok(length) => {
            *links += 1;
            if *links > MOST_LINKS {
                return Err(Stop::Error(errno::ELOOP));
            }
            if room.first() == Some(&b'/') && length > 0 {
                path.length = 1;
            } else {
                path.leave();
            }
            rest.put_before(length).ok_or(Stop::Room)
        }
        Err(_) if wants_directory(rest.left()) => {
            let end = path.length;
            path.push(b"/")?;
            let found = path
                .with_end()
                .and_then(|path| files.search(path).map_err(Stop::Error));
            path.length = end;
            found
        }
        Err(errno::EINVAL) => Ok(()),
        Err(number) => Err(Stop::Error(number)),
    }
}

/// Whether what follows a component makes sense only if it is a directory, and nobody would notice
/// if it is not: slashes and dots up to the end, or two dots.
fn wants_directory(rest: &[u8]) -> bool {
    let mut parts = rest.split(|byte| *byte == b'/');
    // What follows a component is nothing, or begins with a slash.
    let has_slash = parts.next().is_some() && rest.first() == Some(&b'/');
    let first = parts.find(|part| !matches!(*part, b"" | b"."));
    has_slash && first.is_none_or(|part| part == b"..")
}

#[cfg(test)]
#[path = "real_tests.rs"]
mod tests;
