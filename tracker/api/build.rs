//! Builds the library that is loaded into the processes of a command, to be embedded.

use std::env;
use std::path::PathBuf;

#[path = "../preload/compile.rs"]
mod compile;

fn main() {
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("cargo sets `{name}`"));
    println!("cargo::rerun-if-changed=build.rs");
    let is_supported =
        variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ARCH") == "x86_64";
    if !is_supported {
        return;
    }
    let workspace = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("../..");
    for source in compile::SOURCES {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(source).display()
        );
    }
    let target_dir = PathBuf::from(variable("OUT_DIR")).join("preload");
    let (cargo, target) = (variable("CARGO"), variable("TARGET"));
    let library = compile::compile(&cargo, &workspace, &target, &target_dir);
    println!("cargo::rustc-env=VT_TRACKER_PRELOAD={}", library.display());
}
