//! An index whose bytes are not those that were written. Wrong values must never come out, and no
//! panic either.

use std::fs;
use std::path::Path;

use super::bench::Bench;
use crate::{Notice, Store, StoreError, Table};

/// How many damaged indexes are tried, unless `VT_DAMAGE_MUTANTS` says otherwise.
const MUTANTS: u32 = 300;
const RECORDS: u32 = 300;

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

fn key(number: u32) -> Vec<u8> {
    format!("key {number:05}").into_bytes()
}

fn value(number: u32) -> Vec<u8> {
    format!("value {number} ")
        .repeat(1 + number as usize % 40)
        .into_bytes()
}

fn fill(store: &Store) {
    for round in 0..3 {
        store
            .write(|writer| {
                for number in (round..RECORDS).step_by(3) {
                    let table = Table::ALL[number as usize % 5];
                    writer.put(table, &key(number), &value(number))?;
                }
                Ok(())
            })
            .unwrap();
    }
}

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let at = numbers.below(bytes.len());
    match numbers.below(10) {
        0..4 => bytes[at] ^= 1 << numbers.below(8),
        4 => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
        5 => {
            let page = at / 4096 * 4096;
            let end = (page + 4096).min(bytes.len());
            bytes[page..end].fill(0);
        }
        6 => {
            let page = at / 4096 * 4096;
            let end = (page + 4096).min(bytes.len());
            for byte in &mut bytes[page..end] {
                *byte = u8::try_from(numbers.below(256)).unwrap();
            }
        }
        7 => bytes.truncate(at),
        8 => {
            let (from, to) = (at / 4096 * 4096, numbers.below(bytes.len()) / 4096 * 4096);
            let length = 4096.min(bytes.len() - from.max(to));
            bytes.copy_within(from..from + length, to);
        }
        _ => {
            // The first page is what everything hangs on.
            let at = numbers.below(512.min(bytes.len()));
            bytes[at] ^= u8::try_from(1 + numbers.below(255)).unwrap();
        }
    }
}

/// Reads everything; panics when a value is not the one that was put. Gives the number found.
fn read_all(store: &Store) -> Result<u32, StoreError> {
    let Some(snapshot) = store.read()? else {
        return Ok(0);
    };
    let mut found = 0;
    for number in 0..RECORDS {
        let table = Table::ALL[number as usize % 5];
        if let Some(read) = snapshot.get(table, &key(number))? {
            assert_eq!(read, value(number));
            found += 1;
        }
    }
    for table in Table::ALL {
        for (key, read) in snapshot.prefix(table, b"key")? {
            let number: u32 = std::str::from_utf8(&key[4..]).unwrap().parse().unwrap();
            assert_eq!(read, value(number));
        }
    }
    Ok(found)
}

fn remove_damaged(directory: &Path) {
    for number in 1..=3 {
        let _ = fs::remove_file(directory.join(format!("index.redb.damaged-{number}")));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the long form is asked for through the environment"
)]
fn mutants() -> u32 {
    std::env::var("VT_DAMAGE_MUTANTS").map_or(MUTANTS, |number| number.parse().unwrap())
}

#[test]
fn no_damage_gives_a_wrong_value_or_a_panic_and_all_of_it_is_overcome() {
    crate::silence_guarded_panics();
    let bench = Bench::in_memory();
    fill(&bench.store);
    assert_eq!(read_all(&bench.store).unwrap(), RECORDS);
    let path = bench.store.path("index.redb");
    let whole = fs::read(&path).unwrap();
    let mut numbers = Numbers(0x5EED_5EED_5EED_5EED);
    let mut rebuilt = 0;
    for mutant in 0..mutants() {
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut numbers);
        fs::write(&path, &bytes).unwrap();
        read_all(&bench.store).unwrap();
        // Writing works at once or at the second attempt, and what is written can be read.
        let put = || {
            bench
                .store
                .write(|writer| writer.put(Table::Memo, b"new", b"written"))
        };
        match put() {
            Ok(()) => {}
            Err(StoreError::Rebuilt { .. }) => put().unwrap(),
            Err(other) => panic!("mutant {mutant}: {other}"),
        }
        read_all(&bench.store).unwrap();
        rebuilt += bench.store.take_notices().len();
        remove_damaged(path.parent().unwrap());
    }
    assert!(rebuilt > 0, "no mutant was damaged enough to tell");
}

#[test]
fn what_is_no_index_at_all_is_set_aside_and_begun_anew() {
    let bench = Bench::in_memory();
    let path = bench.store.path("index.redb");
    for (round, content) in ["this is text", "\0\0\0\0", ""].iter().enumerate() {
        fs::write(&path, content).unwrap();
        let read = bench.store.read().unwrap();
        assert!(read.is_none_or(|snapshot| snapshot.get(Table::Memo, b"k").unwrap().is_none()));
        bench
            .store
            .write(|writer| writer.put(Table::Memo, b"k", b"v"))
            .unwrap();
        let snapshot = bench.store.read().unwrap().unwrap();
        assert_eq!(
            snapshot.get(Table::Memo, b"k").unwrap().unwrap(),
            b"v",
            "round {round}"
        );
        let notices = bench.store.take_notices();
        let [Notice::IndexRebuilt { kept }] = &notices[..] else {
            panic!("{notices:?}")
        };
        assert_eq!(fs::read(kept).unwrap(), content.as_bytes());
        fs::remove_file(kept).unwrap();
    }
}

#[test]
fn only_a_few_damaged_indexes_are_kept() {
    let bench = Bench::in_memory();
    let path = bench.store.path("index.redb");
    for round in 0..5 {
        fs::write(&path, format!("damage {round}")).unwrap();
        bench
            .store
            .write(|writer| writer.put(Table::Memo, b"k", b"v"))
            .unwrap();
    }
    let kept =
        |number| fs::read_to_string(bench.store.path(&format!("index.redb.damaged-{number}"))).ok();
    assert_eq!(kept(1).unwrap(), "damage 0");
    assert_eq!(kept(3).unwrap(), "damage 4");
    assert_eq!(kept(4), None);
}
