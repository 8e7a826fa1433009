//! Calls that make something where there is nothing.

use vt_tracker::{Change, Kind};

use super::Named;
use crate::expected::{Look, There};
use crate::oracle::Oracle;
use crate::resolve::{End, Place};
use crate::strace::Call;
use crate::tree::{Content, Directory, Id};

impl Oracle {
    pub(super) fn making_directory(&mut self, call: &Call, named: Named) {
        let Some(place) = self.place_of(call, named, End::Entry) else {
            return;
        };
        if !call.succeeded() {
            return self.not_made(call, &place);
        }
        let Place::Missing { path, entry } = &place else {
            return self.probe(call, &place);
        };
        self.change(call, path, There::Nothing, Change::Fresh);
        let content = Content::Directory(Directory::default());
        self.put_new(call, path, entry.as_ref(), content);
    }

    pub(super) fn making_node(&mut self, call: &Call, named: Named, mode: Option<i64>) {
        let kind = mode.unwrap_or(0) & i64::from(libc::S_IFMT);
        let content = if kind == 0 || kind == i64::from(libc::S_IFREG) {
            Content::File
        } else {
            Content::Other
        };
        self.making(call, named, content);
    }

    pub(super) fn making_link(&mut self, call: &Call, named: Named) {
        let text = call.text(0).unwrap_or_default();
        self.making(call, named, Content::Link(text));
    }

    fn making(&mut self, call: &Call, named: Named, content: Content) {
        if let Some(place) = self.place_of(call, named, End::Entry) {
            self.make_at(call, &place, Some(content));
        }
    }

    pub(super) fn binding(&mut self, call: &Call) {
        if let Some(name) = call.text_in(1, "sun_path")
            && !name.is_empty()
        {
            let place = self.place(call, None, &name, End::Entry);
            self.make_at(call, &place, Some(Content::Other));
        }
    }

    /// Notes the making of something; `content` is what, unless it is put there by the caller.
    fn make_at(&mut self, call: &Call, place: &Place, content: Option<Content>) {
        if !call.succeeded() {
            return self.not_made(call, place);
        }
        let Place::Missing { path, entry } = place else {
            return self.probe(call, place);
        };
        self.make(call, path);
        if let Some(content) = content {
            self.put_new(call, path, entry.as_ref(), content);
        }
    }

    fn put_new(
        &mut self,
        call: &Call,
        path: &[u8],
        entry: Option<&(Id, Vec<u8>)>,
        content: Content,
    ) {
        match entry {
            Some((directory, name)) => {
                let _ = self.tree.insert(*directory, name, content);
            }
            None => self.doubt(call, path, "was made in a missing directory"),
        }
    }

    fn not_made(&mut self, call: &Call, place: &Place) {
        if let Place::Missing { path, .. } = place {
            self.tolerate_way(call, path);
        }
        match (place, call.error()) {
            (Place::Missing { path, .. }, Some("EACCES" | "EPERM" | "EROFS")) => {
                self.look(call, path, There::Unknown, Look::Denied);
            }
            (Place::Missing { path, .. }, Some("EMLINK" | "ENOSPC" | "EDQUOT" | "EXDEV")) => {
                self.attempt(call, path, There::Nothing, Change::Fresh);
            }
            _ => self.probe(call, place),
        }
    }

    pub(super) fn linking(&mut self, call: &Call, old: Named, new: Named, flags: i64) {
        let end = if flags & i64::from(libc::AT_SYMLINK_FOLLOW) == 0 {
            End::Kept
        } else {
            End::Followed
        };
        let Some(source) = self.place_or_descriptor(call, old, end) else {
            return;
        };
        if !call.succeeded() && !matches!(source, Place::Found { .. } | Place::Elsewhere) {
            return self.probe(call, &source);
        }
        if call.error() == Some("EBADF") {
            // Which of the descriptors is not open is not said. If it is the first, the way to the
            // second name is not gone.
            return;
        }
        let Some(target) = self.place_of(call, new, End::Entry) else {
            return;
        };
        let mut linked = None;
        if let Place::Found { path, id, .. } = &source {
            let there = self.there(*id);
            let look = match there {
                There::Something(Kind::Link) => Look::Link,
                // A directory has no second name.
                There::Something(Kind::Directory) => Look::Probed,
                // The new name, if it comes to be, has the bytes of the old one.
                _ => Look::Read,
            };
            self.look(call, path, there, look);
            linked = Some(*id);
        }
        if !call.succeeded() {
            let is_directory =
                linked.is_some_and(|id| self.tree.kind(id) == vt_tracker::Kind::Directory);
            if let Place::Missing { path, .. } = &target
                && is_directory
            {
                // Refused for what the old name is, once nothing was found at the new one.
                self.tolerate_way(call, path);
                return self.look(call, path, There::Nothing, Look::Missed);
            }
            return self.not_made(call, &target);
        }
        self.make_at(call, &target, None);
        if let Place::Missing {
            entry: Some((directory, name)),
            ..
        } = &target
        {
            match linked {
                Some(id) => self.tree.put(*directory, name, id),
                // What had no name so far gets its first one.
                None => {
                    let _ = self.tree.insert(*directory, name, Content::File);
                }
            }
        }
    }
}
