//! Components that were changed at random: each is refused, answers, or fails by itself. The host
//! goes on, and hears honest components as before.
//!
//! Everything is derived from the number of the mutation, so that a failure can be repeated.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use crate::guest::{Guest, question};
use crate::limits::Limits;
use crate::{Component, Host, RulesError, validate};

/// Numbers without a pattern, the same ones each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }
}

/// Changes a few places: bits, bytes, runs that are dropped, repeated, zeroed or moved.
fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(2) {
        let at = chance.below(bytes.len());
        let end = (at + 1 + chance.below(32)).min(bytes.len());
        // What changes a length mostly ends at the door, so it is rare.
        match chance.below(16) {
            // What lengths and indices are made of.
            0 => bytes[at] = [0x00, 0x01, 0x7f, 0x80, 0xff][chance.below(5)],
            1 | 2 => bytes[at] = chance.next().to_le_bytes()[0],
            3 => drop(bytes.drain(at..end)),
            4 => {
                let run = bytes[at..end].to_vec();
                bytes.splice(at..at, run);
            }
            5 => bytes[at..end].fill(0),
            6 => {
                let run = bytes[at..end].to_vec();
                let there = chance.below(bytes.len() - run.len() + 1);
                bytes[there..there + run.len()].copy_from_slice(&run);
            }
            _ => bytes[at] ^= 1 << chance.below(8),
        }
        if bytes.is_empty() {
            return;
        }
    }
}

/// A component that was built as authors build theirs.
fn frozen(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen/rules@0.1.0");
    fs::read(folder.join(name)).unwrap()
}

/// What became of the mutations of one seed.
#[derive(Default, Debug)]
struct Counts {
    refused: u64,
    answered: u64,
    failed: u64,
}

/// Changes a seed so many times, each time from the start.
fn harmed_by(host: &Host, name: &str, seed: &[u8], mutations: u64) -> Counts {
    let honest = Guest::that(
        "(call $ignore (local.get $s) (i32.const 0) (i32.const 7)) (call $drop (local.get $s))",
    )
    .load()
    .unwrap();
    let before = host.judge(&honest, &question()).unwrap();
    let mut counts = Counts::default();
    for number in 0..mutations {
        let mut chance = Chance(number);
        let mut bytes = seed.to_vec();
        mutate(&mut bytes, &mut chance);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let component = Component::from_bytes("guest.wasm", bytes)?;
            host.judge(&component, &question())
                .map(|answer| validate(&component, &answer, &question().directory))
        }))
        .unwrap_or_else(|_| panic!("mutation {number} of {name} ended the host"));
        match outcome {
            Ok(_) => counts.answered += 1,
            Err(RulesError::Failed { .. }) => counts.failed += 1,
            Err(RulesError::Engine { reason }) => {
                panic!("mutation {number} of {name} broke the engine: {reason}")
            }
            Err(_) => counts.refused += 1,
        }
    }
    assert_eq!(host.judge(&honest, &question()).unwrap(), before, "{name}");
    assert_eq!(
        counts.refused + counts.answered + counts.failed,
        mutations,
        "{name}"
    );
    counts
}

#[test]
fn a_thousand_mutated_components_harm_nothing() {
    // A loop that never ends is not worth the whole tank here.
    let host = Host::with_limits(Limits {
        fuel: 1_000_000,
        wall: Duration::from_secs(30),
    })
    .unwrap();
    let small = Guest::that(
        "(call $ignore (local.get $s) (i32.const 0) (i32.const 7))
         (call $file (local.get $s) (i32.const 7) (i32.const 10) (i32.const 128))
         (call $drop (local.get $s))",
    );
    let mut all = Counts::default();
    // What an author's toolchain makes is large: most of the time goes into compiling it.
    for (name, seed, mutations) in [
        ("guest.wasm", small.bytes(), 1_000),
        ("every-method.wasm", frozen("every-method.wasm"), 100),
        ("vitest.wasm", frozen("vitest.wasm"), 100),
    ] {
        let counts = harmed_by(&host, name, &seed, mutations);
        all.refused += counts.refused;
        all.answered += counts.answered;
        all.failed += counts.failed;
    }
    // Mutations that all die at the door would prove nothing about what is behind it.
    assert!(all.answered > 50 && all.failed > 50, "{all:?}");
}

#[test]
fn the_same_mutation_has_the_same_end_each_time() {
    let limits = Limits {
        fuel: 1_000_000,
        wall: Duration::from_secs(30),
    };
    let end = |number: u64| {
        let mut bytes = Guest::default().bytes();
        mutate(&mut bytes, &mut Chance(number));
        let component =
            Component::from_bytes("guest.wasm", bytes).map_err(|error| error.to_string())?;
        Host::with_limits(limits)
            .unwrap()
            .judge(&component, &question())
            .map_err(|error| error.to_string())
    };
    for number in 0..60 {
        assert_eq!(end(number), end(number), "{number}");
    }
}
