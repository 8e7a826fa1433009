//! One change of a tree.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use vt_tracker_conformance::world::{Program, ROOT, Random};

use super::disk::remove;

/// What is done to a path. What can't be done there is not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Bytes are added to a file, or a name to a directory.
    Add,
    /// The first byte of a file becomes another. An empty one gets one, so that what can be done to a
    /// result can be done to what was there before it, too.
    Overwrite,
    /// It is removed with all that is in it.
    Remove,
    /// The executable bits of a file flip.
    Chmod,
    /// A file is put there, in place of whatever is there.
    File,
    /// An empty directory is put there, in place of whatever is there.
    Directory,
    /// A link is put there, in place of whatever is there.
    Link,
}

const ACTIONS: [Action; 7] = [
    Action::Add,
    Action::Overwrite,
    Action::Remove,
    Action::Chmod,
    Action::File,
    Action::Directory,
    Action::Link,
];

/// One change of a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mutation {
    /// Relative to the room.
    pub(crate) path: String,
    pub(crate) action: Action,
    /// Where a link leads.
    pub(crate) target: String,
}

impl Mutation {
    /// Several changes, of which the first that can be made is.
    pub(crate) fn several(random: &mut Random, program: &Program) -> Vec<Self> {
        (0..12).map(|_| Self::random(random, program)).collect()
    }

    /// A change, mostly of something that the program has to do with.
    fn random(random: &mut Random, program: &Program) -> Self {
        let machine = program.run();
        let mut paths: Vec<String> = machine
            .chronicle()
            .paths
            .keys()
            .filter(|path| !path.is_empty())
            .cloned()
            .collect();
        let there = machine
            .files()
            .below(ROOT)
            .into_iter()
            .map(|(path, _)| path);
        if paths.is_empty() || random.chance(30) {
            paths.extend(there);
            paths.extend(program.tree.iter().map(|(path, _)| path.clone()));
            paths.push("new".to_owned());
        }
        let path = random.pick(&paths).clone();
        let target = random.pick(&paths).clone();
        Self {
            path,
            action: *random.pick(&ACTIONS),
            target: target.rsplit('/').next().unwrap_or(&target).to_owned(),
        }
    }

    /// Does it. Says whether there was something to do.
    pub(crate) fn apply(&self, room: &Path) -> io::Result<bool> {
        let place = room.join(&self.path);
        // Only what really lies at the path, not what a link on the way leads to.
        if !room.is_dir() || place.parent().is_none_or(|parent| !is_real(parent)) {
            return Ok(false);
        }
        let there = fs::symlink_metadata(&place).ok();
        let is_file = there.as_ref().is_some_and(fs::Metadata::is_file);
        let is_directory = there.as_ref().is_some_and(fs::Metadata::is_dir);
        match self.action {
            Action::Add if is_file => {
                fs::OpenOptions::new()
                    .append(true)
                    .open(&place)?
                    .write_all(b"+")?;
            }
            Action::Add if is_directory => {
                if fs::symlink_metadata(place.join("new")).is_ok() {
                    return Ok(false);
                }
                fs::write(place.join("new"), "new")?;
            }
            Action::Overwrite if is_file => {
                let mut bytes = fs::read(&place)?;
                match bytes.first_mut() {
                    Some(first) => *first ^= 1,
                    None => bytes.push(b'o'),
                }
                fs::write(&place, bytes)?;
            }
            Action::Remove if there.is_some() => remove(&place)?,
            Action::Chmod if is_file => {
                let mode = there.map_or(0, |there| there.permissions().mode());
                fs::set_permissions(&place, PermissionsExt::from_mode(mode ^ 0o111))?;
            }
            Action::File => {
                if is_file && fs::read(&place)? == b"put there" {
                    return Ok(false);
                }
                remove(&place)?;
                fs::write(&place, "put there")?;
            }
            Action::Directory if !is_directory => {
                remove(&place)?;
                fs::create_dir(&place)?;
            }
            Action::Link => {
                if fs::read_link(&place).is_ok_and(|text| text == Path::new(&self.target)) {
                    return Ok(false);
                }
                remove(&place)?;
                symlink(&self.target, &place)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} `{}`", self.action, self.path)?;
        if self.action == Action::Link {
            write!(formatter, " -> {}", self.target)?;
        }
        Ok(())
    }
}

/// Whether a path is a directory that no link leads to.
fn is_real(directory: &Path) -> bool {
    directory.is_dir() && directory.canonicalize().is_ok_and(|real| real == directory)
}
