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
