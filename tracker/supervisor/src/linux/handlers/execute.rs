//! Calls that execute a program.

use std::fs::File;
use std::io::Read as _;

use rustix::fs::{Access, Mode, OFlags};
use vt_tracker_abi::{Blindness, Kind, Look, State};

use crate::system::call::{Call, Empty, Name, Skip, last_of};
use crate::system::elf::loader;
use crate::system::place::{Last, Place};

/// How many interpreters the kernel follows, with one to spare.
const MOST_INTERPRETERS: usize = 6;
/// How much of a script the kernel looks at.
const SCRIPT_HEAD: usize = 256;
/// Enough for the program headers of any usual binary.
const HEAD: usize = 4096;

/// `execve(name, …)`
pub(crate) fn execve(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    execute(call, name, Last::Follow);
    Ok(())
}

/// `execveat(directory, name, arguments, environment, flags)`
pub(crate) fn execveat(call: &mut Call<'_>) -> Result<(), Skip> {
    let flags = call.number(4);
    let name = call.name_or_descriptor(0, 1, Empty::of(flags))?;
    execute(call, name, last_of(flags));
    Ok(())
}

fn execute(call: &mut Call<'_>, name: Name, last: Last) {
    let mut name = name;
    for _ in 0..MOST_INTERPRETERS {
        let (path, state) = match call.place(&name, last) {
            Place::Present {
                path,
                kind: Kind::File,
                state,
            } => (path, state),
            place => return call.probe(place),
        };
        if !call.may(&path, Access::EXEC_OK) {
            return call.look(&path, Look::Denied, state);
        }
        if has_privileges(&path, &state) && call.gains_none() {
            call.blame(Blindness::PrivilegesWithheld, &path);
        }
        call.look(&path, Look::Execute, state);
        call.look(&path, Look::Read, state);
        call.program(&name.bytes, &path);
        match interpreter(&path) {
            Some(Interpreter::OfScript(text)) => match call.absolute(libc::AT_FDCWD, text) {
                Ok(next) => name = next,
                Err(_) => return,
            },
            Some(Interpreter::Loader(name)) => {
                if let Ok(name) = call.absolute(libc::AT_FDCWD, name)
                    && let Place::Present { path, state, .. } = call.place(&name, Last::Follow)
                {
                    call.look(&path, Look::Read, state);
                }
                return;
            }
            None => return,
        }
    }
}

/// Whether a program brings privileges along: another user or group, or capabilities.
fn has_privileges(path: &[u8], state: &State) -> bool {
    let is_set = match state {
        State::Present { identity, .. } => identity.mode & (libc::S_ISUID | libc::S_ISGID) != 0,
        State::Missing => false,
    };
    is_set || rustix::fs::getxattr(path, c"security.capability", &mut [0_u8; 0]).is_ok()
}

/// What the kernel starts to run a file.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Interpreter {
    /// The program named in the first line.
    OfScript(Vec<u8>),
    /// The loader named in the headers.
    Loader(Vec<u8>),
}

fn interpreter(path: &[u8]) -> Option<Interpreter> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let mut head = Vec::with_capacity(HEAD);
    (&file).take(HEAD as u64).read_to_end(&mut head).ok()?;
    if head.starts_with(b"#!") {
        return of_script(&head[..head.len().min(SCRIPT_HEAD)]).map(Interpreter::OfScript);
    }
    loader(&file, &head).map(Interpreter::Loader)
}

/// The interpreter that the first line of a script names.
fn of_script(head: &[u8]) -> Option<Vec<u8>> {
    let line = head.get(2..)?.split(|byte| *byte == b'\n').next()?;
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = line.iter().position(|byte| !is_space(byte))?;
    let name = line[start..].split(is_space).next()?;
    let name = name.split(|byte| *byte == 0).next()?;
    (!name.is_empty()).then(|| name.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_interpreter() {
        let named =
            |line: &str| of_script(line.as_bytes()).map(|name| String::from_utf8(name).unwrap());
        assert_eq!(named("#!/bin/sh\necho").as_deref(), Some("/bin/sh"));
        assert_eq!(
            named("#! \t/usr/bin/env node\n").as_deref(),
            Some("/usr/bin/env")
        );
        assert_eq!(named("#!tool").as_deref(), Some("tool"));
        assert_eq!(named("#!\n"), None);
        assert_eq!(named("#!"), None);
    }
}
