//! Variables that are asked for beside those in the environment.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;

use support::{Memory, Room, TOKEN, finished};
use vt_tracker_abi::demand::{first_text, head};
use vt_tracker_abi::{Asked, SLOTS, VARIABLE};

const CALLS: [&str; 3] = [
    "getenv,-,WANTED",
    "secure_getenv,-,NOT_SET",
    "getenv,-,GIVEN",
];
const ANSWERED: &str =
    "getenv WANTED 0 value\nsecure_getenv NOT_SET 0 nothing\ngetenv GIVEN 0 given\n";
const NOT_ANSWERED: &str =
    "getenv WANTED 0 nothing\nsecure_getenv NOT_SET 0 nothing\ngetenv GIVEN 0 given\n";

/// A file with one variable in it, for those who know the token.
fn demand(token: [u64; 2]) -> File {
    const TEXT: &[u8] = b"WANTED=value\0";
    let start = first_text(1);
    let head = head((start + TEXT.len()) as u64, token, 1);
    let words = head.into_iter().chain([start as u64]);
    let mut file = tempfile::tempfile().unwrap();
    for word in words {
        file.write_all(&word.to_le_bytes()).unwrap();
    }
    file.write_all(TEXT).unwrap();
    file
}

fn place(file: &File) -> String {
    format!("/{}/{}", std::process::id(), file.as_raw_fd())
}

/// What the program says, and what was written down, if the value of the variable ends so.
fn asked(room: &Room, memory: &Memory, end: &str) -> (String, Vec<(String, u32)>) {
    let mut command = room.watched(memory, &room.program("calls"), &CALLS);
    let value = format!("{}{end}", memory.variable());
    command.env(VARIABLE, value).env("GIVEN", "given");
    let said = finished(command);
    let records = memory.records();
    let told = records.iter().map(|record| {
        let name = String::from_utf8(record.text().to_vec());
        (name.unwrap(), record.detail)
    });
    (said, told.collect())
}

fn told(wanted: Asked, not_set: Asked) -> Vec<(String, u32)> {
    [
        ("WANTED", wanted),
        ("NOT_SET", not_set),
        ("GIVEN", Asked::OfItself),
    ]
    .map(|(name, asked)| (name.to_owned(), asked as u32))
    .to_vec()
}

#[test]
fn a_variable_on_demand_is_given_and_written_down() {
    let (room, file) = (Room::new(), demand(TOKEN));
    let (said, written) = asked(&room, &Memory::new(), &place(&file));
    assert_eq!(said, ANSWERED);
    assert_eq!(written, told(Asked::OnDemand, Asked::OnDemand));
}

#[test]
fn a_variable_whose_demand_has_ended_is_not_given() {
    let (room, file) = (Room::new(), demand(TOKEN));
    let end = format!("{}=OTHER=WANTED", place(&file));
    let (said, written) = asked(&room, &Memory::new(), &end);
    assert_eq!(said, NOT_ANSWERED);
    assert_eq!(written, told(Asked::OfItself, Asked::OnDemand));
}

#[test]
fn where_nothing_is_on_demand_nothing_is_asked_for() {
    let (said, written) = asked(&Room::new(), &Memory::new(), "");
    assert_eq!(said, NOT_ANSWERED);
    assert_eq!(written, told(Asked::OfItself, Asked::OfItself));
}

#[test]
fn what_can_not_be_had_is_told_to_be_lacking() {
    let room = Room::new();
    let [first, second] = TOKEN;
    let other = demand([first, second ^ 1]);
    let cut = demand(TOKEN);
    cut.set_len(30).unwrap();
    let longer = demand(TOKEN);
    longer.set_len(1000).unwrap();
    let missing = format!("/{}/9999", std::process::id());
    for end in [place(&other), place(&cut), place(&longer), missing] {
        let (said, written) = asked(&room, &Memory::new(), &end);
        assert_eq!(said, NOT_ANSWERED, "{end}");
        assert_eq!(written, told(Asked::Doubtful, Asked::Doubtful), "{end}");
    }
}

#[test]
fn what_nobody_can_be_told_of_is_not_given() {
    let (room, file) = (Room::new(), demand(TOKEN));
    let memory = Memory::new();
    while memory.shared.claim().is_some() {}
    let mut command = room.watched(&memory, &room.program("calls"), &CALLS);
    let value = format!("{}{}", memory.variable(), place(&file));
    command.env(VARIABLE, value).env("GIVEN", "given");
    assert_eq!(finished(command), NOT_ANSWERED);
    assert_eq!(memory.shared.head(), SLOTS as u64);
}
