//! Mutated conversations through the decoders of frames and messages.
//!
//! Without coverage feedback, what a decoder said about an input stands for the path it took: an
//! input with a new outcome joins the pool and is mutated further. The pool starts with the corpus
//! in `tests/corpus` and with the recorded conversations. In CI a fixed number of inputs is tried;
//! `VT_FUZZ_SECONDS` tries for that long, and `VT_FUZZ_KEEP` names a folder for the pool:
//!
//! ```sh
//! VT_FUZZ_SECONDS=600 cargo test --release -p vt-protocol --test fuzz -- --nocapture
//! ```
#![expect(
    clippy::print_stderr,
    reason = "a run that is watched says how far it came"
)]

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vt_protocol::{Endpoint, Frames, MAX_FRAME, MAX_HELLO, Message, Reply, frame};

/// How many inputs are tried where nobody waits for more.
const TRIES: u64 = 30_000;

/// The longest input, in bytes: beyond it there is nothing new but time.
const MAX_INPUT: usize = 1 << 13;

/// How many inputs are kept for further mutation.
const MAX_POOL: usize = 4096;

/// Numbers that lengths and kinds are compared with.
const NUMBERS: [u32; 14] = [
    0,
    1,
    4,
    6,
    0x10,
    0x20,
    0x8000,
    0xffff,
    256,
    1024,
    4096,
    1 << 20,
    1 << 31,
    u32::MAX,
];

/// Random numbers that are the same in each run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 16) % limit.max(1) as u64) as usize
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap_or_else(|error| panic!("`{}`: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .filter_map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok())
        .collect()
}

/// The corpus, and all that is said in the recorded conversations.
fn seeds() -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds: Vec<Vec<u8>> = files(&here.join("tests/corpus"))
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    for file in files(&here.join("../../tests/fixtures/ipc/transcripts")) {
        if file.extension() != Some(OsStr::new("jsonl")) {
            continue;
        }
        let text = std::fs::read_to_string(file).unwrap();
        let said = text.lines().filter_map(|line| {
            line.strip_prefix(r#"{"tool": ""#)
                .or_else(|| line.strip_prefix(r#"{"runner": ""#))
        });
        seeds.extend(said.map(bytes));
    }
    assert!(seeds.len() > 40, "the seeds are missing");
    seeds
}

fn mutate(random: &mut Random, pool: &[Vec<u8>]) -> Vec<u8> {
    let mut input = pool[random.below(pool.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        match random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.next() as u8,
            2 => input.insert(at, random.next() as u8),
            3 if at < input.len() => {
                input.remove(at);
            }
            4 => input.truncate(at),
            5 => {
                let number = NUMBERS[random.below(NUMBERS.len())];
                let near = number.wrapping_add(random.below(3) as u32).wrapping_sub(1);
                let width = [2, 4][random.below(2)];
                let new = &near.to_le_bytes()[..width];
                for (place, byte) in input.iter_mut().skip(at).zip(new) {
                    *place = *byte;
                }
            }
            6 => {
                let end = at + random.below(input.len() + 1 - at);
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
            7 => {
                let other = &pool[random.below(pool.len())];
                input.truncate(at);
                input.extend(&other[random.below(other.len() + 1)..]);
            }
            // The length of the first frame is made right again, so that its inside is reached.
            _ if input.len() >= 4 => {
                let length = (input.len() - 4) as u32;
                input[..4].copy_from_slice(&length.to_le_bytes());
            }
            _ => {}
        }
    }
    input.truncate(MAX_INPUT);
    input
}

/// The payloads of a stream that arrives in pieces, and how it ended.
fn payloads(stream: &[u8], limit: usize, piece: usize) -> (Vec<Vec<u8>>, &'static str) {
    let mut frames = Frames::new(limit);
    let mut seen = Vec::new();
    for piece in stream.chunks(piece.max(1)) {
        frames.push(piece);
        loop {
            match frames.next_payload() {
                Ok(Some(payload)) => {
                    assert!(payload.len() <= limit);
                    seen.push(payload);
                }
                Ok(None) => break,
                Err(_) => return (seen, "too long"),
            }
        }
    }
    match frames.is_inside_frame() {
        true => (seen, "inside"),
        false => (seen, "whole"),
    }
}

/// Everything that must hold for an input; gives the outcome.
fn check(random: &mut Random, input: &[u8]) -> String {
    let limit = [MAX_FRAME, MAX_HELLO][random.below(2)];
    let (whole, end) = payloads(input, limit, input.len());
    let piece = 1 + random.below(input.len() + 1);
    assert_eq!(payloads(input, limit, piece), (whole.clone(), end));
    let mut outcome = end.to_owned();
    // The input is tried as a payload as well, since most mutations destroy a frame.
    for payload in whole.iter().map(Vec::as_slice).take(4).chain([input]) {
        outcome.push('|');
        match Message::decode(payload) {
            Ok(message) => {
                assert_eq!(message.encode(), payload, "another spelling is accepted");
                assert_eq!(frame(payload).unwrap().len(), payload.len() + 4);
                let _ = write!(outcome, "{:?}", std::mem::discriminant(&message));
            }
            Err(error) => outcome += &shape(&error.to_string()),
        }
        outcome.push('|');
        match Reply::decode(payload) {
            Ok(reply) => {
                assert_eq!(reply.encode(), payload, "another spelling is accepted");
                let _ = write!(outcome, "{:?}", std::mem::discriminant(&reply));
            }
            Err(error) => outcome += &shape(&error.to_string()),
        }
    }
    if let Ok(endpoint) = Endpoint::parse(OsStr::from_bytes(input)) {
        assert_eq!(endpoint.to_os_string().as_bytes(), input);
        outcome += "|endpoint";
    }
    outcome
}

/// What was said, without kinds nobody knows: each of them would be an outcome of its own.
fn shape(text: &str) -> String {
    match text.ends_with("is unknown") {
        true => "unknown".to_owned(),
        false => text.to_owned(),
    }
}

/// How long it may take is for the caller to say.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[test]
fn mutated_conversations_are_understood_in_one_spelling_or_refused() {
    let seconds: Option<u64> = variable("VT_FUZZ_SECONDS").map(|text| {
        let number = text.to_str().and_then(|text| text.parse().ok());
        number.expect("`VT_FUZZ_SECONDS` is a number")
    });
    let start = Instant::now();
    let mut random = Random(0x5eed_0f1d_2c3b_4a59);
    let mut pool = seeds();
    let seeded = pool.len();
    let mut outcomes = BTreeSet::new();
    for seed in &pool {
        outcomes.insert(check(&mut random, seed));
    }
    let mut tries: u64 = 0;
    while match seconds {
        Some(seconds) => start.elapsed() < Duration::from_secs(seconds),
        None => tries < TRIES,
    } {
        tries += 1;
        let input = mutate(&mut random, &pool);
        let outcome = check(&mut random, &input);
        if pool.len() < MAX_POOL && outcomes.insert(outcome) {
            pool.push(input);
        }
    }
    eprintln!(
        "{tries} inputs, {} outcomes, {} in the pool",
        outcomes.len(),
        pool.len()
    );
    if let Some(folder) = variable("VT_FUZZ_KEEP") {
        for (number, input) in pool.iter().skip(seeded).enumerate() {
            std::fs::write(Path::new(&folder).join(format!("{number:04}")), input).unwrap();
        }
    }
    assert!(outcomes.len() > 50, "the mutations reach next to nothing");
}
