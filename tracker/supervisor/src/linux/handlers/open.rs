//! Calls that open or cut a file.

use rustix::fs::Access;
use vt_tracker_abi::{Blindness, Change, Kind, Look, State};

use crate::system::call::{Call, Ending, Name, Skip};
use crate::system::dialogue::is_request;
use crate::system::handlers::create::may_create;
use crate::system::handlers::escape;
use crate::system::place::{Last, Parent, Place};
use crate::system::tracee::{self, NoPath};

/// `open(name, flags, mode)`
pub(crate) fn open(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    opening(call, &name, call.number(1));
    Ok(())
}

/// `creat(name, mode)`
pub(crate) fn creat(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    opening(call, &name, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC);
    Ok(())
}

/// `openat(directory, name, flags, mode)`
pub(crate) fn openat(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name_at(0, 1)?;
    if is_request(&name.bytes) {
        call.talk(&name.bytes);
        return Ok(());
    }
    opening(call, &name, call.number(2));
    Ok(())
}

/// `openat2(directory, name, how, size)`
pub(crate) fn openat2(call: &mut Call<'_>) -> Result<(), Skip> {
    const FLAGS: usize = 0;
    const RESOLVE: usize = 16;
    let mut how = [0; RESOLVE + 8];
    call.read(call.word(2), &mut how)?;
    let word = |at: usize| u64::from_ne_bytes(how[at..at + 8].try_into().expect("8 bytes"));
    if word(RESOLVE) & libc::RESOLVE_IN_ROOT != 0 {
        // Absolute names and links then mean something else.
        call.blind(Blindness::UnsupportedCall { call: call.name });
        return Ok(());
    }
    let name = call.name_at(0, 1)?;
    opening(call, &name, word(FLAGS) as i32);
    Ok(())
}

/// `uselib(name)`: an old way to load a library.
pub(crate) fn uselib(call: &mut Call<'_>) -> Result<(), Skip> {
    let name = call.name(0)?;
    opening(call, &name, libc::O_RDONLY);
    Ok(())
}

/// `pidfd_getfd(process, descriptor, flags)`: what another process opened can be used from now on as
/// if it had been opened here, the same way. The other process may be none of the tree.
pub(crate) fn pidfd_getfd(call: &mut Call<'_>) -> Result<(), Skip> {
    let (owner, number) = (call.process(0)?, call.number(1));
    let flags = tracee::flags(owner, number)?;
    match tracee::descriptor(owner, number) {
        Ok(bytes) => {
            let known = bytes.len();
            let place = call.place(&Name { bytes, known }, Last::Keep);
            taking(call, place, flags);
            Ok(())
        }
        Err(NoPath::None) if tracee::leads_nowhere(owner, number) => Ok(()),
        // A ring, a group of events, …: files are reached by it that have not been opened yet.
        Err(NoPath::None) => escape::unsupported(call),
        Err(error) => Err(error.into()),
    }
}

/// `truncate(name, length)`
pub(crate) fn truncate(call: &mut Call<'_>) -> Result<(), Skip> {
    if call.word(1).cast_signed() < 0 {
        return Err(Skip::Nothing);
    }
    let name = call.name(0)?;
    let change = if call.word(1) == 0 {
        Change::Fresh
    } else {
        Change::Keeps
    };
    match call.place(&name, Last::Follow) {
        Place::Present {
            path,
            kind: Kind::File,
            state,
        } => {
            if call.may(&path, Access::WRITE_OK) {
                call.change(&path, change, state);
            } else {
                call.look(&path, Look::Denied, state);
            }
        }
        place => call.probe(place),
    }
    Ok(())
}

/// What an opening is about to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Plan {
    /// The same as asking for its attributes.
    Probe,
    /// Look at the content.
    Read,
    /// Change it, perhaps after reading it.
    Change(Change, Reads),
    /// Make it, whether or not it is there.
    Make,
    /// Make it because it is not there.
    MakeMissing,
    /// Make it, which would fail if it were there.
    MakeExclusively,
}

/// Whether what is opened for writing can be read too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reads {
    Yes,
    No,
}

/// What opening with these flags does to what is there; `None` stands for nothing there.
fn plan(flags: i32, there: Option<Kind>) -> Plan {
    let has = |flag: i32| flags & flag == flag;
    if has(libc::O_PATH) || has(libc::O_TMPFILE) {
        return Plan::Probe;
    }
    let (creates, cuts) = (has(libc::O_CREAT), has(libc::O_TRUNC));
    let is_exclusive = creates && has(libc::O_EXCL);
    let mode = flags & libc::O_ACCMODE;
    match there {
        None if !creates => Plan::Probe,
        None if is_exclusive => Plan::MakeExclusively,
        None if cuts => Plan::Make,
        None => Plan::MakeMissing,
        // It is there, or a link is not to be followed, or it is not the directory asked for.
        Some(_) if is_exclusive => Plan::Probe,
        Some(Kind::Link | Kind::Directory) => Plan::Probe,
        Some(_) if has(libc::O_DIRECTORY) => Plan::Probe,
        Some(Kind::Other) if mode == libc::O_RDONLY => Plan::Read,
        Some(Kind::Other) => Plan::Probe,
        Some(Kind::File) => match mode {
            _ if cuts => Plan::Change(Change::Fresh, Reads::No),
            libc::O_RDONLY => Plan::Read,
            libc::O_WRONLY if has(libc::O_APPEND) => Plan::Change(Change::Append, Reads::No),
            libc::O_WRONLY => Plan::Change(Change::Keeps, Reads::No),
            libc::O_RDWR if has(libc::O_APPEND) => Plan::Change(Change::Append, Reads::Yes),
            libc::O_RDWR => Plan::Change(Change::Keeps, Reads::Yes),
            // The fourth mode is for control requests only.
            _ => Plan::Probe,
        },
    }
}

/// Notes an opening with these flags.
pub(crate) fn opening(call: &mut Call<'_>, name: &Name, flags: i32) {
    let creates = flags & libc::O_CREAT != 0 && flags & libc::O_PATH == 0;
    if creates && name.ending() == Ending::Slash {
        // Nothing can be created there, and what is there is not even looked at.
        let place = call.entry(name);
        call.way(place, Ending::Slash);
        return;
    }
    let is_exclusive = libc::O_CREAT | libc::O_EXCL;
    let is_kept = flags & libc::O_NOFOLLOW != 0
        || flags & is_exclusive == is_exclusive && flags & libc::O_PATH == 0;
    match call.place(name, if is_kept { Last::Keep } else { Last::Follow }) {
        Place::Present { path, kind, state } => present(call, path, kind, state, flags),
        Place::Missing {
            path,
            parent: Parent::Exists,
        } if name.ending() == Ending::Plain => missing(call, path, flags),
        Place::Missing {
            path,
            parent: Parent::Missing,
        } if creates && name.ending() == Ending::Plain => call.make_below_nothing(&path),
        place => call.probe(place),
    }
}

fn present(call: &mut Call<'_>, path: Vec<u8>, kind: Kind, state: State, flags: i32) {
    match plan(flags, Some(kind)) {
        Plan::Read if call.may(&path, Access::READ_OK) => call.look(&path, Look::Read, state),
        Plan::Read => call.look(&path, Look::Denied, state),
        Plan::Change(change, reads) => {
            let access = match reads {
                Reads::Yes => Access::READ_OK | Access::WRITE_OK,
                Reads::No => Access::WRITE_OK,
            };
            if !call.may(&path, access) {
                call.look(&path, Look::Probe, state);
                return call.look(&path, Look::Denied, state);
            }
            if reads == Reads::Yes {
                call.look(&path, Look::Read, state);
            }
            call.change(&path, change, state);
        }
        _ => {
            let rights = rights(kind, flags);
            if !rights.is_empty() && !call.may(&path, rights) {
                call.look(&path, Look::Denied, state);
            }
            call.probe(Place::Present { path, kind, state });
        }
    }
}

/// Notes that what was opened with these flags is taken over. No right to it is asked for again.
fn taking(call: &mut Call<'_>, place: Place, flags: i32) {
    match place {
        Place::Present {
            path,
            kind: kind @ Kind::File,
            state,
        } => match plan(flags, Some(kind)) {
            Plan::Read => call.look(&path, Look::Read, state),
            Plan::Change(change, reads) => {
                if reads == Reads::Yes {
                    call.look(&path, Look::Read, state);
                }
                call.change(&path, change, state);
            }
            _ => call.look(&path, Look::Probe, state),
        },
        place => call.probe(place),
    }
}

/// What opening with these flags needs the right to, where nothing is read or changed by it.
fn rights(kind: Kind, flags: i32) -> Access {
    if flags & libc::O_PATH != 0 {
        return Access::empty();
    }
    match (kind, flags & libc::O_ACCMODE) {
        (Kind::Directory, libc::O_RDONLY) if flags & libc::O_CREAT == 0 => Access::READ_OK,
        (Kind::File, libc::O_ACCMODE) => Access::READ_OK | Access::WRITE_OK,
        _ => Access::empty(),
    }
}

fn missing(call: &mut Call<'_>, path: Vec<u8>, flags: i32) {
    let plan = plan(flags, None);
    if plan == Plan::Probe {
        return call.look(&path, Look::Miss, State::Missing);
    }
    if !may_create(call, &path) {
        return call.deny_making(&path);
    }
    match plan {
        Plan::MakeExclusively => call.create_exclusively(&path),
        Plan::Make => call.change(&path, Change::Fresh, State::Missing),
        _ => {
            call.look(&path, Look::Miss, State::Missing);
            call.change(&path, Change::Fresh, State::Missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use libc::{
        O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_PATH, O_RDONLY, O_RDWR, O_TMPFILE, O_TRUNC,
        O_WRONLY,
    };

    use super::*;

    #[test]
    fn opening_a_file_needs_its_old_bytes_unless_it_is_cut() {
        let file = |flags| plan(flags, Some(Kind::File));
        assert_eq!(file(O_RDONLY), Plan::Read);
        assert_eq!(file(O_RDONLY | O_CREAT), Plan::Read);
        assert_eq!(file(O_WRONLY), Plan::Change(Change::Keeps, Reads::No));
        assert_eq!(
            file(O_RDWR | O_CREAT),
            Plan::Change(Change::Keeps, Reads::Yes)
        );
        assert_eq!(
            file(O_WRONLY | O_APPEND),
            Plan::Change(Change::Append, Reads::No)
        );
        assert_eq!(
            file(O_RDWR | O_APPEND),
            Plan::Change(Change::Append, Reads::Yes)
        );
        for mode in [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_APPEND] {
            assert_eq!(file(mode | O_TRUNC), Plan::Change(Change::Fresh, Reads::No));
        }
    }

    #[test]
    fn opening_nothing_makes_it_only_when_asked() {
        assert_eq!(plan(O_RDONLY, None), Plan::Probe);
        assert_eq!(plan(O_WRONLY | O_TRUNC, None), Plan::Probe);
        assert_eq!(plan(O_WRONLY | O_CREAT, None), Plan::MakeMissing);
        assert_eq!(plan(O_RDWR | O_CREAT | O_APPEND, None), Plan::MakeMissing);
        assert_eq!(plan(O_WRONLY | O_CREAT | O_TRUNC, None), Plan::Make);
        assert_eq!(
            plan(O_WRONLY | O_CREAT | O_EXCL | O_TRUNC, None),
            Plan::MakeExclusively
        );
    }

    #[test]
    fn what_cannot_be_opened_is_only_probed() {
        assert_eq!(
            plan(O_WRONLY | O_CREAT | O_EXCL, Some(Kind::File)),
            Plan::Probe
        );
        assert_eq!(plan(O_WRONLY | O_TRUNC, Some(Kind::Directory)), Plan::Probe);
        assert_eq!(
            plan(O_RDONLY | O_DIRECTORY, Some(Kind::Directory)),
            Plan::Probe
        );
        assert_eq!(plan(O_RDONLY | O_DIRECTORY, Some(Kind::File)), Plan::Probe);
        assert_eq!(plan(O_RDONLY, Some(Kind::Link)), Plan::Probe);
    }

    #[test]
    fn opening_for_the_path_alone_or_without_a_name_is_a_probe() {
        assert_eq!(plan(O_PATH, Some(Kind::File)), Plan::Probe);
        assert_eq!(
            plan(O_PATH | O_RDWR | O_TRUNC, Some(Kind::File)),
            Plan::Probe
        );
        assert_eq!(plan(O_TMPFILE | O_RDWR, Some(Kind::Directory)), Plan::Probe);
    }
}
