//! What is known of the threads of a log: where they are and what they have open.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use crate::strace::Call;
use crate::tree::Id;

/// A descriptor that was heard of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenFile {
    /// The real path of what it is open on.
    pub path: Vec<u8>,
    /// Whether executing a program closes it.
    pub is_closed_by_execution: bool,
}

/// What a name means to a thread depends on this.
#[derive(Clone, Copy, Debug)]
pub struct Process<'p> {
    /// The number of its process.
    pub number: u32,
    /// The node of its current directory.
    pub directory: Id,
    /// Its open files, as far as they were heard of.
    pub files: &'p HashMap<i32, OpenFile>,
    /// The real path of the program it runs.
    pub program: Option<&'p Vec<u8>>,
}

/// Which of the shared things a thread uses.
#[derive(Clone, Copy, Debug)]
struct Thread {
    process: u32,
    directory: usize,
    files: usize,
}

/// The threads of a log. What threads may share is kept apart from them.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    threads: HashMap<u32, Thread>,
    directories: Vec<Id>,
    files: Vec<HashMap<i32, OpenFile>>,
    programs: HashMap<u32, Vec<u8>>,
    start: Id,
}

impl Processes {
    pub(crate) fn starting_in(start: Id) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    fn thread(&mut self, number: u32) -> Thread {
        if let Some(thread) = self.threads.get(&number) {
            return *thread;
        }
        let thread = Thread {
            process: number,
            directory: self.directories.len(),
            files: self.files.len(),
        };
        self.directories.push(self.start);
        self.files.push(HashMap::new());
        self.threads.insert(number, thread);
        thread
    }

    pub(crate) fn process(&mut self, thread: u32) -> Process<'_> {
        let known = self.thread(thread);
        Process {
            number: known.process,
            directory: self.directories[known.directory],
            files: &self.files[known.files],
            program: self.programs.get(&known.process),
        }
    }

    /// A thread made another, which shares with it what it was made to share.
    pub(crate) fn fork(&mut self, call: &Call, child: u32) {
        let parent = self.thread(call.thread);
        let flags = call.named_number("flags").unwrap_or(0);
        let shares = |flag: i32| flags & i64::from(flag) != 0;
        let mut made = parent;
        if !shares(libc::CLONE_THREAD) {
            made.process = child;
            if let Some(program) = self.programs.get(&parent.process).cloned() {
                self.programs.insert(child, program);
            }
        }
        if !shares(libc::CLONE_FS) {
            made.directory = self.copy_of_directory(parent);
        }
        if !shares(libc::CLONE_FILES) {
            made.files = self.copy_of_files(parent);
        }
        self.threads.insert(child, made);
    }

    fn copy_of_directory(&mut self, thread: Thread) -> usize {
        self.directories.push(self.directories[thread.directory]);
        self.directories.len() - 1
    }

    fn copy_of_files(&mut self, thread: Thread) -> usize {
        self.files.push(self.files[thread.files].clone());
        self.files.len() - 1
    }

    /// A thread stopped sharing what it shared.
    pub(crate) fn unshare(&mut self, number: u32, flags: i64) {
        let mut thread = self.thread(number);
        // Another root for mounts needs an own current directory.
        if flags & i64::from(libc::CLONE_FS | libc::CLONE_NEWNS) != 0 {
            thread.directory = self.copy_of_directory(thread);
        }
        if flags & i64::from(libc::CLONE_FILES) != 0 {
            thread.files = self.copy_of_files(thread);
        }
        self.threads.insert(number, thread);
    }

    pub(crate) fn change_directory(&mut self, number: u32, directory: Id) {
        let thread = self.thread(number);
        self.directories[thread.directory] = directory;
    }

    pub(crate) fn execute(&mut self, number: u32, program: Vec<u8>) {
        let mut thread = self.thread(number);
        self.programs.insert(thread.process, program);
        thread.files = self.copy_of_files(thread);
        self.threads.insert(number, thread);
        self.files[thread.files].retain(|_, file| !file.is_closed_by_execution);
    }

    /// Descriptors were closed.
    pub(crate) fn close(&mut self, number: u32, numbers: RangeInclusive<i64>) {
        let thread = self.thread(number);
        self.files[thread.files].retain(|descriptor, _| !numbers.contains(&i64::from(*descriptor)));
    }

    /// A descriptor was given out; none if it is open on nothing that has a path.
    pub(crate) fn open(&mut self, number: u32, descriptor: i32, file: Option<OpenFile>) {
        let thread = self.thread(number);
        let files = &mut self.files[thread.files];
        match file {
            Some(file) => files.insert(descriptor, file),
            None => files.remove(&descriptor),
        };
    }

    /// A descriptor was used: this is where it is by now.
    pub(crate) fn meet(&mut self, number: u32, descriptor: i32, path: Vec<u8>) {
        let thread = self.thread(number);
        let files = &mut self.files[thread.files];
        let file = files.entry(descriptor).or_insert(OpenFile {
            path: Vec::new(),
            is_closed_by_execution: false,
        });
        file.path = path;
    }

    /// Whether executing a program closes a descriptor was set.
    pub(crate) fn close_by_execution(&mut self, number: u32, descriptor: i32, is_closed: bool) {
        let thread = self.thread(number);
        if let Some(file) = self.files[thread.files].get_mut(&descriptor) {
            file.is_closed_by_execution = is_closed;
        }
    }
}
