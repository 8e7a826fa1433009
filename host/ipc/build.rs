//! Builds the Node client that is embedded into the runner.
//!
//! It is built by a cargo of its own, because it wants another profile: what lives in other
//! people's processes is small and never unwinds into them. A plain dependency would be built
//! with the profile of the runner.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts through the environment"
)]

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("cargo sets `{name}`"));
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let workspace = manifest.join("../..");
    let target = variable("TARGET");
    let target_dir = PathBuf::from(variable("OUT_DIR")).join("node-client");

    for source in [
        "sdk-rust/protocol/Cargo.toml",
        "sdk-rust/protocol/src",
        "sdk-rust/client/Cargo.toml",
        "sdk-rust/client/src",
        "sdk-js/native/Cargo.toml",
        "sdk-js/native/src",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(source).display()
        );
    }
    println!("cargo::rerun-if-changed=build.rs");

    let status = Command::new(variable("CARGO"))
        .args(["build", "--quiet", "--package", "vt-node-client"])
        .args(["--profile", "client", "--target", &target])
        .arg("--target-dir")
        .arg(&target_dir)
        .current_dir(&workspace)
        // These are for the outer build: wrappers of clippy, flags of coverage and sanitizers.
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo can be started, since it started this");
    assert!(status.success(), "the Node client cannot be built");

    let library = match variable("CARGO_CFG_TARGET_OS").as_str() {
        "macos" => "libvt_node_client.dylib",
        _ => "libvt_node_client.so",
    };
    let built = target_dir.join(&target).join("client").join(library);
    println!("cargo::rustc-env=VT_NODE_CLIENT={}", built.display());
}
