//! What is remembered of rule components between runs: it saves reading them, and decides nothing.

mod plugin_guest;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use plugin_guest::{Guest, install_package, signature, workspace};
use vt_harness::{Outcome, Sandbox, Status};

const TRACKS: Guest<'static> = Guest {
    id: "guest",
    version: "1.0.0",
    env: &["SHOWN"],
    says: &[("track-env", "GUEST_*")],
};
/// As long as the other.
const TRACKS_OTHERS: Guest<'static> = Guest {
    says: &[("track-env", "OTHER_*")],
    ..TRACKS
};

fn run(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run go").run()
}

fn remembered(sandbox: &Sandbox) -> Option<PathBuf> {
    let caches = [".vt/cache", "node_modules/.cache/vt"];
    let mut entries = caches
        .iter()
        .filter_map(|cache| fs::read_dir(sandbox.path(cache)).ok())
        .flatten();
    entries.find_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("plugins-").then_some(path)
    })
}

/// Runs until the component is remembered: one that was written a moment ago is not.
fn settle(sandbox: &Sandbox) -> PathBuf {
    for _ in 0..100 {
        let outcome = run(sandbox);
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        if let Some(file) = remembered(sandbox) {
            return file;
        }
    }
    panic!("it is never remembered");
}

/// A workspace whose component is pinned and remembered, and the file that remembers it.
fn settled() -> (Sandbox, PathBuf) {
    let sandbox = workspace(&["./rules.wasm"]);
    sandbox.write("rules.wasm", TRACKS.bytes());
    let added = sandbox.call("vt plugin add").run();
    assert_eq!(added.exit_code, 0, "{}", added.said());
    let file = settle(&sandbox);
    (sandbox, file)
}

/// Writes over the bytes of a file that keeps its size and its modification time.
fn write_in_place(sandbox: &Sandbox, name: &str, bytes: &[u8]) {
    let path = sandbox.path(name);
    let before = fs::metadata(&path).unwrap();
    assert_eq!(before.len(), bytes.len() as u64);
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    drop(file);
    let after = File::open(&path).unwrap().metadata().unwrap();
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
}

#[track_caller]
fn refused(outcome: &Outcome, piece: &str) {
    assert_eq!(outcome.exit_code, 2, "{}", outcome.said());
    assert!(outcome.err().contains(piece), "{}", outcome.said());
}

#[test]
fn a_component_written_over_in_place_with_its_times_restored_is_refused() {
    let (sandbox, _) = settled();
    write_in_place(&sandbox, "rules.wasm", &TRACKS_OTHERS.bytes());
    refused(&run(&sandbox), "`./rules.wasm` has changed");
    refused(
        &sandbox.call("vt run --dry-run go").run(),
        "`./rules.wasm` has changed",
    );
    write_in_place(&sandbox, "rules.wasm", &TRACKS.bytes());
    assert_eq!(run(&sandbox).summary().only().status, Status::Hit);
}

#[test]
fn a_signature_written_over_in_place_is_judged_anew() {
    let sandbox = workspace(&["./rules.wasm"]);
    let (good, other) = (TRACKS.bytes(), TRACKS_OTHERS.bytes());
    sandbox.write("rules.wasm", &good);
    sandbox.write("rules.wasm.sig", signature(1, &good));
    assert_eq!(sandbox.call("vt plugin add").run().exit_code, 0);
    settle(&sandbox);
    let bad = signature(1, &other);
    write_in_place(&sandbox, "rules.wasm.sig", bad.as_bytes());
    refused(&run(&sandbox), "a signature that proves nothing");
    sandbox.remove("rules.wasm.sig");
    refused(&run(&sandbox), "--new-publisher");
}

#[test]
fn a_component_that_is_remembered_answers_a_new_question() {
    let (sandbox, file) = settled();
    let before = fs::read(&file).unwrap();
    let ask = |shown| {
        let outcome = sandbox.call("vt run go").env("SHOWN", shown).run();
        let step = outcome.summary().only();
        assert_eq!(step.directives.len(), 1, "{}", outcome.said());
        assert!(step.not_stored.is_empty(), "{}", outcome.said());
        step.status
    };
    // What it says is the same, so what was stored holds.
    assert_eq!(ask("1"), Status::Hit);
    assert_eq!(ask("2"), Status::Hit);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn what_is_remembered_pins_nothing_and_is_held_to_the_lock_of_now() {
    let (sandbox, _) = settled();
    let lock = String::from_utf8(sandbox.read("vt-plugins.lock")).unwrap();
    let digest = TRACKS.digest();
    sandbox.write("vt-plugins.lock", lock.replace(&digest, &"00".repeat(32)));
    refused(&run(&sandbox), "`./rules.wasm` has changed");
    sandbox.remove("vt-plugins.lock");
    let on_ci = sandbox.call("vt run go").env("CI", "true").run();
    refused(&on_ci, "`./rules.wasm` is not pinned");
}

#[test]
fn what_is_remembered_is_written_anew_when_it_was_damaged() {
    let (sandbox, file) = settled();
    let good = fs::read(&file).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for bad in [&flipped[..], &good[..good.len() / 2], b"", b"no such thing"] {
        fs::write(&file, bad).unwrap();
        let outcome = run(&sandbox);
        let step = outcome.summary().only();
        assert_eq!(step.status, Status::Hit, "{}", outcome.said());
        assert_eq!(step.directives.len(), 1, "{}", outcome.said());
        assert!(fs::read(&file).unwrap() == good, "it was not written anew");
    }
}

#[test]
fn a_look_writes_down_nothing_about_components() {
    let (sandbox, file) = settled();
    fs::remove_file(&file).unwrap();
    let outcome = sandbox.call("vt run --dry-run go").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert_eq!(remembered(&sandbox), None);
}

#[test]
fn a_package_that_leads_elsewhere_is_read_anew() {
    let sandbox = workspace(&["@acme/rules"]);
    install_package(&sandbox, "@acme/rules", "1.0.0", &TRACKS);
    install_package(&sandbox, "@acme/others", "1.0.0", &TRACKS_OTHERS);
    assert_eq!(sandbox.call("vt plugin add").run().exit_code, 0);
    settle(&sandbox);
    sandbox.remove("node_modules/@acme/rules");
    symlink("others", sandbox.path("node_modules/@acme/rules")).unwrap();
    refused(&run(&sandbox), "`@acme/rules` has changed");
}

/// What the kernel was asked while `vt` ran, if `strace` is there to tell.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn traced(sandbox: &Sandbox) -> Option<String> {
    let has_strace = std::process::Command::new("strace").arg("-V").output();
    if has_strace.is_err() {
        eprintln!("SKIPPED: there is no strace");
        return None;
    }
    let trace = sandbox.home().join("trace");
    let call = sandbox.call("strace -f -e trace=open,openat,mprotect -o");
    let outcome = call.word(&trace).word("vt").word("run").word("go").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    Some(fs::read_to_string(trace).unwrap())
}

/// Whether a trace shows that memory was made executable, as compiled code has to be.
fn makes_code(trace: &str) -> bool {
    let mut calls = trace.lines().filter(|line| line.contains("mprotect("));
    calls.any(|call| call.contains("PROT_EXEC"))
}

#[test]
fn a_warm_run_reads_no_component_and_makes_no_engine() {
    let (sandbox, file) = settled();
    let compiled = file.with_file_name("precompiled");
    assert!(compiled.is_dir(), "nothing was compiled");
    assert_eq!(run(&sandbox).summary().only().status, Status::Hit);
    // Whoever asked a component now would have to compile it, and would keep that.
    fs::remove_dir_all(&compiled).unwrap();
    let outcome = run(&sandbox);
    let step = outcome.summary().only();
    assert_eq!(step.status, Status::Hit, "{}", outcome.said());
    assert_eq!(step.directives.len(), 1, "{}", outcome.said());
    assert!(!compiled.exists(), "a component was compiled");
    if let Some(trace) = traced(&sandbox) {
        assert!(trace.contains("vt-plugins.lock"), "{trace}");
        assert!(!trace.contains("rules.wasm\""), "{trace}");
        assert!(!trace.contains("/precompiled/"), "{trace}");
        assert!(!makes_code(&trace), "{trace}");
    }
    assert!(!compiled.exists(), "a component was compiled");
}
