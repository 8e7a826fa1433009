//! Builds crates of rule authors, as they would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use vt_harness::Outcome;
use vt_suites::repository;

/// Where the crates of these tests are built, so that what they link is built once. Each has a name of
/// its own.
fn target() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let profile = executable.ancestors().nth(2).unwrap();
    profile.with_file_name("plugin-kit")
}

/// Runs a build of an author, with what this machine has of crates if that is enough.
pub(crate) fn build(program: &str, args: &[&str], directory: &Path, rustc: Option<&str>) -> Output {
    let run = |offline: &str| {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(directory)
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_NET_OFFLINE", offline)
            .env_remove("RUSTFLAGS");
        if let Some(rustc) = rustc {
            command.env("RUSTC", rustc);
        }
        command.output().unwrap()
    };
    let output = run("true");
    let missing = String::from_utf8_lossy(&output.stderr).contains("offline");
    if missing { run("false") } else { output }
}

#[track_caller]
pub(crate) fn assert_built(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A compiler that has the target, if there is one without making it.
pub(crate) fn wasm_compiler() -> Option<String> {
    let output = Command::new(repository().join("plugins/wasm-std"))
        .arg("--ready")
        .output()
        .unwrap();
    if !output.status.success() {
        eprintln!("SKIPPED: no compiler for wasm32-unknown-unknown; `plugins/wasm-std` makes one");
        return None;
    }
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// What a command wrote as JSON.
pub(crate) fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{}", outcome.said()))
}
