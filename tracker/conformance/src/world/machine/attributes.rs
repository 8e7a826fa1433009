//! Setting modes and lengths.

use super::{Errno, Machine};
use crate::world::chronicle::{Change, Look, What};
use crate::world::files::Id;
use crate::world::op::{Base, Name};
use crate::world::walk::{Last, Place};

impl Machine {
    /// Finds something that has to be there, and looks at it only if it is not.
    fn find_changeable(&mut self, name: &Name) -> Result<(Option<String>, Id), Errno> {
        match self.find(name, Last::Follow)? {
            Place::Itself(directory, _) => Ok((self.files.path(directory), directory)),
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
                Ok((path, node))
            }
        }
    }

    pub(super) fn chmod(&mut self, name: &Name, executable: bool) -> Result<String, Errno> {
        let (path, node) = self.find_changeable(name)?;
        // Who is not root could not enter it any more.
        self.unpredictable |= self.files.is_directory(node) && !executable;
        self.change(path.as_deref(), Change::Metadata, Some(node));
        self.files.set_executable(node, executable);
        Ok("ok".into())
    }

    pub(super) fn truncate(&mut self, path: &str, length: usize) -> Result<String, Errno> {
        let name = Name {
            base: Base::Here,
            path: path.to_owned(),
        };
        let (path, node) = self.find_changeable(&name)?;
        if self.files.is_directory(node) {
            self.probe(path.as_deref(), node);
            return Err("EISDIR");
        }
        let change = if length == 0 {
            Change::Fresh
        } else {
            Change::Keeps
        };
        self.change(path.as_deref(), change, Some(node));
        self.files.bytes_mut(node).resize(length, 0);
        Ok("ok".into())
    }
}
