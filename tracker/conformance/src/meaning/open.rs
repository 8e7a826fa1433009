//! Calls that open or cut a file.

use vt_tracker::{Change, Kind};

use super::{Named, at, plain};
use crate::expected::{Look, There};
use crate::oracle::Oracle;
use crate::resolve::{End, Place};
use crate::strace::Call;
use crate::tree::Content;

/// The flags of an opening.
#[derive(Clone, Copy)]
struct Flags(i32);

impl Flags {
    const fn has(self, flag: i32) -> bool {
        self.0 & flag == flag
    }

    const fn creates(self) -> bool {
        self.has(libc::O_CREAT) && !self.has(libc::O_PATH)
    }

    const fn is_exclusive(self) -> bool {
        self.creates() && self.has(libc::O_EXCL)
    }

    const fn mode(self) -> i32 {
        self.0 & libc::O_ACCMODE
    }

    const fn reads(self) -> bool {
        matches!(self.mode(), libc::O_RDONLY | libc::O_RDWR)
    }

    /// What happens to the bytes of a file that is there.
    const fn change(self) -> Option<Change> {
        if self.has(libc::O_TRUNC) {
            return Some(Change::Fresh);
        }
        match self.mode() {
            libc::O_WRONLY | libc::O_RDWR if self.has(libc::O_APPEND) => Some(Change::Append),
            libc::O_WRONLY | libc::O_RDWR => Some(Change::Keeps),
            _ => None,
        }
    }

    const fn end(self) -> End {
        if self.has(libc::O_NOFOLLOW) || self.is_exclusive() {
            End::Kept
        } else {
            End::Followed
        }
    }
}

impl Oracle {
    pub(super) fn opening(&mut self, call: &Call, named: Named, flags: Option<i64>) {
        let flags = Flags(flags.unwrap_or(0) as i32);
        if flags.creates() && call.error() == Some("EISDIR") && self.ends_in_slash(call, named) {
            // It is refused before anything is looked up in its directory.
            if let Some(
                Place::Found { path, .. }
                | Place::Missing { path, .. }
                | Place::NoDirectory { path, .. },
            ) = self.place_of(call, named, End::Entry)
            {
                self.tolerate_way(call, &path);
            }
            return;
        }
        let Some(place) = self.place_of(call, named, flags.end()) else {
            return;
        };
        match &place {
            Place::Found { path, id, .. } => {
                let there = self.there(*id);
                if call.succeeded() {
                    self.opened(call, path, there, flags);
                } else {
                    self.not_opened(call, path, there, flags, &place);
                }
            }
            Place::Missing { path, entry } if flags.creates() => {
                self.creating(call, path, flags);
                if call.succeeded() {
                    let Some((directory, name)) = entry else {
                        return self.doubt(call, path, "was made in a missing directory");
                    };
                    let _ = self.tree.insert(*directory, name, Content::File);
                }
            }
            _ => self.probe(call, &place),
        }
    }

    /// Some restrictions make it fail on the way, and how far it had come is not said.
    pub(super) fn opening_restricted(&mut self, call: &Call) {
        let flags = call.number_in(2, "flags");
        let is_restricted = call.number_in(2, "resolve").unwrap_or(0) != 0;
        if !is_restricted || !matches!(call.error(), Some("ELOOP" | "EXDEV")) {
            return self.opening(call, at(0), flags);
        }
        if let Some(Place::Found { path, id, .. }) = self.place_of(call, at(0), End::Followed) {
            let there = self.there(id);
            self.tolerate(call, &path, there, Look::Read);
            self.tolerate(call, &path, there, Look::Probed);
        }
    }

    fn opened(&mut self, call: &Call, path: &[u8], there: There, flags: Flags) {
        let is_special = flags.has(libc::O_PATH) || flags.has(libc::O_TMPFILE);
        let look = |look| (Some(look), None);
        let (looked, changed) = match there {
            There::Something(Kind::Link) => look(Look::Link),
            _ if is_special => look(Look::Probed),
            There::Something(Kind::File) => match flags.change() {
                Some(Change::Fresh) => (None, Some(Change::Fresh)),
                Some(change) if flags.reads() => (Some(Look::Read), Some(change)),
                Some(change) => (None, Some(change)),
                None if flags.reads() => look(Look::Read),
                None => look(Look::Probed),
            },
            There::Something(Kind::Other) if flags.mode() == libc::O_RDONLY => look(Look::Read),
            _ => look(Look::Probed),
        };
        if let Some(looked) = looked {
            self.look(call, path, there, looked);
        }
        if let Some(changed) = changed {
            self.change(call, path, there, changed);
        }
    }

    fn not_opened(&mut self, call: &Call, path: &[u8], there: There, flags: Flags, place: &Place) {
        match call.error() {
            Some("EACCES" | "EPERM") => self.look(call, path, there, Look::Denied),
            // These say nothing of the path.
            Some("EMFILE" | "ENFILE" | "EINTR" | "ENOMEM") => {}
            // A directory can't be opened for writing, a link not without following it.
            Some("EEXIST" | "EISDIR" | "ENOTDIR" | "ELOOP" | "ENXIO" | "EINVAL") => {
                self.probe(call, place);
                return;
            }
            _ => self.probe(call, place),
        }
        if let Some(change) = flags.change() {
            self.attempt(call, path, there, change);
        }
    }

    fn creating(&mut self, call: &Call, path: &[u8], flags: Flags) {
        let is_cut = flags.has(libc::O_TRUNC) && !flags.is_exclusive();
        match call.error() {
            None if flags.is_exclusive() => self.make(call, path),
            None => {
                if !is_cut {
                    self.look(call, path, There::Nothing, Look::Missed);
                }
                self.change(call, path, There::Nothing, Change::Fresh);
            }
            Some("ENOENT" | "ENOTDIR") => self.look(call, path, There::Nothing, Look::Missed),
            Some("EACCES" | "EPERM") => {
                self.look(call, path, There::Unknown, Look::Denied);
                self.tolerate_way(call, path);
            }
            Some("ENAMETOOLONG" | "ELOOP") => self.look(call, path, There::Unknown, Look::Denied),
            Some("EINVAL") => self.tolerate(call, path, There::Nothing, Look::Missed),
            Some(_) => self.attempt(call, path, There::Nothing, Change::Fresh),
        }
    }

    pub(super) fn truncating(&mut self, call: &Call) {
        let Some(place) = self.place_of(call, plain(0), End::Followed) else {
            return;
        };
        // A length below zero is refused before anything is looked up.
        if call.number(1).is_some_and(|length| length < 0) {
            return;
        }
        let change = match call.number(1) {
            Some(0) => Change::Fresh,
            _ => Change::Keeps,
        };
        let Place::Found { path, id, .. } = &place else {
            return self.probe(call, &place);
        };
        let there = self.there(*id);
        match call.error() {
            None => self.change(call, path, there, change),
            Some("EACCES" | "EPERM") => self.look(call, path, there, Look::Denied),
            Some("EISDIR") => self.probe(call, &place),
            Some("EINVAL") if there != There::Something(Kind::File) => self.probe(call, &place),
            Some(_) => self.attempt(call, path, there, change),
        }
    }
}
