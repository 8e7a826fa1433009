//! Makes single calls, and asks what was written down.

use super::{Memory, Room};

/// Makes calls with and without the library, and gives what was written down. `ROOT` stands for
/// the directory everything is in.
pub(crate) fn written(room: &Room, calls: &[&str]) -> Vec<String> {
    let memory = Memory::new();
    let program = room.program("calls");
    let root = room.root.to_str().unwrap();
    let calls: Vec<String> = calls
        .iter()
        .map(|call| call.replace("ROOT", root))
        .collect();
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    room.both(&memory, &program, &calls);
    let lines = memory.lines();
    lines
        .iter()
        .map(|line| line.replace(root, "ROOT"))
        .collect()
}

pub(crate) fn room() -> Room {
    let room = Room::new();
    room.write("file", "content")
        .write("d/inner", "inside")
        .write("d/.hidden", "")
        .link("file", "link")
        .link("d", "dlink")
        .link("nowhere", "broken")
        .link("loop", "loop");
    room
}

/// A call, and the only thing that it writes down.
#[track_caller]
pub(crate) fn each(room: &Room, table: &[(&str, &str)]) {
    for (call, expected) in table {
        let expected: Vec<&str> = expected
            .split(';')
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(written(room, &[call]), expected, "{call}");
    }
}
