//! Random worlds: a hit leaves the tree, the terminal and the exit code that the command would leave.
//!
//! A seed makes a workspace with one to three tasks, what lies beside and above it, a home and an environment, and
//! some rounds of changes with a run at the end of each. The tasks are [scripts](../../vtt/src/script/help.txt) of
//! small tools as builds have them: they read outside, ask for variables in every way there is, remember what they
//! did, compare with references and write those that are missing, clear directories before they fill them, give
//! their results modes and second names, talk to processes and services, write logs and temporary files.
//!
//! The truth is a second universe that lives through the same without `vt`. Where a tool's memory is in play, what
//! the command without its memory leaves in the very same tree is right as well: a hit may bring back a lost result
//! that the tool, trusting its memory, would not make again.
//!
//! Left out of the comparison: temporary files, `~/.cache` and private caches of tools; files that are only appended
//! to; what an excuse lets a task write; the results of tasks that did not run, below a directory that the command
//! clears and a hit does not.
//!
//! A failure is made smaller and names its seed. What is left of it becomes a file below
//! `tests/fixtures/worlds`, where it is lived through each time.

mod worlds {
    pub(crate) mod generate;
    pub(crate) mod tree;
    pub(crate) mod trial;
    pub(crate) mod universe;
    pub(crate) mod world;
}

use std::fs;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use vt_suites::repository;
use vt_tracker_conformance::world::setting;
use worlds::generate::generate;
use worlds::trial::{Counts, run};
use worlds::world::World;

/// How many worlds there are if nobody says otherwise.
const WORLDS: u64 = 500;
/// How many failures are made smaller before the rest is left alone.
const MOST_FAILURES: u64 = 3;

/// Shows how often what happened, also when all is well.
fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// Leaves out lines as long as the world stays wrong.
fn shrink(world: &World, how: &mut String) -> World {
    let mut smallest = world.clone();
    loop {
        let before = smallest.lines.len();
        for line in (0..smallest.lines.len()).rev() {
            let smaller = smallest.without(line);
            if let Err(found) = run(&smaller, &mut Counts::new()) {
                *how = found;
                smallest = smaller;
            }
        }
        if smallest.lines.len() == before {
            return smallest;
        }
    }
}

#[test]
fn every_run_leaves_what_the_command_would() {
    let first = setting("VT_RANDOM_SEED", 1);
    let count = setting("VT_WORLDS", WORLDS);
    let most_failures = setting("VT_RANDOM_FAILURES", MOST_FAILURES) as usize;
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let counts = Mutex::new(Counts::new());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= first + count || failures.lock().unwrap().len() >= most_failures {
            return;
        }
        let world = generate(seed);
        let mut seen = Counts::new();
        let outcome = run(&world, &mut seen);
        for (name, count) in seen {
            *counts.lock().unwrap().entry(name).or_default() += count;
        }
        let Err(mut how) = outcome else {
            continue;
        };
        say(&format!("seed {seed}: {how}\n"));
        let smallest = if setting("VT_WORLDS_SHRINK", 1) == 1 {
            shrink(&world, &mut how)
        } else {
            world
        };
        failures
            .lock()
            .unwrap()
            .push(format!("seed {seed}\n{smallest}  => {how}\n"));
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let counts = counts.into_inner().unwrap();
    let lines = counts
        .iter()
        .map(|(name, count)| format!("{count:7} {name}\n"));
    say(&lines.collect::<String>());
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // A cache that never brings anything back would pass all the rest.
    let often = |name: &str| counts.get(name).copied().unwrap_or_default();
    let (hits, ran) = (often("again: Hit"), often("again: Ran"));
    assert!(count < 50 || hits > 4 * ran, "{hits} hits, {ran} runs");
}

#[test]
fn what_was_wrong_once_is_right() {
    let folder = repository().join("tests/fixtures/worlds");
    let mut wrong = Vec::new();
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    for path in names {
        let world = World::parse(&fs::read_to_string(&path).unwrap());
        if let Err(how) = run(&world, &mut Counts::new()) {
            wrong.push(format!("{}\n{world}  => {how}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
