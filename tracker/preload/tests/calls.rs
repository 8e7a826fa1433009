//! Every function that is hooked: what it writes down, and that it does what it does without us.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use support::{Memory, Room};

/// Makes calls with and without the library, and gives what was written down. `ROOT` stands for
/// the directory everything is in.
fn written(room: &Room, calls: &[&str]) -> Vec<String> {
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

fn room() -> Room {
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
fn each(room: &Room, table: &[(&str, &str)]) {
    for (call, expected) in table {
        let expected: Vec<&str> = expected
            .split(';')
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(written(room, &[call]), expected, "{call}");
    }
}

#[test]
fn opening_for_reading_is_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("open,-,ROOT/file,0", "Open ROOT/file [] 0"),
            ("open,-,file,0", "Open ROOT/file [ROOT] 0"),
            ("open64,-,file,0", "Open ROOT/file [ROOT] 0"),
            ("openat,d,inner,0", "Open ROOT/d/inner [ROOT/d] 0"),
            (
                "openat64,-,d/../file,0x80000",
                "Open ROOT/d/../file [ROOT] 0",
            ),
            ("openat,d,ROOT/file,0", "Open ROOT/file [] 0"),
            ("__open_2,-,link,0", "Open ROOT/link [ROOT] 0"),
            ("__open64_2,-,link,0x20000", "Open ROOT/link [ROOT] 40"),
            ("__openat_2,dlink,inner,0", "Open ROOT/d/inner [ROOT/d] 0"),
            ("__openat64_2,-,./nothing,0", "Open ROOT/./nothing [ROOT] 2"),
            ("open,-,file/x,0", "Open ROOT/file/x [ROOT] 20"),
            ("open,-,loop,0", "Open ROOT/loop [ROOT] 40"),
            ("open,-,d,0", "Open ROOT/d [ROOT] 0"),
            ("open,-,file,0x10000", "Open ROOT/file [ROOT] 20"),
            ("SYS_open,-,file,0", "Open ROOT/file [ROOT] 0"),
            ("SYS_openat,d,inner,0", "Open ROOT/d/inner [ROOT/d] 0"),
            ("SYS_openat,d,nothing,0", "Open ROOT/d/nothing [ROOT/d] 2"),
        ],
    );
}

#[test]
fn opening_for_anything_else_is_left_to_the_kernel() {
    let room = room();
    // To write, to do both, to make, to cut, for the path alone, without a name.
    for flags in ["1", "2", "0x40", "0x200", "0x200000", "0x410002"] {
        let call = format!(
            "open,-,{},{flags}",
            if flags == "0x410002" { "d" } else { "file" }
        );
        assert_eq!(written(&room, &[&call]), [""; 0], "{call}");
        room.write("file", "content");
    }
    each(
        &room,
        &[
            ("open,-,,0", ""),
            ("openat,file,,0", ""),
            ("openat,nothing,inner,0", ""),
            ("open,-,/dev/null,0", ""),
            ("open,-,/dev/null,2", ""),
            ("open,-,/proc/self/status,0", ""),
            ("open,-,//proc/self/status,0", ""),
            ("openat,/proc/self,comm,0", ""),
            ("open,-,/usr/../proc/self/comm,0", ""),
        ],
    );
}

#[test]
fn streams_to_read_are_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("fopen,-,file,r", "Open ROOT/file [ROOT] 0"),
            ("fopen,-,file,rb", "Open ROOT/file [ROOT] 0"),
            ("fopen64,-,file,re", "Open ROOT/file [ROOT] 0"),
            ("fopen64,-,nothing,r", "Open ROOT/nothing [ROOT] 2"),
            ("fopen,-,d,r", "Open ROOT/d [ROOT] 0"),
            ("fopen,-,file,rm", ""),
            ("fopen,-,file,rce", ""),
            ("fopen,-,file,r+", ""),
            ("fopen,-,file,r+e", ""),
            ("fopen,-,file,a", ""),
            ("fopen,-,new,w", ""),
            ("fopen,-,file,wx", ""),
            ("fopen,-,file,x", ""),
            ("fopen,-,file,", ""),
            ("fopen,-,,r", ""),
        ],
    );
}

#[test]
fn asking_for_attributes_is_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("stat,-,link", "Probe ROOT/link [ROOT] 0"),
            ("stat64,-,/", "Probe / [] 0"),
            ("stat,-,broken", "Probe ROOT/broken [ROOT] 2"),
            ("lstat,-,broken", "ProbeKept ROOT/broken [ROOT] 0"),
            ("lstat64,-,link", "ProbeKept ROOT/link [ROOT] 0"),
            ("fstatat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("fstatat64,-,link,0x100", "ProbeKept ROOT/link [ROOT] 0"),
            ("fstatat,-,link,0x900", "ProbeKept ROOT/link [ROOT] 0"),
            ("fstatat,d,,0x1000", ""),
            ("fstatat,-,,0x1000", ""),
            ("fstatat,d,inner,0x1000", ""),
            ("fstatat,-,file,0x8000000", ""),
            ("__xstat,-,link,1", "Probe ROOT/link [ROOT] 0"),
            ("__xstat,-,link,0", "Probe ROOT/link [ROOT] 0"),
            ("__xstat,-,link,9", ""),
            ("__lxstat64,-,link,1", "ProbeKept ROOT/link [ROOT] 0"),
            ("__fxstatat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("statx,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("statx,-,link,0x100", "ProbeKept ROOT/link [ROOT] 0"),
            ("statx,-,link,0x4000", "Probe ROOT/link [ROOT] 0"),
            ("statx_little,-,link,0", "Probe ROOT/link [ROOT] 0"),
            ("statx,-,nothing,0", "Probe ROOT/nothing [ROOT] 2"),
            ("statx,d,,0x1000", ""),
            ("statx,-,,0x1000", ""),
            ("SYS_stat,-,link", "Probe ROOT/link [ROOT] 0"),
            ("SYS_lstat,-,link", "ProbeKept ROOT/link [ROOT] 0"),
            ("SYS_newfstatat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("SYS_newfstatat,d,,0x1000", ""),
            ("SYS_statx,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("SYS_statx,-,file/,0", "Probe ROOT/file/ [ROOT] 20"),
        ],
    );
}

#[test]
fn asking_for_permissions_is_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("access,-,file,4", "Probe ROOT/file [ROOT] 0"),
            ("access,-,nothing,0", "Probe ROOT/nothing [ROOT] 2"),
            ("access,-,file,1", "Probe ROOT/file [ROOT] 13"),
            ("access,-,file,99", "Probe ROOT/file [ROOT] 22"),
            ("faccessat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            ("faccessat,-,broken,0x100", "ProbeKept ROOT/broken [ROOT] 0"),
            ("faccessat,-,link,0x200", "Probe ROOT/link [ROOT] 0"),
            ("faccessat,-,link,0x4000", ""),
            ("euidaccess,-,link,4", "Probe ROOT/link [ROOT] 0"),
            ("eaccess,-,nothing,4", "Probe ROOT/nothing [ROOT] 2"),
            ("SYS_access,-,file,0", "Probe ROOT/file [ROOT] 0"),
            ("SYS_faccessat,d,inner,0", "Probe ROOT/d/inner [ROOT/d] 0"),
            (
                "SYS_faccessat2,d,inner,0x100",
                "ProbeKept ROOT/d/inner [ROOT/d] 0",
            ),
        ],
    );
}

#[test]
fn reading_links_is_written_down() {
    let room = room();
    each(
        &room,
        &[
            ("readlink,-,link", "ReadLink ROOT/link [ROOT] 0"),
            ("readlink_short,-,link", "ReadLink ROOT/link [ROOT] 0"),
            ("readlink,-,file", "ReadLink ROOT/file [ROOT] 22"),
            ("readlink,-,nothing", "ReadLink ROOT/nothing [ROOT] 2"),
            ("readlinkat,ROOT,link", "ReadLink ROOT/link [ROOT] 0"),
            ("readlinkat,ROOT,", ""),
            ("__readlink_chk,-,link", "ReadLink ROOT/link [ROOT] 0"),
            (
                "__readlinkat_chk,d,../link",
                "ReadLink ROOT/d/../link [ROOT/d] 0",
            ),
            ("SYS_readlink,-,link", "ReadLink ROOT/link [ROOT] 0"),
            ("SYS_readlinkat,-,link", "ReadLink ROOT/link [ROOT] 0"),
            ("readlink,-,/proc/self/cwd", ""),
        ],
    );
}

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
