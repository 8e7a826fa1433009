//! When something is amiss: nothing is written down, and every program does what it does.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use support::{Memory, Room, TOKEN, finished};
use vt_tracker_abi::{Found, GATE_RETURN, SLOTS, VARIABLE};

const CALLS: [&str; 9] = [
    "stat,-,file",
    "open,-,file,0",
    "fopen,-,file,r",
    "fopen,-,new,w",
    "readlink,-,link",
    "realpath,-,link",
    "scandir,-,d",
    "access,-,nothing,0",
    "getenv,-,HOME",
];

fn room() -> Room {
    let room = Room::new();
    room.write("file", "content")
        .write("d/inner", "")
        .link("file", "link");
    room
}

fn plain(room: &Room) -> String {
    finished(room.command(&room.program("calls"), &CALLS))
}

#[test]
fn memory_that_is_not_the_one_is_left_alone() {
    let room = room();
    let memory = Memory::new();
    let program = room.program("calls");
    let expected = plain(&room);
    let good = memory.variable();
    let [first, second] = TOKEN;
    for value in [
        memory.variable_with([first, second ^ 1]),
        memory.variable_with([0, 0]),
        good.replacen('/', "/9", 1),
        format!("9{good}"),
        format!(
            "{}/0/{}",
            std::process::id(),
            good.splitn(3, '/').nth(2).unwrap()
        ),
        "nonsense".to_owned(),
        String::new(),
    ] {
        let mut command = room.watched(&memory, &program, &CALLS);
        command.env(VARIABLE, &value);
        assert_eq!(finished(command), expected, "{value}");
        assert_eq!(memory.shared.head(), 0, "{value}");
    }
}

#[test]
fn a_program_that_is_not_told_of_any_memory_runs_as_it_does() {
    let room = room();
    let memory = Memory::new();
    let expected = plain(&room);
    let mut command = room.watched(&memory, &room.program("calls"), &CALLS);
    command.env_remove(VARIABLE);
    assert_eq!(finished(command), expected);
    let wiped = ["clearenv,-,", "stat,-,file", "scandir,-,d"];
    room.both(&memory, &room.program("calls"), &wiped);
    assert_eq!(memory.shared.head(), 0);
}

#[test]
fn memory_that_is_closed_or_full_is_not_written_to() {
    let room = room();
    let program = room.program("calls");
    let closed = Memory::new();
    closed.shared.close();
    room.both(&closed, &program, &CALLS[..8]);
    assert_eq!(closed.shared.head(), 0);
    let full = Memory::new();
    while full.shared.claim().is_some() {}
    assert_eq!(full.shared.head(), SLOTS as u64);
    room.both(&full, &program, &CALLS);
    assert_eq!(full.shared.head(), SLOTS as u64);
}

#[test]
fn while_names_are_unsettled_nothing_is_written_down() {
    let room = room();
    let memory = Memory::new();
    memory.shared.set_names_unsettled(true);
    room.both(&memory, &room.program("calls"), &CALLS[..8]);
    assert_eq!(memory.shared.head(), 0);
}

#[test]
fn while_directories_are_unsettled_only_absolute_names_are_written_down() {
    let room = room();
    let program = room.program("calls");
    for tell in [
        |memory: &Memory| memory.shared.set_directories_unsettled(true),
        |memory: &Memory| memory.shared.tell_directories_differ(),
    ] {
        let memory = Memory::new();
        tell(&memory);
        room.both(
            &memory,
            &program,
            &["stat,-,file", "open,-,file,0", "stat,-,/"],
        );
        assert_eq!(memory.lines(), ["Probe / [] 0"]);
    }
}

#[test]
fn a_program_that_has_something_at_the_place_of_the_gate_keeps_it() {
    let room = room();
    let memory = Memory::new();
    let calls = ["take_gate,-,", "stat,-,file", "scandir,-,d"];
    room.both(&memory, &room.program("calls"), &calls);
    assert_eq!(memory.shared.head(), 0);
}

#[test]
fn what_is_written_down_is_made_at_the_gate_and_all_else_is_not() {
    let room = room();
    let memory = Memory::new();
    // The filter of the program has the address as a number.
    assert_eq!(GATE_RETURN, 0x7000_1002);
    let looks = [
        "filter,-,",
        "stat,-,file",
        "lstat,-,link",
        "fstatat,-,file,0",
        "statx,-,file,0",
        "access,-,file,4",
        "faccessat,-,file,0x200",
        "readlink,-,link",
        "readlinkat,-,link",
        "open,-,file,0",
        "openat,-,file,0",
        "fopen,-,file,r",
        "realpath,-,link",
        "scandir,-,d",
        "SYS_open,-,file,0",
        "SYS_stat,-,file",
        "open,-,/dev/null,0",
        "stat,-,file",
        "statx_little,-,d,0",
    ];
    let program = room.program("calls");
    let seen = finished(room.watched(&memory, &program, &looks));
    assert!(!seen.contains("failed"), "{seen}");
    // That includes what was asked about what was found.
    assert_eq!(memory.lines().len(), 10);
    for call in [
        "open,-,file,1",
        "open,-,file,0x40",
        "open,-,file,0x200000",
        "fopen,-,new,w",
        "stat,-,/proc/self/comm",
        "open,-,/dev/null,1",
        "statx,-,,0x1000",
        "readlink,-,/proc/self",
        "open,-,,0",
        "fstatat,-,file,0x8000000",
    ] {
        let seen = finished(room.watched(&memory, &program, &["filter,-,", call]));
        assert!(seen.contains("failed 18"), "{call}: {seen}");
    }
}

#[test]
fn a_program_that_confines_itself_makes_no_call_that_it_does_not_expect() {
    let room = room();
    let memory = Memory::new();
    let calls = [
        "stat,-,d",
        "confine,-,",
        "stat,-,file",
        "open,-,file,0",
        "fopen,-,file,r",
        "readlink,-,link",
        "stat,-,nothing",
        "fopen,-,nothing,r",
    ];
    room.both(&memory, &room.program("calls"), &calls);
    assert_eq!(memory.lines().len(), 1);
}

#[test]
fn a_user_library_that_is_loaded_before_stays_in_its_place() {
    let room = room();
    let memory = Memory::new();
    let library = support::library().to_str().unwrap();
    let mut command = room.watched(&memory, &room.program("calls"), &["stat,-,file"]);
    command.env("LD_PRELOAD", format!("libm.so.6:{library}"));
    finished(command);
    assert_eq!(memory.lines().len(), 1);
}

/// Lets the program run while the memory says again and again that names have changed.
#[test]
fn names_that_change_in_the_midst_of_looks_leave_every_result_right() {
    let room = room();
    room.write("one", "abc").write("d/inner", "inside");
    let memory = Memory::new();
    let program = room.program("processes");
    let mut command = room.watched(&memory, &program, &["opens", "20000"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut read = 0;
    while child.try_wait().unwrap().is_none() {
        memory.shared.set_names_unsettled(true);
        memory.shared.set_names_unsettled(false);
        memory.shared.set_directories_unsettled(true);
        memory.shared.set_directories_unsettled(false);
        while read < memory.shared.head() && memory.shared.look(read) == Found::Done {
            memory.shared.free(read);
            read += 1;
        }
    }
    let mut output = String::new();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_to_string(&mut output).unwrap();
    assert_eq!(output, "0\n");
    assert!(read > 0);
}

#[test]
fn a_pipe_is_not_opened_twice_when_names_change_meanwhile() {
    let room = room();
    let memory = Memory::new();
    let program = room.program("processes");
    let pipe = room.path("pipe");
    finished(room.command(Path::new("mkfifo"), &[&pipe]));
    let mut command = room.watched(&memory, &program, &["pipe"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    while memory.shared.head() == 0 || memory.shared.look(0) != Found::Open {
        std::thread::yield_now();
    }
    memory.shared.set_names_unsettled(true);
    memory.shared.set_names_unsettled(false);
    // Waits for the other end, which must not go away again.
    std::fs::write(&pipe, "text").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "3 4 text\n");
    assert_eq!(memory.records().len(), 1);
}
