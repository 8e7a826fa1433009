//! A tracker below another one loses nothing, and neither does the outer one.
//!
//! Each story runs this very test binary under a tracker; there the part called `inner` takes over.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use support::{GRACE, Room, Seen, test_name};
use vt_tracker::{Address, Blindness, Options, StartDigest, spawn};

const STORY: &str = "VT_TRACKER_TEST_STORY";
const ROOT: &str = "VT_TRACKER_TEST_ROOT";

fn inner_name() -> String {
    test_name(module_path!(), "inner")
}

/// Runs the inner part of a story under a tracker.
fn outer(room: &Room, story: &str) -> Seen {
    let this = std::env::current_exe().unwrap();
    let mut command = room.command(
        this.to_str().unwrap(),
        &["--exact", &inner_name(), "--nocapture"],
    );
    command
        .env(STORY, story)
        .env(ROOT, &room.root)
        .stdout(Stdio::null());
    let tracked = spawn(command, room.options(GRACE)).unwrap().wait().unwrap();
    assert!(tracked.status.success(), "the inner part of {story}");
    Seen {
        root: room.root.clone(),
        tracked,
    }
}

/// Not a story of its own: what the others run below a tracker.
#[test]
fn inner() {
    let Ok(story) = std::env::var(STORY) else {
        return;
    };
    let root = PathBuf::from(std::env::var_os(ROOT).unwrap());
    let sh = |script: &str, grace| {
        let mut command = std::process::Command::new("/bin/sh");
        command
            .args(["-ec", script])
            .current_dir(&root)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let options = Options {
            roots: vec![root.clone()],
            grace,
            ..Options::default()
        };
        let tracked = spawn(command, options).unwrap().wait().unwrap();
        assert!(tracked.status.success());
        Seen {
            root: root.clone(),
            tracked,
        }
    };
    match story.as_str() {
        "plain" => {
            let seen = sh("cat link/file > out; echo more >> link/file", GRACE);
            seen.assert_complete();
            assert_eq!(seen.story("real/file"), "file: read APPEND");
            let digest = seen.history("real/file").unwrap().start_digest;
            assert!(matches!(digest, StartDigest::Sha256(_)), "{digest:?}");
            assert_eq!(seen.story("link"), "link: link");
            assert_eq!(seen.story("out"), "missing: FRESH");
            let programs = &seen.tracked.trace.programs;
            assert!(programs.iter().any(|program| program.path.ends_with("cat")));
            assert!(seen.tracked.trace.accesses > 5);
        }
        "side by side" => std::thread::scope(|scope| {
            let runs: Vec<_> = ["one", "two", "three"]
                .into_iter()
                .map(|name| {
                    let sh = &sh;
                    let script = format!(
                        "for i in 1 2 3 4 5; do cat link/file > {name}$i; done; \
                         env -i /bin/cat {name}1 > {name}"
                    );
                    (name, scope.spawn(move || sh(&script, GRACE)))
                })
                .collect();
            for (name, run) in runs {
                let seen = run.join().unwrap();
                seen.assert_complete();
                assert_eq!(seen.story("link"), "link: link", "{name}");
                assert_eq!(seen.story("real/file"), "file: read", "{name}");
                for other in ["one", "two", "three"] {
                    let expected = if other == name {
                        "missing: FRESH"
                    } else {
                        "nothing"
                    };
                    for suffix in ["", "1", "5"] {
                        assert_eq!(seen.story(format!("{other}{suffix}")), expected, "{name}");
                    }
                }
            }
        }),
        "one after the other" => {
            for _ in 0..3 {
                let seen = sh("cat link/file; test -e none || :", GRACE);
                assert_eq!(seen.story("real/file"), "file: read");
                assert_eq!(seen.story("link"), "link: link");
                assert_eq!(seen.story("none"), "missing: miss");
            }
        }
        "service" => {
            // This process is outside of the inner tree and inside of the outer one.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let connect = format!(
                "exec {} -S -E -c 'import socket; socket.create_connection((\"127.0.0.1\", {}))'",
                support::python(),
                address.port()
            );
            let seen = sh(&connect, GRACE);
            seen.assert_complete();
            let services: Vec<_> = seen.tracked.trace.services.iter().collect();
            assert_eq!(services.len(), 1);
            assert_eq!(services[0].address, Address::Port(address));
        }
        "deeper" => {
            let this = std::env::current_exe().unwrap();
            let script = format!("{STORY}=plain {} --exact {}", this.display(), inner_name());
            let seen = sh(&script, GRACE);
            seen.assert_complete();
            assert_eq!(seen.story("real/file"), "file: read APPEND");
            assert_eq!(seen.story("out"), "missing: FRESH");
        }
        "survivor" => {
            let seen = sh(
                "(sleep 30) > /dev/null 2>&1 & echo $! > pid",
                Duration::ZERO,
            );
            assert_eq!(seen.tracked.trace.completeness.0, [Blindness::Survivor]);
            let pid = std::fs::read_to_string(root.join("pid")).unwrap();
            let pid = pid.trim();
            let seen = sh(&format!("kill {pid}; cat real/file"), GRACE);
            assert_eq!(seen.story("real/file"), "file: read");
        }
        "orphan" => {
            let seen = sh("(sleep 0.2; echo x > late) > /dev/null 2>&1 &", GRACE);
            seen.assert_complete();
            assert_eq!(seen.story("late"), "missing: FRESH");
        }
        "elsewhere" => {
            let seen = sh("cat real/file", GRACE);
            let changed = Blindness::NamespaceChanged { call: "mount" };
            assert_eq!(seen.tracked.trace.completeness.0, [changed]);
        }
        "on demand" => {
            let mut demand = vt_tracker::demand_above();
            let expected = [("WANTED", "value")].map(|(name, value)| (name.into(), value.into()));
            assert_eq!(demand, expected.into());
            demand.insert("INNER".into(), "mine".into());
            let names = ["INNER", "NOT_SET", "TAKEN", "WANTED"];
            let mut command = std::process::Command::new(root.join("ask"));
            let file = std::fs::File::create(root.join("said")).unwrap();
            command.args(names).stdout(file);
            let options = Options {
                demand,
                ..Options::default()
            };
            let trace = spawn(command, options).unwrap().wait().unwrap().trace;
            assert_eq!(trace.demanded, names.map(OsString::from).into());
            vt_tracker::tell_demanded(["TOLD", "PATH"].map(OsStr::new));
        }
        "not there" => {
            let command = std::process::Command::new("/no/such/program");
            assert!(spawn(command, Options::default()).is_err());
            let seen = sh("cat real/file", GRACE);
            assert_eq!(seen.story("real/file"), "file: read");
        }
        other => panic!("no story {other}"),
    }
}

fn room() -> Room {
    let room = Room::new();
    room.write("real/file", "x");
    std::os::unix::fs::symlink("real", room.path("link")).unwrap();
    room
}

#[test]
fn the_inner_and_the_outer_tracker_see_everything() {
    let room = room();
    let seen = outer(&room, "plain");
    seen.assert_complete();
    assert_eq!(seen.story("real/file"), "file: read APPEND");
    assert_eq!(seen.story("out"), "missing: FRESH");
    assert_eq!(seen.story("link"), "link: link");
}

#[test]
fn what_runs_side_by_side_is_told_apart() {
    let room = room();
    let seen = outer(&room, "side by side");
    seen.assert_complete();
    for name in ["one", "two3", "three5"] {
        assert_eq!(seen.story(name), "missing: FRESH");
    }
}

#[test]
fn what_an_earlier_command_was_seen_doing_is_seen_of_a_later_one_too() {
    outer(&room(), "one after the other").assert_complete();
}

#[test]
fn who_listens_between_two_trackers_is_a_service_to_the_inner_one() {
    let seen = outer(&room(), "service");
    seen.assert_complete();
    assert!(seen.tracked.trace.services.is_empty());
}

#[test]
fn trackers_can_be_three_deep() {
    let room = room();
    let seen = outer(&room, "deeper");
    seen.assert_complete();
    assert_eq!(seen.story("real/file"), "file: read APPEND");
}

#[test]
fn a_survivor_is_the_inner_trackers_to_tell() {
    outer(&room(), "survivor").assert_complete();
}

#[test]
fn an_orphan_is_waited_for() {
    let room = room();
    let seen = outer(&room, "orphan");
    seen.assert_complete();
    assert_eq!(seen.story("late"), "missing: FRESH");
}

#[test]
fn a_command_that_cannot_be_started_holds_nobody_up() {
    outer(&room(), "not there").assert_complete();
}

#[test]
fn what_was_mounted_before_is_told_to_the_inner_tracker() {
    let room = room();
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs none real; echo y > real/file; exec {} --exact inner",
        this.display()
    );
    let mut command = room.command("unshare", &["-rm", "/bin/sh", "-ec", &script]);
    command.env(STORY, "elsewhere").env(ROOT, &room.root);
    let tracked = spawn(command, room.options(GRACE)).unwrap().wait().unwrap();
    assert!(tracked.status.success(), "{tracked:?}");
}

#[test]
fn what_is_on_demand_outside_is_known_inside_and_what_depends_on_it_outside() {
    let room = room();
    let text = "#include <stdio.h>\n#include <stdlib.h>\n\
        int main(int count, char **names) { while (*++names) { char *v = getenv(*names); puts(v ? v : \"-\"); } }\n";
    room.write("ask.c", text);
    let compiled = room.command("gcc", &["-o", "ask", "ask.c"]).status();
    assert!(compiled.unwrap().success());
    let this = std::env::current_exe().unwrap();
    let name = inner_name();
    let arguments = ["-u", "TAKEN", this.to_str().unwrap(), "--exact", &name];
    let mut command = room.command("env", &arguments);
    command.env(STORY, "on demand").env(ROOT, &room.root);
    let demand = ["WANTED", "TAKEN"].map(|name| (name.into(), "value".into()));
    let options = Options {
        demand: demand.into(),
        ..room.options(GRACE)
    };
    let tracked = spawn(command, options).unwrap().wait().unwrap();
    assert!(tracked.status.success());
    assert_eq!(tracked.trace.completeness.0, []);
    let said = std::fs::read_to_string(room.path("said")).unwrap();
    assert_eq!(said, "mine\n-\n-\nvalue\n");
    let demanded = &tracked.trace.demanded;
    for name in ["WANTED", "INNER", "NOT_SET", "TOLD"] {
        assert!(demanded.contains(OsStr::new(name)), "{name}: {demanded:?}");
    }
    assert!(!demanded.contains(OsStr::new("PATH")));
}
