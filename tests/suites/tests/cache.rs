//! What counts, what is stored and what comes back: the contract of the cache, seen from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vt_harness::{Outcome, Sandbox, Status, copy_tree, stories};

stories! {
    "cache": classes, config, dotenv, environment, inputs, links, modes, outputs, own_state, patterns, refusals, scripts, segments, terminal, toolchain
}

fn with_task(command: &str) -> Sandbox {
    Sandbox::with_tasks(&serde_json::json!({ "build": command }))
}

fn build(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run build").run()
}

#[test]
fn two_clones_at_different_places_share_their_entries() {
    let first = with_task("vtt concat -p dist/out a.txt");
    let second = Sandbox::empty();
    copy_tree(&first.root(), &second.root()).unwrap();
    let cache = first.home().join("shared-cache");
    first
        .call("vt run build")
        .env("VT_CACHE_DIR", &cache)
        .run()
        .expect(Status::Ran);
    let outcome = second
        .call("vt run build")
        .env("VT_CACHE_DIR", &cache)
        .run();
    outcome.expect(Status::Hit);
    assert_eq!(second.read("dist/out"), b"one\n");
    second.write("a.txt", "two\n");
    second
        .call("vt run build")
        .env("VT_CACHE_DIR", &cache)
        .run()
        .expect(Status::Ran);
    first.write("a.txt", "two\n");
    first
        .call("vt run build")
        .env("VT_CACHE_DIR", &cache)
        .run()
        .expect(Status::Hit);
    assert_eq!(first.read("dist/out"), b"two\n");
}

#[test]
fn an_output_that_names_its_own_workspace_is_not_shared() {
    let first = with_task("sh embed.sh");
    first.write(
        "embed.sh",
        "vtt cat a.txt\nvtt write -p dist/out \"$PWD/a.txt\"\n",
    );
    let second = Sandbox::empty();
    copy_tree(&first.root(), &second.root()).unwrap();
    let cache = first.home().join("shared-cache");
    first
        .call("vt run build")
        .env("VT_CACHE_DIR", &cache)
        .run()
        .expect(Status::Ran);
    first
        .call("vt run build")
        .env("VT_CACHE_DIR", &cache)
        .run()
        .expect(Status::Hit);
    second
        .call("vt run build")
        .env("VT_CACHE_DIR", &cache)
        .run()
        .expect(Status::Ran);
    assert_eq!(
        second.read("dist/out"),
        second.path("a.txt").to_str().unwrap().as_bytes()
    );
}

#[test]
fn the_order_of_both_streams_is_kept_in_a_replay() {
    let sandbox = with_task(
        "vtt seq cat a.txt then print-err two then print three then print-err four then print five",
    );
    let run = || sandbox.call("vt run build").merged().run();
    let said = |outcome: &Outcome| -> Vec<String> {
        let words = ["one", "two", "three", "four", "five"];
        outcome
            .out()
            .lines()
            .filter(|line| words.contains(line))
            .map(ToOwned::to_owned)
            .collect()
    };
    let (first, second) = (run(), run());
    first.expect(Status::Ran);
    second.expect(Status::Hit);
    assert_eq!(said(&second), said(&first), "{}", second.said());
}

#[test]
fn bytes_that_are_no_text_are_replayed_as_they_are() {
    let sandbox = with_task("vtt seq cat a.txt then print-bytes 3c00ff80fe0d3e0a");
    let bytes = b"<\x00\xff\x80\xfe\r>\n";
    for status in [Status::Ran, Status::Hit] {
        let outcome = build(&sandbox);
        outcome.expect(status);
        assert!(
            outcome
                .stdout
                .windows(bytes.len())
                .any(|window| window == bytes),
            "{:?}",
            outcome.stdout
        );
    }
}

#[test]
fn long_output_is_replayed_whole() {
    let sandbox = with_task("vtt cat a.txt");
    let text: String = (0..200_000)
        .map(|number| format!("line {number}\n"))
        .collect();
    sandbox.write("a.txt", &text);
    for status in [Status::Ran, Status::Hit] {
        let outcome = build(&sandbox);
        outcome.expect(status);
        assert!(
            outcome.out().contains(&text),
            "{} bytes",
            outcome.stdout.len()
        );
    }
}

#[test]
fn an_input_that_changes_while_the_step_runs_keeps_it_from_being_stored() {
    let sandbox = with_task("vtt seq cat a.txt then write -p dist/ready x then wait-for");
    let go = sandbox.home().join(".cache/go");
    let running = sandbox.call("vt run build").word(&go).start();
    sandbox.wait_for(&sandbox.path("dist/ready"));
    sandbox.write("a.txt", "changed\n");
    fs::write(&go, "").unwrap();
    let outcome = running.finish();
    outcome.expect(Status::Ran);
    assert_eq!(
        outcome.not_stored(),
        ["input-changed-during-run"],
        "{}",
        outcome.said()
    );
    let again = sandbox.call("vt run build").word(&go).run();
    again.expect(Status::Ran);
    assert!(again.out().contains("changed"), "{}", again.said());
}

#[test]
fn an_input_that_changed_after_the_start_is_suspect_even_if_it_was_read_later() {
    let sandbox = with_task("vtt seq write -p dist/ready x then wait-for");
    let go = sandbox.home().join(".cache/go");
    let running = sandbox
        .call("vt run build")
        .word(&go)
        .word("then")
        .word("cat")
        .word("a.txt")
        .start();
    sandbox.wait_for(&sandbox.path("dist/ready"));
    sandbox.write("a.txt", "changed\n");
    fs::write(&go, "").unwrap();
    let outcome = running.finish();
    // The step read the new bytes, but nobody knows what another of its reads would have seen.
    outcome.expect(Status::Ran);
    assert_eq!(
        outcome.not_stored(),
        ["input-changed-during-run"],
        "{}",
        outcome.said()
    );
}

#[test]
fn a_program_outside_the_workspace_counts_by_its_bytes() {
    let sandbox = with_task("tool a.txt");
    let tools = sandbox.home().join("tools");
    fs::create_dir(&tools).unwrap();
    let path = |sandbox: &Sandbox| {
        let vtt = sandbox.binaries().vtt().parent().unwrap().to_path_buf();
        std::env::join_paths([
            tools.clone(),
            vtt,
            PathBuf::from("/usr/bin"),
            PathBuf::from("/bin"),
        ])
        .unwrap()
    };
    let install = |text: &str| {
        fs::write(
            tools.join("tool"),
            format!("#!/bin/sh\nvtt print {text}\nvtt cat \"$1\"\n"),
        )
        .unwrap();
        set_executable(&tools.join("tool"));
    };
    let run = || {
        sandbox
            .call("vt run build")
            .env("PATH", path(&sandbox))
            .run()
    };
    install("first");
    run().expect(Status::Ran);
    run().expect(Status::Hit);
    install("second");
    let outcome = run();
    outcome.expect(Status::Ran);
    assert_eq!(
        outcome.summary().only().why.len(),
        1,
        "{:?}",
        outcome.summary().only().why
    );
    assert_eq!(outcome.summary().only().why[0].kind, "program-changed");
    assert!(outcome.out().contains("second"));
    install("first");
    run().expect(Status::Hit);
}

#[test]
fn a_static_program_deep_in_the_tree_of_processes_is_seen() {
    let sandbox = with_task("vtt run vtt run sh -c ./reader");
    let source = r#"
        #include <fcntl.h>
        #include <unistd.h>
        int main(void) {
            char buffer[64];
            int from = open("a.txt", O_RDONLY);
            int to = open("copied", O_WRONLY | O_CREAT | O_TRUNC, 0644);
            long size = read(from, buffer, sizeof buffer);
            return from < 0 || to < 0 || write(to, buffer, size) != size;
        }
    "#;
    compile_statically(source, &sandbox.path("reader"));
    build(&sandbox).expect(Status::Ran);
    let second = build(&sandbox);
    second.expect(Status::Hit);
    sandbox.remove("copied");
    build(&sandbox).expect(Status::Hit);
    assert_eq!(sandbox.read("copied"), b"one\n");
    sandbox.write("a.txt", "two\n");
    let third = build(&sandbox);
    third.expect(Status::Ran);
    assert!(
        third.summary().only().says_why("input-modified a.txt"),
        "{:?}",
        third.summary().only().why
    );
    assert_eq!(sandbox.read("copied"), b"two\n");
}

#[test]
fn a_workspace_that_moves_keeps_its_entries() {
    let sandbox = with_task("vtt concat -p dist/out a.txt");
    build(&sandbox).expect(Status::Ran);
    let moved = Sandbox::empty();
    fs::remove_dir(moved.root()).unwrap();
    fs::rename(sandbox.root(), moved.root()).unwrap();
    // Where the default cache directory is a matter of the machine and not of the workspace, home moves along.
    fs::remove_dir_all(moved.home()).unwrap();
    fs::rename(sandbox.home(), moved.home()).unwrap();
    build(&moved).expect(Status::Hit);
}

fn compile_statically(source: &str, program: &Path) {
    let file = program.with_extension("c");
    fs::write(&file, source).unwrap();
    let output = Command::new("cc")
        .args(["-static", "-o"])
        .arg(program)
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "`cc -static` is needed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn set_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
