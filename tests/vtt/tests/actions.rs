//! The tool does what its help says, seen from outside.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn vtt(directory: &Path, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vtt"))
        .current_dir(directory)
        .args(words.split(' '))
        .output()
        .unwrap()
}

fn stdout(directory: &Path, words: &str) -> String {
    let output = vtt(directory, words);
    assert!(output.status.success(), "{words}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn scratch(name: &str) -> std::path::PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory).unwrap();
    }
    fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn a_sequence_runs_in_order_and_stops_at_the_first_exit() {
    let directory = scratch("sequence");
    stdout(
        &directory,
        "seq write -p out/a one then append out/a two then rewrite out/a onet T then cp out/a out/b",
    );
    assert_eq!(fs::read_to_string(directory.join("out/b")).unwrap(), "Two");
    let output = vtt(&directory, "seq print first then exit 7 then print second");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"first\n");
}

#[test]
fn looking_says_what_is_there() {
    let directory = scratch("looking");
    stdout(
        &directory,
        "seq write -p d/file text then chmod +x d/file then ln -s file d/link then mkdir -p d/sub/deep",
    );
    assert_eq!(stdout(&directory, "ls d"), "file\nlink\nsub\n");
    assert_eq!(
        stdout(&directory, "stat d/file d/link d/sub"),
        "file of 4 bytes executable\nlink\ndirectory\n"
    );
    assert_eq!(stdout(&directory, "readlink d/link"), "file\n");
    assert_eq!(stdout(&directory, "exists d/file d/none"), "yes\nno\n");
    assert_eq!(vtt(&directory, "print-bytes 00ff41").stdout, b"\x00\xffA");
}

#[test]
fn a_tree_digest_sees_names_bytes_and_bits_but_not_times() {
    let directory = scratch("tree");
    let tree = || stdout(&directory, "tree d");
    stdout(&directory, "seq write -p d/a x then write d/b y");
    let first = tree();
    stdout(&directory, "touch d/a");
    assert_eq!(tree(), first);
    stdout(&directory, "chmod +x d/a");
    let executable = tree();
    assert_ne!(executable, first);
    stdout(&directory, "seq chmod -x d/a then mv d/b d/c");
    assert_ne!(tree(), first);
    stdout(&directory, "seq mv d/c d/b then replace d/b z");
    assert_ne!(tree(), first);
    stdout(&directory, "readwrite d/b y");
    assert_eq!(tree(), first);
}

#[test]
fn nonsense_is_refused_and_says_so() {
    let directory = scratch("nonsense");
    for words in [
        "fly",
        "write only",
        "exit many",
        "cat nowhere",
        "rm nowhere",
        "chmod 9 file",
    ] {
        let output = vtt(&directory, words);
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(output.stderr.starts_with(b"vtt: "), "{words}");
    }
    assert!(vtt(&directory, "rm -f nowhere").status.success());
}

#[test]
fn a_daemon_outlives_its_parent_and_stops_when_told() {
    let directory = scratch("daemon");
    stdout(&directory, "spawn-daemon beat");
    let first = fs::metadata(directory.join("beat")).unwrap().len();
    let start = std::time::Instant::now();
    while fs::metadata(directory.join("beat")).unwrap().len() == first {
        assert!(start.elapsed().as_secs() < 20, "the daemon does not write");
        std::thread::yield_now();
    }
    fs::write(directory.join("beat.stop"), "").unwrap();
}

/// Runs a script of these lines with an argument, gives its exit code and what it printed.
fn script(directory: &Path, lines: &str, argument: &str) -> (Option<i32>, String) {
    fs::write(directory.join("script"), lines).unwrap();
    let output = vtt(directory, format!("script script {argument}").trim());
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

fn text(directory: &Path, name: &str) -> Option<String> {
    fs::read_to_string(directory.join(name)).ok()
}

#[test]
fn a_result_of_a_script_tells_what_it_was_made_of() {
    let directory = scratch("script-sources");
    fs::write(directory.join("a"), "x").unwrap();
    let lines = "emit out/r file:a file:b kind:a kind:out\nhelper out/h file:a\nsay which:sh var:NOBODY_SETS_THIS";
    let (code, said) = script(&directory, lines, "");
    assert_eq!(code, Some(0));
    assert_eq!(said, "which:sh true\nvar:NOBODY_SETS_THIS is not set\n");
    let made = text(&directory, "out/r").unwrap();
    assert_eq!(
        made,
        "file:a \"x\"\nfile:b is missing\nkind:a file\nkind:out is missing\n"
    );
    assert_eq!(text(&directory, "out/h").unwrap(), "file:a \"x\"\n");
}

#[test]
fn a_snapshot_is_written_where_it_is_missing_and_compared_where_it_is_not() {
    let directory = scratch("script-snapshot");
    let on = |text: &str, argument: &str| {
        fs::write(directory.join("a"), text).unwrap();
        script(&directory, "snapshot ref file:a\nemit after", argument).0
    };
    assert_eq!(on("one", ""), Some(0));
    assert_eq!(on("two", ""), Some(1));
    assert_eq!(text(&directory, "ref").unwrap(), "file:a \"one\"\n");
    assert_eq!(on("two", "-u"), Some(0));
    assert_eq!(on("two", ""), Some(0));
}

#[test]
fn an_incremental_tool_trusts_its_memory_and_nothing_else() {
    let directory = scratch("script-memory");
    fs::create_dir(directory.join("src")).unwrap();
    let edit = |name: &str, text: &str| fs::write(directory.join("src").join(name), text).unwrap();
    let run = |manner: &str| {
        let lines = format!("incremental state lib src {manner}");
        assert_eq!(script(&directory, &lines, "").0, Some(0));
    };
    edit("a", "1");
    edit("b", "1");
    run("plain");
    fs::remove_file(directory.join("lib/b")).unwrap();
    edit("a", "2");
    run("plain");
    assert_eq!(text(&directory, "lib/a").unwrap(), "made of \"2\"\n");
    assert_eq!(text(&directory, "lib/b"), None);
    run("checks");
    assert_eq!(text(&directory, "lib/b").unwrap(), "made of \"1\"\n");
    fs::remove_file(directory.join("src/b")).unwrap();
    run("prunes");
    assert_eq!(text(&directory, "lib/b"), None);
    fs::write(directory.join("lib/a"), "by hand").unwrap();
    run("plain");
    assert_eq!(text(&directory, "lib/a").unwrap(), "by hand");
    fs::remove_file(directory.join("state")).unwrap();
    run("plain");
    assert_eq!(text(&directory, "lib/a").unwrap(), "made of \"2\"\n");
}
