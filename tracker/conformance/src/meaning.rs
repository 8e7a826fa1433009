//! What each call, with the result it had, says of which paths.

use vt_tracker::Change;

use crate::expected::Look;
use crate::oracle::Oracle;
use crate::resolve::{End, Place};
use crate::strace::Call;

mod descriptors;
mod execute;
mod make;
mod moving;
mod open;
mod remove;

/// The length of the longest name that the kernel takes.
const LONGEST_NAME: usize = 4095;

/// Where a call has a name.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    /// Which argument is the directory that the name is relative to, if any.
    directory: Option<usize>,
    name: usize,
}

/// A name alone.
pub(crate) const fn plain(name: usize) -> Named {
    Named {
        directory: None,
        name,
    }
}

/// A directory and a name behind it.
pub(crate) const fn at(directory: usize) -> Named {
    Named {
        directory: Some(directory),
        name: directory + 1,
    }
}

/// Which argument says whether a link is followed.
#[derive(Clone, Copy)]
enum Flags {
    None,
    At(usize),
}

const fn end_of(flags: i64) -> End {
    if flags & libc::AT_SYMLINK_NOFOLLOW as i64 == 0 {
        End::Followed
    } else {
        End::Kept
    }
}

impl Oracle {
    /// Notes what a call that has ended did.
    pub(crate) fn note(&mut self, call: &Call) {
        self.note_descriptors(call);
        use {
            End::{Followed, Kept},
            Flags::{At, None},
        };
        match call.name.as_str() {
            "open" => self.opening(call, plain(0), call.number(1)),
            "creat" => {
                let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
                self.opening(call, plain(0), Some(flags.into()));
            }
            "openat" => self.opening(call, at(0), call.number(2)),
            "openat2" => self.opening_restricted(call),
            "truncate" => self.truncating(call),

            "stat" | "access" | "statfs" | "getxattr" | "listxattr" | "utime" | "utimes" => {
                self.probing(call, plain(0), None, Followed);
            }
            "lstat" | "readlink" | "lgetxattr" | "llistxattr" => {
                self.probing(call, plain(0), None, Kept);
            }
            "faccessat" | "futimesat" => self.probing(call, at(0), None, Followed),
            "readlinkat" => self.probing(call, at(0), None, Kept),
            "newfstatat" | "faccessat2" | "utimensat" => {
                self.probing(call, at(0), At(3), Followed);
            }
            "statx" => self.probing(call, at(0), At(2), Followed),
            "name_to_handle_at" => {
                let is_followed = call.number(4).unwrap_or(0) & i64::from(libc::AT_SYMLINK_FOLLOW);
                self.probing(
                    call,
                    at(0),
                    None,
                    if is_followed == 0 { Kept } else { Followed },
                );
            }
            "inotify_add_watch" => {
                let is_kept = call.number(2).unwrap_or(0) & i64::from(libc::IN_DONT_FOLLOW);
                self.probing(
                    call,
                    plain(1),
                    None,
                    if is_kept == 0 { Followed } else { Kept },
                );
            }
            "chdir" => self.entering(call),
            "fchdir" => self.entering_descriptor(call),
            "getdents" | "getdents64" => self.listing(call),
            "connect" => self.connecting(call),

            "execve" => self.executing(call, plain(0), 0),
            "execveat" => self.executing(call, at(0), call.number(4).unwrap_or(0)),

            "mkdir" => self.making_directory(call, plain(0)),
            "mkdirat" => self.making_directory(call, at(0)),
            "mknod" => self.making_node(call, plain(0), call.number(1)),
            "mknodat" => self.making_node(call, at(0), call.number(2)),
            "symlink" => self.making_link(call, plain(1)),
            "symlinkat" => self.making_link(call, at(1)),
            "link" => self.linking(call, plain(0), plain(1), 0),
            "linkat" => self.linking(call, at(0), at(2), call.number(4).unwrap_or(0)),
            "bind" => self.binding(call),

            "unlink" => self.removing(call, plain(0)),
            "rmdir" => self.removing(call, plain(0)),
            "unlinkat" => self.removing(call, at(0)),

            "rename" => self.moving(call, plain(0), plain(1), 0),
            "renameat" => self.moving(call, at(0), at(2), 0),
            "renameat2" => self.moving(call, at(0), at(2), call.number(4).unwrap_or(0)),

            "chmod" | "chown" | "setxattr" | "removexattr" => {
                self.setting(call, plain(0), None, Followed);
            }
            "lchown" | "lsetxattr" | "lremovexattr" => self.setting(call, plain(0), None, Kept),
            "fchmodat" => self.setting(call, at(0), None, Followed),
            "fchownat" => self.setting(call, at(0), At(4), Followed),
            "fchmod" | "fchown" | "fsetxattr" | "fremovexattr" => self.setting_descriptor(call),
            _ => {}
        }
    }

    /// The name that a call gives. None if there is none, or one that no path can have: then the
    /// call fails whatever is there.
    fn name(&self, call: &Call, named: Named) -> Option<Vec<u8>> {
        let name = call.text(named.name)?;
        // The log cuts a name at the length that the longest one has.
        let is_cut = name.len() >= LONGEST_NAME && call.error() == Some("ENAMETOOLONG");
        (!name.is_empty() && !is_cut).then_some(name)
    }

    /// Whether the name of a call is followed by a slash.
    pub(crate) fn ends_in_slash(&self, call: &Call, named: Named) -> bool {
        let Some(name) = self.name(call, named) else {
            return false;
        };
        let end = name.iter().rposition(|byte| *byte != b'/');
        let bare = &name[..end.map_or(0, |end| end + 1)];
        let last = bare.rsplit(|byte| *byte == b'/').next();
        bare.len() < name.len() && !matches!(last, Some(b"" | b"." | b"..") | None)
    }

    /// Where the name of a call ends.
    pub(crate) fn place_of(&mut self, call: &Call, named: Named, end: End) -> Option<Place> {
        let name = self.name(call, named)?;
        Some(self.place(call, named.directory, &name, end))
    }

    /// Like [`Oracle::place_of`]; an empty name stands for what the descriptor is open on.
    pub(crate) fn place_or_descriptor(
        &mut self,
        call: &Call,
        named: Named,
        end: End,
    ) -> Option<Place> {
        let is_empty = call.text(named.name).is_some_and(|name| name.is_empty());
        if !is_empty {
            return self.place_of(call, named, end);
        }
        let descriptor = call.descriptor(named.directory?)?;
        Some(match descriptor.path {
            Some(path) => self.place(call, None, &path, End::Kept),
            None => Place::Elsewhere,
        })
    }

    fn probing(&mut self, call: &Call, named: Named, flags: Flags, by_default: End) {
        let end = match flags {
            Flags::None => by_default,
            Flags::At(index) => end_of(call.number(index).unwrap_or(0)),
        };
        if let Some(place) = self.place_of(call, named, end) {
            self.probe(call, &place);
        }
    }

    fn entering(&mut self, call: &Call) {
        let Some(place) = self.place_of(call, plain(0), End::Followed) else {
            return;
        };
        self.probe(call, &place);
        if call.succeeded()
            && let Place::Found { id, .. } = place
        {
            self.processes.change_directory(call.thread, id);
        }
    }

    fn entering_descriptor(&mut self, call: &Call) {
        if call.succeeded()
            && let Some(path) = call.descriptor(0).and_then(|descriptor| descriptor.path)
            && let Some(id) = self.node_at(call, &path)
        {
            self.processes.change_directory(call.thread, id);
        }
    }

    fn listing(&mut self, call: &Call) {
        if call.succeeded()
            && let Some(path) = call.descriptor(0).and_then(|descriptor| descriptor.path)
            && let Some(id) = self.node_at(call, &path)
        {
            let there = self.there(id);
            self.look(call, &path, there, Look::Listed);
        }
    }

    fn connecting(&mut self, call: &Call) {
        if let Some(name) = call.text_in(1, "sun_path")
            && !name.is_empty()
        {
            let place = self.place(call, None, &name, End::Followed);
            self.probe(call, &place);
        }
    }

    fn setting(&mut self, call: &Call, named: Named, flags: Flags, by_default: End) {
        let end = match flags {
            Flags::None => by_default,
            Flags::At(index) => end_of(call.number(index).unwrap_or(0)),
        };
        if let Some(place) = self.place_or_descriptor(call, named, end) {
            self.set(call, &place);
        }
    }

    fn setting_descriptor(&mut self, call: &Call) {
        if let Some(path) = call.descriptor(0).and_then(|descriptor| descriptor.path) {
            let place = self.place(call, None, &path, End::Kept);
            self.set(call, &place);
        }
    }

    fn set(&mut self, call: &Call, place: &Place) {
        let Place::Found { path, id, .. } = place else {
            return self.probe(call, place);
        };
        let there = self.there(*id);
        match call.error() {
            None => self.change(call, path, there, Change::Metadata),
            Some(error) => {
                let is_refused = matches!(error, "EPERM" | "EACCES");
                let look = if is_refused {
                    Look::Denied
                } else {
                    Look::Probed
                };
                self.look(call, path, there, look);
                self.attempt(call, path, there, Change::Metadata);
            }
        }
    }
}
