//! The packages that JavaScript tools cooperate with, installed as their users install them: the
//! published client of Vite's runner, and ours from what `npm pack` makes of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use vt_harness::{Outcome, Sandbox, Status, copy_tree, install};
use vt_suites::repository;

/// The machine that the packages with other versions of Node are for.
const MACHINE_OF_NODES: (&str, &str) = ("linux", "x86_64");

fn npm(directory: &Path, words: &[&str]) -> String {
    let output = Command::new("npm")
        .args(words)
        .current_dir(directory)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "npm {words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `npm pack` makes of the package.
fn packed(sandbox: &Sandbox) -> PathBuf {
    let home = sandbox.home();
    let package = repository().join("sdk-js").canonicalize().unwrap();
    let destination = home.to_str().unwrap();
    let said = npm(
        &package,
        &["pack", "--silent", "--pack-destination", destination],
    );
    home.join(said.trim())
}

/// A variable that all commands are given besides.
type Besides<'a> = Option<(&'a str, &'a OsStr)>;

/// A workspace far from the repository, with both packages.
fn workspace() -> Sandbox {
    let fixture = repository().join("tests/fixtures/ipc_packages");
    let sandbox = Sandbox::copy_of(&fixture);
    install(&sandbox);
    let archive = packed(&sandbox);
    let unpacked = sandbox.home().join("vt-client");
    std::fs::create_dir(&unpacked).unwrap();
    std::fs::write(unpacked.join("package.json"), r#"{ "name": "fresh" }"#).unwrap();
    let archive = archive.to_str().unwrap();
    npm(
        &unpacked,
        &["install", "--offline", "--no-audit", "--no-fund", archive],
    );
    copy_tree(
        &unpacked.join("node_modules/vt-client"),
        &sandbox.path("node_modules/vt-client"),
    )
    .unwrap();
    sandbox
}

fn run(sandbox: &Sandbox, task: &str, mode: &str, besides: Besides<'_>) -> Outcome {
    let mut call = sandbox
        .call(&format!("vt run {task}"))
        .env("MODE", mode)
        .env("UNTRACKED", mode)
        .env("APP_A", "1")
        .env("APP_B", "2");
    if let Some((name, value)) = besides {
        call = call.env(name, value);
    }
    let outcome = call.run();
    assert_eq!(outcome.exit_code, 0, "{task}: {}", outcome.said());
    outcome
}

fn status(outcome: &Outcome) -> Status {
    outcome.summary().only().status
}

/// All that a package can say takes effect, and all that it asks is answered.
fn is_heard(sandbox: &Sandbox, task: &str, besides: Besides<'_>) {
    sandbox.write("private.txt", "two\n");
    let first = run(sandbox, task, "a", besides);
    let said = first.summary();
    assert!(said.only().stored, "{task}: {:?}", said.only().not_stored);
    let answers = r#"["a","a",{"APP_A":"1","APP_B":"2"},{"APP_A":"1","APP_B":"2"},{}]"#;
    assert!(first.said().contains(answers), "{task}: {}", first.said());

    sandbox.write("private.txt", "changed\n");
    sandbox.remove("dist");
    sandbox.remove("state");
    assert_eq!(
        status(&run(sandbox, task, "a", besides)),
        Status::Hit,
        "{task}"
    );
    assert_eq!(sandbox.read("dist/out"), b"made", "{task}");
    assert!(!sandbox.path("state").exists(), "{task}");

    let third = run(sandbox, task, "b", besides);
    let why: Vec<String> = third
        .summary()
        .only()
        .why
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(why, ["env-changed MODE"], "{task}");
}

fn opts_out(sandbox: &Sandbox, task: &str, reason: &str) {
    let outcome = run(sandbox, task, "a", None);
    let summary = outcome.summary();
    let reasons: Vec<String> = summary
        .only()
        .not_stored
        .iter()
        .map(|reason| reason.to_string().trim_end().to_owned())
        .collect();
    assert_eq!(reasons, [reason], "{task}");
}

#[test]
fn the_published_client_is_heard() {
    let sandbox = workspace();
    is_heard(&sandbox, "published", None);
    is_heard(&sandbox, "published-worker", None);
    opts_out(&sandbox, "published-opt-out", "opted-out tool");
}

#[test]
fn the_client_of_this_repository_takes_its_place_and_says_more() {
    let sandbox = workspace();
    is_heard(&sandbox, "ours", None);
    is_heard(&sandbox, "ours-worker", None);
    opts_out(&sandbox, "ours-opt-out", "opted-out tool");
    opts_out(&sandbox, "ours-reason", "opted-out tool it is a server");
    let outcome = run(&sandbox, "ours-extras", "a", None);
    assert!(outcome.summary().only().stored);
    sandbox.write("tracked.txt", "new");
    let outcome = run(&sandbox, "ours-extras", "a", None);
    assert_eq!(
        outcome.summary().only().why[0].to_string(),
        "input-added tracked.txt"
    );
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn it_is_heard_from_every_version_of_node() {
    if (std::env::consts::OS, std::env::consts::ARCH) != MACHINE_OF_NODES {
        eprintln!("SKIPPED: the packages with other versions of Node are for another machine");
        return;
    }
    let nodes = Sandbox::copy_of(&repository().join("tests/fixtures/ipc_nodes"));
    install(&nodes);
    let system = std::env::var_os("PATH").unwrap();
    for version in ["node18", "node22", "node24"] {
        let sandbox = workspace();
        let folder = nodes.path(&format!("node_modules/{version}/bin"));
        let folders = std::iter::once(folder).chain(std::env::split_paths(&system));
        let path = std::env::join_paths(folders).unwrap();
        is_heard(&sandbox, "ours", Some(("PATH", &path)));
        is_heard(&sandbox, "ours-worker", Some(("PATH", &path)));
        let outcome = sandbox.call("node --version").env("PATH", &path).run();
        let wanted = version.replace("node", "v");
        assert!(outcome.said().contains(&wanted), "{}", outcome.said());
    }
}

#[test]
fn no_call_throws_whatever_there_is_for_a_runner() {
    let sandbox = workspace();
    sandbox.write(
        "broken.cjs",
        "exports.load = () => { throw new Error('no') };\n",
    );
    sandbox.write(
        "throwing.cjs",
        "exports.load = () => new Proxy({}, { get: () => () => { throw new Error('no') } });\n",
    );
    sandbox.write(
        "older.cjs",
        "exports.load = () => ({ ignoreInput() {} });\n",
    );
    sandbox.write("empty.cjs", "exports.load = () => undefined;\n");
    sandbox.write("text.cjs", "module.exports = 'text';\n");
    let runners = [
        "",
        "/nowhere.cjs",
        "relative",
        "broken.cjs",
        "throwing.cjs",
        "older.cjs",
        "empty.cjs",
        "text.cjs",
    ];
    for runner in runners {
        let runner = match runner.strip_suffix(".cjs") {
            Some(_) if !runner.starts_with('/') => sandbox.path(runner).display().to_string(),
            _ => runner.to_owned(),
        };
        let outcome = sandbox
            .call("node odd.mjs")
            .env("VP_RUN_NODE_CLIENT_PATH", &runner)
            .run();
        assert_eq!(outcome.exit_code, 0, "`{runner}`: {}", outcome.said());
        assert!(outcome.said().contains("608 calls"), "{}", outcome.said());
    }
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "odd": "node odd.mjs" } }"#,
    );
    let outcome = sandbox.call("vt run odd").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
}

#[test]
fn its_types_are_those_of_its_source_and_fit_the_published_ones() {
    let sandbox = workspace();
    let package = repository().join("sdk-js");
    let compiler = sandbox.home().join("types");
    std::fs::create_dir(&compiler).unwrap();
    for file in [
        "package.json",
        "package-lock.json",
        "tsconfig.json",
        "src/index.js",
    ] {
        let to = compiler.join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(package.join(file), to).unwrap();
    }
    npm(
        &compiler,
        &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    );
    npm(&compiler, &["run", "types"]);
    let kept = std::fs::read_to_string(package.join("src/index.d.ts")).unwrap();
    let made = std::fs::read_to_string(compiler.join("src/index.d.ts")).unwrap();
    assert_eq!(kept, made, "run `npm run types` in sdk-js");

    // Whatever is written against the published package also fits this one.
    let published = sandbox.path("node_modules/@voidzero-dev/vite-task-client");
    copy_tree(&published, &compiler.join("node_modules/published")).unwrap();
    std::fs::write(
        compiler.join("fits.ts"),
        "import type * as published from 'published';\n\
         import * as ours from './src/index.js';\n\
         export const fits: typeof published = ours;\n\
         ours.disableCache({ reason: 'why' });\n",
    )
    .unwrap();
    let words = [
        "exec", "--", "tsc", "--strict", "--noEmit", "--target", "ES2022", "--module", "NodeNext",
        "--types", "node", "fits.ts",
    ];
    npm(&compiler, &words);
}

/// The tool of the guide, as it is told there before and after.
fn tools_of_the_guide() -> [String; 2] {
    let guide = std::fs::read_to_string(repository().join("docs/guide/tools.md")).unwrap();
    let blocks: Vec<String> = guide
        .split("```")
        .filter_map(|block| block.strip_prefix("js\n"))
        .map(str::to_owned)
        .collect();
    blocks.try_into().unwrap()
}

#[test]
fn the_guide_tells_the_truth_about_before_and_after() {
    let sandbox = workspace();
    let [before, after] = tools_of_the_guide();
    sandbox.write("src/index.js", "let  a  =  1;\n");
    sandbox.write("package.json", r#"{ "name": "app", "type": "module" }"#);
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "build": "node bundle.js", "serve": "node bundle.js --serve" } }"#,
    );
    let build = |mode: Option<&str>| {
        let call = sandbox.call("vt run build");
        let outcome = match mode {
            Some(mode) => call.env("NODE_ENV", mode).run(),
            None => call.run(),
        };
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let step = outcome.summary().only().clone();
        let why: Vec<String> = step.why.iter().map(ToString::to_string).collect();
        (step.status, why, sandbox.read("dist/index.js"))
    };

    sandbox.write("bundle.js", before);
    assert_eq!(build(Some("production")).2, b"let a = 1; ");
    sandbox.remove("node_modules/.bundle");
    let (status, why, _) = build(None);
    assert_eq!(
        (status, why),
        (Status::Ran, vec!["env-removed NODE_ENV".to_owned()])
    );
    sandbox.remove("node_modules/.bundle");
    assert_eq!(build(None).0, Status::Hit);
    assert!(sandbox.path("node_modules/.bundle/state.json").exists());
    sandbox.remove("dist");
    sandbox.remove("node_modules/.bundle");
    let outcome = sandbox.call("vt run serve").run();
    let summary = outcome.summary();
    assert!(summary.only().stored, "{:?}", summary.only().not_stored);

    sandbox.write("bundle.js", after);
    assert_eq!(build(None).0, Status::Ran);
    sandbox.remove("dist");
    sandbox.remove("node_modules/.bundle");
    assert_eq!(build(None).0, Status::Hit);
    assert!(!sandbox.path("node_modules/.bundle").exists());
    let (status, why, bundle) = build(Some("production"));
    assert_eq!(
        (status, why),
        (Status::Ran, vec!["env-added NODE_ENV".to_owned()])
    );
    assert_eq!(bundle, b"let a = 1; ");
    opts_out(&sandbox, "serve", "opted-out tool it is a server");
    // By hand it does what it did before.
    let outcome = sandbox
        .call("node bundle.js")
        .env("NODE_ENV", "production")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert_eq!(sandbox.read("dist/index.js"), b"let a = 1; ");
}
