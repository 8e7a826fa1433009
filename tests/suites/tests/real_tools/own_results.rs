//! What a hit may do to what the step left earlier: put something else over it, remove it, or leave it.

use std::path::Path;

use vt_harness::{Outcome, Sandbox, Status, install};

use crate::six_steps::{contents, hit, package, ran, rarer, run};

/// `vt run --cache NAME ARGUMENTS`.
fn with_arguments(sandbox: &Sandbox, name: &str, arguments: &str) -> Outcome {
    sandbox
        .call(&format!("vt run --cache {name} {arguments}"))
        .run()
}

/// A test that compares with a snapshot, the text of which depends on `sides.txt`.
fn with_snapshot(tool: &str) -> (Sandbox, &'static str) {
    let sandbox = package(tool);
    let read = "readFileSync(\"sides.txt\", \"utf8\")";
    let (name, snapshot) = match tool {
        "jest" => ("test/snap.test.js", "test/__snapshots__/snap.test.js.snap"),
        _ => ("test/snap.test.ts", "test/__snapshots__/snap.test.ts.snap"),
    };
    let head = match tool {
        "jest" => "const { readFileSync } = require(\"fs\");\n",
        _ => {
            "import { readFileSync } from \"node:fs\";\nimport { expect, test } from \"vitest\";\n"
        }
    };
    sandbox.write(
        name,
        format!("{head}test(\"sides\", () => expect({read}).toMatchSnapshot());\n"),
    );
    sandbox.write("sides.txt", "4");
    (sandbox, snapshot)
}

/// A reference that is written where there is none, and compared where there is one.
#[test]
fn a_snapshot_that_was_accepted_is_not_put_back_by_a_hit() {
    for tool in ["jest", "vitest"] {
        let (sandbox, snapshot) = with_snapshot(tool);
        ran(&run(&sandbox, "test"), &["first-run"]);
        sandbox.write("sides.txt", "3");
        let failed = run(&sandbox, "test");
        assert_eq!(failed.exit_code, 1, "{}", failed.said());
        let accepted = with_arguments(&sandbox, "test", "-u");
        assert_eq!(accepted.exit_code, 0, "{}", accepted.said());
        let committed = sandbox.read(snapshot);
        hit(&run_again(&sandbox));

        sandbox.write("sides.txt", "4");
        for _ in 0..2 {
            let outcome = run(&sandbox, "test");
            assert_eq!(outcome.exit_code, 1, "{tool}: {}", outcome.said());
            assert_eq!(sandbox.read(snapshot), committed, "{tool}");
        }
        // Nor in a checkout that never ran it, with the same cache.
        let clone = Sandbox::copy_of(&sandbox.root());
        install(&clone);
        let outcome = clone
            .call("vt run --cache test")
            .env("VT_CACHE_DIR", cache_of(&sandbox))
            .run();
        assert_eq!(outcome.exit_code, 1, "{tool}: {}", outcome.said());
        assert_eq!(clone.read(snapshot), committed, "{tool}");
    }
}

fn run_again(sandbox: &Sandbox) -> Outcome {
    let outcome = run(sandbox, "test");
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    run(sandbox, "test")
}

fn cache_of(sandbox: &Sandbox) -> std::path::PathBuf {
    let said = sandbox.call("vt cache info").run();
    let text = said.said();
    let path = text
        .split_whitespace()
        .find(|word| Path::new(word).is_absolute())
        .unwrap_or_else(|| panic!("{text}"));
    path.trim_end_matches([',', ':']).into()
}

/// Sources `one` and `two`, compiled by `tsc` that remembers in `info` what it made.
fn two_sources(info: &str) -> Sandbox {
    let sandbox = package("tsc");
    sandbox.write(
        "two/tsconfig.json",
        format!(
            r#"{{ "compilerOptions": {{ "incremental": true, "tsBuildInfoFile": "../{info}", "outDir": "../lib", "rootDir": "src", "types": [] }}, "include": ["src"] }}"#
        ),
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "two": "tsc -p two", "two-check": "tsc -p two --noEmit" } }"#,
    );
    sources(&sandbox, 1, Some(1));
    sandbox
}

fn sources(sandbox: &Sandbox, one: u32, two: Option<u32>) {
    sandbox.write("two/src/one.ts", format!("export const one = {one};\n"));
    match two {
        Some(two) => sandbox.write("two/src/two.ts", format!("export const two = {two};\n")),
        None => sandbox.remove("two/src/two.ts"),
    }
}

/// Whether `lib` holds what a build of these sources from a clean tree makes.
#[track_caller]
fn is_built(sandbox: &Sandbox, one: u32, two: u32) {
    for (name, value) in [("one", one), ("two", two)] {
        let made = String::from_utf8(sandbox.read(&format!("lib/{name}.js"))).unwrap();
        assert!(made.contains(&format!("{name} = {value};")), "{made}");
    }
}

#[test]
fn what_tsc_remembers_does_not_outlive_a_hit_that_it_does_not_know_of() {
    for info in ["node_modules/.cache/tsc/two", "lib/.info", ".state/info"] {
        let sandbox = two_sources(info);
        for (one, two) in [(1, 1), (1, 2), (1, 1), (2, 2), (1, 2), (2, 2)] {
            sources(&sandbox, one, Some(two));
            let outcome = run(&sandbox, "two");
            assert_eq!(outcome.exit_code, 0, "{info}: {}", outcome.said());
            is_built(&sandbox, one, two);
        }
        // And among several tasks that share it.
        for (one, two) in [(1, 1), (3, 2), (1, 1), (3, 3)] {
            sources(&sandbox, one, Some(two));
            for task in ["two-check", "two"] {
                let outcome = run(&sandbox, task);
                assert_eq!(outcome.exit_code, 0, "{info}: {}", outcome.said());
            }
            is_built(&sandbox, one, two);
        }
    }
}

#[test]
fn a_result_of_a_source_that_is_gone_stays_where_tsc_leaves_it_and_does_not_return() {
    let sandbox = two_sources(".state/info");
    ran(&run(&sandbox, "two"), &["first-run"]);
    sources(&sandbox, 1, None);
    let outcome = run(&sandbox, "two");
    assert!(outcome.summary().only().stored, "{}", outcome.said());
    assert!(sandbox.path("lib/two.js").exists());
    sandbox.remove("lib");
    sandbox.remove(".state");
    let outcome = run(&sandbox, "two");
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(sandbox.path("lib/one.js").exists());
    assert!(!sandbox.path("lib/two.js").exists());
}

#[test]
fn what_is_gone_with_the_memory_of_it_is_made_anew() {
    let sandbox = two_sources(".state/info");
    ran(&run(&sandbox, "two"), &["first-run"]);
    sandbox.remove("lib/two.js");
    sources(&sandbox, 2, Some(1));
    assert_eq!(run(&sandbox, "two").not_stored(), ["lost-result"]);
    sandbox.remove("lib");
    sandbox.remove(".state");
    assert!(run(&sandbox, "two").summary().only().stored);
    is_built(&sandbox, 2, 1);
}

/// A generator that writes and never removes.
#[test]
fn a_committed_file_is_never_removed() {
    let sandbox = package("prettier");
    sandbox.write(
        "generate.js",
        "const fs = require(\"fs\");\nfs.mkdirSync(\"generated\", { recursive: true });\n\
         for (const name of fs.readdirSync(\"models\")) fs.copyFileSync(`models/${name}`, `generated/${name}.ts`);\n",
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "generate": "node generate.js" } }"#,
    );
    sandbox.write("models/user", "user\n");
    let first = run(&sandbox, "generate");
    assert!(first.summary().only().stored, "{}", first.said());
    sandbox.write("models/order", "order\n");
    let _ = run(&sandbox, "generate");
    let git = |line: &str| assert_eq!(sandbox.call(line).run().exit_code, 0, "{line}");
    git("git init -q");
    git("git add -f generated");
    sandbox.remove("models/order");
    for _ in 0..3 {
        let outcome = run(&sandbox, "generate");
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        assert!(sandbox.path("generated/order.ts").exists());
    }
}

/// Vite clears its directory, and a second build puts more into it.
#[test]
fn two_builds_into_one_directory_lose_nothing() {
    let sandbox = package("vite");
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": {
            "client": "vite build",
            "both": { "command": "vite build --ssr src/server.js --emptyOutDir false", "dependsOn": ["client"] }
        } }"#,
    );
    let both = || {
        let outcome = sandbox.call("vt run --cache both").run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let of = |task: &str| {
            let steps = &outcome.summary().steps;
            steps.iter().find(|step| step.task == task).unwrap().status
        };
        (of("client"), of("both"))
    };
    assert_eq!(both(), (Status::Ran, Status::Ran));
    let made = contents(&sandbox, &["dist"]);
    assert_eq!(both(), (Status::Hit, Status::Hit));
    assert_eq!(contents(&sandbox, &["dist"]), made);
    sandbox.write("src/server.js", "export const answer = 43;\n");
    assert_eq!(both().1, Status::Ran);
    assert!(sandbox.path("dist/index.html").exists());
    assert_eq!(both(), (Status::Hit, Status::Hit));
    assert!(sandbox.path("dist/server.js").exists() && sandbox.path("dist/index.html").exists());
    sandbox.remove("dist");
    assert_eq!(both(), (Status::Hit, Status::Hit));
    assert!(sandbox.path("dist/server.js").exists() && sandbox.path("dist/index.html").exists());
}

/// What an option took away stays where the tool leaves it.
#[test]
fn a_leftover_of_a_build_that_cleans_goes_and_of_one_that_does_not_stays() {
    let Some(sandbox) = rarer("tsdown") else {
        return;
    };
    let build = |task: &str, entry: &str| {
        let outcome = with_arguments(&sandbox, task, entry);
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        outcome
    };
    sandbox.write("src/one.ts", "export const one = 1;\n");
    sandbox.write("src/two.ts", "export const two = 2;\n");
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": {
            "clean": "tsdown --clean --no-config -d built --entry",
            "keep": "tsdown --no-clean --no-config -d kept --entry"
        } }"#,
    );
    for (task, directory, stays) in [("clean", "built", false), ("keep", "kept", true)] {
        let _ = build(task, "src/one.ts");
        let _ = build(task, "src/two.ts");
        for _ in 0..2 {
            let _ = build(task, "src/one.ts");
            let files = contents(&sandbox, &[directory]);
            assert!(files[0].mentions("one = 1"), "{task}");
            assert_eq!(files[0].mentions("two = 2"), stays, "{task}");
        }
    }
}

#[test]
fn a_reference_that_somebody_changed_is_compared_with() {
    let sandbox = package("prettier");
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "size": "node size.js" } }"#,
    );
    sandbox.write("limit.txt", "9");
    sandbox.write(
        "size.js",
        "const fs = require(\"fs\");\nconst now = fs.readFileSync(\"limit.txt\", \"utf8\");\n\
         if (!fs.existsSync(\"baseline.txt\")) fs.writeFileSync(\"baseline.txt\", now);\n\
         const base = fs.readFileSync(\"baseline.txt\", \"utf8\");\n\
         console.log(`${now} of ${base}`);\nprocess.exit(now > base ? 1 : 0);\n",
    );
    ran(&run(&sandbox, "size"), &["first-run"]);
    hit(&run(&sandbox, "size"));
    sandbox.write("baseline.txt", "5");
    for _ in 0..2 {
        let outcome = run(&sandbox, "size");
        assert_eq!(outcome.exit_code, 1, "{}", outcome.said());
        assert_eq!(sandbox.read("baseline.txt"), b"5");
    }
}

/// Vite asks the runner to ignore its directory, and clears it all the same.
#[test]
fn a_file_that_vite_would_remove_makes_it_run() {
    let sandbox = package("vite");
    ran(&run(&sandbox, "build"), &["first-run"]);
    hit(&run(&sandbox, "build"));
    sandbox.write("dist/person.txt", "by hand");
    ran(&run(&sandbox, "build"), &["input-added dist/person.txt"]);
    assert!(!sandbox.path("dist/person.txt").exists());
    hit(&run(&sandbox, "build"));
}

/// An index of a directory names what an earlier run left there.
#[test]
fn an_index_names_the_leftovers_that_are_there() {
    let sandbox = package("prettier");
    sandbox.write(
        "index.js",
        "const fs = require(\"fs\");\nfs.mkdirSync(\"generated\", { recursive: true });\n\
         for (const name of fs.readdirSync(\"models\")) fs.copyFileSync(`models/${name}`, `generated/${name}`);\n\
         const names = fs.readdirSync(\"generated\").filter((name) => name !== \"index\");\n\
         fs.writeFileSync(\"generated/index\", names.join());\n",
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "generate": "node index.js" } }"#,
    );
    let generates = |index: &str| {
        let outcome = run(&sandbox, "generate");
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let made = sandbox.read("generated/index");
        assert_eq!(String::from_utf8(made).unwrap(), index);
    };
    sandbox.write("models/a", "a");
    sandbox.write("models/b", "b");
    generates("a,b");
    sandbox.remove("models/b");
    generates("a,b");
    sandbox.remove("generated");
    generates("a");
    sandbox.write("models/b", "b");
    generates("a,b");
    sandbox.remove("models/b");
    generates("a,b");
}

/// A step that only removes has nothing to bring back, whichever step made the files.
#[test]
fn a_step_that_only_clears_clears_each_time() {
    let sandbox = package("prettier");
    sandbox.write(
        "clean.js",
        "require(\"fs\").rmSync(\"dist\", { recursive: true, force: true });\n",
    );
    sandbox.write(
        "copy.js",
        "const fs = require(\"fs\");\nfs.mkdirSync(\"dist\", { recursive: true });\n\
         for (const name of fs.readdirSync(\"models\")) fs.copyFileSync(`models/${name}`, `dist/${name}`);\n",
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "clean": "node clean.js", "all": { "command": "node copy.js", "dependsOn": ["clean"] } } }"#,
    );
    sandbox.write("models/a", "a");
    sandbox.write("models/b", "b");
    for _ in 0..2 {
        assert_eq!(run(&sandbox, "all").exit_code, 0);
        assert!(sandbox.path("dist/b").exists());
    }
    sandbox.remove("models/b");
    assert_eq!(run(&sandbox, "all").exit_code, 0);
    assert!(sandbox.path("dist/a").exists() && !sandbox.path("dist/b").exists());
}
