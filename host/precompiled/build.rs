//! Takes compiled components into the program, where a release names a file of them.
//!
//! Without `VT_PRECOMPILED_BUILT_INS` there are none, and the program compiles components when it
//! needs them. What is in the file is judged when it is used; here it only has to be such a file.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts through the environment"
)]

use std::env;
use std::path::PathBuf;

/// What a file of compiled components begins with. The crate has the same.
const MAGIC: &[u8] = b"vt compiled components 1\n";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=VT_PRECOMPILED_BUILT_INS");
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("cargo sets `{name}`"));
    let copy = PathBuf::from(variable("OUT_DIR")).join("built_ins");
    let bytes = match env::var_os("VT_PRECOMPILED_BUILT_INS").filter(|file| !file.is_empty()) {
        None => Vec::new(),
        Some(file) => {
            let file = PathBuf::from(file);
            assert!(
                file.is_absolute(),
                "VT_PRECOMPILED_BUILT_INS is `{}`, which is no absolute path",
                file.display()
            );
            println!("cargo::rerun-if-changed={}", file.display());
            let bytes = std::fs::read(&file)
                .unwrap_or_else(|error| panic!("cannot read `{}`: {error}", file.display()));
            assert!(
                bytes.starts_with(MAGIC),
                "`{}` is no file that `vt plugin precompile` wrote",
                file.display()
            );
            bytes
        }
    };
    std::fs::write(&copy, bytes)
        .unwrap_or_else(|error| panic!("cannot write `{}`: {error}", copy.display()));
    println!("cargo::rustc-env=VT_BUILT_INS={}", copy.display());
    println!("cargo::rustc-env=VT_TARGET={}", variable("TARGET"));
}
