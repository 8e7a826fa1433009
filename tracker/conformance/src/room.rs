//! What a command finds when it starts: a directory of its own with known content.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::scratch::Scratch;

/// A directory to run commands in, beside a home and a place for temporary files.
#[derive(Debug)]
pub struct Room {
    /// In memory if that can be had. Dropped before the directory it is on.
    _scratch: Option<Scratch>,
    _outer: tempfile::TempDir,
    /// Everything that a command may change is below.
    pub base: PathBuf,
}

impl Room {
    /// An empty room.
    ///
    /// # Panics
    /// When there is no place for it.
    #[must_use]
    pub fn new() -> Self {
        let outer = tempfile::Builder::new()
            .prefix("vt-conformance-")
            .tempdir()
            .expect("there is a place for temporary files");
        let real = outer.path().canonicalize().expect("it was just made");
        let room = Self {
            base: real.join("base"),
            _scratch: Scratch::on(&real).ok(),
            _outer: outer,
        };
        room.reset();
        room
    }

    /// Empties it.
    ///
    /// # Panics
    /// When what is in it can't be removed.
    pub fn reset(&self) {
        if self.base.exists() {
            open_up(&self.base).expect("the room is ours");
            fs::remove_dir_all(&self.base).expect("the room is ours");
        }
        for part in ["work", "home", "tmp"] {
            fs::create_dir_all(self.base.join(part)).expect("the room is ours");
        }
    }

    /// Gives it to an ordinary user.
    ///
    /// # Errors
    /// When this process may not.
    pub(crate) fn give_to(&self, user: u32) -> io::Result<()> {
        let outer = self.aside("");
        chown(&outer, Some(user), Some(user))?;
        chown(&self.base, Some(user), Some(user))?;
        for part in ["work", "home", "tmp"] {
            chown(self.base.join(part), Some(user), Some(user))?;
        }
        Ok(())
    }

    /// Where commands start.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.base.join("work")
    }

    /// Beside everything that is compared: for logs.
    #[must_use]
    pub fn aside(&self, name: &str) -> PathBuf {
        let outer = self.base.parent().expect("it is inside of another");
        outer.join(name)
    }

    /// Writes a file below the place where commands start.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write(&self, relative: impl AsRef<Path>, content: &str) -> &Self {
        let path = self.work().join(relative);
        let parent = path.parent().expect("it is inside of the room");
        fs::create_dir_all(parent).expect("the room is ours");
        fs::write(path, content).expect("the room is ours");
        self
    }

    /// Makes a link below the place where commands start.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn link(&self, target: impl AsRef<Path>, relative: impl AsRef<Path>) -> &Self {
        symlink(target, self.work().join(relative)).expect("the room is ours");
        self
    }

    /// Sets the mode of something below the place where commands start.
    ///
    /// # Panics
    /// When it can't be set.
    pub fn mode(&self, relative: impl AsRef<Path>, mode: u32) -> &Self {
        let path = self.work().join(relative);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the room is ours");
        self
    }

    /// Lets anyone execute a file.
    ///
    /// # Panics
    /// When that can't be set.
    pub fn make_executable(&self, file: &Path) {
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }

    /// A command that starts here with a small and fixed environment.
    #[must_use]
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", self.base.join("home"))
            .env("TMPDIR", self.base.join("tmp"))
            .env("LC_ALL", "C")
            // What a program looks for it should look for the same way twice.
            .env("UV_USE_IO_URING", "0")
            .env("DENO_NO_UPDATE_CHECK", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

/// Where commands look for others.
const fn search_path() -> &'static str {
    "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
}

/// Makes directories removable again.
fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// The ways in which a row can name what it is about.
pub const FORMS: [&str; 7] = [
    "relative", "absolute", "dirfd", "chdir", "fchdir", "through", "up",
];

/// Prepares a directory for each row in each form, with something of everything.
pub fn furnish(room: &Room, rows: &[String]) {
    for row in rows {
        for form in FORMS {
            let name = format!("{row}.{form}");
            furnish_row(room, &name);
            let link = format!("{name}.link");
            match form {
                "through" => room.link(&name, link),
                "up" => room.link(format!("{name}/dir"), link),
                _ => room,
            };
        }
    }
}

/// Prepares one directory with something of everything.
pub fn furnish_row(room: &Room, name: &str) {
    let at = |relative: &str| Path::new(name).join(relative);
    room.write(at("file"), "old content\n")
        .write(at("other"), "other content\n")
        .write(at("dir/inside"), "inside\n")
        .write(at("dir/sub/leaf"), "leaf\n")
        .write(at("full/one"), "one\n")
        .write(at("full/two"), "two\n")
        .write(at("script"), "#!/bin/true\n")
        .write(at("outer"), "#!script-of-its-own\n")
        .mode(at("script"), 0o755)
        .write(at("linked"), "linked content\n")
        .write(at("secret"), "secret content\n")
        .mode(at("secret"), 0)
        .write(at("locked/inside"), "inside\n")
        .mode(at("locked"), 0)
        .write(at("sealed/inside"), "inside\n")
        .mode(at("sealed"), 0o555)
        .link("linked", at("link"))
        .link("dir", at("dirlink"))
        .link("gone", at("dangling"))
        .link("loop", at("loop"))
        .link("link", at("chain"));
    fs::create_dir(room.work().join(at("empty"))).expect("the room is ours");
    let strange = room
        .work()
        .join(name)
        .join(OsStr::from_bytes(b"\xff\xfe \"<>\n"));
    fs::write(strange, "strange\n").expect("the room is ours");
}
