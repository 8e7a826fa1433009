//! Calls that execute a program.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use vt_tracker::Kind;

use super::{Named, end_of};
use crate::expected::{Look, There};
use crate::oracle::Oracle;
use crate::resolve::{End, Place};
use crate::strace::Call;
use crate::tree::join;

/// How many scripts in a row the kernel takes.
const MOST_SCRIPTS: usize = 5;

/// What the kernel needs to run a file.
enum Needs {
    /// The program in the first line of a script.
    Program(Vec<u8>),
    /// The loader of a dynamic binary.
    Loader(Vec<u8>),
    Nothing,
}

/// Reads the head of a file. The log does not say what the kernel found there, so programs that
/// are executed have to stay as they are until the log is read.
fn needs(path: &[u8]) -> Needs {
    let Ok(bytes) = fs::read(OsStr::from_bytes(path)) else {
        return Needs::Nothing;
    };
    if let Some(rest) = bytes.strip_prefix(b"#!") {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut words = line
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty());
        return match words.next() {
            Some(word) => Needs::Program(word.to_vec()),
            None => Needs::Nothing,
        };
    }
    loader(&bytes).map_or(Needs::Nothing, Needs::Loader)
}

/// The name in the program header of the kind `PT_INTERP`.
fn loader(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: usize, length: usize| {
        let mut value = 0_usize;
        for byte in bytes.get(at..at + length)?.iter().rev() {
            value = value << 8 | usize::from(*byte);
        }
        Some(value)
    };
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let header = (0..count)
        .map(|index| table + index * size)
        .find(|at| number(*at, 4) == Some(libc::PT_INTERP as usize))?;
    let (offset, length) = (number(header + 8, 8)?, number(header + 32, 8)?);
    let text = bytes.get(offset..offset + length)?;
    Some(text.strip_suffix(b"\0").unwrap_or(text).to_vec())
}

impl Oracle {
    pub(super) fn executing(&mut self, call: &Call, named: Named, flags: i64) {
        let end = end_of(flags);
        let Some(place) = self.place_or_descriptor(call, named, end) else {
            return;
        };
        let Some(given) = self.given(call, named) else {
            return;
        };
        // It came back: it failed. What is known without the result is the same either way.
        self.execute(call, given, place, 0);
    }

    /// The name as the call gives it, made absolute.
    fn given(&mut self, call: &Call, named: Named) -> Option<Vec<u8>> {
        let name = call.text(named.name)?;
        if name.starts_with(b"/") {
            return Some(name);
        }
        let descriptor = named.directory.and_then(|index| call.descriptor(index));
        let directory = match descriptor {
            Some(descriptor) if descriptor.number != libc::AT_FDCWD => descriptor.path?,
            _ => self.current(call)?,
        };
        Some(if name.is_empty() {
            directory
        } else {
            join(&directory, &name)
        })
    }

    fn current(&mut self, call: &Call) -> Option<Vec<u8>> {
        let directory = self.processes.process(call.thread).directory;
        self.tree.path(directory)
    }

    fn execute(&mut self, call: &Call, given: Vec<u8>, place: Place, depth: usize) {
        let Place::Found { path, id, .. } = &place else {
            return self.probe(call, &place);
        };
        let there = self.there(*id);
        if there != There::Something(Kind::File) {
            return self.probe(call, &place);
        }
        if call.error() == Some("EACCES") {
            return self.look(call, path, there, Look::Denied);
        }
        self.look(call, path, there, Look::Executed);
        self.look(call, path, there, Look::Read);
        let program = (given, path.clone());
        if call.succeeded() {
            *self.programs.entry(program).or_default() += 1;
            self.processes.execute(call.thread, path.clone());
        } else {
            self.failed_programs.push(program);
        }
        match needs(path) {
            Needs::Program(name) if depth < MOST_SCRIPTS => {
                let given = if name.starts_with(b"/") {
                    Some(name.clone())
                } else {
                    self.current(call).map(|directory| join(&directory, &name))
                };
                let place = self.place(call, None, &name, End::Followed);
                if let Some(given) = given {
                    self.execute(call, given, place, depth + 1);
                }
            }
            Needs::Loader(name) => self.load(call, &name),
            _ => {}
        }
    }

    fn load(&mut self, call: &Call, name: &[u8]) {
        if let Place::Found { path, id, .. } = self.place(call, None, name, End::Followed) {
            let there = self.there(id);
            self.look(call, &path, there, Look::Read);
        }
    }
}
