//! What a look costs with the library and without: `cargo bench -p vt-tracker-preload`.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "../tests/support/mod.rs"]
mod support;

use support::{Memory, Room, finished};

const ROUNDS: usize = 9;

/// The least of several medians is of little use on a busy machine; the median of all is shown.
fn median(mut figures: Vec<u32>) -> u32 {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn main() {
    let room = Room::new();
    for index in 0..20_000 {
        let folder = if index % 2 == 1 {
            "some/longer/folder/"
        } else {
            ""
        };
        room.write(&format!("{folder}{index}"), "");
    }
    let program = room.program("cost");
    let root = room.root.to_str().unwrap();
    // What is done, how often, with how many names, where.
    for (title, words) in [
        ("stat, absolute", ["stat", "50", "4000", root]),
        ("stat, relative", ["stat", "50", "4000", "."]),
        ("stat, no room", ["stat", "10", "20000", root]),
        ("stat, each once", ["stat", "1", "4000", root]),
        ("open and close", ["open", "50", "4000", root]),
        ("open, each once", ["open", "1", "4000", root]),
        ("realpath", ["realpath", "10", "4000", root]),
        ("getenv", ["getenv", "10", "20000", root]),
    ] {
        let mut figures = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            let memory = Memory::new();
            let mut idle = room.watched(&memory, &program, &words);
            idle.env_remove(vt_tracker_abi::VARIABLE);
            // The second time everything is remembered that there is room for.
            for (into, command) in figures.iter_mut().zip([
                room.command(&program, &words),
                idle,
                room.watched(&memory, &program, &words),
                room.watched(&memory, &program, &words),
            ]) {
                into.push(finished(command).trim().parse().unwrap());
            }
        }
        let [plain, idle, first, again] = figures.map(median);
        println!(
            "{title:16} {plain:5} ns; without memory {idle:5}; first run {first:5}; second {again:5}"
        );
    }
}
