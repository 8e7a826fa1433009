//! What becomes of a tree when its supervisor's process is gone: nothing.
//!
//! The supervisor is this test binary again, running [`supervisor`] alone, so that it can be
//! killed.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod supervised;
mod support;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use supervised::{Keeper, Scene, wait_for};
use vt_tracker::{Blindness, TrackedChild, spawn};

/// How a scene tells the supervisor what to do.
const ORDERS: &str = "VT_TRACKER_TEST_ORDERS";

/// Run by the tests below, in a process of its own.
#[test]
fn supervisor() {
    let Ok(orders) = std::env::var(ORDERS) else {
        return;
    };
    let start = |script: &str| -> TrackedChild {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", script]);
        let options = vt_tracker::Options {
            roots: Vec::new(),
            grace: Duration::from_millis(50),
            ..vt_tracker::Options::default()
        };
        spawn(command, options).unwrap()
    };
    let mut running = Vec::new();
    for order in orders.split(" then ") {
        let (verb, rest) = order.split_once(' ').unwrap_or((order, ""));
        match verb {
            "start" => running.push(start(rest)),
            "run" => {
                let tracked = start(rest).wait().unwrap();
                assert!(tracked.status.success());
            }
            "leave" => {
                let tracked = start(rest).wait().unwrap();
                assert_eq!(tracked.trace.completeness.0, [Blindness::Survivor]);
                assert!(tracked.survivors.unwrap().is_kept());
            }
            "finish" => running.drain(..).for_each(|child| {
                assert!(child.wait().unwrap().status.success());
            }),
            "fork" => supervised::fork_without_a_program(),
            "become" => {
                let mut program = std::process::Command::new(rest);
                let error = std::os::unix::process::CommandExt::exec(&mut program);
                panic!("{error}");
            }
            "childless" => supervised::assert_childless(),
            "hear" => supervised::hear(),
            "mark" => std::fs::write(rest, "").unwrap(),
            "panic" => panic!("as ordered"),
            other => panic!("unknown order `{other}`"),
        }
    }
}

/// Starts a caller that has nothing of the supervisor's.
const CALLER: &str = "exec ./caller 1 > /dev/null 2>&1";

#[test]
fn a_survivor_goes_on_when_the_supervisor_has_ended() {
    for linking in ["-static", "-pie"] {
        let scene = Scene::with_caller(linking);
        let supervisor = scene.supervisor("leave (exec ./caller 1 > /dev/null 2>&1) & exit 0");
        scene.await_callers(1);
        assert!(supervisor.finish().success());
        scene.assert_callers_are_fine(1);
    }
}

/// The caller is in a call nearly always, and half of the time the supervisor has it in hand: it
/// would wait for ever if nobody but the supervisor knew of it.
#[test]
fn a_killed_supervisor_leaves_no_call_unanswered() {
    let rounds = std::env::var("VT_TRACKER_TEST_ROUNDS");
    let rounds: u64 = rounds.map_or(20, |rounds| rounds.parse().unwrap());
    for linking in ["-static", "-pie"] {
        for callers in [1, 2] {
            let scene = Scene::with_caller(linking);
            for round in 0..rounds {
                let supervisor = scene.supervisor(&format!(
                    "start exec ./caller {callers} > /dev/null 2>&1 then hear"
                ));
                scene.await_callers(callers);
                let keeper = Keeper::of(&supervisor);
                // Any moment will do: this is to have many different ones.
                std::thread::sleep(Duration::from_micros(round * 37 % 1000));
                supervisor.kill();
                scene.assert_callers_are_fine(callers);
                keeper.await_end();
            }
        }
    }
}

#[test]
fn a_keeper_ends_when_nothing_is_left_to_keep() {
    let scene = Scene::new();
    let supervisor = scene.supervisor("run true then childless then hear");
    let keeper = Keeper::of(&supervisor);
    supervisor.tell();
    assert!(supervisor.finish().success());
    keeper.await_end();
}

#[test]
fn there_is_one_keeper_and_it_holds_nothing_but_listeners() {
    let scene = Scene::new();
    scene.make_pipe("gate");
    let waiting = ["start read line < gate"; 5].join(" then ");
    let orders = format!("run true then {waiting} then hear then finish then run true then hear");
    let supervisor = scene.supervisor(&orders);
    let keeper = Keeper::of(&supervisor);
    wait_for(|| keeper.descriptors().len() == 2 + 5);
    let mut descriptors = keeper.descriptors();
    descriptors.sort();
    assert_eq!(
        descriptors
            .iter()
            .filter(|name| name.contains("seccomp"))
            .count(),
        5,
        "{descriptors:?}"
    );
    assert!(descriptors.iter().any(|name| name.contains("pidfd")));
    assert!(descriptors.iter().any(|name| name.starts_with("socket:")));
    assert_eq!(keeper.directory(), std::path::Path::new("/"));
    supervisor.tell();
    // Open until all have come to read from it.
    let mut gate = scene.pipe("gate");
    gate.write_all(b"a\nb\nc\nd\ne\n").unwrap();
    // What is over is let go while the supervisor lives.
    wait_for(|| keeper.descriptors().len() == 2);
    assert_eq!(Keeper::all_of(&supervisor).len(), 1);
    supervisor.tell();
    assert!(supervisor.finish().success());
    keeper.await_end();
}

#[test]
fn a_keeper_keeps_nobody_waiting_for_the_end_of_a_pipe() {
    let scene = Scene::with_caller("-static");
    let mut supervisor = scene.supervisor(&format!("start {CALLER} then hear"));
    scene.await_callers(1);
    let mut output = supervisor.take_output();
    supervisor.kill();
    output.read_to_end(&mut Vec::new()).unwrap();
    scene.assert_callers_are_fine(1);
}

#[test]
fn signals_for_the_group_or_for_itself_do_not_end_a_keeper() {
    let scene = Scene::with_caller("-static");
    let supervisor = scene.supervisor(&format!("start {CALLER} then hear"));
    scene.await_callers(1);
    let keeper = Keeper::of(&supervisor);
    let signals = [
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGUSR1,
        libc::SIGPIPE,
    ];
    for signal in signals {
        keeper.signal(signal);
    }
    assert_ne!(keeper.group(), supervisor.group());
    supervisor.interrupt_group();
    assert!(!supervisor.finish().success());
    scene.assert_callers_are_fine(1);
    keeper.await_end();
}

#[test]
fn a_fork_of_the_supervisor_does_not_make_it_seem_alive() {
    let scene = Scene::with_caller("-static");
    let supervisor = scene.supervisor(&format!(
        "start {CALLER} then fork then mark forked then hear"
    ));
    scene.await_callers(1);
    wait_for(|| scene.room.path("forked").exists());
    supervisor.kill();
    scene.assert_callers_are_fine(1);
    scene.end_fork();
}

#[test]
fn a_supervisor_that_becomes_another_program_is_as_good_as_gone() {
    let scene = Scene::with_caller("-static");
    let supervisor = scene.supervisor(&format!("start {CALLER} then hear then become cat"));
    scene.await_callers(1);
    let keeper = Keeper::of(&supervisor);
    supervisor.tell();
    wait_for(|| supervisor.name() == "cat");
    scene.assert_callers_are_fine(1);
    keeper.await_end();
    supervisor.kill();
}

#[test]
fn a_keeper_that_was_killed_is_replaced() {
    let scene = Scene::with_caller("-static");
    let supervisor = scene.supervisor(&format!("run true then hear then start {CALLER} then hear"));
    let keeper = Keeper::of(&supervisor);
    keeper.signal(libc::SIGKILL);
    keeper.await_end();
    supervisor.tell();
    scene.await_callers(1);
    let keeper = Keeper::of(&supervisor);
    supervisor.kill();
    scene.assert_callers_are_fine(1);
    keeper.await_end();
}
