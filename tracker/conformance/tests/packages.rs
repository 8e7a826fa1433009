//! Runtimes and tools that come as packages: Bun and Deno; esbuild and TypeScript, which are made with Go;
//! Biome, Oxlint, Rspack and Lightning CSS, which are made with Rust.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod matrix;

use std::fs;
use std::path::{Path, PathBuf};

use matrix::Passage;
use vt_tracker_conformance::compare::MadeUp;
use vt_tracker_conformance::room::Room;
use vt_tracker_conformance::runtimes::{installed, package, source};
use vt_tracker_conformance::trial::{Failures, Trial};

fn program() -> PathBuf {
    source("programs/rows.cjs")
}

#[test]
fn bun() {
    let Some(bun) = package("@oven/bun-linux-x64/bin/bun") else {
        return;
    };
    let program = program();
    let program = program.to_str().expect("the clone has a plain path");
    for way in ["sync", "promises"] {
        Passage {
            made_up: &[MadeUp(".????????????????-0..pile")],
            ..Passage::new(&format!("Bun, {way}"), &bun, &[program, way])
        }
        .check();
    }
}

/// Deno writes its caches while it ends, some times in one order and some times in another. Where
/// there is a directory in the place of a cache it does without.
fn without_caches(room: &Room) {
    for cache in ["node_analysis", "dep_analysis", "v8_code"] {
        let place = format!("home/.cache/deno/{cache}_cache_v2");
        fs::create_dir_all(room.base.join(place)).expect("the room is ours");
    }
}

#[test]
fn deno() {
    let Some(deno) = package("@deno/linux-x64-glibc/deno") else {
        return;
    };
    let program = program();
    let program = program.to_str().expect("the clone has a plain path");
    for way in ["sync", "promises"] {
        let arguments = ["run", "-A", "--no-lock", "--no-config", program, way];
        Passage {
            prepare: without_caches,
            ..Passage::new(&format!("Deno, {way}"), &deno, &arguments)
        }
        .check();
    }
}

/// A small project with what a bundler looks for.
fn project(room: &Room) {
    room.write("src/main.ts", "import { part } from './part'; import pack from 'pack'; console.log(part, pack)")
        .write("src/part.tsx", "export const part = <b>text</b>; import './style.css'; import data from '../data.json'; data")
        .write("src/style.css", "b { background: url(./missing.css) } @import './more.css';")
        .write("src/more.css", "i { color: red }")
        .write("data.json", "{}")
        .write("tsconfig.json", r#"{"extends":"./base.json"}"#)
        .write("base.json", r#"{"compilerOptions":{"jsx":"react"}}"#)
        .write("package.json", r#"{"sideEffects":true}"#)
        .write("node_modules/pack/package.json", r#"{"name":"pack","main":"lib"}"#)
        .write("node_modules/pack/lib/index.js", "module.exports = require('linked')")
        .write("store/linked/index.js", "module.exports = 1")
        .link("../store/linked", "node_modules/linked");
}

#[test]
fn esbuild() {
    let Some(esbuild) = package("@esbuild/linux-x64/bin/esbuild") else {
        return;
    };
    let mut failures = Failures::default();
    for arguments in [
        &[
            "src/main.ts",
            "--bundle",
            "--outdir=dist",
            "--sourcemap",
            "--external:*.css",
        ][..],
        &[
            "src/main.ts",
            "--bundle",
            "--outfile=src/out.js",
            "--loader:.css=empty",
            "--metafile=meta.json",
        ],
        &[
            "src/more.css",
            "--minify",
            "--allow-overwrite",
            "--outfile=src/more.css",
        ],
    ] {
        failures.check(&Trial {
            name: format!("esbuild {arguments:?}"),
            prepare: &project,
            command: &|room| room.command(&esbuild, arguments),
            made_up: &[],
            known: &[],
        });
    }
    failures.assert_none();
}

/// Compares what a tool does with the project, each time with other arguments.
fn compare(tool: &str, program: &Path, calls: &[&[&str]], made_up: &[MadeUp]) {
    let mut failures = Failures::default();
    for arguments in calls {
        failures.check(&Trial {
            name: format!("{tool} {arguments:?}"),
            prepare: &project,
            command: &|room| room.command(program, arguments),
            made_up,
            known: &[],
        });
    }
    failures.assert_none();
}

#[test]
fn typescript() {
    let Some(tsc) = package("@typescript/typescript-linux-x64/lib/tsc") else {
        return;
    };
    // Several threads make the first directory of the results in one order or another.
    let build = [
        "--noCheck",
        "--singleThreaded",
        "--ignoreConfig",
        "--outDir",
        "dist",
        "--jsx",
        "react",
    ];
    let apart = [&build[..], &["--noResolve", "src/part.tsx"]].concat();
    let build = [&build[..], &["src/main.ts"]].concat();
    compare(
        "tsc",
        &tsc,
        &[&build, &apart, &["--showConfig", "-p", "."]],
        &[],
    );
}

#[test]
fn biome() {
    if let Some(biome) = package("@biomejs/cli-linux-x64/biome") {
        compare(
            "biome",
            &biome,
            &[
                &["format", "--write", "src"],
                &["lint", "--skip=correctness", "data.json"],
            ],
            &[],
        );
    }
}

#[test]
fn oxlint() {
    let (Some(oxlint), Some(node)) = (package("oxlint/bin/oxlint"), installed("node")) else {
        return;
    };
    let program = oxlint.to_str().expect("the cache has a plain path");
    compare(
        "oxlint",
        &node,
        &[&[program, "src"], &[program, "--fix", "src"]],
        &[],
    );
}

#[test]
fn rspack() {
    let (Some(rspack), Some(node)) = (package("@rspack/cli/bin/rspack.js"), installed("node"))
    else {
        return;
    };
    let program = rspack.to_str().expect("the cache has a plain path");
    let build = [
        program,
        "build",
        "--entry",
        "./store/linked/index.js",
        "--mode",
        "production",
    ];
    compare("rspack", &node, &[&build], &[]);
}

#[test]
fn lightning_css() {
    if let Some(css) = package("lightningcss-cli-linux-x64-gnu/lightningcss") {
        compare(
            "lightningcss",
            &css,
            &[
                &[
                    "--minify",
                    "--sourcemap",
                    "src/more.css",
                    "-o",
                    "src/less.css",
                ],
                &["--minify", "src/more.css", "-d", "dist"],
            ],
            &[],
        );
    }
}
