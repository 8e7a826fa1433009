//! A copy of a fixture in a folder of its own, with an environment of its own.
//!
//! Sandboxes lie below `VT_STORY_DIR`, else `/var/tmp`, else the temp directory: a path without symlinks, below no other
//! `package.json`, and not below the `TMPDIR` the steps see, where writes mean nothing.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::binaries::Binaries;
use crate::call::Call;
use crate::error::{HarnessError, disk};
use crate::words;

/// A workspace to run things in. Removed when dropped.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    place: PathBuf,
    binaries: Binaries,
    logs: AtomicU32,
}

impl Sandbox {
    /// An empty workspace, for the binaries [`Binaries::find`] finds.
    ///
    /// # Panics
    ///
    /// If the binaries are missing or the disk refuses: no test can go on then.
    #[must_use]
    pub fn empty() -> Self {
        let binaries = Binaries::find().unwrap_or_else(|error| panic!("{error}"));
        Self::with(binaries).unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// A workspace of one package, `app`, with these tasks and a file `a.txt` that says `one`.
    ///
    /// # Panics
    ///
    /// As [`Sandbox::empty`].
    #[must_use]
    pub fn with_tasks(tasks: &serde_json::Value) -> Self {
        let sandbox = Self::empty();
        sandbox.write("package.json", r#"{ "name": "app", "private": true }"#);
        let config = serde_json::json!({ "tasks": tasks });
        sandbox.write("vite-task.json", config.to_string());
        sandbox.write("a.txt", "one\n");
        let cache = sandbox.home().join(".cache");
        std::fs::create_dir_all(&cache)
            .unwrap_or_else(|error| panic!("cannot make `{}`: {error}", cache.display()));
        sandbox
    }

    /// A copy of `fixture`, for the binaries [`Binaries::find`] finds.
    ///
    /// # Panics
    ///
    /// As [`Sandbox::empty`].
    #[must_use]
    pub fn copy_of(fixture: &Path) -> Self {
        let sandbox = Self::empty();
        copy_tree(fixture, &sandbox.root()).unwrap_or_else(|error| panic!("{}", chain(&error)));
        sandbox
    }

    /// An empty workspace for these binaries.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Disk`] if the folders cannot be made.
    pub fn with(binaries: Binaries) -> Result<Self, HarnessError> {
        let base = base();
        fs::create_dir_all(&base).map_err(disk("make", &base))?;
        let folder = tempfile::Builder::new()
            .prefix("vt-story-")
            .tempdir_in(&base)
            .map_err(disk("make", &base))?;
        let place = folder
            .path()
            .canonicalize()
            .map_err(disk("resolve", folder.path()))?;
        for name in ["workspace", "home", "tmp", "logs"] {
            fs::create_dir(place.join(name)).map_err(disk("make", &place))?;
        }
        Ok(Self {
            folder,
            place,
            binaries,
            logs: AtomicU32::new(0),
        })
    }

    /// Root of the workspace.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.place.join("workspace")
    }

    /// What `TMPDIR` says.
    #[must_use]
    pub fn temp(&self) -> PathBuf {
        self.place.join("tmp")
    }

    /// What `HOME` says.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.place.join("home")
    }

    /// A path below the root.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// The binaries it was made for.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Writes a file below the root, its directories too.
    ///
    /// # Panics
    ///
    /// If the disk refuses.
    pub fn write(&self, relative: &str, text: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("below the root"))
            .expect("directories can be made");
        fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write `{relative}`: {error}"));
    }

    /// Reads a file below the root.
    ///
    /// # Panics
    ///
    /// If it is not there.
    #[must_use]
    pub fn read(&self, relative: &str) -> Vec<u8> {
        fs::read(self.path(relative))
            .unwrap_or_else(|error| panic!("cannot read `{relative}`: {error}"))
    }

    /// Removes a file or a whole directory below the root.
    ///
    /// # Panics
    ///
    /// If it is not there.
    pub fn remove(&self, relative: &str) {
        let path = self.path(relative);
        let removed = if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.unwrap_or_else(|error| panic!("cannot remove `{relative}`: {error}"));
    }

    /// Keeps the sandbox on the disk and says where, for looking at a failure by hand.
    #[must_use]
    pub fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.place.clone()
    }

    /// Prepares a command, written as a line: `vt run build`.
    ///
    /// # Panics
    ///
    /// If a quote is left open.
    pub fn call(&self, line: &str) -> Call<'_> {
        let words = words::split(line).unwrap_or_else(|error| panic!("{error}"));
        Call::new(self, words.into_iter().map(OsString::from).collect())
    }

    /// Waits until a file exists.
    ///
    /// # Panics
    ///
    /// After thirty seconds.
    pub fn wait_for(&self, path: &Path) {
        let start = Instant::now();
        while fs::symlink_metadata(path).is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "`{}` did not appear",
                path.display()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The whole environment a command sees, but for what a call adds.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let path =
            std::env::join_paths(self.program_folders()).expect("no folder of ours holds a colon");
        vec![
            ("PATH", path),
            ("HOME", self.home().into_os_string()),
            ("TMPDIR", self.temp().into_os_string()),
        ]
    }

    /// A file name nobody else uses, outside the workspace.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        let number = self.logs.fetch_add(1, Ordering::Relaxed);
        self.place.join("logs").join(format!("{number}-{name}"))
    }

    fn program_folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = Vec::new();
        let ours = [self.binaries.vt(), self.binaries.vtt()]
            .map(|binary| binary.parent().map(Path::to_path_buf));
        let system =
            ["/usr/local/bin", "/usr/bin", "/bin"].map(|folder| Some(PathBuf::from(folder)));
        for folder in ours
            .into_iter()
            .chain([find_program("node")])
            .chain(system)
            .flatten()
        {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders
    }
}

fn base() -> PathBuf {
    let wished = std::env::var_os("VT_STORY_DIR").map(PathBuf::from);
    wished.unwrap_or_else(|| {
        let persistent = PathBuf::from("/var/tmp");
        if persistent.is_dir() {
            persistent
        } else {
            std::env::temp_dir()
        }
    })
}

/// The folder of the `PATH` of this test in which a program lies.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join(name).is_file())
}

/// Copies a folder with its links, executable bits and empty directories. `story.toml` at its top stays behind.
///
/// # Errors
///
/// [`HarnessError::Disk`] if something cannot be read or written.
pub fn copy_tree(from: &Path, to: &Path) -> Result<(), HarnessError> {
    copy_below(from, to, &["story.toml", "node_modules", "dist"])
}

fn copy_below(from: &Path, to: &Path, left_out: &[&str]) -> Result<(), HarnessError> {
    fs::create_dir_all(to).map_err(disk("make", to))?;
    for entry in fs::read_dir(from).map_err(disk("list", from))? {
        let entry = entry.map_err(disk("list", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(disk("look at", &source))?;
        if left_out.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            copy_below(&source, &target, &["node_modules", "dist"])?;
        } else if kind.is_symlink() {
            let text = fs::read_link(&source).map_err(disk("read the link", &source))?;
            symlink(text, &target).map_err(disk("link", &target))?;
        } else {
            fs::copy(&source, &target).map_err(disk("copy", &source))?;
        }
    }
    Ok(())
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
