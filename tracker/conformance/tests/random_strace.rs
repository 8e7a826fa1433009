//! The trace of random programs is what `strace` saw of them.
//!
//! A sample of what `random.rs` holds against the model: here nothing that the model believes
//! counts, only what another observer of the kernel wrote down.
//!
//! A failure names its seed: `VT_RANDOM_SEED=<seed> VT_RANDOM_STRACED=1` repeats it.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use vt_tracker_conformance::room::Room;
use vt_tracker_conformance::trial::Trial;
use vt_tracker_conformance::world::{
    Interpreter, Interpreters, Kind, Machine, Op, Program, Random, generate, setting, shrink,
};

/// How many programs run if nobody says otherwise.
const STRACED: u64 = 200;
/// How many failures are shrunk before the rest is left alone.
const MOST_FAILURES: usize = 3;

fn is_fine(machine: &Machine) -> bool {
    machine.known().is_empty()
}

/// Node and Python start slowly, the more so under `strace`.
fn kind(seed: u64) -> Kind {
    match Random::new(!seed).below(100) {
        0..2 => Kind::Node,
        2..6 => Kind::Python,
        6..53 => Kind::StaticC,
        _ => Kind::DynamicC,
    }
}

/// Whether it goes on in a new image from a thread: `strace` then changes the numbers of threads
/// half-way through a line.
fn leaves_thread(program: &Program) -> bool {
    let thread = program.ops.iter().position(|op| *op == Op::Thread);
    let exec = program.ops.iter().rposition(|op| *op == Op::Exec);
    thread.is_some_and(|thread| exec.is_some_and(|exec| exec > thread))
}

fn compare(program: &Program, interpreter: &Interpreter) -> Result<(), String> {
    let operations = |room: &Room| room.base.join("home/operations");
    let prepare = |room: &Room| {
        program.plant(&room.work()).expect("the room is ours");
        std::fs::write(operations(room), program.text()).expect("the room is ours");
    };
    let command = |room: &Room| {
        let words = &interpreter.words;
        let rest: Vec<&str> = words[1..].iter().filter_map(|word| word.to_str()).collect();
        let mut command = room.command(&words[0], &rest);
        command.arg(operations(room)).arg(PathBuf::from("."));
        command
    };
    let trial = Trial {
        name: format!("{:?}", interpreter.kind),
        prepare: &prepare,
        command: &command,
        made_up: &[],
        known: &[],
    };
    trial.run().map(|_| ())
}

#[test]
fn the_trace_of_a_random_program_is_what_strace_saw() {
    let first = setting("VT_RANDOM_SEED", 1);
    let count = setting("VT_RANDOM_STRACED", STRACED);
    let interpreters = Interpreters::prepare().unwrap();
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || failures.lock().unwrap().len() >= MOST_FAILURES {
                return;
            }
            let kind = kind(seed);
            let Some(interpreter) = interpreters.get(kind) else {
                continue;
            };
            let program = generate(seed, kind.dialect(), &is_fine);
            if leaves_thread(&program) || compare(&program, interpreter).is_ok() {
                continue;
            }
            let smallest = shrink(&program, &mut |smaller| {
                is_fine(&smaller.run()) && compare(smaller, interpreter).is_err()
            });
            let Err(how) = compare(&smallest, interpreter) else {
                panic!("seed {seed} does not fail every time:\n{smallest}");
            };
            failures
                .lock()
                .unwrap()
                .push(format!("seed {seed}:\n{smallest}  => {how}\n"));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
