//! Opening, reading and writing.

use super::{Errno, Kept, Machine, digest};
use crate::world::chronicle::{Change, Look, What};
use crate::world::files::{Content, Id};
use crate::world::op::{Flags, Name};
use crate::world::walk::{Because, Last, Place};

impl Machine {
    pub(super) fn open_slot(
        &mut self,
        slot: usize,
        name: &Name,
        flags: Flags,
    ) -> Result<String, Errno> {
        let opened = self.open(name, flags);
        self.slots[slot] = None;
        self.slots[slot] = Some(opened?);
        Ok("ok".into())
    }

    pub(super) fn close(&mut self, slot: usize) -> Result<String, Errno> {
        self.slots[slot].take().ok_or("EBADF")?;
        Ok("ok".into())
    }

    pub(super) fn read_slot(&mut self, slot: usize) -> Result<String, Errno> {
        let mut kept = self.slots[slot].take().ok_or("EBADF")?;
        let read = self.read(&mut kept);
        self.slots[slot] = Some(kept);
        read
    }

    pub(super) fn write_slot(&mut self, slot: usize, text: &str) -> Result<String, Errno> {
        let mut kept = self.slots[slot].take().ok_or("EBADF")?;
        let written = self.write(&mut kept, text);
        self.slots[slot] = Some(kept);
        written
    }

    pub(super) fn cat(&mut self, name: &Name) -> Result<String, Errno> {
        let mut kept = self.open(name, Flags("r"))?;
        self.read(&mut kept)
    }

    pub(super) fn put(&mut self, name: &Name, flags: Flags, text: &str) -> Result<String, Errno> {
        let mut kept = self.open(name, flags)?;
        self.write(&mut kept, text)
    }

    fn read(&mut self, kept: &mut Kept) -> Result<String, Errno> {
        if kept.path_only {
            return Err("EBADF");
        }
        let Content::File(bytes) = self.files.content(kept.node) else {
            // Behind the last name, file systems differ.
            self.unpredictable |= kept.offset > 0;
            return Err("EISDIR");
        };
        if !kept.reads {
            return Err("EBADF");
        }
        let rest = bytes.get(kept.offset..).unwrap_or_default();
        kept.offset += rest.len();
        Ok(format!(
            "{} {:016x}",
            rest.len(),
            digest(super::NOTHING_SEEN, rest)
        ))
    }

    fn write(&mut self, kept: &mut Kept, text: &str) -> Result<String, Errno> {
        if kept.path_only || !kept.writes {
            return Err("EBADF");
        }
        let text = format!("{text}{:016x}", self.seen);
        let bytes = self.files.bytes_mut(kept.node);
        if kept.appends {
            kept.offset = bytes.len();
        }
        let end = kept.offset + text.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[kept.offset..end].copy_from_slice(text.as_bytes());
        kept.offset = end;
        Ok(format!("{}", text.len()))
    }

    pub(super) fn open(&mut self, name: &Name, flags: Flags) -> Result<Kept, Errno> {
        let keep = |node, flags: Flags| Kept {
            node,
            offset: 0,
            reads: flags.reads(),
            writes: flags.writes(),
            appends: flags.has('a'),
            path_only: flags.has('p'),
        };
        let creates = flags.has('c');
        if creates && name.path.ends_with('/') {
            return self.open_as_directory(name, flags);
        }
        let is_kept = flags.has('n') || flags.has('x');
        let last = if is_kept { Last::Keep } else { Last::Follow };
        let (path, node) = match self.find(name, last)? {
            Place::Itself(directory, _) => (self.files.path(directory), directory),
            Place::Entry {
                directory,
                name,
                node: Some(node),
                ..
            } => (self.path_of(directory, &name), node),
            Place::Entry {
                directory, name, ..
            } => {
                let made = self.open_nothing(directory, &name, flags)?;
                return Ok(keep(made, flags));
            }
        };
        let path = path.as_deref();
        let what = self.files.what(node);
        if let Err(errno) = may_open(what, flags) {
            self.probe(path, node);
            return Err(errno);
        }
        if flags.has('p') || what == What::Directory {
            self.probe(path, node);
            return Ok(keep(node, flags));
        }
        if flags.has('t') {
            self.change(path, Change::Fresh, Some(node));
            self.files.bytes_mut(node).clear();
            return Ok(keep(node, flags));
        }
        if flags.reads() {
            self.look(path, Look::Read, what);
        }
        if flags.writes() {
            let appends = flags.has('a');
            let change = if appends {
                Change::Append
            } else {
                Change::Keeps
            };
            self.change(path, change, Some(node));
        }
        Ok(keep(node, flags))
    }

    /// Opens what is not there.
    fn open_nothing(&mut self, directory: Id, name: &str, flags: Flags) -> Result<Id, Errno> {
        let path = self.path_of(directory, name);
        let path = path.as_deref();
        if !flags.has('c') {
            self.look(path, Look::Miss, What::Missing);
            return Err("ENOENT");
        }
        if self.files.is_removed(directory) {
            return Err("ENOENT");
        }
        if flags.has('x') {
            self.make_exclusively(path);
        } else {
            if !flags.has('t') {
                self.look(path, Look::Miss, What::Missing);
            }
            self.change(path, Change::Fresh, None);
        }
        let made = self.files.make(Content::File(Vec::new()));
        self.files.put(directory, name, made);
        Ok(made)
    }

    /// Opens for creation a name that only a directory can have: that fails whatever is there,
    /// as long as the way there exists.
    fn open_as_directory(&mut self, name: &Name, flags: Flags) -> Result<Kept, Errno> {
        let looks = [Look::Miss, Look::Probe, Look::Link];
        match self.find_quietly(name, Last::Entry) {
            Ok(Place::Entry {
                directory,
                name,
                node,
                ..
            }) => {
                let what = node.map_or(What::Missing, |node| self.files.what(node));
                if let Some(path) = self.path_of(directory, &name) {
                    self.chronicle.look_perhaps(&path, &looks, what);
                }
                self.look_above(directory);
                Err("EISDIR")
            }
            Ok(Place::Itself(directory, _)) => {
                if let Some(path) = self.files.path(directory) {
                    self.chronicle.look_perhaps(&path, &looks, What::Directory);
                }
                Err(if flags.has('x') { "EEXIST" } else { "EISDIR" })
            }
            Err(stop) => {
                debug_assert!(stop.because != Because::NoDirectory(What::Link));
                self.see_stop(&stop);
                Err(stop.errno)
            }
        }
    }
}

/// Whether what is there can be opened like this.
fn may_open(what: What, flags: Flags) -> Result<(), Errno> {
    let changes = flags.writes() || flags.has('t');
    match what {
        _ if flags.has('d') && what != What::Directory => Err("ENOTDIR"),
        _ if flags.has('p') => Ok(()),
        _ if flags.has('x') => Err("EEXIST"),
        What::Directory if changes || flags.has('c') => Err("EISDIR"),
        What::Link => Err("ELOOP"),
        _ => Ok(()),
    }
}
