//! Compiles the library that is loaded into other people's processes.
//!
//! It is built by a cargo of its own, because it is another thing than the crate of the workspace:
//! it exports the names of the C library, needs no library and is never unwound. Used by whoever
//! embeds it and by the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What it is built from, below the workspace.
pub(crate) const SOURCES: &[&str] = &[
    "tracker/abi/Cargo.toml",
    "tracker/abi/src",
    "tracker/preload/Cargo.toml",
    "tracker/preload/compile.rs",
    "tracker/preload/src",
    "Cargo.toml",
    "Cargo.lock",
];

/// Builds it below a folder that no other cargo uses, and gives the file.
pub(crate) fn compile(cargo: &str, workspace: &Path, target: &str, target_dir: &Path) -> PathBuf {
    let status = Command::new(cargo)
        .args(["rustc", "--quiet", "--package", "vt-tracker-preload"])
        .args(["--lib", "--crate-type", "cdylib"])
        .args(["--profile", "preload", "--target", target])
        .arg("--target-dir")
        .arg(target_dir)
        .args(["--", "--cfg", "freestanding"])
        // Nothing of the C compiler's: it has constructors, and wants a C library.
        .args(["-C", "link-arg=-nostartfiles", "-C", "link-arg=-nostdlib"])
        // Whatever is needed is found when it is loaded, so that no hook ends up in the loader.
        .args(["-C", "link-arg=-Wl,-z,now"])
        // A part that is made read-only afterwards is another mapping in every process.
        .args(["-C", "link-arg=-Wl,-z,norelro"])
        .current_dir(workspace)
        // These are for the outer build: wrappers of clippy, flags of coverage and sanitizers.
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the preloaded library cannot be built");
    target_dir
        .join(target)
        .join("preload/libvt_tracker_preload.so")
}
