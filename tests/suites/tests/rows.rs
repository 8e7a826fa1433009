//! What programs of every day do to their files, and what costs a look-up once and not again.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use vt_harness::{Outcome, Sandbox, Status};

/// A workspace with one task `b` that runs a command, and a file `in`.
fn with(command: &str) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({ "b": command }));
    sandbox.write("in", "1\n");
    sandbox
}

fn scripted(script: &str) -> Sandbox {
    let sandbox = with("sh b.sh");
    sandbox.write("b.sh", script);
    sandbox
}

fn run(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run b").run()
}

fn stored(sandbox: &Sandbox) {
    let outcome = run(sandbox);
    assert_eq!(outcome.status(), Status::Ran, "{}", outcome.said());
    assert_eq!(outcome.not_stored(), [""; 0], "{}", outcome.said());
}

fn hit(sandbox: &Sandbox) -> Outcome {
    let outcome = run(sandbox);
    assert_eq!(outcome.status(), Status::Hit, "{}", outcome.said());
    outcome
}

fn text(sandbox: &Sandbox, path: &str) -> String {
    String::from_utf8(sandbox.read(path)).unwrap()
}

/// Whether a program can be started; it is said if not.
fn has(words: &[&str]) -> bool {
    let status = Command::new(words[0])
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_there = status.is_ok_and(|status| status.success());
    if !is_there {
        use std::io::Write as _;
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: there is no `{}`",
            words.join(" ")
        );
    }
    is_there
}

#[test]
fn a_database_that_a_step_keeps_for_itself_is_its_own_state() {
    if !has(&["python3", "-c", "import sqlite3"]) {
        return;
    }
    let sandbox = with("python3 b.py");
    sandbox.write(
        "b.py",
        "import sqlite3\n\
         text = open('in').read().strip()\n\
         base = sqlite3.connect('state.db')\n\
         base.execute('create table if not exists seen (text)')\n\
         base.execute('insert into seen values (?)', (text,))\n\
         base.commit()\n\
         print(sorted(row[0] for row in base.execute('select text from seen')))\n",
    );
    stored(&sandbox);
    let _ = hit(&sandbox);
    sandbox.write("in", "2\n");
    stored(&sandbox);
    sandbox.remove("state.db");
    assert_eq!(hit(&sandbox).out(), "['1', '2']\n");
    assert!(!sandbox.path("state.db-journal").exists());
    // What was brought back is as good as what was left.
    sandbox.write("in", "3\n");
    stored(&sandbox);
    assert_eq!(hit(&sandbox).out(), "['1', '2', '3']\n");
    // Somebody else's change of it makes it an input, and the step changes that.
    sandbox.write("in", "4\n");
    let database = sandbox.path("state.db");
    let script = "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); \
                  base.execute(\"insert into seen values ('x')\"); base.commit()";
    let status = Command::new("python3")
        .args(["-c", script])
        .arg(&database)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(run(&sandbox).not_stored(), ["modified-input"]);
}

#[test]
fn a_copy_that_keeps_the_times_of_its_source_is_an_output_like_any() {
    let sandbox = scripted("mkdir -p dist; cp -p in dist/out; cp -a in dist/other");
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let input = fs::File::options()
        .write(true)
        .open(sandbox.path("in"))
        .unwrap();
    input.set_modified(long_ago).unwrap();
    stored(&sandbox);
    let _ = hit(&sandbox);
    sandbox.remove("dist");
    assert_eq!(hit(&sandbox).summary().only().restored, Some(2));
    assert_eq!(text(&sandbox, "dist/out"), "1\n");
    sandbox.write("in", "2\n");
    stored(&sandbox);
    assert_eq!(text(&sandbox, "dist/other"), "2\n");
}

#[test]
fn a_file_that_is_installed_over_an_edit_is_the_steps_own_again() {
    let sandbox = scripted("install -D -m 755 in dist/bin/tool");
    stored(&sandbox);
    sandbox.write("dist/bin/tool", "EDIT\n");
    // `install` looks before it removes, so it runs.
    assert_eq!(run(&sandbox).status(), Status::Ran);
    assert_eq!(text(&sandbox, "dist/bin/tool"), "1\n");
    sandbox.remove("dist");
    let _ = run(&sandbox);
    let _ = hit(&sandbox);
    sandbox.remove("dist");
    let _ = hit(&sandbox);
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(sandbox.path("dist/bin/tool"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o111, 0o111);
}

#[test]
fn a_file_that_is_made_after_its_namesake_was_removed_has_a_mode_of_its_own() {
    // It mostly gets the inode of the one that was there.
    let sandbox = scripted(
        "cat in; rm -rf dist; mkdir dist; cat in >dist/out; grep -q 2 in && chmod +x dist/out; :",
    );
    let set = |state: &str| sandbox.write("in", state);
    set("2\n");
    stored(&sandbox);
    set("1\n");
    stored(&sandbox);
    for _ in 0..3 {
        for state in ["2\n", "1\n"] {
            set(state);
            let _ = hit(&sandbox);
            assert_eq!(text(&sandbox, "dist/out"), state);
        }
    }
}

#[test]
fn a_write_of_a_process_in_the_background_counts_as_long_as_the_step_waits_for_it() {
    let sandbox = scripted("cat in; (sleep .2; cat in >late) & echo first >late; wait");
    stored(&sandbox);
    assert_eq!(text(&sandbox, "late"), "1\n");
    sandbox.remove("late");
    let _ = hit(&sandbox);
    assert_eq!(text(&sandbox, "late"), "1\n");
}

#[test]
fn a_generator_that_writes_only_what_differs_leaves_what_each_input_makes() {
    let sandbox = scripted(
        "mkdir -p gen; for name in a b c; do\n\
         cat in src/$name >next.$name\n\
         if cmp -s next.$name gen/$name; then rm next.$name; else mv next.$name gen/$name; fi\n\
         done",
    );
    for name in ["a", "b", "c"] {
        sandbox.write(&format!("src/{name}"), name);
    }
    let all = || ["a", "b", "c"].map(|name| text(&sandbox, &format!("gen/{name}")));
    let made = |text: &str, b: &str| {
        [
            format!("{text}\na"),
            format!("{text}\n{b}"),
            format!("{text}\nc"),
        ]
    };
    stored(&sandbox);
    sandbox.write("src/b", "B");
    stored(&sandbox);
    assert_eq!(all(), made("1", "B"));
    let _ = hit(&sandbox);
    sandbox.remove("gen");
    // Whether it hits or runs, the result is whole.
    let _ = run(&sandbox);
    assert_eq!(all(), made("1", "B"));
    sandbox.write("src/b", "b");
    let _ = run(&sandbox);
    assert_eq!(all(), made("1", "b"));
    sandbox.write("in", "2\n");
    let _ = run(&sandbox);
    assert_eq!(all(), made("2", "b"));
}

#[test]
fn what_a_costly_hit_read_the_next_one_does_not_read() {
    if !has(&["strace", "-V"]) {
        return;
    }
    let sandbox = with("sh -c \"cat big >out; cp out dist.out\"");
    sandbox.write("big", vec![b'x'; 9 << 20]);
    settle();
    stored(&sandbox);
    let _ = hit(&sandbox);
    let log = sandbox.home().join(".cache/log");
    let opened = || {
        let line = format!(
            "strace -f -e trace=openat,open -o {} vt run b",
            log.display()
        );
        let outcome = sandbox.call(&line).run();
        assert!(
            outcome.out().contains("hit") || outcome.err().contains("hit"),
            "{}",
            outcome.said()
        );
        let calls = fs::read_to_string(&log).unwrap();
        ["big", "out", "dist.out"].map(|name| {
            let path = sandbox.path(name);
            calls.contains(&format!("\"{}\"", path.display()))
        })
    };
    assert_eq!(opened(), [false; 3]);
    // Copies of the same bytes, as after a checkout.
    for name in ["big", "out", "dist.out"] {
        let path = sandbox.path(name);
        copy_anew(&path);
    }
    settle();
    assert_eq!(opened(), [true; 3]);
    assert_eq!(opened(), [false; 3]);
}

fn copy_anew(path: &Path) {
    let copy = path.with_extension("copy");
    fs::copy(path, &copy).unwrap();
    fs::rename(&copy, path).unwrap();
}

/// Waits until what was written before can be told from what is written now: time has to pass.
fn settle() {
    std::thread::sleep(Duration::from_millis(30));
}
