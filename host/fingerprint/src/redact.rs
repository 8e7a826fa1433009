//! JSON files of which some parts do not count.
//!
//! What is digested are the bytes of the file less those of the parts, so that any other change of
//! it shows, be it of white space. A file that is no JSON, or of which it is not certain what the
//! parts are, counts by its bytes. The digest of what is left is never taken for that of the file:
//! it is a state, and has a memo, of its own.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::de::IgnoredAny;
use vt_base::{Digest, StableHasher};

use crate::item::State;
use crate::rows::{StatRow, StatRows, now_ns};

/// A larger file counts by its bytes.
pub(crate) const MAX_FILE: u64 = 16 << 20;

/// States by identity and by the parts that do not count.
#[derive(Default)]
pub(crate) struct Redacted(Mutex<HashMap<(StatRow, Digest), State>>);

impl Redacted {
    /// The state of a regular file less the parts, with the identity it was read under.
    ///
    /// # Errors
    /// Whatever opening or reading the file fails with.
    pub(crate) fn state(
        &self,
        path: &Path,
        row: StatRow,
        pointers: &[String],
        rows: &StatRows,
    ) -> io::Result<(State, StatRow)> {
        let mut parts = StableHasher::new("vt-redacted-parts");
        parts.texts(pointers.iter().map(String::as_str));
        let parts = parts.finish();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = known.get(&(row, parts)) {
            return Ok((state.clone(), row));
        }
        drop(known);
        let whole = |digest, row: StatRow| State::File {
            digest,
            executable: row.executable(),
        };
        if row.size > MAX_FILE {
            return Ok((whole(rows.digest(path, row)?, row), row));
        }
        rows.spent(row.size);
        let started = now_ns();
        let (bytes, row) = read(path)?;
        let digest = Digest::of(&bytes);
        let state = match left(&bytes, pointers) {
            Some(digest) => State::Redacted {
                digest,
                executable: row.executable(),
            },
            None => whole(digest, row),
        };
        if row.settled_at(started) {
            rows.learn(row, digest);
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert((row, parts), state.clone());
        }
        Ok((state, row))
    }
}

/// The bytes of a file, and its identity before and after they were read.
pub(crate) fn read(path: &Path) -> io::Result<(Vec<u8>, StatRow)> {
    // What became a pipe since it was looked at would block whoever opens it.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    let mut file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    for _ in 0..3 {
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::other("it is no regular file any more"));
        }
        let before = StatRow::of(&found);
        let mut bytes = Vec::new();
        (&file).take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if StatRow::of(&file.metadata()?) == before && bytes.len() as u64 == before.size {
            return Ok((bytes, before));
        }
        file.rewind()?;
    }
    Err(io::Error::other("the file keeps changing while it is read"))
}

/// The digest of a text less the parts; none if it is no JSON, or says one of them twice.
fn left(text: &[u8], pointers: &[String]) -> Option<Digest> {
    let _: IgnoredAny = serde_json::from_slice(text).ok()?;
    let mut parts: Vec<Range<usize>> = Vec::new();
    for pointer in pointers {
        let names = pointer.split('/').skip(1);
        let names: Vec<String> = names
            .map(|name| name.replace("~1", "/").replace("~0", "~"))
            .collect();
        parts.extend(Json(text).find(&names).ok()?);
    }
    parts.sort_by_key(|part| (part.start, std::cmp::Reverse(part.end)));
    let mut hasher = StableHasher::new("vt-redacted-1");
    let mut at = 0;
    for part in parts {
        // One that lies in another is gone with that.
        if part.start >= at {
            hasher.bytes(&text[at..part.start]);
            at = part.end;
        }
    }
    hasher.bytes(&text[at..]);
    Some(hasher.finish())
}

/// A text that is known to be JSON.
struct Json<'t>(&'t [u8]);

/// An object has the name twice: readers differ in which one they take.
#[derive(Debug, PartialEq, Eq)]
struct Ambiguous;

impl Json<'_> {
    /// Where the value is that these names lead to.
    fn find(&self, names: &[String]) -> Result<Option<Range<usize>>, Ambiguous> {
        let mut at = self.next(0);
        for name in names {
            let member = match self.0[at] {
                b'{' => self.member(at, name)?,
                b'[' => self.element(at, name),
                _ => None,
            };
            let Some(member) = member else {
                return Ok(None);
            };
            at = member;
        }
        Ok(Some(at..self.end(at)))
    }

    /// Where a value of the object that begins here begins.
    fn member(&self, object: usize, wanted: &str) -> Result<Option<usize>, Ambiguous> {
        let mut found = None;
        let mut at = self.next(object + 1);
        while self.0[at] != b'}' {
            let end = self.end(at);
            let name = serde_json::from_slice::<String>(&self.0[at..end]);
            let value = self.next(self.next(end) + 1);
            // A name that is no text could be any.
            let is_wanted = name.as_ref().map_or(true, |name| name == wanted);
            if is_wanted && (name.is_err() || found.replace(value).is_some()) {
                return Err(Ambiguous);
            }
            at = self.behind(value);
        }
        Ok(found)
    }

    /// Where an element of the array that begins here begins.
    fn element(&self, array: usize, wanted: &str) -> Option<usize> {
        let index: usize = wanted.parse().ok()?;
        let is_plain = index.to_string() == wanted;
        let mut at = self.next(array + 1);
        let mut number = 0;
        while self.0[at] != b']' {
            if is_plain && number == index {
                return Some(at);
            }
            at = self.behind(at);
            number += 1;
        }
        None
    }

    /// Where the next thing in an object or array begins, behind the value that begins here.
    fn behind(&self, value: usize) -> usize {
        let at = self.next(self.end(value));
        match self.0[at] {
            b',' => self.next(at + 1),
            _ => at,
        }
    }

    /// The first byte from here on that is no white space.
    fn next(&self, at: usize) -> usize {
        let rest = self.0[at..].iter();
        at + rest.take_while(|byte| byte.is_ascii_whitespace()).count()
    }

    /// Where the value that begins here ends.
    fn end(&self, begin: usize) -> usize {
        let mut depth = 0_usize;
        let mut at = begin;
        loop {
            match self.0.get(at) {
                Some(b'"') => at = self.end_of_string(at),
                Some(b'{' | b'[') => {
                    depth += 1;
                    at += 1;
                }
                Some(b'}' | b']') => {
                    depth -= 1;
                    at += 1;
                }
                _ if depth > 0 => {
                    at += 1;
                    continue;
                }
                // A number or a word.
                _ => {
                    let rest = self.0[at..].iter();
                    let is_part =
                        |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                    at += rest.take_while(is_part).count();
                }
            }
            if depth == 0 {
                return at;
            }
        }
    }

    fn end_of_string(&self, begin: usize) -> usize {
        let mut at = begin + 1;
        loop {
            match self.0[at] {
                b'"' => return at + 1,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests;
