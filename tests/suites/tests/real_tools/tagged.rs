//! Directories that say of themselves, by a `CACHEDIR.TAG`, that they are caches.

use std::path::Path;

use vt_harness::{Outcome, Sandbox};
use vt_suites::repository;

use crate::six_steps::{append, contents, hit, ran, run};

/// A tool that counts its runs in its cache and compiles into it, and a script that uses what it compiled.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "tagged", "scripts": { "make": "node make.js", "use": "node use.js" } }"#,
    );
    sandbox.write(
        "make.js",
        r#"const { existsSync, mkdirSync, readFileSync, writeFileSync } = require("node:fs");
mkdirSync("target", { recursive: true });
writeFileSync("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
const runs = existsSync("target/runs") ? Number(readFileSync("target/runs")) : 0;
writeFileSync("target/runs", `${runs + 1}`);
if (existsSync("target/shared")) readFileSync("target/shared");
writeFileSync("target/out.txt", readFileSync("source.txt"));
"#,
    );
    sandbox.write(
        "use.js",
        r#"const { readFileSync, writeFileSync } = require("node:fs");
writeFileSync("used.txt", readFileSync("target/out.txt"));
"#,
    );
    sandbox.write("source.txt", "One.\n");
    sandbox
}

#[test]
fn a_tagged_cache_is_no_input_of_the_step_that_keeps_it() {
    let sandbox = sandbox();
    sandbox.write("target/shared", "By another.\n");
    ran(&run(&sandbox, "make"), &["first-run"]);
    hit(&run(&sandbox, "make"));
    append(&sandbox, "target/shared", "Again.\n");
    hit(&run(&sandbox, "make"));
    append(&sandbox, "source.txt", "Two.\n");
    ran(&run(&sandbox, "make"), &["input-modified source.txt"]);
    hit(&run(&sandbox, "make"));
    sandbox.remove("target");
    hit(&run(&sandbox, "make"));
    assert_eq!(sandbox.read("target/out.txt"), b"One.\nTwo.\n");
}

#[test]
fn what_lies_in_a_tagged_cache_is_an_input_of_a_step_that_only_reads_it() {
    let sandbox = sandbox();
    ran(&run(&sandbox, "make"), &["first-run"]);
    ran(&run(&sandbox, "use"), &["first-run"]);
    hit(&run(&sandbox, "use"));
    append(&sandbox, "source.txt", "Two.\n");
    ran(&run(&sandbox, "make"), &["input-modified source.txt"]);
    ran(&run(&sandbox, "use"), &["input-modified target/out.txt"]);
    assert_eq!(sandbox.read("used.txt"), b"One.\nTwo.\n");
    hit(&run(&sandbox, "use"));
}

/// A real tool with such a directory: Cargo. It is not from npm, and its lockfile is one of its own. Two names of one file
/// are among what it makes, so that a build of earlier sources is made again and not put over them.
#[test]
fn cargo_whose_target_says_that_it_is_a_cache() {
    let fixture = repository().join("tests/fixtures/tools/cargo");
    let sandbox = Sandbox::copy_of(&fixture);
    let built = ["target/debug/shout", "target/debug/libshout.rlib"];
    let first = cargo(&sandbox, &[]);
    ran(&first, &["first-run"]);
    assert!(first.err().contains("Compiling shout"), "{}", first.said());
    assert!(sandbox.path("target/CACHEDIR.TAG").is_file());
    let made = contents(&sandbox, &built);

    let warm = cargo(&sandbox, &[]);
    hit(&warm);
    assert!(warm.said().contains("Compiling shout"), "{}", warm.said());
    assert_eq!(warm.summary().only().restored, Some(0));

    sandbox.remove("target");
    hit(&cargo(&sandbox, &[]));
    assert_eq!(contents(&sandbox, &built), made);

    append(&sandbox, "src/main.rs", "// Edited.\n");
    ran(&cargo(&sandbox, &[]), &["input-modified src/main.rs"]);
    hit(&cargo(&sandbox, &[]));
    append(&sandbox, "notes.txt", "Nor this.\n");
    hit(&cargo(&sandbox, &[]));
    // What another build leaves in the cache is nothing to this one.
    sandbox.write("target/debug/another", "By another.\n");
    hit(&cargo(&sandbox, &[]));

    let elsewhere = [("CARGO_TARGET_DIR", "made")];
    ran(
        &cargo(&sandbox, &elsewhere),
        &["env-added CARGO_TARGET_DIR"],
    );
    hit(&cargo(&sandbox, &elsewhere));
    sandbox.remove("made");
    hit(&cargo(&sandbox, &elsewhere));
    assert!(sandbox.path("made/debug/shout").is_file());
}

/// With the Cargo that runs this test.
fn cargo(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Outcome {
    let cargo = Path::new(env!("CARGO"));
    let programs = cargo.parent().expect("a program lies in a folder");
    let path = std::env::var("PATH").unwrap();
    let call = sandbox.call("vt run build");
    let call = call.env("PATH", format!("{}:{path}", programs.display()));
    let call = variables
        .iter()
        .fold(call, |call, (name, value)| call.env(name, value));
    call.run()
}
