//! Notices when somebody outside of the tree writes a file that the tree writes.
//!
//! The kernel tells of each end of a writing in a watched directory and of each file that is moved
//! there, whoever did it. The tree cannot do either more often than it was about to: what is more is
//! somebody else's doing. A directory is watched from before the first write into it.
//!
//! Whatever can't be told apart is taken for the tree's own. So is everything once too much is going
//! on, and where the system has no watches to give: others need them more.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use vt_tracker_abi::{Kind, PathHashing};

use crate::system::place::{is_below, parent};

/// How many directories are watched.
const MOST_DIRECTORIES: usize = 1024;
/// After how many writes the kernel is asked what happened. It keeps 16,384 events by default.
const OFTEN: u32 = 1024;

/// What may happen to a file.
#[derive(Default)]
struct Count {
    /// How often the tree was about to do it.
    own: u32,
    /// How often it happened.
    seen: u32,
    /// Whether the tree may have had it open before anybody counted.
    is_unsure: bool,
}

struct Directory {
    path: Vec<u8>,
    files: HashMap<Box<[u8]>, Count, PathHashing>,
}

/// Notices what others write.
#[derive(Default)]
pub(crate) struct Others {
    roots: Vec<Vec<u8>>,
    queue: Option<Queue>,
    has_given_up: bool,
    /// By the number of the watch.
    directories: HashMap<i32, Directory>,
    since_drained: u32,
}

impl Others {
    /// Watches below some real directories.
    pub(crate) fn below(roots: Vec<Vec<u8>>) -> Self {
        Self {
            roots,
            ..Self::default()
        }
    }

    /// Notes that the tree is about to write a real path, or to put something there.
    pub(crate) fn expect(&mut self, path: &[u8]) {
        if self.has_given_up || !self.is_inside(path) {
            return;
        }
        let Some(watch) = self.watch(parent(path)) else {
            return;
        };
        let is_new = |others: &Self| !others.directories[&watch].files.contains_key(name(path));
        self.since_drained += 1;
        // What happened before the tree came is none of its business.
        if self.since_drained >= OFTEN || is_new(self) {
            self.drain();
        }
        if let Some(count) = self.count(watch, path) {
            count.own += 1;
        }
    }

    /// Notes that the tree is about to move something. That it ends up there is expected already.
    pub(crate) fn move_along(&mut self, old: &[u8], new: &[u8], kind: Kind) {
        if self.has_given_up {
            return;
        }
        if kind == Kind::Directory {
            for directory in self.directories.values_mut() {
                let path = &directory.path;
                if path == old || is_below(path, old) {
                    directory.path = [new, &path[old.len()..]].concat();
                }
            }
            return;
        }
        // Who has it open under the old name closes it under the new one.
        self.drain();
        let mut open = 0;
        let mut is_unsure = !self.is_inside(old);
        if let Some(count) = self.known(old) {
            open = count.own.saturating_sub(count.seen);
            is_unsure |= count.is_unsure;
        }
        if let Some(count) = self.known(new) {
            count.own += open;
            count.is_unsure |= is_unsure;
        }
    }

    /// Takes everything from now on for the tree's own.
    pub(crate) fn give_up(&mut self) {
        self.has_given_up = true;
        self.queue = None;
        self.directories = HashMap::new();
    }

    /// The paths that somebody else wrote so far.
    pub(crate) fn written(&mut self) -> Vec<Vec<u8>> {
        self.drain();
        let mut written = Vec::new();
        for Directory { path, files } in self.directories.values() {
            let by_others = |count: &Count| !count.is_unsure && count.seen > count.own;
            for (name, _) in files.iter().filter(|(_, count)| by_others(count)) {
                written.push([path.as_slice(), b"/", name].concat());
            }
        }
        written
    }

    fn is_inside(&self, path: &[u8]) -> bool {
        self.roots.iter().any(|root| is_below(path, root))
    }

    /// The number of the watch of a directory; none if there is no such directory.
    fn watch(&mut self, directory: &[u8]) -> Option<i32> {
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            // Not counted, but it comes between two ends of writing, which were one else.
            | WatchFlags::MODIFY
            | WatchFlags::EXCL_UNLINK
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW;
        if self.queue.is_none() {
            self.queue = Queue::new();
        }
        let added = match &self.queue {
            Some(queue) => add_watch(queue, OsStr::from_bytes(directory), flags),
            None => Err(Errno::MFILE),
        };
        match added {
            Ok(watch) => {
                let entry = self.directories.entry(watch);
                let known = entry.or_insert_with(|| Directory {
                    path: Vec::new(),
                    files: HashMap::default(),
                });
                if known.path != directory {
                    known.path = directory.to_vec();
                }
                if self.directories.len() > MOST_DIRECTORIES {
                    self.give_up();
                    return None;
                }
                Some(watch)
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::NAMETOOLONG) => None,
            Err(_) => {
                self.give_up();
                None
            }
        }
    }

    fn count(&mut self, watch: i32, path: &[u8]) -> Option<&mut Count> {
        let files = &mut self.directories.get_mut(&watch)?.files;
        if !files.contains_key(name(path)) {
            files.insert(name(path).into(), Count::default());
        }
        files.get_mut(name(path))
    }

    /// What is counted of a path, if anything is.
    fn known(&mut self, path: &[u8]) -> Option<&mut Count> {
        if !self.is_inside(path) {
            return None;
        }
        let watch = self.watch(parent(path))?;
        self.directories.get_mut(&watch)?.files.get_mut(name(path))
    }

    /// Counts what happened since the last time.
    fn drain(&mut self) {
        self.since_drained = 0;
        let Some(queue) = &self.queue else { return };
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(queue, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return,
                Err(_) => break,
            };
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                break;
            }
            if flags.contains(ReadFlags::IGNORED) {
                self.directories.remove(&event.wd());
                continue;
            }
            if !flags.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO) {
                continue;
            }
            let directory = self.directories.get_mut(&event.wd());
            let count = directory
                .zip(event.file_name())
                .and_then(|(directory, name)| directory.files.get_mut(name.to_bytes()));
            if let Some(count) = count {
                count.seen += 1;
            }
        }
        self.give_up();
    }
}

/// What the kernel tells. It takes some milliseconds to forget watches, in which nobody should have
/// to wait: another thread closes it.
struct Queue(Option<OwnedFd>);

impl Queue {
    fn new() -> Option<Self> {
        let made = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        made.ok().map(|queue| Self(Some(queue)))
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_ref().expect("it is there until the drop").as_fd()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let queue = self.0.take();
        // Without a thread it is closed here.
        let _ = std::thread::Builder::new().spawn(move || drop(queue));
    }
}

/// The last component.
fn name(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|byte| *byte == b'/');
    &path[start.map_or(0, |slash| slash + 1)..]
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;

    use super::*;

    struct Room {
        directory: tempfile::TempDir,
        others: Others,
    }

    impl Room {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let real = directory.path().canonicalize().unwrap();
            fs::create_dir(real.join("dist")).unwrap();
            let root = real.as_os_str().as_bytes().to_vec();
            Self {
                directory,
                others: Others::below(vec![root]),
            }
        }

        fn path(&self, name: &str) -> Vec<u8> {
            let real = self.directory.path().canonicalize().unwrap();
            real.join(name).as_os_str().as_bytes().to_vec()
        }

        fn open(&mut self, name: &str) -> File {
            let path = self.path(name);
            self.others.expect(&path);
            File::create(OsStr::from_bytes(&path)).unwrap()
        }

        fn write(&mut self, name: &str) {
            self.open(name).write_all(b"own").unwrap();
        }

        fn rename(&mut self, old: &str, new: &str, kind: Kind) {
            let (old, new) = (self.path(old), self.path(new));
            self.others.expect(&new);
            self.others.move_along(&old, &new, kind);
            fs::rename(OsStr::from_bytes(&old), OsStr::from_bytes(&new)).unwrap();
        }

        fn edit(&self, name: &str) {
            fs::write(OsStr::from_bytes(&self.path(name)), "another").unwrap();
        }

        fn written(mut self) -> Vec<String> {
            let root = self.path("");
            let text = |path: Vec<u8>| String::from_utf8(path[root.len()..].to_vec()).unwrap();
            let written = self.others.written();
            written.into_iter().map(text).collect()
        }
    }

    #[test]
    fn what_the_tree_writes_is_its_own() {
        let mut room = Room::new();
        for _ in 0..3 {
            room.write("dist/a");
        }
        let open = room.open("dist/b.tmp");
        room.rename("dist/b.tmp", "dist/b", Kind::File);
        // Closed under a name it was never opened by.
        drop(open);
        room.rename("dist", "out", Kind::Directory);
        room.write("out/a");
        assert_eq!(room.written(), [""; 0]);
    }

    #[test]
    fn what_somebody_else_writes_after_it_is_told() {
        let mut room = Room::new();
        for name in ["dist/edited", "dist/replaced", "dist/kept"] {
            room.write(name);
        }
        room.edit("dist/edited");
        room.edit("dist/new");
        let new = room.path("dist/new");
        let replaced = room.path("dist/replaced");
        fs::rename(OsStr::from_bytes(&new), OsStr::from_bytes(&replaced)).unwrap();
        let mut written = room.written();
        written.sort();
        assert_eq!(written, ["dist/edited", "dist/replaced"]);
    }

    #[test]
    fn it_is_told_where_a_directory_was_moved_to() {
        let mut room = Room::new();
        room.write("dist/a");
        room.rename("dist", "out", Kind::Directory);
        room.edit("out/a");
        assert_eq!(room.written(), ["out/a"]);
    }

    #[test]
    fn what_was_written_before_the_tree_came_is_not_told() {
        let mut room = Room::new();
        room.write("dist/a");
        room.edit("dist/b");
        room.write("dist/b");
        assert_eq!(room.written(), [""; 0]);
    }

    #[test]
    fn what_comes_from_elsewhere_may_be_open_still() {
        let mut room = Room::new();
        let elsewhere = tempfile::tempdir_in(room.directory.path().parent().unwrap()).unwrap();
        let old = elsewhere.path().join("a");
        let open = File::create(&old).unwrap();
        let new = room.path("dist/a");
        room.others.expect(&new);
        room.others
            .move_along(old.as_os_str().as_bytes(), &new, Kind::File);
        fs::rename(&old, OsStr::from_bytes(&new)).unwrap();
        drop(open);
        assert_eq!(room.written(), [""; 0]);
    }

    #[test]
    fn a_directory_that_was_removed_and_made_again_is_another_one() {
        let mut room = Room::new();
        room.write("dist/a");
        fs::remove_dir_all(OsStr::from_bytes(&room.path("dist"))).unwrap();
        fs::create_dir(OsStr::from_bytes(&room.path("dist"))).unwrap();
        room.write("dist/a");
        room.edit("dist/a");
        assert_eq!(room.written(), ["dist/a"]);
    }

    #[test]
    fn too_much_at_once_is_given_up_on() {
        let mut room = Room::new();
        room.write("dist/a");
        for number in 0..20_000 {
            room.edit(&format!("dist/{}", number % 2));
        }
        room.edit("dist/a");
        assert_eq!(room.written(), [""; 0]);
    }
}
