//! A tree and what is done in it: in memory, on disk, and as text.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::files::{Content, Files, ROOT};
use super::machine::Machine;
use super::op::Op;

/// Something that a tree starts with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seedling {
    /// A directory.
    Directory,
    /// A file with a text, executable or not.
    File(String, bool),
    /// A link with a text, in which `@` stands for the room.
    Link(String),
    /// Another name of the file at a path.
    Also(String),
}

/// A tree and what is done in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Program {
    /// What the tree starts with, by path: a directory comes before what lies in it, and a file
    /// before its other names.
    pub tree: Vec<(String, Seedling)>,
    /// What is done.
    pub ops: Vec<Op>,
}

impl Program {
    /// The tree in memory.
    ///
    /// # Panics
    /// If something lies in no directory.
    #[must_use]
    pub fn files(&self) -> Files {
        let mut files = Files::default();
        let mut known = BTreeMap::from([(String::new(), ROOT)]);
        for (path, seedling) in &self.tree {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let node = match seedling {
                Seedling::Directory => files.make(Content::Directory(BTreeMap::new())),
                Seedling::File(text, executable) => {
                    let node = files.make(Content::File(text.clone().into_bytes()));
                    files.set_executable(node, *executable);
                    node
                }
                Seedling::Link(text) => files.make(Content::Link(text.clone())),
                Seedling::Also(other) => known[other],
            };
            files.put(known[parent], name, node);
            known.insert(path.clone(), node);
        }
        files
    }

    /// Makes the tree on disk, in a directory that is there and empty, its real path given.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn plant(&self, room: &Path) -> io::Result<()> {
        for (path, seedling) in &self.tree {
            let place = room.join(path);
            match seedling {
                Seedling::Directory => {
                    std::fs::create_dir(&place)?;
                    std::fs::set_permissions(&place, PermissionsExt::from_mode(0o755))?;
                }
                Seedling::File(text, executable) => {
                    std::fs::write(&place, text)?;
                    let mode = if *executable { 0o755 } else { 0o644 };
                    std::fs::set_permissions(&place, PermissionsExt::from_mode(mode))?;
                }
                Seedling::Link(text) => {
                    symlink(text.replacen('@', &room.to_string_lossy(), 1), &place)?;
                }
                Seedling::Also(other) => std::fs::hard_link(room.join(other), &place)?,
            }
        }
        Ok(())
    }

    /// Carries it out in memory.
    #[must_use]
    pub fn run(&self) -> Machine {
        let mut machine = Machine::new(self.files());
        for op in &self.ops {
            machine.step(op);
        }
        machine
    }

    /// The operations, a line each, as the interpreters read them.
    #[must_use]
    pub fn text(&self) -> String {
        self.ops.iter().map(|op| format!("{op}\n")).collect()
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, seedling) in &self.tree {
            match seedling {
                Seedling::Directory => writeln!(formatter, "    {path}/")?,
                Seedling::File(text, executable) => {
                    let mark = if *executable { " (executable)" } else { "" };
                    writeln!(formatter, "    {path}: `{text}`{mark}")?;
                }
                Seedling::Link(text) => writeln!(formatter, "    {path} -> {text}")?,
                Seedling::Also(other) => writeln!(formatter, "    {path} = {other}")?,
            }
        }
        let machine = self.run();
        for (number, op) in self.ops.iter().enumerate() {
            let line = &machine.lines()[number];
            let (_, result) = line.split_once(' ').unwrap_or(("", line));
            writeln!(formatter, "  {number}. {op}   # {result}")?;
        }
        Ok(())
    }
}
