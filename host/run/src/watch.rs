//! Waits until something in the workspace may have changed.
//!
//! Which changes matter is not judged here: a look-up knows that, from what was traced. This only
//! says when it is worth asking. Directories called `.git` and `node_modules` and the cache are
//! not watched, so what a package manager installs is noticed with the next change elsewhere.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use vt_base::AbsPath;
use vt_config::Project;

use crate::clocks::Signals;
use crate::world::{World, cache_directory};

/// What a save by an editor and a checkout have in common: it takes a moment until all is there.
const QUIET: Duration = Duration::from_millis(100);

/// Names of directories that are not entered.
const SKIPPED: [&str; 2] = [".git", "node_modules"];

/// Why a wait is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Woken {
    /// Something changed; one of the paths, from the workspace root where it is below it.
    Changed(PathBuf),
    /// A signal came, with this number.
    Interrupted(i32),
}

/// Watches a workspace.
pub struct Watcher {
    runtime: Option<tokio::runtime::Runtime>,
    signals: Signals,
    queue: Arc<OwnedFd>,
    root: PathBuf,
    cache: AbsPath,
    directories: HashMap<i32, PathBuf>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Watcher")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl Watcher {
    /// Begins to watch: what changes from now on ends the next wait.
    ///
    /// # Errors
    /// When the system refuses, for example because too many directories are watched.
    pub fn new(project: &Project, world: &World) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let signals = runtime.block_on(async { Signals::new() })?;
        let mut watcher = Self {
            runtime: Some(runtime),
            signals,
            queue: Arc::new(init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?),
            root: project.root.as_path().to_owned(),
            cache: cache_directory(project, world.cache_dir.as_ref()),
            directories: HashMap::new(),
        };
        let root = watcher.root.clone();
        watcher.enter(&root)?;
        Ok(watcher)
    }

    /// Waits for a change, and then until nothing has changed for a moment.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn wait(&mut self) -> io::Result<Woken> {
        loop {
            if let Some(number) = self.until_readable()? {
                return Ok(Woken::Interrupted(number));
            }
            let Some(first) = self.drain()? else { continue };
            while self.is_readable(QUIET)? {
                self.drain()?;
            }
            let path = first.strip_prefix(&self.root).unwrap_or(&first);
            return Ok(Woken::Changed(path.to_owned()));
        }
    }

    /// Forgets what has changed so far; new directories are watched all the same. Says which path
    /// changed first.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn drain(&mut self) -> io::Result<Option<PathBuf>> {
        let mut first = None;
        let mut entered = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(&*self.queue, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::WOULDBLOCK) => break,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if event.events().contains(ReadFlags::IGNORED) {
                self.directories.remove(&event.wd());
                continue;
            }
            // What overflows has no name; everything may have changed.
            let directory = self.directories.get(&event.wd()).unwrap_or(&self.root);
            let name = event
                .file_name()
                .map(|name| OsStr::from_bytes(name.to_bytes()));
            let path = name.map_or_else(|| directory.clone(), |name| directory.join(name));
            if self.is_skipped(&path) {
                continue;
            }
            if event.events().contains(ReadFlags::ISDIR) {
                entered.push(path.clone());
            }
            first.get_or_insert(path);
        }
        for directory in entered {
            self.enter(&directory)?;
        }
        Ok(first)
    }

    fn is_skipped(&self, path: &Path) -> bool {
        let is_name = |name: &OsStr| SKIPPED.iter().any(|skipped| name == *skipped);
        path.file_name().is_some_and(is_name) || path.starts_with(self.cache.as_path())
    }

    /// Watches a directory and all below it. One that is gone again is no trouble.
    fn enter(&mut self, directory: &Path) -> io::Result<()> {
        if self.is_skipped(directory) {
            return Ok(());
        }
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW;
        match add_watch(&*self.queue, directory, flags) {
            Ok(number) => self.directories.insert(number, directory.to_owned()),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Ok(entries) = std::fs::read_dir(directory) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.enter(&entry.path())?;
            }
        }
        Ok(())
    }

    fn is_readable(&self, longest: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(longest).expect("a moment is short");
        match poll(
            &mut [PollFd::new(&*self.queue, PollFlags::IN)],
            Some(&timeout),
        ) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until there are events, or for a signal, which is returned.
    fn until_readable(&mut self) -> io::Result<Option<i32>> {
        let queue = Arc::clone(&self.queue);
        let signals = &mut self.signals;
        let runtime = self.runtime.as_ref().expect("it is there until the drop");
        runtime.block_on(async {
            let readable = tokio::task::spawn_blocking(move || {
                loop {
                    match poll(&mut [PollFd::new(&*queue, PollFlags::IN)], None) {
                        Err(Errno::INTR) => {}
                        polled => return polled.map(drop).map_err(io::Error::from),
                    }
                }
            });
            tokio::select! {
                biased;
                number = signals.next() => Ok(Some(number)),
                polled = readable => polled.map_err(io::Error::other)?.map(|()| None),
            }
        })
    }
}

impl Drop for Watcher {
    /// Does not wait for the thread that waits for events.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
