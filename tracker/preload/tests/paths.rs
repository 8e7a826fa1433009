//! Functions that look at more than one file, or at none, and names that are special.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use support::Memory;
use support::calls::{each, room, written};

#[test]
fn finding_a_real_path_writes_down_each_component() {
    let room = room();
    let program = "realpath_new,-,dlink/../link";
    let lines = written(&room, &[program]);
    let below: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|line| line.contains("ROOT"))
        .collect();
    assert_eq!(
        below,
        [
            "ReadLink ROOT/dlink [ROOT] 0",
            "ReadLink ROOT/d [ROOT] 22",
            "Probe ROOT/d/ [] 0",
            "ReadLink ROOT/link [ROOT] 0",
            "ReadLink ROOT/file [ROOT] 22",
        ]
    );
    let lines = written(&room, &["realpath,-,file/"]);
    assert_eq!(
        lines,
        ["ReadLink ROOT/file [ROOT] 22", "Probe ROOT/file/ [] 20"]
    );
}

#[test]
fn real_paths_are_those_of_the_c_library() {
    let room = room();
    room.link("/", "top").link("../d/./inner/", "d/slashed");
    let names = [
        "",
        ".",
        "..",
        "/",
        "//",
        "///etc",
        "file",
        "file/",
        "file/.",
        "file/..",
        "d",
        "d/",
        "d/.",
        "d/..",
        "d/../..",
        "dlink",
        "dlink/",
        "dlink/inner",
        "dlink/../link",
        "broken",
        "broken/",
        "loop",
        "loop/x",
        "nothing",
        "nothing/x",
        "nothing/..",
        "file/x",
        "link/x",
        "d//inner",
        "top",
        "top/etc",
        "top/..",
        "d/slashed",
        "./././file",
        "/proc/self/cwd/file",
        "/../../etc",
        "d/nothing",
        "ROOT/dlink/nothing",
        "ROOT//d///",
    ];
    for function in [
        "realpath",
        "realpath_new",
        "canonicalize_file_name",
        "__realpath_chk",
    ] {
        let calls: Vec<String> = names
            .iter()
            .map(|name| format!("{function},-,{name}"))
            .collect();
        let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
        written(&room, &calls);
    }
    let long = "x".repeat(300);
    let deep = format!("realpath,-,{}", "d/../".repeat(900));
    let many = format!("realpath,-,{}file", "./".repeat(40_000));
    let far = format!("realpath,-,{}x", "nothing/".repeat(600));
    let component = format!("realpath,-,{long}");
    let inner = format!("realpath,-,d/{}", "y".repeat(255));
    for call in [&deep, &many, &far, &component, &inner] {
        written(&room, &[call]);
    }
    written(&room, &["realpath_null,-,"]);
}

#[test]
fn listing_is_written_down_as_opening_and_listing() {
    let room = room();
    each(
        &room,
        &[
            ("opendir,-,d", "Open ROOT/d [ROOT] 0"),
            ("opendir,-,nothing", "Open ROOT/nothing [ROOT] 2"),
            ("opendir,-,file", "Open ROOT/file [ROOT] 20"),
            ("opendir,-,", ""),
            (
                "scandir,-,dlink",
                "Open ROOT/dlink [ROOT] 0;List ROOT/d [ROOT/d] 0",
            ),
            (
                "scandir64,-,d",
                "Open ROOT/d [ROOT] 0;List ROOT/d [ROOT/d] 0",
            ),
            ("scandir,-,nothing", "Open ROOT/nothing [ROOT] 2"),
            ("scandir,-,file", "Open ROOT/file [ROOT] 20"),
            ("scandir,-,/proc/sys/vm", ""),
        ],
    );
    std::fs::create_dir(room.root.join("empty")).unwrap();
    written(&room, &["scandir,-,empty", "scandir64,-,empty"]);
    for index in 0..5000 {
        room.write(&format!("many/a rather long name for a file {index}"), "");
    }
    assert_eq!(written(&room, &["scandir,-,many"]).len(), 2);
}

#[test]
fn calls_by_number_that_are_no_looks_are_handed_on() {
    let room = room();
    let calls = [
        "SYS_pread,-,file",
        "SYS_mmap,-,file",
        "SYS_mkdir,-,nothing/x",
    ];
    assert_eq!(written(&room, &calls), [""; 0]);
}

#[test]
fn a_repetition_is_written_down_only_when_it_ends_otherwise() {
    let room = room();
    let calls = [
        "stat,-,file",
        "stat,-,ROOT/file",
        "stat,-,file",
        "open,-,file,0",
        "open,-,file,0x80000",
        "stat,-,new",
        "stat,-,new",
        "access,-,new,0",
        "access,-,new,0",
    ];
    assert_eq!(
        written(&room, &calls),
        [
            "Probe ROOT/file [ROOT] 0",
            "Open ROOT/file [ROOT] 0",
            "Probe ROOT/new [ROOT] 2",
            "Probe ROOT/new [ROOT] 2",
        ]
    );
    let memory = Memory::new();
    let program = room.program("calls");
    let calls = [
        "stat,-,made",
        "SYS_mkdir,-,made",
        "stat,-,made",
        "stat,-,made",
    ];
    support::finished(room.watched(&memory, &program, &calls));
    let expected = ["2", "0"].map(|errno| {
        format!(
            "Probe {} [{}] {errno}",
            room.path("made"),
            room.path("").trim_end_matches('/')
        )
    });
    assert_eq!(memory.lines(), expected);
}

#[test]
fn environment_variables_are_written_down_by_name() {
    let room = room();
    let memory = Memory::new();
    let program = room.program("calls");
    let calls = [
        "getenv,-,HOME",
        "getenv,-,HOME",
        "secure_getenv,-,NOT_SET",
        "getenv,-,",
        "setenv,-,X,1",
        "getenv,-,X",
        "clearenv,-,",
        "getenv,-,HOME",
        "getenv,-,Y",
    ];
    room.both(&memory, &program, &calls);
    let names: Vec<String> = memory
        .records()
        .iter()
        .map(|record| String::from_utf8(record.text().to_vec()).unwrap())
        .collect();
    assert_eq!(names, ["HOME", "NOT_SET", "X", "Y"]);
}

#[test]
fn names_that_are_too_long_are_left_to_the_kernel() {
    let room = room();
    let call =
        |length: usize| format!("stat,-,/{}", "./".repeat(length / 2).split_at(length - 1).0);
    assert_eq!(written(&room, &[&call(432)]).len(), 1);
    assert_eq!(written(&room, &[&call(433)]), [""; 0]);
    assert_eq!(written(&room, &[&call(5000)]), [""; 0]);
    let relative = format!("stat,-,{}", "./".repeat(216));
    assert_eq!(written(&room, &[&relative]), [""; 0]);
}

#[test]
fn bad_addresses_are_errors_and_not_the_end() {
    let room = room();
    let calls = [
        "bad_access,-,,0",
        "bad_access,-,,1",
        "bad_access,-,,0x123456789000",
        "bad_access,-,,0x7fffffffffff",
        "bad_access,-,,-8",
        "bad_stat,-,,0",
        "bad_stat,-,,77",
        "bad_stat,-,,0x1234567890000000",
    ];
    assert_eq!(written(&room, &calls), [""; 0]);
}

#[test]
fn relative_names_follow_the_current_directory() {
    let room = room();
    let calls = [
        "stat,-,file",
        "chdir,-,d",
        "stat,-,inner",
        "chdir,-,nothing",
        "stat,-,..",
        "fchdir,/",
        "stat,-,etc",
    ];
    // The last call but one has no name.
    let calls = calls.map(|call| {
        if call == "fchdir,/" {
            "fchdir,/,x"
        } else {
            call
        }
    });
    assert_eq!(
        written(&room, &calls),
        [
            "Probe ROOT/file [ROOT] 0",
            "Probe ROOT/d/inner [ROOT/d] 0",
            "Probe ROOT/d/.. [ROOT/d] 0",
            "Probe //etc [/] 0",
        ]
    );
}
