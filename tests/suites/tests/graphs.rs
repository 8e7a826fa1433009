//! Random graphs of tasks under random changes: whenever `vt` says that it is done, what lies there
//! is what a clean build elsewhere makes, byte for byte.
//!
//! A seed makes a workspace of one to three packages with two to five tasks of shell that need each
//! other, and some rounds of changes, each with a run at its end: edits, additions, removals, modes,
//! links, variables, other commands, the way back to an earlier state, damaged and removed results,
//! files of strangers beside results; forced and uncached runs and runs of single tasks. The truth
//! is a plain shell in a directory that holds nothing but what people wrote.
//!
//! Left out, being [known differences](../../../docs/semantics.md#known-gaps): modes and links put
//! in the place of results that a command only writes over; hard links; absolute links; what a
//! command says about its own earlier results; whether files of strangers, uncached runs included,
//! go from the directory of a command that cleans up.
//!
//! A failure is made smaller and names its seed: `VT_RANDOM_SEED=<seed> VT_RANDOM_SEQUENCES=1`
//! repeats it, `VT_RANDOM_EVENTS=0,3,7` lets only these of its events happen, `VT_RANDOM_KEEP=1`
//! leaves its workspace on the disk. A long run: `VT_RANDOM_SEQUENCES=2000`.

mod graphs {
    pub(crate) mod event;
    pub(crate) mod graph;
    pub(crate) mod tree;
    pub(crate) mod trial;
}

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use graphs::event::Event;
use graphs::graph::Graph;
use graphs::trial::{Case, Counts, run};
use vt_tracker_conformance::world::{Random, setting};

/// How many graphs run if nobody says otherwise.
const SEQUENCES: u64 = 200;
/// How many failures are made smaller before the rest is left alone.
const MOST_FAILURES: u64 = 3;

fn case(seed: u64) -> Case {
    let mut random = Random::new(seed ^ 0x6A_F4);
    let graph = Graph::generate(&mut random);
    let sources = graph.sources(&mut random);
    let mut events = Event::several(&mut random, &graph);
    if let Ok(kept) = std::env::var("VT_RANDOM_EVENTS") {
        let kept: Vec<usize> = kept
            .split(',')
            .map(|number| {
                number
                    .trim()
                    .parse()
                    .expect("`VT_RANDOM_EVENTS` are numbers")
            })
            .collect();
        let mut number = 0;
        events.retain(|_| {
            number += 1;
            kept.contains(&(number - 1))
        });
    }
    Case {
        graph,
        sources,
        events,
    }
}

/// Leaves out events, tasks and lines of scripts as long as the case stays wrong.
fn shrink(case: &Case, how: &mut String) -> Case {
    let mut smallest = case.clone();
    let mut is_wrong = |case: &Case| match run(case, &mut Counts::new()) {
        Ok(()) => false,
        Err(found) => {
            *how = found;
            true
        }
    };
    loop {
        let before = (smallest.events.len(), size(&smallest.graph));
        for at in (0..smallest.events.len()).rev() {
            let mut smaller = smallest.clone();
            smaller.events.remove(at);
            if is_wrong(&smaller) {
                smallest = smaller;
            }
        }
        for smaller in graphs_below(&smallest) {
            if is_wrong(&smaller) {
                smallest = smaller;
                break;
            }
        }
        if (smallest.events.len(), size(&smallest.graph)) == before {
            return smallest;
        }
    }
}

fn size(graph: &Graph) -> usize {
    let commands = (0..graph.tasks.len()).map(|task| graph.text(task, 0).len());
    commands.sum()
}

fn graphs_below(case: &Case) -> Vec<Case> {
    let mut smaller = Vec::new();
    for task in (0..case.graph.tasks.len()).rev() {
        smaller.extend(case.graph.without(task));
        smaller.extend(case.graph.without_second(task));
        smaller.extend((0..4).filter_map(|line| case.graph.without_line(task, line)));
    }
    smaller.into_iter().map(|graph| case.with(graph)).collect()
}

fn describe(case: &Case) -> String {
    let mut text = String::new();
    for (number, task) in case.graph.tasks.iter().enumerate() {
        writeln!(
            text,
            "  p{}#t{number} needs {:?}:\n{}",
            task.package,
            task.needs,
            case.graph.text(number, 0)
        )
        .expect("text takes it");
    }
    for event in &case.events {
        writeln!(text, "  then {event}").expect("text takes it");
    }
    text
}

/// Shows how often what happened, also when all is well.
fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

#[test]
fn every_state_is_what_a_clean_build_makes() {
    let first = setting("VT_RANDOM_SEED", 1);
    let count = setting("VT_RANDOM_SEQUENCES", SEQUENCES);
    let most_failures = setting("VT_RANDOM_FAILURES", MOST_FAILURES) as usize;
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let counts = Mutex::new(Counts::new());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= first + count || failures.lock().unwrap().len() >= most_failures {
            return;
        }
        let case = case(seed);
        let mut seen = Counts::new();
        let outcome = run(&case, &mut seen);
        for (name, count) in seen {
            *counts.lock().unwrap().entry(name).or_default() += count;
        }
        let Err(mut how) = outcome else {
            continue;
        };
        say(&format!("seed {seed}: {how}\n"));
        let smallest = shrink(&case, &mut how);
        failures
            .lock()
            .unwrap()
            .push(format!("seed {seed}\n{}  => {how}\n", describe(&smallest)));
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
    let (hits, ran) = (often("steps: Hit"), often("steps: Ran"));
    assert!(count < 50 || hits * 3 > ran, "{hits} hits, {ran} runs");
}
