//! Wherever a process can look from: forks, threads, signal handlers, other programs and other C
//! libraries.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use support::{Memory, Room, finished, has, line};
use vt_tracker_abi::Found;

fn room() -> Room {
    let room = Room::new();
    room.write("one", "abc")
        .write("d/inner", "inside")
        .write("d/one", "of four")
        .write("file", "content")
        .link("file", "link");
    room
}

/// Runs the test program with and without the library and gives what was written down.
fn written(room: &Room, words: &[&str]) -> Vec<String> {
    let memory = Memory::new();
    room.both(&memory, &room.program("processes"), words);
    shortened(room, &memory)
}

fn shortened(room: &Room, memory: &Memory) -> Vec<String> {
    let root = room.root.to_str().unwrap();
    let lines = memory.lines();
    lines
        .iter()
        .map(|line| line.replace(root, "ROOT"))
        .collect()
}

fn has_line(lines: &[String], line: &str) -> bool {
    lines.iter().any(|found| found == line)
}

#[test]
fn a_fork_goes_on_in_its_own_name() {
    let room = room();
    let memory = Memory::new();
    room.both(&memory, &room.program("processes"), &["fork"]);
    assert_eq!(
        shortened(&room, &memory),
        [
            "Probe ROOT/one [ROOT] 0",
            "Probe ROOT/two [ROOT] 2",
            "Probe ROOT/d/inner [ROOT/d] 0",
            "Probe ROOT/three [ROOT] 2",
        ]
    );
    let threads: Vec<u32> = memory
        .records()
        .iter()
        .map(|record| record.thread)
        .collect();
    assert_eq!(threads[0], threads[3]);
    assert_eq!(threads[1], threads[2]);
    assert_ne!(threads[0], threads[1]);
}

#[test]
fn a_child_in_the_memory_of_its_parent_has_its_own_directory() {
    assert_eq!(
        written(&room(), &["vfork"]),
        [
            "Probe ROOT/one [ROOT] 0",
            "Probe ROOT/d/inner [ROOT/d] 0",
            "Probe ROOT/d/one [ROOT/d] 0",
            "Probe ROOT/three [ROOT] 2",
        ]
    );
}

#[test]
fn a_spawned_program_finds_the_memory_by_itself() {
    let lines = written(&room(), &["spawn"]);
    assert_eq!(lines.last().unwrap(), "Probe ROOT/d/one [ROOT/d] 0");
}

#[test]
fn threads_do_not_get_into_each_others_way() {
    let lines = written(&room(), &["threads"]);
    let distinct: BTreeSet<&String> = lines.iter().collect();
    for thread in 0..8 {
        for at in 0..400 {
            let prefix = if at % 2 == 1 { "d/../" } else { "" };
            let line = format!("Probe ROOT/{prefix}{thread}-{at} [ROOT] 2");
            assert!(distinct.contains(&line), "{line}");
        }
    }
    assert_eq!(distinct.len(), 8 * 400 + 1);
}

#[test]
fn signal_handlers_look_in_the_midst_of_looks() {
    let room = room();
    let memory = Memory::new();
    let program = room.program("processes");
    let mut command = room.watched(&memory, &program, &["signals"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BTreeSet::new();
    let mut position = 0;
    // Reads like the supervisor, while it is written.
    loop {
        let has_ended = child.try_wait().unwrap();
        while position < memory.shared.head() && memory.shared.look(position) == Found::Done {
            lines.insert(line(&memory.shared.read(position).unwrap()));
            memory.shared.free(position);
            position += 1;
        }
        if let Some(status) = has_ended {
            assert!(status.success());
            break;
        }
        std::thread::yield_now();
    }
    assert_eq!(position, memory.shared.head());
    let mut output = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut output).unwrap();
    assert_eq!(output, "0\n");
    let root = room.root.display();
    for at in 0..1000 {
        for prefix in ["", "h"] {
            let line = format!("Probe {root}/{prefix}{at} [{root}] 2");
            let like: Vec<&String> = lines
                .iter()
                .filter(|other| other.contains(&format!("/{prefix}{at} ")))
                .collect();
            assert!(lines.contains(&line), "{line}, but {like:?} of {position}");
        }
    }
}

#[test]
fn any_number_of_names_passes_through_if_somebody_reads() {
    const COUNT: usize = 20_000;
    const BATCH: usize = 4000;
    let room = room();
    let memory = Memory::new();
    let (count, batch) = (COUNT.to_string(), BATCH.to_string());
    let mut command = room.watched(
        &memory,
        &room.program("processes"),
        &["many", &count, &batch],
    );
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut names = BTreeSet::new();
    let mut from = 0;
    for line in output.lines() {
        assert_eq!(line.unwrap(), "0");
        for position in from..memory.shared.head() {
            names.insert(memory.shared.read(position).unwrap().text().to_vec());
        }
        from = memory.free_from(from);
        input.write_all(b"x").unwrap();
    }
    assert!(child.wait().unwrap().success());
    assert_eq!((names.len(), from), (COUNT, COUNT as u64));
}

#[test]
fn a_program_that_closes_all_descriptors_keeps_its_memory() {
    let room = room();
    let memory = Memory::new();
    let calls = [
        "close_all,-,",
        "stat,-,file",
        "close_all,-,",
        "open,-,link,0",
    ];
    room.both(&memory, &room.program("calls"), &calls);
    assert_eq!(
        shortened(&room, &memory),
        ["Probe ROOT/file [ROOT] 0", "Open ROOT/link [ROOT] 0"]
    );
}

#[test]
fn python_writes_down_what_it_looks_at() {
    if !has("python3") {
        return;
    }
    let room = room();
    let memory = Memory::new();
    let which = "import os, sys; print(os.path.realpath(sys.executable))";
    let python = finished(room.command(Path::new("python3"), &["-c", which]));
    let program = "
import os, subprocess, sys
print(open('file').read(), os.stat('link').st_size, os.path.exists('no'))
print(os.path.realpath('link') == os.getcwd() + '/file', os.readlink('link'))
print(sorted(os.listdir('d')), sorted(entry.name for entry in os.scandir('d')))
print(os.access('one', os.R_OK), os.stat('inner', dir_fd=os.open('d', os.O_RDONLY)).st_size)
child = subprocess.run([sys.executable, '-S', '-E', '-c', 'print(open(\"one\").read())'],
                       cwd='d', stdout=subprocess.PIPE, close_fds=True, preexec_fn=os.getpid)
print(child.stdout)
";
    let python = Path::new(python.trim());
    let arguments = ["-S", "-E", "-c", program];
    room.both(&memory, python, &arguments);
    let lines = shortened(&room, &memory);
    for line in [
        "Open ROOT/file [ROOT] 0",
        "Probe ROOT/link [ROOT] 0",
        "Probe ROOT/no [ROOT] 2",
        "ReadLink ROOT/link [ROOT] 0",
        "Open ROOT/d [ROOT] 0",
        "Probe ROOT/one [ROOT] 0",
        "Probe ROOT/d/inner [ROOT/d] 0",
        "Open ROOT/d/one [ROOT/d] 0",
    ] {
        assert!(has_line(&lines, line), "{line} is not in {lines:#?}");
    }
}

#[test]
fn node_writes_down_what_it_looks_at() {
    if !has("node") {
        return;
    }
    let room = room();
    let memory = Memory::new();
    let program = "
const fs = require('node:fs');
console.log(fs.readFileSync('file', 'utf8'), fs.statSync('link').size, fs.existsSync('no'));
console.log(fs.realpathSync.native('link') === process.cwd() + '/file', fs.readlinkSync('link'));
console.log(fs.readdirSync('d').sort());
const { execFileSync } = require('node:child_process');
const child = 'console.log(require(\"fs\").readFileSync(\"one\", \"utf8\"))';
console.log(execFileSync(process.execPath, ['-e', child], { cwd: 'd' }).toString());
fs.promises.readFile('one', 'utf8').then((text) => console.log(text));
";
    room.both(&memory, Path::new("node"), &["-e", program]);
    let lines = shortened(&room, &memory);
    for line in [
        "Open ROOT/file [ROOT] 0",
        "Probe ROOT/link [ROOT] 0",
        "Probe ROOT/no [ROOT] 2",
        "ReadLink ROOT/link [ROOT] 0",
        "Open ROOT/d [ROOT] 0",
        "List ROOT/d [ROOT/d] 0",
        "Open ROOT/d/one [ROOT/d] 0",
        "Open ROOT/one [ROOT] 0",
    ] {
        assert!(has_line(&lines, line), "{line} is not in {lines:#?}");
    }
}

#[test]
fn a_program_of_another_c_library_writes_down_what_it_looks_at() {
    if !has("musl-gcc") {
        return;
    }
    let room = room();
    let memory = Memory::new();
    let program = room.program_by("musl-gcc", "musl");
    let plain = finished({
        let mut command = room.command(&program, &[]);
        command.env("GIVEN", "value");
        command
    });
    std::fs::remove_file(room.root.join("new")).unwrap();
    let watched = finished({
        let mut command = room.watched(&memory, &program, &[]);
        command.env("GIVEN", "value");
        command
    });
    assert_eq!(watched, plain);
    let lines = shortened(&room, &memory);
    for line in [
        "Open ROOT/file [ROOT] 0",
        "Open ROOT/nothing [ROOT] 2",
        "Probe ROOT/link [ROOT] 0",
        "ProbeKept ROOT/link [ROOT] 0",
        "Probe ROOT/file [ROOT] 0",
        "ReadLink ROOT/link [ROOT] 0",
        "ReadLink ROOT/file [ROOT] 22",
        "Open ROOT/d [ROOT] 0",
        "List ROOT/d [ROOT/d] 0",
        "Probe ROOT/d/inner [ROOT/d] 0",
    ] {
        assert!(has_line(&lines, line), "{line} is not in {lines:#?}");
    }
    let variables = memory.records();
    assert!(variables.iter().any(|record| record.text() == b"GIVEN"));
}
