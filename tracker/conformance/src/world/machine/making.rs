//! Making and removing.

use std::collections::BTreeMap;

use super::{Errno, Machine};
use crate::world::chronicle::{Change, Look, What};
use crate::world::files::{Content, Id};
use crate::world::op::Name;
use crate::world::walk::{Dots, Last, Place};

/// A name that stands for nothing, in a directory that is there.
pub(super) struct Free {
    pub(super) directory: Id,
    pub(super) name: String,
    pub(super) path: Option<String>,
}

impl Machine {
    /// Finds a place for something new. Whether it may be followed by a slash is up to `slash`.
    pub(super) fn find_free(&mut self, name: &Name, slash: Slash) -> Result<Free, Errno> {
        match self.find(name, Last::Entry)? {
            Place::Itself(directory, _) => {
                let path = self.files.path(directory);
                self.probe(path.as_deref(), directory);
                Err("EEXIST")
            }
            Place::Entry {
                directory,
                name,
                node: Some(node),
                ..
            } => {
                let path = self.path_of(directory, &name);
                self.probe(path.as_deref(), node);
                Err("EEXIST")
            }
            Place::Entry {
                directory,
                name,
                slash: has_slash,
                ..
            } => {
                let path = self.path_of(directory, &name);
                if has_slash && slash == Slash::Refused {
                    self.look(path.as_deref(), Look::Miss, What::Missing);
                    return Err("ENOENT");
                }
                if self.files.is_removed(directory) {
                    return Err("ENOENT");
                }
                Ok(Free {
                    directory,
                    name,
                    path,
                })
            }
        }
    }

    pub(super) fn mkdir(&mut self, name: &Name) -> Result<String, Errno> {
        let free = self.find_free(name, Slash::Fine)?;
        self.change(free.path.as_deref(), Change::Fresh, None);
        let made = self.files.make(Content::Directory(BTreeMap::new()));
        self.files.put(free.directory, &free.name, made);
        Ok("ok".into())
    }

    pub(super) fn symlink(&mut self, text: &str, name: &Name) -> Result<String, Errno> {
        let free = self.find_free(name, Slash::Refused)?;
        self.make_exclusively(free.path.as_deref());
        let made = self.files.make(Content::Link(text.to_owned()));
        self.files.put(free.directory, &free.name, made);
        Ok("ok".into())
    }

    pub(super) fn hard_link(&mut self, old: &Name, new: &Name) -> Result<String, Errno> {
        let (path, node) = match self.find(old, Last::Keep)? {
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
                let path = self.path_of(directory, &name);
                self.look(path.as_deref(), Look::Miss, What::Missing);
                return Err("ENOENT");
            }
        };
        match self.files.what(node) {
            What::File(_) => self.look(path.as_deref(), Look::Read, self.files.what(node)),
            _ => self.probe(path.as_deref(), node),
        }
        let free = self.find_free(new, Slash::Refused)?;
        if self.files.is_directory(node) {
            self.look(free.path.as_deref(), Look::Miss, What::Missing);
            self.look_above(free.directory);
            return Err("EPERM");
        }
        self.make_exclusively(free.path.as_deref());
        self.files.put(free.directory, &free.name, node);
        Ok("ok".into())
    }

    pub(super) fn unlink(&mut self, name: &Name) -> Result<String, Errno> {
        let (directory, name, node, slash) = match self.find(name, Last::Entry)? {
            Place::Itself(directory, _) => {
                let path = self.files.path(directory);
                self.probe(path.as_deref(), directory);
                return Err("EISDIR");
            }
            Place::Entry {
                directory,
                name,
                node,
                slash,
            } => (directory, name, node, slash),
        };
        let path = self.path_of(directory, &name);
        let path = path.as_deref();
        let Some(node) = node else {
            self.look(path, Look::Miss, What::Missing);
            return Err("ENOENT");
        };
        if self.files.is_directory(node) || slash {
            self.glance(path, node);
            let is_directory = self.files.is_directory(node);
            return Err(if is_directory { "EISDIR" } else { "ENOTDIR" });
        }
        self.change(path, Change::Delete, Some(node));
        // The file lives on under its other names, and for who has it open.
        self.files.take(directory, &name);
        Ok("ok".into())
    }

    pub(super) fn rmdir(&mut self, name: &Name) -> Result<String, Errno> {
        let (directory, name, node) = match self.find(name, Last::Entry)? {
            Place::Itself(directory, dots) => {
                if let Some(path) = self.files.path(directory) {
                    let looks = [Look::Probe, Look::List];
                    self.chronicle.look_perhaps(&path, &looks, What::Directory);
                }
                let is_up = dots == Dots::Up;
                return Err(if is_up { "ENOTEMPTY" } else { "EINVAL" });
            }
            Place::Entry {
                directory,
                name,
                node,
                ..
            } => (directory, name, node),
        };
        let path = self.path_of(directory, &name);
        let path = path.as_deref();
        let Some(node) = node else {
            self.look(path, Look::Miss, What::Missing);
            return Err("ENOENT");
        };
        if !self.files.is_directory(node) {
            self.glance(path, node);
            return Err("ENOTDIR");
        }
        if !self.files.entries(node).is_empty() {
            self.look(path, Look::List, What::Directory);
            return Err("ENOTEMPTY");
        }
        self.change(path, Change::Delete, Some(node));
        self.files.remove(directory, &name);
        Ok("ok".into())
    }
}

/// Whether a slash may follow the name of something new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    Fine,
    Refused,
}
