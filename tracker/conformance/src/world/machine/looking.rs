//! Asking what is there, and going there.

use super::{Errno, Machine};
use crate::world::chronicle::{Look, What};
use crate::world::files::{Content, Id};
use crate::world::op::{Base, Name};
use crate::world::walk::{Last, Place};

impl Machine {
    /// Finds something that has to be there, and looks at it.
    fn find_present(&mut self, name: &Name, last: Last) -> Result<(Option<String>, Id), Errno> {
        match self.find(name, last)? {
            Place::Itself(directory, _) => {
                let path = self.files.path(directory);
                self.probe(path.as_deref(), directory);
                Ok((path, directory))
            }
            Place::Entry {
                directory,
                name,
                node,
                ..
            } => {
                let path = self.path_of(directory, &name);
                let Some(node) = node else {
                    self.look(path.as_deref(), Look::Miss, What::Missing);
                    return Err("ENOENT");
                };
                self.probe(path.as_deref(), node);
                Ok((path, node))
            }
        }
    }

    pub(super) fn stat(&mut self, name: &Name, last: Last) -> Result<String, Errno> {
        let (_, node) = self.find_present(name, last)?;
        Ok(match self.files.what(node) {
            What::File(length) => {
                let executable = self.files.is_executable(node);
                format!("f {length} {}", if executable { "x" } else { "-" })
            }
            What::Directory => "d".into(),
            What::Link | What::Missing => "l".into(),
        })
    }

    pub(super) fn access(&mut self, name: &Name, mode: char) -> Result<String, Errno> {
        // Not every language says why something can't be accessed.
        let (_, node) = self.find_present(name, Last::Follow).map_err(|_| "no")?;
        let is_file = matches!(self.files.what(node), What::File(_));
        if mode == 'x' && is_file && !self.files.is_executable(node) {
            return Err("no");
        }
        Ok("ok".into())
    }

    pub(super) fn readlink(&mut self, name: &Name) -> Result<String, Errno> {
        let (_, node) = self.find_present(name, Last::Keep)?;
        match self.files.content(node) {
            Content::Link(text) => Ok(text.clone()),
            _ => Err("EINVAL"),
        }
    }

    pub(super) fn list(&mut self, name: &Name) -> Result<String, Errno> {
        let (path, node) = self.find_present(name, Last::Follow)?;
        if !self.files.is_directory(node) {
            return Err("ENOTDIR");
        }
        self.look(path.as_deref(), Look::List, What::Directory);
        Ok(self.listing(node))
    }

    pub(super) fn list_open(&mut self, slot: usize) -> Result<String, Errno> {
        let kept = self.slots[slot].as_ref().ok_or("EBADF")?;
        let (node, path_only) = (kept.node, kept.path_only);
        // What a library makes of it is its own affair.
        self.unpredictable |= path_only;
        if !self.files.is_directory(node) {
            return Err("ENOTDIR");
        }
        if let Some(kept) = &mut self.slots[slot] {
            // It is read to its end now.
            kept.offset = 1;
        }
        self.chronicle.begin(self.thread);
        let path = self.files.path(node);
        self.look(path.as_deref(), Look::List, What::Directory);
        Ok(self.listing(node))
    }

    fn listing(&self, directory: Id) -> String {
        let names: Vec<String> = self
            .files
            .entries(directory)
            .iter()
            .map(|(name, id)| {
                let kind = match self.files.what(*id) {
                    What::File(_) => 'f',
                    What::Directory => 'd',
                    What::Link | What::Missing => 'l',
                };
                format!("{name}:{kind}")
            })
            .collect();
        format!("[{}]", names.join(","))
    }

    pub(super) fn chdir(&mut self, path: &str) -> Result<String, Errno> {
        let name = Name {
            base: Base::Here,
            path: path.to_owned(),
        };
        let (_, node) = self.find_present(&name, Last::Follow)?;
        self.enter(node)
    }

    pub(super) fn fchdir(&mut self, slot: usize) -> Result<String, Errno> {
        let node = self.slots[slot].as_ref().ok_or("EBADF")?.node;
        self.enter(node)
    }

    fn enter(&mut self, node: Id) -> Result<String, Errno> {
        if !self.files.is_directory(node) {
            return Err("ENOTDIR");
        }
        self.directory = node;
        Ok("ok".into())
    }
}
