//! All that a world's commands can see: a workspace, what lies beside and above it, a home, temporary files.
//!
//! Each world has two of them that live through the same: `vt` runs in one, the commands themselves in the other.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use vt_harness::{Outcome, Sandbox};

use super::tree::{Tree, is_within};
use super::world::World;

/// One of them.
pub(crate) struct Universe {
    top: PathBuf,
}

impl Universe {
    /// What people wrote, laid out in a directory that is not there yet.
    pub(crate) fn new(top: PathBuf, world: &World, people: &Tree) -> io::Result<Self> {
        people.make(&top)?;
        let universe = Self { top };
        for name in ["ws/steps", "home/.cache", "tmp"] {
            fs::create_dir_all(universe.top.join(name))?;
        }
        let workspace = universe.workspace();
        fs::write(
            workspace.join("package.json"),
            "{ \"name\": \"app\", \"private\": true }\n",
        )?;
        fs::write(
            workspace.join("vite-task.json"),
            world.configuration().to_string(),
        )?;
        for task in world.tasks() {
            fs::write(workspace.join("steps").join(&task.name), task.text())?;
        }
        Ok(universe)
    }

    /// A tree laid out again, workspace and all.
    pub(crate) fn again(top: PathBuf, tree: &Tree) -> io::Result<Self> {
        tree.make(&top)?;
        let universe = Self { top };
        fs::create_dir_all(universe.top.join("tmp"))?;
        Ok(universe)
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.top.join("ws")
    }

    /// All of it but temporary files.
    pub(crate) fn tree(&self) -> io::Result<Tree> {
        Tree::take_but(&self.top, &["tmp"])
    }

    /// Runs a line, with the variables of this world.
    pub(crate) fn run(
        &self,
        sandbox: &Sandbox,
        words: &[&str],
        env: &[(String, String)],
        cache: Option<&Path>,
    ) -> Outcome {
        let mut call = sandbox.call(words[0]);
        for word in &words[1..] {
            call = call.word(word);
        }
        call = call
            .directory(&self.workspace().to_string_lossy())
            .env("HOME", self.top.join("home"))
            .env("TMPDIR", self.top.join("tmp"));
        if let Some(cache) = cache {
            call = call.env("VT_CACHE_DIR", cache);
        }
        for (name, value) in env {
            call = call.env(name, value);
        }
        call.run()
    }

    /// Does to the disk what a line says, if that can be done.
    pub(crate) fn change(&self, words: &[&str]) -> io::Result<()> {
        let place = self.top.join(words.get(1).copied().unwrap_or_default());
        let is_file = fs::symlink_metadata(&place).is_ok_and(|found| found.is_file());
        match words {
            ["edit", _, text @ ..] => {
                make_parent(&place)?;
                if place.is_symlink() {
                    remove(&place)?;
                }
                fs::write(&place, said(text))
            }
            ["save", path, text @ ..] => {
                make_parent(&place)?;
                let beside = self.top.join(format!("{path}.saved"));
                fs::write(&beside, said(text))?;
                fs::rename(beside, &place)
            }
            ["add", _, text @ ..] if is_file => {
                let mut opened = OpenOptions::new().append(true).open(&place)?;
                opened.write_all(said(text).as_bytes())
            }
            // A result that is not there can't be edited or given another mode.
            ["spoil", _, text @ ..] if is_file => fs::write(&place, said(text)),
            ["chmod", _, digits] if is_file => {
                let mode = u32::from_str_radix(digits, 8).expect("the mode is octal");
                fs::set_permissions(&place, Permissions::from_mode(mode))
            }
            ["also", _, other] if is_file => {
                let other = self.top.join(other);
                make_parent(&other)?;
                remove(&other)?;
                fs::hard_link(&place, other)
            }
            ["lead", _, target] => {
                make_parent(&place)?;
                remove(&place)?;
                symlink(target, &place)
            }
            ["lose", _] => remove(&place),
            _ => Ok(()),
        }
    }
}

/// Does to what people wrote what a line does to the disk, if it concerns that.
pub(crate) fn write_down(people: &mut Tree, words: &[&str]) {
    use super::tree::Node;
    let Some(path) = words.get(1).map(|path| (*path).to_owned()) else {
        return;
    };
    match words {
        ["edit" | "save", _, text @ ..] => {
            let mut above = String::new();
            for name in path.split('/').take(path.matches('/').count()) {
                above = if above.is_empty() {
                    name.to_owned()
                } else {
                    format!("{above}/{name}")
                };
                people
                    .0
                    .entry(above.clone())
                    .or_insert(Node::Directory { mode: 0o755 });
            }
            let bytes = said(text).into_bytes();
            people.0.insert(
                path,
                Node::File {
                    mode: 0o644,
                    bytes,
                    also: None,
                },
            );
        }
        ["lead", _, target] => {
            people.0.insert(path, Node::Link((*target).to_owned()));
        }
        ["lose", _] if people.0.keys().any(|other| is_within(other, &path)) => people.remove(&path),
        _ => {}
    }
}

/// What a file says that was written with these words.
fn said(words: &[&str]) -> String {
    format!("{}\n", words.join(" "))
}

fn make_parent(place: &Path) -> io::Result<()> {
    place.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Removes whatever is there, if anything.
pub(crate) fn remove(place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(_) => Ok(()),
    }
}
