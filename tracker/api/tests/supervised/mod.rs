//! A supervisor in a process of its own, its keeper, and programs that never stop calling.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::Room;

/// Long enough for what takes a moment, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what no descriptor tells of.
pub(crate) fn wait_for(what: impl Fn() -> bool) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for a descriptor to be readable.
fn await_readable(descriptor: RawFd, what: &str) {
    let mut waiting = libc::pollfd {
        fd: descriptor,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: there is one to wait for.
    let found = unsafe { libc::poll(&raw mut waiting, 1, PATIENCE.as_millis() as i32) };
    assert_eq!(found, 1, "{what} never came");
}

/// Looks for files without end, in as many processes as it is told. When it reads a byte from
/// `go`, it looks a thousand times more, and says `f` if each look found what there is, else `x`.
const CALLER: &str = r#"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int count, char **arguments) {
    int go = open("go", O_RDWR | O_NONBLOCK), said = open("said", O_RDWR), left = -1;
    for (int more = atoi(arguments[1]); more > 1; more--) if (fork() == 0) break;
    alarm(120);
    write(said, "r", 1);
    for (;;) {
        struct stat found;
        char byte;
        if (stat("file", &found) != 0) break;
        if (stat("none", &found) == 0 || errno != ENOENT) break;
        if (left < 0 && read(go, &byte, 1) == 1) left = 1000;
        if (left > 0 && --left == 0) return write(said, "f", 1) != 1;
    }
    write(said, "x", 1);
    return 1;
}
"#;

/// A directory with what a test needs.
pub(crate) struct Scene {
    pub(crate) room: Room,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { room: Room::new() }
    }

    /// One with a program `caller`, made with a flag for the linker.
    pub(crate) fn with_caller(linking: &str) -> Self {
        let scene = Self::new();
        scene.room.write("file", "x").write("caller.c", CALLER);
        let flags = ["-w", linking, "-o", "caller", "caller.c"];
        let made = Command::new("cc")
            .args(flags)
            .current_dir(&scene.room.root)
            .status()
            .expect("these tests need a C compiler");
        assert!(made.success());
        scene.make_pipe("go");
        scene.make_pipe("said");
        scene
    }

    pub(crate) fn make_pipe(&self, name: &str) {
        let path = std::ffi::CString::new(self.room.path(name).to_str().unwrap()).unwrap();
        // SAFETY: the name ends with a zero.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    }

    /// Opened for both, so that neither this end nor the other ever waits for the other.
    pub(crate) fn pipe(&self, name: &str) -> File {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .open(self.room.path(name))
            .unwrap()
    }

    /// Starts a supervisor with orders.
    pub(crate) fn supervisor(&self, orders: &str) -> Supervisor {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "supervisor", "--nocapture"])
            .env(crate::ORDERS, orders)
            .current_dir(&self.room.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        Supervisor { child }
    }

    fn await_words(&self, word: u8, count: usize) {
        let mut said = self.pipe("said");
        for _ in 0..count {
            await_readable(said.as_raw_fd(), "the word of a caller");
            let mut byte = [0];
            said.read_exact(&mut byte).unwrap();
            assert_eq!(char::from(byte[0]), char::from(word));
        }
    }

    /// Waits until the callers call.
    pub(crate) fn await_callers(&self, count: usize) {
        self.await_words(b'r', count);
    }

    /// Lets the callers look a thousand times more.
    pub(crate) fn assert_callers_are_fine(&self, count: usize) {
        // This end is open until the callers have read what is in it.
        let mut go = self.pipe("go");
        go.write_all(&vec![b'g'; count]).unwrap();
        self.await_words(b'f', count);
    }

    /// Ends what [`fork_without_a_program`] made.
    pub(crate) fn end_fork(&self) {
        let process = std::fs::read_to_string(self.room.path("fork")).unwrap();
        // SAFETY: signals a process that waits for nothing else.
        unsafe { libc::kill(process.parse().unwrap(), libc::SIGKILL) };
    }
}

/// Called by a supervisor: makes a copy of it that does nothing.
pub(crate) fn fork_without_a_program() {
    // SAFETY: the copy makes system calls only.
    match unsafe { libc::fork() } {
        0 => loop {
            // SAFETY: neither takes a pointer.
            unsafe {
                libc::alarm(120);
                libc::pause();
            }
        },
        process => std::fs::write("fork", process.to_string()).unwrap(),
    }
}

/// Called by a supervisor: whoever waits for any child finds none.
pub(crate) fn assert_childless() {
    // SAFETY: asks for no status.
    let found = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    let error = std::io::Error::last_os_error();
    assert_eq!((found, error.raw_os_error()), (-1, Some(libc::ECHILD)));
}

/// Called by a supervisor: waits for [`Supervisor::tell`].
pub(crate) fn hear() {
    std::io::stdin().read_exact(&mut [0]).unwrap();
}

/// A supervisor's process.
pub(crate) struct Supervisor {
    child: Child,
}

impl Supervisor {
    /// Lets it go on.
    pub(crate) fn tell(&self) {
        let mut line = self.child.stdin.as_ref().unwrap();
        line.write_all(b"g").unwrap();
    }

    pub(crate) fn take_output(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    pub(crate) fn finish(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn kill(self) {
        drop(self);
    }

    pub(crate) fn group(&self) -> i32 {
        group(self.child.id() as i32)
    }

    /// The name of the program.
    pub(crate) fn name(&self) -> String {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", self.child.id()));
        name.unwrap().trim().to_owned()
    }

    /// Does what the terminal does.
    pub(crate) fn interrupt_group(&self) {
        // SAFETY: signals a group of our own making.
        let sent = unsafe { libc::kill(-(self.child.id() as i32), libc::SIGINT) };
        assert_eq!(sent, 0);
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // A test that failed may not have waited for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn group(process: i32) -> i32 {
    // SAFETY: takes no pointers.
    unsafe { libc::getpgid(process) }
}

/// A keeper's process.
pub(crate) struct Keeper {
    process: i32,
    /// Tells of its end.
    end: OwnedFd,
}

impl Keeper {
    /// All that a supervisor has.
    pub(crate) fn all_of(supervisor: &Supervisor) -> Vec<i32> {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        processes
            .filter(|process: &i32| {
                let status = std::fs::read_to_string(format!("/proc/{process}/status"));
                let status = status.unwrap_or_default();
                let has = |line: &str| status.lines().any(|found| found == line);
                has("Name:\tvt-keeper")
                    && has(&format!("PPid:\t{}", supervisor.child.id()))
                    && !status.contains("\nState:\tZ")
            })
            .collect()
    }

    /// The only one of a supervisor that has one, or is about to.
    pub(crate) fn of(supervisor: &Supervisor) -> Self {
        wait_for(|| !Self::all_of(supervisor).is_empty());
        let [process] = Self::all_of(supervisor)[..] else {
            panic!("there are several");
        };
        // SAFETY: takes no pointers.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
        assert!(opened >= 0, "{}", std::io::Error::last_os_error());
        Self {
            process,
            // SAFETY: it was just made and belongs to nobody else.
            end: unsafe { OwnedFd::from_raw_fd(opened as RawFd) },
        }
    }

    pub(crate) fn await_end(&self) {
        await_readable(self.end.as_raw_fd(), "the end of the keeper");
    }

    pub(crate) fn descriptors(&self) -> Vec<String> {
        let folder = PathBuf::from(format!("/proc/{}/fd", self.process));
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        let links = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links
            .map(|link| link.to_string_lossy().into_owned())
            .collect()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        std::fs::read_link(
            Path::new("/proc")
                .join(self.process.to_string())
                .join("cwd"),
        )
        .unwrap()
    }

    pub(crate) fn group(&self) -> i32 {
        group(self.process)
    }

    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: signals a process of our own making.
        assert_eq!(unsafe { libc::kill(self.process, signal) }, 0);
    }
}
