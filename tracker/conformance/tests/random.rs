//! The trace of random programs is what a pure model of a file system predicts.
//!
//! A failure names its seed: `VT_RANDOM_SEED=<seed> VT_RANDOM_SEQUENCES=1` repeats it. A long run:
//! `VT_RANDOM_SEQUENCES=50000`.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod random_trial;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use random_trial::Trial;
use vt_tracker_conformance::world::{Interpreters, Kind, Random, generate, setting, shrink};

/// How many sequences run if nobody says otherwise.
const SEQUENCES: u64 = 1600;
/// How many failures are shrunk before the rest is left alone.
const MOST_FAILURES: u64 = 3;

/// Node and Python start slowly.
fn kind(seed: u64) -> Kind {
    match Random::new(!seed).below(100) {
        0..3 => Kind::Node,
        3..8 => Kind::Python,
        8..54 => Kind::StaticC,
        _ => Kind::DynamicC,
    }
}

#[test]
fn the_trace_of_a_random_program_is_what_the_model_predicts() {
    let first = setting("VT_RANDOM_SEED", 1);
    let count = setting("VT_RANDOM_SEQUENCES", SEQUENCES);
    let most_failures = setting("VT_RANDOM_FAILURES", MOST_FAILURES) as usize;
    let interpreters = Interpreters::prepare().unwrap();
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let done = Mutex::new(BTreeMap::<Kind, (u64, u64)>::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || failures.lock().unwrap().len() >= most_failures {
                return;
            }
            let kind = kind(seed);
            let Some(interpreter) = interpreters.get(kind) else {
                continue;
            };
            let program = generate(seed, kind.dialect(), &|_| true);
            let trial = Trial::run(&program, interpreter);
            let mut done = done.lock().unwrap();
            let counts = done.entry(kind).or_default();
            counts.0 += 1;
            counts.1 += program.ops.len() as u64;
            drop(done);
            if trial.problems.is_empty() {
                continue;
            }
            let smallest = shrink(&program, &mut |smaller| {
                !Trial::run(smaller, interpreter).problems.is_empty()
            });
            let problems = Trial::run(&smallest, interpreter).problems;
            failures.lock().unwrap().push(format!(
                "seed {seed}, {kind:?}:\n{smallest}  => {}\n",
                problems.join("\n     ")
            ));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    for (kind, (programs, ops)) in done.into_inner().unwrap() {
        let line = format!("{programs:6} programs in {kind:?}, {ops} operations\n");
        // Shown also when all is well.
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
