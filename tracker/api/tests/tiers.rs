//! Which tier is taken, and what is said if it is not the best.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "support/sandbox.rs"]
mod sandbox;
mod support;

use std::os::unix::process::ExitStatusExt as _;

use sandbox::{
    Kind, LISTENER, Which, again, answer_for_ever, below, below_each, fails, filter, install, plays,
};
use support::{GRACE, Room};
use vt_tracker::{Blindness, Options, Tier, Tiers, Tracked, spawn};

const NEW_LISTENER: u32 = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as u32;

fn options(tiers: Tiers) -> Options {
    Options {
        grace: GRACE,
        tiers,
        ..Options::default()
    }
}

/// Runs a script with whatever tiers may be tried; it has to end with status 7.
fn run(room: &Room, tiers: Tiers, script: &str) -> Tracked {
    let script = format!("{script}; exit 7");
    let command = room.command("/bin/sh", &["-ec", &script]);
    let tracked = spawn(command, options(tiers)).unwrap().wait().unwrap();
    assert_eq!(tracked.status.code(), Some(7));
    tracked
}

fn reasons(tracked: &Tracked) -> &[Blindness] {
    &tracked.trace.completeness.0
}

/// Runs a script and asserts that everything was seen, by this tier.
fn sees_everything(tier: Tier) {
    let room = Room::new();
    room.write("file", "x");
    let tracked = run(&room, Tiers::ALL, "cat file; mv file other; test ! -e file");
    assert_eq!(reasons(&tracked), []);
    assert_eq!(tracked.trace.tier, Some(tier));
    assert!(tracked.trace.paths[&room.path("file")].seen_before.read);
    assert!(tracked.trace.paths.contains_key(&room.path("other")));
}

/// Runs a script and asserts that no tier but the last could be had, for these reasons.
fn sees_nothing(expected: &[Blindness]) {
    let room = Room::new();
    let tracked = run(
        &room,
        Tiers::ALL,
        "while read key value; do case $key in TracerPid:) echo $value;; esac; done \
         < /proc/self/status > tracer",
    );
    assert_eq!(reasons(&tracked), expected);
    assert_eq!(tracked.trace.tier, Some(Tier::Preload));
    let tracer = std::fs::read_to_string(room.path("tracer")).unwrap();
    assert_eq!(tracer, "0\n");
}

#[test]
fn a_listener_is_preferred() {
    sees_everything(Tier::Notification);
}

#[test]
fn a_tier_that_may_not_be_tried_is_not() {
    let room = Room::new();
    for (tiers, tier, expected) in [
        (
            Tiers::ALL.without(Tier::Notification),
            Some(Tier::Ptrace),
            vec![],
        ),
        (
            Tiers::only(Tier::Preload),
            Some(Tier::Preload),
            vec![Blindness::PreloadOnly],
        ),
        (
            Tiers::NONE,
            None,
            vec![Blindness::NotSupported {
                detail: "no tier that may be tried works",
            }],
        ),
    ] {
        let tracked = run(&room, tiers, "true");
        assert_eq!(reasons(&tracked), expected);
        assert_eq!(tracked.trace.tier, tier);
    }
}

#[test]
fn the_last_tier_names_what_programs_look_at() {
    let room = Room::new();
    room.write("file", "x");
    let script = "cat file; test -e none || cat file; for i in 1 2 3; do cat file; done";
    let tracked = run(&room, Tiers::only(Tier::Preload), script);
    assert_eq!(reasons(&tracked), [Blindness::PreloadOnly]);
    let paths = &tracked.trace.paths;
    assert!(paths[&room.path("file")].seen_before.read);
    assert!(paths[&room.path("none")].seen_before.missed);
}

#[test]
fn without_a_library_there_is_no_last_tier() {
    let room = Room::new();
    let command = room.command("/bin/true", &[]);
    let options = Options {
        preload: false,
        ..options(Tiers::only(Tier::Preload))
    };
    let tracked = spawn(command, options).unwrap().wait().unwrap();
    let detail = "no tier that may be tried works";
    assert_eq!(reasons(&tracked), [Blindness::NotSupported { detail }]);
    assert_eq!(tracked.trace.tier, None);
}

#[test]
fn where_listeners_are_refused_a_tracer_sees_everything() {
    const ROLE: &str = "where_listeners_are_refused_a_tracer_sees_everything";
    if plays(ROLE) {
        return sees_everything(Tier::Ptrace);
    }
    let listens = (libc::SYS_seccomp, Which::WithBits(NEW_LISTENER));
    for errno in [libc::EPERM, libc::ENOSYS] {
        below(ROLE, filter(&[listens], fails(errno)), Kind::Plain);
    }
}

#[test]
fn below_a_listener_for_other_calls_a_tracer_sees_everything() {
    const ROLE: &str = "below_a_listener_for_other_calls_a_tracer_sees_everything";
    if plays(ROLE) {
        answer_for_ever(LISTENER, 0);
        return sees_everything(Tier::Ptrace);
    }
    for call in [libc::SYS_sethostname, libc::SYS_bind] {
        let filter = filter(&[(call, Which::All)], libc::SECCOMP_RET_USER_NOTIF);
        below(ROLE, filter, Kind::Listener);
    }
}

#[test]
fn what_the_listener_above_hides_is_named() {
    const ROLE: &str = "what_the_listener_above_hides_is_named";
    if plays(ROLE) {
        answer_for_ever(LISTENER, 0);
        // Twice, for the verdict is kept.
        for _ in 0..2 {
            sees_nothing(&[
                Blindness::FilterRefused { errno: libc::EBUSY },
                Blindness::Overshadowed { call: "rename" },
                Blindness::PreloadOnly,
            ]);
        }
        return;
    }
    let calls = [libc::SYS_rename, libc::SYS_renameat2, libc::SYS_acct];
    let calls = calls.map(|call| (call, Which::All));
    below(
        ROLE,
        filter(&calls, libc::SECCOMP_RET_USER_NOTIF),
        Kind::Listener,
    );
}

#[test]
fn what_is_refused_or_deadly_is_not_hidden() {
    const ROLE: &str = "what_is_refused_or_deadly_is_not_hidden";
    if plays(ROLE) {
        return sees_everything(Tier::Ptrace);
    }
    let listens = (libc::SYS_seccomp, Which::WithBits(NEW_LISTENER));
    let refused = filter(&[listens], fails(libc::EPERM));
    for answer in [
        fails(libc::EPERM),
        fails(libc::EACCES),
        fails(libc::ENOSYS),
        libc::SECCOMP_RET_TRAP,
        libc::SECCOMP_RET_KILL_THREAD,
        libc::SECCOMP_RET_KILL_PROCESS,
    ] {
        let calls = [libc::SYS_mount, libc::SYS_bpf, libc::SYS_acct];
        let sandbox = filter(&calls.map(|call| (call, Which::All)), answer);
        below_each(
            ROLE,
            vec![(sandbox, Kind::Plain), (refused.clone(), Kind::Plain)],
        );
    }
}

#[test]
fn a_listener_that_refuses_hides_all_the_same() {
    const ROLE: &str = "a_listener_that_refuses_hides_all_the_same";
    if plays(ROLE) {
        answer_for_ever(LISTENER, libc::EPERM);
        return sees_nothing(&[
            Blindness::FilterRefused { errno: libc::EBUSY },
            Blindness::Overshadowed { call: "mount" },
            Blindness::PreloadOnly,
        ]);
    }
    let filter = filter(
        &[(libc::SYS_mount, Which::All)],
        libc::SECCOMP_RET_USER_NOTIF,
    );
    below(ROLE, filter, Kind::Listener);
}

#[test]
fn where_both_are_refused_the_command_runs_unseen_and_untraced() {
    const ROLE: &str = "where_both_are_refused_the_command_runs_unseen_and_untraced";
    if plays(ROLE) {
        return sees_nothing(&[
            Blindness::FilterRefused { errno: libc::EPERM },
            Blindness::PtraceRefused { errno: libc::EPERM },
            Blindness::PreloadOnly,
        ]);
    }
    let listens = (libc::SYS_seccomp, Which::WithBits(NEW_LISTENER));
    let traces = (libc::SYS_ptrace, Which::All);
    below(
        ROLE,
        filter(&[listens, traces], fails(libc::EPERM)),
        Kind::Plain,
    );
    // The tracer is let go of again.
    let installs = (libc::SYS_seccomp, Which::All);
    below(ROLE, filter(&[installs], fails(libc::EPERM)), Kind::Plain);
}

#[test]
fn a_traced_tracker_does_without() {
    const ROLE: &str = "a_traced_tracker_does_without";
    if plays(ROLE) {
        // Under a tracer that follows everything, its children are traced already.
        let room = Room::new();
        let tracked = run(&room, Tiers::ALL.without(Tier::Notification), "true");
        let refused = Blindness::PtraceRefused { errno: libc::EPERM };
        assert_eq!(reasons(&tracked), [refused, Blindness::PreloadOnly]);
        return;
    }
    let room = Room::new();
    let role = again(ROLE);
    let mut command = std::process::Command::new("strace");
    command
        .args(["-f", "-o"])
        .arg(room.path("log"))
        .arg(role.get_program())
        .args(role.get_args());
    command.envs(
        role.get_envs()
            .filter_map(|(key, value)| Some((key, value?))),
    );
    let Ok(output) = command.output() else {
        return say_skipped();
    };
    assert!(output.status.success(), "{output:?}");
}

#[expect(
    clippy::print_stderr,
    reason = "a test that was left out has to be seen"
)]
fn say_skipped() {
    eprintln!("SKIPPED: there is no strace");
}

#[test]
fn a_filter_of_the_tasks_own_works_as_without_a_tracer() {
    const ROLE: &str = "a_filter_of_the_tasks_own_works_as_without_a_tracer";
    if plays(ROLE) {
        let room = Room::new();
        room.write("file", "x");
        let rename = || std::fs::rename(room.path("file"), room.path("other"));
        // It asks for a tracer's decision, and has no tracer.
        let calls = [(libc::SYS_rename, Which::All)];
        install(&filter(&calls, libc::SECCOMP_RET_TRACE | 1), 0).unwrap();
        assert_eq!(rename().unwrap_err().raw_os_error(), Some(libc::ENOSYS));
        install(&filter(&calls, fails(libc::EXDEV)), 0).unwrap();
        assert_eq!(rename().unwrap_err().raw_os_error(), Some(libc::EXDEV));
        assert!(room.path("file").exists());
        return;
    }
    let child = spawn(again(ROLE), options(Tiers::only(Tier::Ptrace))).unwrap();
    let tracked = child.wait().unwrap();
    assert!(tracked.status.success(), "{}", tracked.status);
    assert_eq!(reasons(&tracked), []);
}

#[test]
fn commands_that_cannot_be_started_fail_in_every_tier() {
    let room = Room::new();
    for tier in Tier::ALL {
        for _ in 0..30 {
            let mut command = room.command("no-such-program", &[]);
            command.env("PATH", "/usr/bin:/bin:/no/such/directory");
            let error = spawn(command, options(Tiers::only(tier))).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{tier:?}");
        }
    }
}

#[test]
fn a_signal_that_ends_the_command_is_its_status_in_every_tier() {
    let room = Room::new();
    for tier in Tier::ALL {
        for signal in [libc::SIGTERM, libc::SIGKILL, libc::SIGSEGV] {
            let command = room.command("/bin/sh", &["-c", &format!("kill -{signal} $$")]);
            let child = spawn(command, options(Tiers::only(tier))).unwrap();
            let status = child.wait().unwrap().status;
            assert_eq!(status.signal(), Some(signal), "{tier:?}");
        }
    }
}

#[test]
fn a_traced_task_cannot_trace_and_a_listened_to_one_can() {
    let room = Room::new();
    let traces = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n\
                  failed = libc.ptrace(0, 0, 0, 0) != 0\n\
                  raise SystemExit(ctypes.get_errno() if failed else 0)";
    for (tier, expected) in [(Tier::Notification, 0), (Tier::Ptrace, libc::EPERM)] {
        let command = room.command("python3", &["-c", traces]);
        let child = spawn(command, options(Tiers::only(tier))).unwrap();
        let tracked = child.wait().unwrap();
        assert_eq!(tracked.status.code(), Some(expected), "{tier:?}");
        assert_eq!(reasons(&tracked), [], "{tier:?}");
    }
}

#[test]
fn tracees_end_with_their_tracer() {
    const ROLE: &str = "tracees_end_with_their_tracer";
    if plays(ROLE) {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", "echo started; sleep 1000"]);
        let mut child = spawn(command, options(Tiers::only(Tier::Ptrace))).unwrap();
        assert!(child.take_stdout().is_none());
        // The line that the parent waits for comes from the command.
        child.wait().unwrap();
        unreachable!("this process is killed before");
    }
    let mut parent = again(ROLE)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(parent.stdout.take().unwrap());
    let mut line = String::new();
    while line != "started\n" {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut output, &mut line).unwrap() > 0);
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    // Nobody holds the other end any more.
    std::io::Read::read_to_string(&mut output, &mut line).unwrap();
}
