//! What small programs do, row by row.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use support::Room;
use vt_tracker::{Blindness, StartDigest, State};

/// Runs one Python statement and says what became of `file`.
fn with_file(statement: &str) -> String {
    let room = Room::new();
    room.write("file", "old");
    room.python(statement).assert_complete().story("file")
}

/// Runs one Python statement and says what became of `new`, which is not there.
fn without_file(statement: &str) -> String {
    Room::new().python(statement).assert_complete().story("new")
}

#[test]
fn opening_an_existing_file() {
    for (flags, expected) in [
        ("O_RDONLY", "file: read"),
        ("O_RDONLY|os.O_CREAT", "file: read"),
        ("O_RDONLY|os.O_TRUNC", "file: FRESH"),
        ("O_PATH", "file: probe"),
        ("O_WRONLY", "file: KEEPS"),
        ("O_WRONLY|os.O_CREAT", "file: KEEPS"),
        ("O_WRONLY|os.O_TRUNC", "file: FRESH"),
        ("O_WRONLY|os.O_CREAT|os.O_TRUNC", "file: FRESH"),
        ("O_WRONLY|os.O_APPEND", "file: APPEND"),
        ("O_WRONLY|os.O_APPEND|os.O_TRUNC", "file: FRESH"),
        ("O_WRONLY|os.O_CREAT|os.O_EXCL", "file: probe"),
        ("O_RDWR", "file: read KEEPS"),
        ("O_RDWR|os.O_APPEND", "file: read APPEND"),
        ("O_RDONLY|os.O_DIRECTORY", "file: probe"),
    ] {
        assert_eq!(
            with_file(&format!("os.open('file', os.{flags})")),
            expected,
            "{flags}"
        );
    }
}

#[test]
fn opening_what_is_not_there() {
    for (flags, expected) in [
        ("O_RDONLY", "missing: miss"),
        ("O_WRONLY", "missing: miss"),
        ("O_WRONLY|os.O_TRUNC", "missing: miss"),
        ("O_WRONLY|os.O_CREAT", "missing: miss FRESH"),
        ("O_WRONLY|os.O_CREAT|os.O_APPEND", "missing: miss FRESH"),
        ("O_WRONLY|os.O_CREAT|os.O_TRUNC", "missing: FRESH"),
        ("O_RDWR|os.O_CREAT|os.O_TRUNC", "missing: FRESH"),
        (
            "O_WRONLY|os.O_CREAT|os.O_EXCL",
            "missing: miss FRESH exclusive",
        ),
    ] {
        assert_eq!(
            without_file(&format!("os.open('new', os.{flags})")),
            expected,
            "{flags}"
        );
    }
}

#[test]
fn calls_on_an_existing_file() {
    for (statement, expected) in [
        ("os.stat('file')", "file: probe"),
        ("os.lstat('file')", "file: probe"),
        ("os.access('file', os.R_OK)", "file: probe"),
        ("os.readlink('file')", "file: probe"),
        ("os.statvfs('file')", "file: probe"),
        ("os.utime('file')", "file: probe"),
        ("os.listxattr('file')", "file: probe"),
        ("os.truncate('file', 0)", "file: FRESH"),
        ("os.truncate('file', 2)", "file: KEEPS"),
        ("os.chmod('file', 0o600)", "file: METADATA"),
        (
            "os.fchmod(os.open('file', os.O_RDONLY), 0o600)",
            "file: read METADATA",
        ),
        ("os.chown('file', -1, -1)", "file: METADATA"),
        ("os.lchown('file', -1, -1)", "file: METADATA"),
        ("os.unlink('file')", "file: DELETE"),
        ("os.rmdir('file')", "file: probe"),
        ("os.mkdir('file')", "file: probe"),
        ("os.symlink('x', 'file')", "file: probe"),
        ("os.link('file', 'other')", "file: read"),
        ("os.rename('file', 'other')", "file: read DELETE"),
        ("os.rename('file', 'no/other')", "file: probe"),
        ("os.stat('file/')", "file: probe"),
        ("os.listdir('file')", "file: probe"),
        ("os.chdir('file')", "file: probe"),
    ] {
        assert_eq!(with_file(statement), expected, "{statement}");
    }
}

#[test]
fn calls_on_what_is_not_there() {
    for (statement, expected) in [
        ("os.stat('new')", "missing: miss"),
        ("os.unlink('new')", "missing: miss"),
        ("os.rename('new', 'other')", "missing: miss"),
        ("os.chmod('new', 0o600)", "missing: miss"),
        ("os.mkdir('new')", "missing: FRESH"),
        ("os.mkfifo('new')", "missing: miss FRESH exclusive"),
        ("os.symlink('x', 'new')", "missing: miss FRESH exclusive"),
        (
            "open('f', 'w'); os.link('f', 'new')",
            "missing: miss FRESH exclusive",
        ),
        ("open('f', 'w'); os.rename('f', 'new')", "missing: FRESH"),
        ("os.execv('new', ['new'])", "missing: miss"),
        (
            "import socket; socket.socket(socket.AF_UNIX).bind('new')",
            "missing: miss FRESH exclusive",
        ),
        (
            "import socket; socket.socket(socket.AF_UNIX).connect('new')",
            "missing: miss",
        ),
    ] {
        assert_eq!(without_file(statement), expected, "{statement}");
    }
}

#[test]
fn calls_on_a_directory() {
    for (statement, expected) in [
        ("os.open('d', os.O_RDONLY)", "directory: probe"),
        ("os.open('d', os.O_WRONLY)", "directory: probe"),
        ("os.listdir('d')", "directory: list probe"),
        ("os.rmdir('d')", "directory: list"),
        ("os.unlink('d')", "directory: probe"),
        ("os.unlink('d/inside'); os.rmdir('d')", "directory: DELETE"),
        ("os.stat('d/')", "directory: probe"),
        ("os.stat('d/inside')", "nothing"),
        ("os.chdir('d')", "directory: probe"),
    ] {
        let room = Room::new();
        room.write("d/inside", "x");
        assert_eq!(
            room.python(statement).assert_complete().story("d"),
            expected,
            "{statement}"
        );
    }
}

#[test]
fn each_link_on_the_way_is_seen() {
    let room = Room::new();
    room.write("real/deep/file", "x");
    let seen = room.sh("ln -s real link; ln -s link/deep short");
    assert_eq!(seen.story("link"), "missing: miss FRESH exclusive");
    let seen = room.sh("cat short/../deep/file");
    assert_eq!(seen.story("short"), "link: link");
    assert_eq!(seen.story("link"), "link: link");
    assert_eq!(seen.story("real/deep/file"), "file: read");
    assert_eq!(seen.story("real/deep"), "directory: probe");
}

#[test]
fn a_renamed_directory_takes_everything_along() {
    let room = Room::new();
    room.write("before/kept", "x");
    let seen = room.sh("echo x > before/made; mv before after; cat after/kept");
    assert_eq!(seen.story("before"), "directory: DELETE");
    assert_eq!(seen.story("before/kept"), "file: read DELETE");
    assert_eq!(seen.story("before/made"), "missing: FRESH DELETE");
    assert_eq!(seen.story("after/kept"), "missing: FRESH");
    assert_eq!(seen.story("after/made"), "missing: FRESH");
}

#[test]
fn names_after_a_renamed_directory_lead_to_the_new_place() {
    let room = Room::new();
    room.write("one/file", "1").write("two/file", "2");
    let seen = room.python(
        "os.stat('one/file'); os.rename('one', 'old'); os.rename('two', 'one'); \
         open('one/file'); os.stat('old/file')",
    );
    assert_eq!(seen.story("one/file"), "file: read probe DELETE FRESH");
    assert_eq!(seen.story("two/file"), "file: read DELETE");
}

#[test]
fn the_bytes_before_the_first_change_are_digested_if_they_were_read() {
    let room = Room::new();
    room.write("read", "abc")
        .write("unread", "abc")
        .write("kept", "abc");
    let seen = room.sh("cat read > /dev/null; echo x > read; echo x > unread; echo x >> kept");
    let digest = |path| seen.history(path).unwrap().start_digest;
    let StartDigest::Sha256(bytes) = digest("read") else {
        panic!("{:?}", digest("read"))
    };
    assert_eq!(bytes[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(digest("kept"), StartDigest::Sha256(bytes));
    assert_eq!(digest("unread"), StartDigest::NotTaken);
}

#[test]
fn states_are_those_before_the_change() {
    let room = Room::new();
    room.write("file", "four");
    let seen = room.sh("echo longer > file");
    let history = seen.history("file").unwrap();
    let State::Present { identity, .. } = history.first else {
        panic!("{history:?}")
    };
    assert_eq!(identity.size, 4);
    assert_eq!(history.before_change, Some(history.first));
}

#[test]
fn what_a_parent_reads_of_its_child_is_read_after() {
    let room = Room::new();
    let seen = room.sh("/bin/sh -c 'echo x > made'; cat made; cp made copy; cat copy");
    assert_eq!(seen.story("made"), "missing: FRESH");
    assert!(
        seen.story("copy").ends_with("FRESH exclusive"),
        "{}",
        seen.story("copy")
    );
    assert!(!seen.story("copy").contains("read"));
}

#[test]
fn an_unnamed_file_is_seen_when_it_gets_a_name() {
    let seen = Room::new().python(
        "f = os.open('.', os.O_TMPFILE|os.O_RDWR); \
         os.link(f'/proc/self/fd/{f}', 'new', follow_symlinks=True)",
    );
    assert_eq!(seen.story("new"), "missing: miss FRESH exclusive");
}

#[test]
fn scripts_bring_their_interpreters() {
    let room = Room::new();
    room.write("inner", "#!/bin/sh\nexit 0\n");
    room.write("outer", &format!("#!{}\n", room.path("inner").display()));
    let seen = room.sh("chmod +x inner outer; ./outer");
    // A change of attributes leaves the bytes: what is read after it was there before.
    assert_eq!(seen.story("inner"), "file: read probe execute METADATA");
    let programs: Vec<_> = seen
        .tracked
        .trace
        .programs
        .iter()
        .map(|program| program.path.clone())
        .collect();
    let expected = [room.path("./outer"), room.path("inner"), "/bin/sh".into()];
    let last = programs
        .iter()
        .position(|path| *path == expected[0])
        .unwrap();
    assert_eq!(programs[last..last + 2], expected[..2]);
    assert!(programs.contains(&expected[2]));
}

#[test]
fn each_candidate_on_the_path_is_missed_by_name() {
    let room = Room::new();
    room.write("a/.keep", "").write("b/tool", "#!/bin/sh\n");
    room.sh("chmod +x b/tool");
    let seen = room.run(
        "/usr/bin/env",
        &[&format!("PATH={0}/a:{0}/b", room.root.display()), "tool"],
    );
    assert_eq!(seen.story("a/tool"), "missing: miss");
    assert_eq!(seen.story("b/tool"), "file: read execute");
}

#[test]
fn files_behind_descriptors_are_found() {
    let room = Room::new();
    room.write("file", "x").write("d/inside", "y");
    let seen = room.python(
        "f = os.open('file', os.O_PATH); os.open(f'/proc/self/fd/{f}', os.O_RDONLY); \
         d = os.open('d', os.O_RDONLY); open('inside', opener=lambda p, f: os.open(p, f, dir_fd=d)); \
         os.listdir(d)",
    );
    assert_eq!(seen.assert_complete().story("file"), "file: read probe");
    assert_eq!(seen.story("d/inside"), "file: read");
    assert_eq!(seen.story("d"), "directory: list probe");
}

#[test]
fn kernel_paths_are_not_recorded() {
    let seen = Room::new().sh("cat /proc/self/status > /dev/null; ls /sys > /dev/null");
    seen.assert_complete();
    for path in seen.tracked.trace.paths.keys() {
        for root in ["/proc", "/sys", "/dev"] {
            assert!(!path.starts_with(root), "{}", path.display());
        }
    }
}

#[test]
fn a_file_behind_a_link_to_a_descriptor_is_seen_or_told_to_be_lacking() {
    let room = Room::new();
    room.write("file", "x");
    let seen = room.python(
        "file = os.open('file', os.O_PATH); os.symlink(f'/proc/self/fd/{file}', 'link')\n  \
         again = os.open('link', os.O_RDONLY); os.close(file); os.close(again)",
    );
    let is_read = seen.history("file").unwrap().seen_before.read;
    let unreadable = Blindness::UnreadablePath { call: "open" };
    let reasons = &seen.tracked.trace.completeness.0;
    assert!(is_read || *reasons == [unreadable], "{reasons:?}");
}

#[test]
fn the_state_of_what_a_call_fails_at_is_that_of_the_call() {
    let room = Room::new();
    room.write("file", "x");
    std::fs::hard_link(room.path("file"), room.path("other")).unwrap();
    let seen = room.python(
        "file = os.open('file', os.O_WRONLY)\n  \
         for look in (os.listdir, os.readlink, lambda name: os.stat(name + '/')):\n    \
           try: look('other')\n    \
           except OSError: pass\n  \
         os.write(file, b'longer')",
    );
    let State::Present { identity, .. } = seen.history("other").unwrap().first else {
        panic!("it is there")
    };
    assert_eq!(identity.size, 1);
}

#[test]
fn what_is_preloaded_to_watch_is_not_recorded() {
    let seen = Room::new().sh("/bin/cat /dev/null");
    let paths = &seen.tracked.trace.paths;
    assert!(paths.keys().any(|path| path.ends_with("libc.so.6")));
    for path in paths.keys() {
        assert!(
            !path.to_string_lossy().contains("vt-tracker"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn entering_another_root_is_told() {
    let seen = Room::new().python("os.chroot('.')");
    assert_eq!(
        seen.tracked.trace.completeness.0,
        [Blindness::NamespaceChanged { call: "chroot" }]
    );
}

#[test]
fn a_name_that_is_not_text_is_kept_byte_for_byte() {
    use std::os::unix::ffi::OsStrExt as _;
    let seen = Room::new().python("open(b'\\xff\\xfe', 'w')");
    let name = std::path::Path::new(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    assert_eq!(seen.story(name), "missing: FRESH");
}
