//! What names of programs lead to, remembered while nothing runs.
//!
//! Every step asks for the same few names in the same directories, and in all but one of them
//! there is nothing. All that is remembered holds only until a step of this process runs or writes
//! a program: from then on each name is looked at whenever it matters.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use vt_base::AbsPath;

/// What the names of programs lead to in a list of directories.
type Names = HashMap<Box<str>, Option<AbsPath>>;

/// Names of programs and what they lead to.
#[derive(Default)]
pub(crate) struct Programs {
    /// By directories outside the workspace, which are the same for all steps.
    outside: Mutex<HashMap<Box<[AbsPath]>, Names>>,
    /// By a directory of the workspace. One that is not there has no names.
    inside: Mutex<HashMap<AbsPath, Option<Names>>>,
    is_stirred: AtomicBool,
}

impl Programs {
    /// From now on anything may change at any time.
    pub(crate) fn stir(&self) {
        self.is_stirred.store(true, Ordering::Release);
    }

    /// Whether anything may change at any time.
    pub(crate) fn is_stirred(&self) -> bool {
        self.is_stirred.load(Ordering::Acquire)
    }

    /// The first of these directories that has the program.
    pub(crate) fn resolve(&self, path: &[AbsPath], root: &AbsPath, name: &str) -> Option<AbsPath> {
        if self.is_stirred() {
            return search(path, name);
        }
        let inside = path.iter().rposition(|one| one.starts_with(root));
        let (inside, outside) = path.split_at(inside.map_or(0, |last| last + 1));
        let inside = inside.iter();
        inside
            .filter_map(|directory| self.resolve_inside(directory, name))
            .next()
            .or_else(|| self.resolve_outside(outside, name))
    }

    fn resolve_inside(&self, directory: &AbsPath, name: &str) -> Option<AbsPath> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if !inside.contains_key(directory) {
            let is_there = directory.as_path().is_dir();
            inside.insert(directory.clone(), is_there.then(Names::new));
        }
        let names = inside.get_mut(directory)?.as_mut()?;
        if let Some(known) = names.get(name) {
            return known.clone();
        }
        let program = search(std::slice::from_ref(directory), name);
        names.insert(name.into(), program.clone());
        program
    }

    fn resolve_outside(&self, outside: &[AbsPath], name: &str) -> Option<AbsPath> {
        let mut found = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = found.get(outside).and_then(|names| names.get(name)) {
            return known.clone();
        }
        let program = search(outside, name);
        let names = found.entry(outside.into()).or_default();
        names.insert(name.into(), program.clone());
        program
    }
}

fn search(path: &[AbsPath], name: &str) -> Option<AbsPath> {
    let candidates = path.iter().map(|directory| directory.join(name));
    candidates.into_iter().find(|candidate| {
        fs::metadata(candidate)
            .is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn abs(path: &std::path::Path) -> AbsPath {
        AbsPath::new(path).unwrap()
    }

    fn install(path: &std::path::Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn what_is_outside_is_remembered_until_something_runs() {
        let temporary = tempfile::tempdir().unwrap();
        let (root, first, second) = (
            abs(&temporary.path().join("root")),
            abs(&temporary.path().join("first")),
            abs(&temporary.path().join("second")),
        );
        let programs = Programs::default();
        let path = [root.join("bin"), first.clone(), second.clone()];
        install(second.join("tool").as_path());
        let resolve = || programs.resolve(&path, &root, "tool");
        assert_eq!(resolve(), Some(second.join("tool")));
        install(first.join("tool").as_path());
        assert_eq!(resolve(), Some(second.join("tool")));
        programs.stir();
        assert_eq!(resolve(), Some(first.join("tool")));
    }

    #[test]
    fn what_is_inside_is_remembered_until_something_runs() {
        let temporary = tempfile::tempdir().unwrap();
        let root = abs(temporary.path());
        let programs = Programs::default();
        let path = [root.join("bin"), root.join("other")];
        let resolve = || programs.resolve(&path, &root, "tool");
        assert_eq!(resolve(), None);
        install(root.join("other/tool").as_path());
        assert_eq!(resolve(), None);
        programs.stir();
        assert_eq!(resolve(), Some(root.join("other/tool")));
        install(root.join("bin/tool").as_path());
        assert_eq!(resolve(), Some(root.join("bin/tool")));
    }
}
