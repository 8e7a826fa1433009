//! Runs programs with the library loaded, and reads what they wrote down. There is no filter: what
//! is not written down is what the kernel would have had to stop.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};

use vt_tracker_abi::{Found, Operation, Record, SLOTS, Shared, VARIABLE};

pub(crate) mod calls;
#[path = "../../compile.rs"]
pub(crate) mod compile;

/// The library, built once.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("preload");
        compile::compile(
            env!("CARGO"),
            &workspace,
            "x86_64-unknown-linux-gnu",
            &target_dir,
        )
    })
}

pub(crate) const TOKEN: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
pub(crate) const SESSION: u32 = 7;

/// Memory as the supervisor has it.
pub(crate) struct Memory {
    file: File,
    pub(crate) shared: &'static Shared,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        // SAFETY: the name is text; what it gives is nobody else's.
        let file = unsafe {
            let file = libc::memfd_create(c"memory".as_ptr(), libc::MFD_CLOEXEC);
            assert!(file >= 0, "{}", io::Error::last_os_error());
            File::from_raw_fd(file)
        };
        file.set_len(Shared::SIZE as u64).unwrap();
        // SAFETY: as large as it has to be, and consists of atomics. Never unmapped.
        let shared = unsafe {
            let start = libc::mmap(
                std::ptr::null_mut(),
                Shared::SIZE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            );
            assert_ne!(start, libc::MAP_FAILED);
            &*start.cast::<Shared>()
        };
        shared.prepare(TOKEN);
        Self { file, shared }
    }

    /// What a program is told of it.
    pub(crate) fn variable(&self) -> String {
        self.variable_with(TOKEN)
    }

    pub(crate) fn variable_with(&self, [first, second]: [u64; 2]) -> String {
        let (process, file) = (std::process::id(), self.file.as_raw_fd());
        format!("{process}/{file}/{first:016x}{second:016x}/{SESSION}")
    }

    /// What is written down, and that all of it is finished.
    pub(crate) fn records(&self) -> Vec<Record> {
        let head = self.shared.head();
        assert!(head <= SLOTS as u64, "read in time");
        (0..head)
            .map(|position| {
                assert_eq!(self.shared.look(position), Found::Done, "at {position}");
                self.shared.read(position).unwrap()
            })
            .collect()
    }

    /// Frees what is written down from a position on and gives where it ends.
    pub(crate) fn free_from(&self, from: u64) -> u64 {
        let head = self.shared.head();
        for position in from..head {
            self.shared.free(position);
        }
        head
    }

    /// What is written down, a line each, without environment variables. What was found is named,
    /// and checked to be the file that is there.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.records()
            .iter()
            .filter(|record| record.operation != Operation::Variable)
            .map(line)
            .collect()
    }
}

pub(crate) fn line(record: &Record) -> String {
    assert_eq!(record.session, SESSION);
    assert_ne!(record.thread, 0);
    let name = String::from_utf8_lossy(record.text());
    let outcome = record.outcome.unwrap();
    let known = String::from_utf8_lossy(&record.text()[..record.known]);
    let (operation, errno) = (record.operation, outcome.errno);
    if operation == Operation::Variable || i32::from(errno) == libc::ENOENT {
        assert_eq!(outcome.identity, None, "{name}");
    } else if errno == 0 {
        assert!(
            outcome.identity.is_some(),
            "what was found is known: {name}"
        );
    }
    if let Some(identity) = outcome.identity {
        // Also of what is there and was failed at.
        let is_kept = matches!(operation, Operation::ProbeKept | Operation::ReadLink)
            || operation == Operation::Open && record.detail & libc::O_NOFOLLOW as u32 != 0;
        let found = if is_kept {
            std::fs::symlink_metadata(&*name)
        } else {
            std::fs::metadata(&*name)
        };
        if let Ok(found) = found {
            assert_eq!(
                (identity.dev, identity.ino),
                (found.dev(), found.ino()),
                "{name}"
            );
            assert_eq!(identity.mode, found.mode(), "{name}");
            // Others make and remove files in a directory such as the one for temporary files.
            if !found.is_dir() {
                let mtime = found.mtime() * 1_000_000_000 + found.mtime_nsec();
                let ctime = found.ctime() * 1_000_000_000 + found.ctime_nsec();
                assert_eq!(
                    (identity.size, identity.mtime_ns, identity.ctime_ns),
                    (found.size(), mtime, ctime),
                    "{name}"
                );
            }
        }
    }
    format!("{operation:?} {name} [{known}] {errno}")
}

/// A directory with programs to run in it.
pub(crate) struct Room {
    _directory: tempfile::TempDir,
    pub(crate) root: PathBuf,
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        Self {
            _directory: directory,
            root,
        }
    }

    pub(crate) fn path(&self, relative: &str) -> String {
        self.root.join(relative).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, relative: &str, content: &str) -> &Self {
        let path = self.root.join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn link(&self, to: &str, relative: &str) -> &Self {
        std::os::unix::fs::symlink(to, self.root.join(relative)).unwrap();
        self
    }

    /// A program of `tests/programs`, compiled.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.program_by("gcc", name)
    }

    pub(crate) fn program_by(&self, compiler: &str, name: &str) -> PathBuf {
        static COMPILED: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
        let key = format!("{compiler}-{name}");
        let mut compiled = COMPILED.lock().unwrap();
        let program = compiled.entry(key.clone());
        program
            .or_insert_with(|| compiled_by(compiler, name, &key))
            .clone()
    }

    /// A command in this room that is not watched.
    pub(crate) fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .env_remove("LD_PRELOAD")
            .env_remove(VARIABLE);
        command
    }

    /// The same with the library loaded.
    pub(crate) fn watched(&self, memory: &Memory, program: &Path, arguments: &[&str]) -> Command {
        let mut command = self.command(program, arguments);
        command
            .env("LD_PRELOAD", library())
            .env(VARIABLE, memory.variable());
        command
    }

    /// Runs a program with and without the library. It has to print the same.
    pub(crate) fn both(&self, memory: &Memory, program: &Path, arguments: &[&str]) -> String {
        let plain = finished(self.command(program, arguments));
        let watched = finished(self.watched(memory, program, arguments));
        assert_eq!(watched, plain);
        watched
    }
}

fn compiled_by(compiler: &str, name: &str, key: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/programs/{name}.c"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Another test may be running the one that is there.
    let beside = folder.join(format!("{key}.{}", std::process::id()));
    let output = Command::new(compiler)
        .args(["-O1", "-Wall", "-Werror", "-pthread", "-o"])
        .arg(&beside)
        .arg(source)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let program = folder.join(key);
    std::fs::rename(beside, &program).unwrap();
    program
}

/// Runs a command to its successful end and gives what it printed.
pub(crate) fn finished(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}, {stderr}");
    assert_eq!(stderr, "", "{command:?}");
    String::from_utf8(stdout).unwrap()
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Whether there is a program of this name, said aloud if not.
pub(crate) fn has(program: &str) -> bool {
    let is_there = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !is_there {
        skipped(&format!("there is no `{program}`"));
    }
    is_there
}
