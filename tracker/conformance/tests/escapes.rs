//! Calls that open files without a path, change what paths mean, or confine the process that makes
//! them: what is followed leaves nothing unseen, and what is not is told.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use vt_tracker::{Blindness, Change, Tracked};
use vt_tracker_conformance::ordinary::as_ordinary_user;
use vt_tracker_conformance::room::Room;
use vt_tracker_conformance::runtimes::{Compiled, compile, source};
use vt_tracker_conformance::trial::{Mode, modes, track};
use vt_tracker_supervisor::reported_calls;

/// What there is to say of a trace with the call of a row in it.
enum Told {
    /// Nothing: it is complete.
    Nothing,
    /// That the call is not followed.
    Unsupported(&'static str),
    /// That it is not followed if its caller is root; otherwise it fails.
    UnsupportedOfRoot(&'static str),
    /// That paths may mean something else.
    Namespace(&'static str),
    /// As before, if its caller is root; otherwise it fails.
    NamespaceOfRoot(&'static str),
}

use Told::{Namespace, NamespaceOfRoot, Nothing, Unsupported, UnsupportedOfRoot};

const ROWS: &[(&str, Told)] = &[
    ("chroot", NamespaceOfRoot("chroot")),
    ("chroot_same", Nothing),
    ("pivot_root", Namespace("pivot_root")),
    ("mount", Namespace("mount")),
    ("umount2", Namespace("umount2")),
    ("move_mount", Namespace("move_mount")),
    ("mount_setattr", Namespace("mount_setattr")),
    ("open_tree", Nothing),
    ("open_tree_copy", Namespace("open_tree")),
    ("open_tree_attr", Namespace("open_tree_attr")),
    ("fsopen", Namespace("fsopen")),
    ("fsmount", Namespace("fsmount")),
    ("fspick", Namespace("fspick")),
    ("setns", Namespace("setns")),
    ("setns_other", Nothing),
    ("unshare", Nothing),
    ("openat2_root", Unsupported("openat2")),
    ("name_to_handle_at", Nothing),
    ("open_by_handle_at", Unsupported("open_by_handle_at")),
    ("pidfd_getfd", Nothing),
    ("pidfd_getfd_write", Nothing),
    ("pidfd_getfd_group", Unsupported("pidfd_getfd")),
    ("pidfd_getfd_pipe", Nothing),
    ("listen", Nothing),
    ("fanotify_init", Nothing),
    ("fanotify_init_files", UnsupportedOfRoot("fanotify_init")),
    ("fanotify_init_content", UnsupportedOfRoot("fanotify_init")),
    ("fanotify_init_decides", UnsupportedOfRoot("fanotify_init")),
    ("fanotify_mark", Nothing),
    ("bpf", Nothing),
    ("bpf_program", UnsupportedOfRoot("bpf")),
    ("bpf_get", Unsupported("bpf")),
    ("uselib", Nothing),
    ("acct", UnsupportedOfRoot("acct")),
    ("swapon", UnsupportedOfRoot("swapon")),
    ("swapoff", Nothing),
    ("quotactl", Nothing),
    ("quotactl_on", UnsupportedOfRoot("quotactl")),
    ("inotify_init", Nothing),
    ("memfd_create", Nothing),
    ("memfd_secret", Nothing),
    ("userfaultfd", Nothing),
    ("clone3", Nothing),
    ("pidfd_open", Nothing),
    ("io_uring_setup", Nothing),
    ("landlock_create_ruleset", Nothing),
    ("statmount", Nothing),
    ("perf_event_open", Nothing),
    ("landlock_restrict_self", Nothing),
    ("seccomp", Nothing),
    ("seccomp_kill", Nothing),
    ("no_new_privs", Nothing),
    ("setuid", Nothing),
    ("capset", Nothing),
    ("close_range", Nothing),
    ("clearenv", Nothing),
    ("unshare_files", Nothing),
    ("personality", Nothing),
];

impl Told {
    fn reason(&self, is_root: bool) -> Option<Blindness> {
        match *self {
            Unsupported(call) => Some(Blindness::UnsupportedCall { call }),
            UnsupportedOfRoot(call) if is_root => Some(Blindness::UnsupportedCall { call }),
            Namespace(call) => Some(Blindness::NamespaceChanged { call }),
            NamespaceOfRoot(call) if is_root => Some(Blindness::NamespaceChanged { call }),
            _ => None,
        }
    }
}

fn is_root() -> bool {
    // SAFETY: takes nothing and can't fail.
    unsafe { libc::geteuid() == 0 }
}

/// Makes the calls of a row in a room.
fn run(room: &Room, mode: Mode, program: &Compiled, row: &str) -> (Tracked, PathBuf) {
    room.reset();
    for file in ["marked", "after", "later", "d/inner"] {
        room.write(file, "x");
    }
    let place = room.aside("escapes");
    if !place.exists() {
        fs::write(&place, &program.bytes).unwrap();
        room.make_executable(&place);
    }
    let tracked = track(room, mode, room.command(&place, &[row])).unwrap();
    (tracked, place)
}

fn check(room: &Room, mode: Mode, program: &Compiled, row: &str, told: &Told) {
    let (tracked, place) = run(room, mode, program, row);
    let (trace, of) = (&tracked.trace, format!("{row}, {}", mode.name));
    let expected = told.reason(is_root());
    let reasons: Vec<Blindness> = expected.iter().copied().collect();
    assert_eq!(trace.completeness.0, reasons, "{of}");
    if let Some(reason) = expected {
        assert_eq!(trace.culprits.get(&reason), Some(&place), "{of}");
    } else {
        assert!(tracked.status.success(), "{of}: {}", tracked.status);
        assert!(is_all_seen(room, &tracked), "{of}");
    }
}

/// Whether what is read after the call was seen, here and in another program.
fn is_all_seen(room: &Room, tracked: &Tracked) -> bool {
    ["after", "later"].iter().all(|file| {
        let history = tracked.trace.paths.get(&room.work().join(file));
        history.is_some_and(|history| history.seen_before.read)
    })
}

#[test]
fn every_way_out_is_followed_or_told() {
    let Some(program) = compile("gcc", &["-O1", "-w"], "escapes.c") else {
        return;
    };
    let room = Room::new();
    fs::set_permissions(room.aside(""), Permissions::from_mode(0o755)).unwrap();
    for mode in modes() {
        for (row, told) in ROWS {
            check(&room, mode, &program, row, told);
        }
    }
    // What the kernel grants to root alone fails here, and says nothing.
    as_ordinary_user(|room| {
        for (row, told) in ROWS {
            check(room, modes()[0], &program, row, told);
        }
    });
}

#[test]
fn who_takes_something_from_the_tracker_is_told_or_has_not_succeeded() {
    let Some(program) = compile("gcc", &["-O1", "-w"], "escapes.c") else {
        return;
    };
    // A listener of its own, and memory that others of its user may not read.
    let check = |room: &Room, row: &str, told: &[&str]| {
        for mode in modes() {
            let (tracked, _) = run(room, mode, &program, row);
            let reasons = &tracked.trace.completeness.0;
            let is_told = reasons.iter().any(|reason| told.contains(&reason.name()));
            assert_eq!(is_told, !reasons.is_empty(), "{}: {reasons:?}", mode.name);
            assert!(is_told || is_all_seen(room, &tracked), "{}", mode.name);
        }
    };
    check(&Room::new(), "seccomp_listens", &["unsupported-call"]);
    check(&Room::new(), "not_dumpable", &[]);
    as_ordinary_user(|room| {
        check(room, "seccomp_listens", &["unsupported-call"]);
        check(room, "not_dumpable", &["unreadable-path"]);
    });
}

#[test]
fn what_is_taken_over_from_another_process_is_opened() {
    let Some(program) = compile("gcc", &["-O1", "-w"], "escapes.c") else {
        return;
    };
    let room = Room::new();
    for mode in modes() {
        // The other process is one of the tree, and has opened it: that counts once more.
        let (tracked, _) = run(&room, mode, &program, "pidfd_getfd_write");
        let history = &tracked.trace.paths[&room.work().join("marked")];
        assert!(history.seen_before.read, "{}", mode.name);
        assert_eq!(history.changes, [Change::Keeps], "{}", mode.name);
    }
}

/// Whether a program of these tests makes a call.
fn is_made(call: &str, number: i64) -> bool {
    let text = |name: &str| fs::read_to_string(source("programs").join(name)).unwrap();
    let is_word = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    let has = |text: &str, word: &str| text.split(|byte| !is_word(byte)).any(|found| found == word);
    let raw = ["raw.c", "raw_looks.h"].map(text).concat();
    has(&raw, &call.to_ascii_uppercase())
        || text("newer.c").contains(&format!("syscall({number},"))
        || text("escapes.c").contains(&format!("SYS_{call},"))
        || text("escapes.c").contains(&format!("({number},"))
        || text("escapes.c").contains(&format!("{number} /* {call} */"))
}

#[test]
fn every_call_that_is_reported_is_made_by_a_program() {
    let missing: Vec<&str> = reported_calls()
        .filter(|(name, number)| !is_made(name, *number))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(missing, [""; 0]);
}
