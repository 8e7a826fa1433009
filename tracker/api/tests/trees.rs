//! Signals, stops and ends: a tree behaves as if nobody watched.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{GRACE, Room};
use vt_tracker::{Blindness, spawn};

/// Runs a Python program that has to end well on its own.
fn python(room: &Room, program: &str) -> support::Seen {
    room.write("program.py", program);
    let seen = room.run(&support::python(), &["-S", "-E", "-B", "program.py"]);
    seen.assert_complete();
    seen
}

#[test]
fn a_parent_sees_its_child_stop_and_go_on() {
    let room = Room::new();
    let seen = python(
        &room,
        "import os, signal\n\
         wait, go = os.pipe()\n\
         child = os.fork()\n\
         if child == 0:\n  \
           os.kill(os.getpid(), signal.SIGSTOP)\n  \
           os.read(wait, 1); open('after', 'w').close()\n  \
           os._exit(5)\n\
         pid, status = os.waitpid(child, os.WUNTRACED)\n\
         assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP, status\n\
         assert not os.path.exists('after')\n\
         os.kill(child, signal.SIGCONT)\n\
         pid, status = os.waitpid(child, os.WCONTINUED)\n\
         assert os.WIFCONTINUED(status), status\n\
         os.write(go, b'x')\n\
         pid, status = os.waitpid(child, 0)\n\
         assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 5, status\n",
    );
    assert_eq!(seen.story("after"), "missing: miss FRESH");
}

#[test]
fn every_thread_of_a_process_stops_and_goes_on() {
    python(
        &Room::new(),
        "import os, signal, threading\n\
         child = os.fork()\n\
         if child == 0:\n  \
           def look():\n    \
             while not os.path.exists('stop'): pass\n  \
           threads = [threading.Thread(target=look) for _ in range(4)]\n  \
           [t.start() for t in threads]; open('ready', 'w').close()\n  \
           [t.join() for t in threads]; os._exit(0)\n\
         while not os.path.exists('ready'): pass\n\
         for _ in range(20):\n  \
           os.kill(child, signal.SIGSTOP)\n  \
           assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])\n  \
           os.kill(child, signal.SIGCONT)\n  \
           assert os.WIFCONTINUED(os.waitpid(child, os.WCONTINUED)[1])\n\
         open('stop', 'w').close()\n\
         assert os.waitpid(child, 0)[1] == 0\n",
    );
}

#[test]
fn a_stopped_process_can_be_killed() {
    python(
        &Room::new(),
        "import os, signal\n\
         child = os.fork()\n\
         if child == 0:\n  \
           os.kill(os.getpid(), signal.SIGSTOP)\n\
         os.waitpid(child, os.WUNTRACED)\n\
         os.kill(child, signal.SIGKILL)\n\
         assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL\n",
    );
}

#[test]
fn signals_without_end_disturb_no_call() {
    let room = Room::new();
    room.write("file", "x");
    let seen = python(
        &room,
        "import os, signal\n\
             count = 0\n\
             def handle(*_):\n  \
               global count; count += 1\n\
             signal.signal(signal.SIGALRM, handle)\n\
             signal.siginterrupt(signal.SIGALRM, True)\n\
             signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)\n\
             while count < 500:\n  \
               assert os.stat('file').st_size == 1\n  \
               assert not os.path.exists('none')\n\
             signal.setitimer(signal.ITIMER_REAL, 0, 0)\n",
    );
    assert_eq!(seen.story("file"), "file: probe");
    assert_eq!(seen.story("none"), "missing: miss");
}

/// The kernel lets a signal interrupt a call that the listener has not taken yet, and a handler that
/// does not want calls restarted would make it fail with an error that it does not know otherwise.
#[test]
fn a_signal_makes_no_call_fail_that_never_waits() {
    let room = Room::new();
    room.write(
        "main.c",
        r#"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
static volatile int count;
static void handle(int s) { (void)s; count++; }
#define MUST(what) do { if ((what) < 0) { perror(#what); return 1; } } while (0)
int main(void) {
  struct sigaction action = { .sa_handler = handle };
  struct itimerval every = { { 0, 150 }, { 0, 150 } }, never = { { 0, 0 }, { 0, 0 } };
  struct stat s;
  sigaction(SIGALRM, &action, 0);
  setitimer(ITIMER_REAL, &every, 0);
  while (count < 2000) {
    int file;
    MUST(mkdir("d", 0777));
    MUST(chdir("d"));
    MUST(file = open("f", O_CREAT | O_WRONLY, 0666));
    close(file);
    FILE *stream = fopen("f", "w");
    if (!stream) { perror("fopen"); return 1; }
    fclose(stream);
    MUST(stat("f", &s));
    MUST(access("f", R_OK));
    MUST(chmod("f", 0600));
    MUST(rename("f", "g"));
    MUST(link("g", "h"));
    MUST(symlink("g", "l"));
    MUST(unlink("g"));
    MUST(unlinkat(AT_FDCWD, "h", 0));
    MUST(unlink("l"));
    MUST(chdir(".."));
    MUST(rmdir("d"));
  }
  setitimer(ITIMER_REAL, &never, 0);
  return 0;
}
"#,
    );
    let compiled = room
        .command("gcc", &["-O1", "-o", "main", "main.c"])
        .status();
    assert!(compiled.unwrap().success());
    room.run("./main", &[]).assert_complete();
}

#[test]
fn a_thread_can_execute_a_program() {
    let room = Room::new();
    room.write("file", "x");
    let seen = python(
        &room,
        "import os, threading, time\n\
         def look():\n  \
           while True: os.path.exists('none')\n\
         for _ in range(3): threading.Thread(target=look, daemon=True).start()\n\
         t = threading.Thread(target=lambda: os.execv('/bin/cat', ['cat', 'file']))\n\
         t.start(); t.join()\n\
         raise SystemExit('not reached')\n",
    );
    assert_eq!(seen.story("file"), "file: read");
    let programs = &seen.tracked.trace.programs;
    assert!(programs.iter().any(|program| program.path.ends_with("cat")));
}

#[test]
fn a_thread_can_end_everything() {
    let room = Room::new();
    room.write(
        "program.py",
        "import os, threading\n\
         def look():\n  \
           while True: os.path.exists('none')\n\
         for _ in range(8): threading.Thread(target=look, daemon=True).start()\n\
         threading.Thread(target=lambda: os._exit(9)).start()\n\
         look()\n",
    );
    for _ in 0..10 {
        let command = room.command(&support::python(), &["-S", "-E", "-B", "program.py"]);
        let tracked = spawn(command, room.options(GRACE)).unwrap().wait().unwrap();
        assert_eq!(tracked.status.code(), Some(9));
        assert_eq!(tracked.trace.completeness.0, []);
    }
}

#[test]
fn children_are_seen_however_they_are_made() {
    let room = Room::new();
    for name in ["forked", "spawned", "vforked", "cloned"] {
        room.write(name, name);
    }
    room.write(
        "main.c",
        "#define _GNU_SOURCE\n#include <sched.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
         #include <fcntl.h>\n#include <sys/wait.h>\n\
         static int inner(void *name) { return open(name, O_RDONLY) < 0; }\n\
         int main(void) {\n\
           int status, bad = 0;\n\
           if (vfork() == 0) { execl(\"/bin/cat\", \"cat\", \"vforked\", (char *)0); _exit(1); }\n\
           wait(&status); bad |= status;\n\
           char *stack = malloc(65536);\n\
           int child = clone(inner, stack + 65536, CLONE_VM, \"cloned\");\n\
           if (child < 0 || waitpid(child, &status, __WALL) != child) return 1;\n\
           return bad | status;\n\
         }\n",
    );
    room.sh("cc -o main main.c");
    let seen = room.run("./main", &[]);
    assert_eq!(seen.assert_complete().story("vforked"), "file: read");
    assert_eq!(seen.story("cloned"), "file: read");
    let seen = python(
        &room,
        "import os\n\
         if os.fork() == 0: os.execv('/bin/cat', ['cat', 'forked'])\n\
         assert os.wait()[1] == 0\n\
         os.posix_spawn('/bin/cat', ['cat', 'spawned'], {})\n\
         assert os.wait()[1] == 0\n",
    );
    assert_eq!(seen.story("forked"), "file: read");
    assert_eq!(seen.story("spawned"), "file: read");
}

#[test]
fn many_short_processes_are_all_seen() {
    let room = Room::new();
    let seen = room.sh("i=0; while test $i -lt 200; do /bin/echo x > f$i; i=$((i + 1)); done");
    seen.assert_complete();
    for index in 0..200 {
        assert_eq!(seen.story(format!("f{index}")), "missing: FRESH");
    }
    let programs = &seen.tracked.trace.programs;
    let echo = programs
        .iter()
        .find(|program| program.path.ends_with("echo"));
    assert_eq!(echo.unwrap().count, 200);
}

#[test]
fn a_daemon_that_ends_in_time_is_followed() {
    let room = Room::new();
    room.write("file", "x");
    let seen = python(
        &room,
        "import os, time\n\
         if os.fork() == 0:\n  \
           os.setsid()\n  \
           if os.fork(): os._exit(0)\n  \
           time.sleep(0.2); open('file').close(); open('late', 'w').close()\n",
    );
    assert_eq!(seen.story("file"), "file: read");
    assert_eq!(seen.story("late"), "missing: FRESH");
}

#[test]
fn a_killed_command_leaves_its_children_be() {
    let room = Room::new();
    let mut command = room.command("/bin/sh", &["-c", "exec 3<&0; cat <&3 > got & kill -9 $$"]);
    command.stdin(Stdio::piped());
    let mut child = spawn(command, room.options(Duration::ZERO)).unwrap();
    let mut stdin = child.take_stdin().unwrap();
    let tracked = child.wait().unwrap();
    assert_eq!(tracked.status.signal(), Some(libc::SIGKILL));
    assert_eq!(tracked.trace.completeness.0, [Blindness::Survivor]);
    stdin.write_all(b"text").unwrap();
    drop(stdin);
    // The reader has the other end of nothing else, so that its output says when it is done.
    while std::fs::read(room.path("got")).unwrap_or_default() != b"text" {
        std::thread::yield_now();
    }
}

#[test]
fn much_goes_through_the_pipes() {
    let room = Room::new();
    let mut command = room.command("/bin/cat", &[]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = spawn(command, room.options(GRACE)).unwrap();
    let mut stdin = child.take_stdin().unwrap();
    let mut stdout = child.take_stdout().unwrap();
    let text = vec![b'x'; 1 << 20];
    let got = std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut got = Vec::new();
            stdout.read_to_end(&mut got).unwrap();
            got
        });
        stdin.write_all(&text).unwrap();
        drop(stdin);
        reading.join().unwrap()
    });
    assert_eq!(got.len(), text.len());
    assert!(child.wait().unwrap().status.success());
}

#[test]
fn a_pipe_that_nobody_took_is_closed_by_waiting() {
    let room = Room::new();
    let mut command = room.command("/bin/cat", &[]);
    command.stdin(Stdio::piped());
    let child = spawn(command, room.options(GRACE)).unwrap();
    assert!(child.wait().unwrap().status.success());
}

#[test]
fn nobody_elses_children_are_touched() {
    let room = Room::new();
    std::thread::scope(|scope| {
        let watched = scope.spawn(|| {
            let seen = room.sh("i=0; while test $i -lt 100; do /bin/true; i=$((i + 1)); done");
            seen.assert_complete();
        });
        for code in 0..100 {
            let mut child = Command::new("/bin/sh")
                .args(["-c", &format!("exit {code}")])
                .spawn()
                .unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(code));
        }
        watched.join().unwrap();
    });
}

#[test]
fn a_command_may_be_gone_long_before_anybody_asks() {
    let room = Room::new();
    let mut command = room.command("/bin/sh", &["-c", "exit 3"]);
    command.stdout(Stdio::piped());
    let mut child = spawn(command, room.options(GRACE)).unwrap();
    let killer = child.killer();
    let mut nothing = Vec::new();
    let mut stdout = child.take_stdout().unwrap();
    stdout.read_to_end(&mut nothing).unwrap();
    killer.kill(libc::SIGTERM);
    let status = child.wait().unwrap().status;
    assert!(status.code() == Some(3) || status.signal() == Some(libc::SIGTERM));
    killer.kill(libc::SIGKILL);
}
