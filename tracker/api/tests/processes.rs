//! Trees of processes: what is seen of them, and that they are never disturbed.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{GRACE, Room, TIER};
use vt_tracker::{Blindness, Options, Tier, spawn};

#[test]
fn a_wiped_environment_and_closed_descriptors_hide_nothing() {
    let room = Room::new();
    room.write("file", "x").write("other", "y");
    let seen = room.sh("env -i /bin/cat file");
    assert_eq!(seen.assert_complete().story("file"), "file: read");
    let seen = room.python("import subprocess; subprocess.run(['/bin/cat', 'other'], check=True)");
    assert_eq!(seen.assert_complete().story("other"), "file: read");
}

#[test]
fn a_static_program_hides_nothing() {
    let room = Room::new();
    room.write("file", "x");
    room.write(
        "main.c",
        "#include <fcntl.h>\n#include <unistd.h>\n\
         int main(void) { return open(\"file\", O_RDONLY) < 0 || open(\"no\", O_RDONLY) >= 0; }\n",
    );
    let seen = room.sh("cc -static -o main main.c || cc -o main main.c");
    seen.assert_complete();
    assert!(
        seen.story("main.c").contains("read"),
        "{}",
        seen.story("main.c")
    );
    assert!(
        seen.story("main").contains("FRESH"),
        "{}",
        seen.story("main")
    );
    let seen = room.run("./main", &[]);
    assert_eq!(seen.assert_complete().story("file"), "file: read");
    assert_eq!(seen.story("no"), "missing: miss");
}

#[test]
fn threads_and_directories_of_their_own_are_followed() {
    let room = Room::new();
    room.write("d/file", "x");
    let seen = room.python(
        "import threading; os.mkdir('e'); os.chdir('d')\n  \
         ts = [threading.Thread(target=lambda i=i: open(f'../e/{i}', 'w')) for i in range(20)]\n  \
         [t.start() for t in ts]; [t.join() for t in ts]; open('file')",
    );
    seen.assert_complete();
    for index in 0..20 {
        assert_eq!(seen.story(format!("e/{index}")), "missing: FRESH");
    }
    assert_eq!(seen.story("d/file"), "file: read");
}

#[test]
fn the_exit_status_and_the_output_are_the_commands_own() {
    let room = Room::new();
    let mut command = room.command("/bin/sh", &["-c", "echo out; echo err >&2; exit 7"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command, room.options(GRACE)).unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    child
        .take_stdout()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    child
        .take_stderr()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().status.code(), Some(7));
    assert_eq!((out.as_str(), err.as_str()), ("out\n", "err\n"));
}

#[test]
fn a_command_that_is_not_there_cannot_be_started() {
    let room = Room::new();
    let error = spawn(room.command("/no/such/program", &[]), room.options(GRACE)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_signal_reaches_the_whole_group() {
    let room = Room::new();
    let command = room.command("/bin/sh", &["-c", "touch ready; sleep 60 & sleep 60; wait"]);
    let child = spawn(command, room.options(GRACE)).unwrap();
    let killer = child.killer();
    let started = Instant::now();
    while !room.path("ready").exists() {
        std::thread::yield_now();
    }
    killer.kill(libc::SIGTERM);
    let tracked = child.wait().unwrap();
    assert_eq!(tracked.status.signal(), Some(libc::SIGTERM));
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(tracked.survivors.is_none());
}

#[expect(
    clippy::print_stderr,
    reason = "a test that was left out has to be seen"
)]
fn say_skipped() {
    eprintln!("SKIPPED: a tracee has nobody but its tracer");
}

/// A process that outlives its parent and opens a file when told to.
const LEFT_BEHIND: &str =
    "(read go < pipe; cat file > copy; echo $? > status) > /dev/null 2>&1 & exit 0";

fn left_behind(room: &Room) -> vt_tracker::Tracked {
    room.write("file", "x");
    room.sh("mkfifo pipe");
    let command = room.command("/bin/sh", &["-c", LEFT_BEHIND]);
    let options = room.options(Duration::from_millis(50));
    let tracked = spawn(command, options).unwrap().wait().unwrap();
    assert_eq!(tracked.trace.completeness.0, [Blindness::Survivor]);
    let program = std::fs::canonicalize("/bin/sh").unwrap();
    let culprits = [(Blindness::Survivor, program)].into();
    assert_eq!(tracked.trace.culprits, culprits);
    tracked
}

fn wait_for(what: impl Fn() -> bool) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < Duration::from_secs(20), "it never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Others put a directory in the place of another, and take it back, while the tree looks.
#[test]
fn what_was_another_file_for_a_while_is_told() {
    const PROGRAM: &str = "import os, time
def look():
  open('src/deep/file').read(); os.stat('src/deep/asked'); os.scandir('src/deep').close()
  list(os.scandir('src/deep')); open('kept/file').read(); os.stat('src/deep')
def wait(name):
  while not os.path.exists(name): time.sleep(0.002)
look(); os.mkdir('ready'); wait('go'); look(); os.mkdir('seen'); wait('back'); look()";
    for preload in [true, false] {
        let room = Room::new();
        for file in ["src/deep/file", "src/deep/asked", "other/deep/file"] {
            room.write(file, "x");
        }
        room.write("other/deep/asked", "x").write("kept/file", "x");
        let command = room.command(&support::python(), &["-S", "-E", "-c", PROGRAM]);
        let options = Options {
            preload,
            ..room.options(GRACE)
        };
        let child = spawn(command, options).unwrap();
        let swap = |from: &str, to: &str| std::fs::rename(room.path(from), room.path(to)).unwrap();
        wait_for(|| room.path("ready").exists());
        swap("src", "away");
        swap("other", "src");
        // A neighbour's doing, which is nobody's business.
        std::fs::create_dir(room.path("dist")).unwrap();
        room.write("go", "");
        wait_for(|| room.path("seen").exists());
        swap("src", "other");
        swap("away", "src");
        room.write("back", "");
        let tracked = child.wait().unwrap();
        assert!(tracked.status.success());
        assert_eq!(tracked.trace.completeness.0, []);
        let replaced = |path: &str| tracked.trace.paths[&room.path(path)].replaced;
        for path in ["src/deep/file", "src/deep/asked", "src/deep"] {
            assert!(replaced(path), "{path}, preload: {preload}");
        }
        assert!(!replaced("kept/file"), "preload: {preload}");
    }
}

#[test]
fn a_survivor_is_told_and_goes_on_undisturbed() {
    let room = Room::new();
    let tracked = left_behind(&room);
    assert!(
        tracked
            .survivors
            .as_ref()
            .is_none_or(|survivors| !survivors.is_over())
    );
    std::fs::write(room.path("pipe"), "go\n").unwrap();
    wait_for(|| {
        std::fs::read_to_string(room.path("status")).is_ok_and(|text| text.ends_with('\n'))
    });
    wait_for(|| {
        tracked
            .survivors
            .as_ref()
            .is_none_or(vt_tracker::Survivors::is_over)
    });
    assert_eq!(std::fs::read_to_string(room.path("status")).unwrap(), "0\n");
}

#[test]
fn a_survivor_that_is_never_quiet_holds_nobody_up() {
    if TIER == Tier::Ptrace {
        return say_skipped();
    }
    let room = Room::new();
    let script = "(while :; do test -e never; done) > /dev/null 2>&1 & (while :; do test -e ever; done) > /dev/null 2>&1 & exit 0";
    let child = spawn(
        room.command("/bin/sh", &["-c", script]),
        room.options(Duration::from_millis(50)),
    )
    .unwrap();
    let killer = child.killer();
    let started = Instant::now();
    let tracked = child.wait().unwrap();
    let survivors = tracked.survivors.unwrap();
    killer.kill(libc::SIGKILL);
    wait_for(|| survivors.is_over());
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(tracked.trace.completeness.0, [Blindness::Survivor]);
}

#[test]
fn a_survivor_that_ends_in_time_is_none() {
    let room = Room::new();
    let seen = room.sh("(sleep 0.2; echo x > late) > /dev/null 2>&1 &");
    assert_eq!(seen.assert_complete().story("late"), "missing: FRESH");
}

#[test]
fn many_commands_are_watched_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let room = Room::new();
                room.write("file", "x");
                let seen = room.sh("for i in 1 2 3 4 5; do cat file > out$i; done");
                seen.assert_complete();
                assert_eq!(seen.story("file"), "file: read");
                assert_eq!(seen.story("out5"), "missing: FRESH");
            });
        }
    });
}

#[test]
fn a_command_without_privileges_is_watched() {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: takes nothing and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        // Then all the other tests do without privileges already.
        return;
    }
    let room = Room::new();
    room.write("file", "x");
    std::fs::set_permissions(&room.root, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = room.command("/bin/cat", &["file"]);
    command.uid(65534).gid(65534).stdout(Stdio::null());
    let tracked = spawn(command, room.options(GRACE)).unwrap().wait().unwrap();
    assert!(tracked.status.success());
    assert!(
        tracked.trace.completeness.is_complete(),
        "{:?}",
        tracked.trace.completeness
    );
    assert!(tracked.trace.paths[&room.path("file")].seen_before.read);
}

/// Whether this test can take on other identities; says so if it can't.
#[expect(
    clippy::print_stderr,
    reason = "a test that was left out has to be seen"
)]
fn is_root() -> bool {
    // SAFETY: takes nothing, changes nothing.
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root {
        eprintln!("SKIPPED: only root can take on another identity");
    }
    is_root
}

#[test]
fn what_another_user_is_refused_is_refused() {
    if !is_root() {
        return;
    }
    let room = Room::new();
    room.write("file", "x").write("open/file", "x");
    std::fs::set_permissions(room.path("file"), PermissionsExt::from_mode(0o600)).unwrap();
    for directory in [&room.root, &room.path("open")] {
        std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let seen = room.python(
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n  \
         for flags in (os.O_RDONLY, os.O_WRONLY|os.O_CREAT):\n    \
           for name in ('file', 'open/file', 'new'):\n      \
             try: os.open(name, flags)\n      \
             except OSError: pass",
    );
    seen.assert_complete();
    assert_eq!(seen.story("file"), "file: probe denied");
    assert_eq!(seen.story("open/file"), "file: read probe denied");
    assert_eq!(seen.story("new"), "missing: miss denied");
}

#[test]
fn a_setuid_program_that_gets_no_power_is_told() {
    use std::os::unix::process::CommandExt as _;
    if !is_root() {
        return;
    }
    let room = Room::new();
    std::fs::copy("/bin/true", room.path("true")).unwrap();
    std::fs::set_permissions(room.path("true"), PermissionsExt::from_mode(0o4755)).unwrap();
    std::fs::set_permissions(&room.root, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = room.command("./true", &[]);
    command.uid(65534).gid(65534);
    let tracked = spawn(command, room.options(GRACE)).unwrap().wait().unwrap();
    assert!(tracked.status.success());
    let withheld = [Blindness::PrivilegesWithheld];
    assert_eq!(tracked.trace.completeness.0, withheld);
    // Root gives nothing up, so that here it has its power.
    let seen = room.run("./true", &[]);
    seen.assert_complete();
}

#[test]
fn namespaces_of_its_own_hide_nothing() {
    let room = Room::new();
    room.write("w/file", "x");
    let script = "cd w; env -i /bin/cat file; cat file; echo x > out; cd /; exec /bin/true";
    let seen = room.run("unshare", &["-Urpmf", "/bin/sh", "-ec", script]);
    seen.assert_complete();
    assert_eq!(seen.story("w/file"), "file: read");
    assert_eq!(seen.story("w/out"), "missing: FRESH");
}

#[test]
fn what_is_mounted_over_something_is_told() {
    if !is_root() {
        return;
    }
    let room = Room::new();
    room.write("w/file", "x");
    let script = "mount -t tmpfs none w; cat w/file || :";
    let seen = room.run("unshare", &["-m", "/bin/sh", "-ec", script]);
    let names: Vec<_> = seen
        .tracked
        .trace
        .completeness
        .0
        .iter()
        .map(Blindness::name)
        .collect();
    assert_eq!(names, ["namespace-changed"]);
}

#[test]
fn a_program_that_insists_on_a_library_of_its_own_before_all_others_runs() {
    let room = Room::new();
    room.write("file", "x").write(
        "main.c",
        "#include <stdio.h>\nint main(void){return !fopen(\"file\",\"r\");}\n",
    );
    let compiled = room
        .command("gcc", &["-fsanitize=address", "-o", "main", "main.c"])
        .status();
    assert!(compiled.unwrap().success());
    // Leaks are looked for by tracing, which a tracee can't do.
    let leaks = match TIER {
        Tier::Ptrace => "detect_leaks=0",
        _ => "detect_leaks=1",
    };
    let seen = room.sh(&format!("ASAN_OPTIONS={leaks} ./main"));
    seen.assert_complete();
    assert_eq!(seen.story("file"), "file: read");
}

#[test]
fn what_the_user_preloads_is_kept_and_comes_first() {
    let room = Room::new();
    room.write(
        "own.c",
        "#include <stdlib.h>\nchar *getenv(const char *n){(void)n;return \"own\";}\n",
    );
    room.write(
        "main.c",
        "#include <stdlib.h>\n#include <stdio.h>\n#include <string.h>\n\
         extern char **environ;\n\
         int main(void){puts(getenv(\"ANY\"));\
         for(char**v=environ;*v;v++)if(!strncmp(*v,\"LD_PRELOAD=\",11))puts(*v+11);\
         return !fopen(\"main.c\",\"r\");}\n",
    );
    for arguments in [
        &["-shared", "-fPIC", "-o", "own.so", "own.c"][..],
        &["-o", "main", "main.c"],
    ] {
        assert!(room.command("gcc", arguments).status().unwrap().success());
    }
    let own = room.path("own.so");
    let mut command = room.command("/bin/sh", &["-ec", "./main > said"]);
    command.env("LD_PRELOAD", &own);
    let tracked = spawn(command, room.options(GRACE)).unwrap().wait().unwrap();
    assert!(tracked.status.success());
    let said = std::fs::read_to_string(room.path("said")).unwrap();
    let (value, list) = said.trim().split_once('\n').unwrap();
    assert_eq!(value, "own");
    let (first, second) = list.split_once(':').unwrap();
    assert_eq!(first, own.to_str().unwrap());
    assert!(!second.contains(':'), "{list}");
}

#[test]
fn calls_by_the_numbers_of_32_bits_are_told() {
    let room = Room::new();
    // The way in for programs of 32 bits is open to others as well: 20 asks for the process.
    room.write(
        "main.c",
        "int main(void){int r;__asm__ volatile(\"int $0x80\":\"=a\"(r):\"a\"(20));return r<=0;}\n",
    );
    let compiled = room.command("gcc", &["-o", "main", "main.c"]).status();
    assert!(compiled.unwrap().success());
    let seen = room.run("./main", &[]);
    let foreign = [Blindness::ForeignArchitecture];
    assert_eq!(seen.tracked.trace.completeness.0, foreign);
}
