//! The Node client in a real Node: what tools call, how they call it, and what they never see.

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output, Stdio};

use common::{Place, env, rel};
use vt_base::AbsPath;
use vt_ipc::{EnvQuery, OptOut, Reports, Server, materialise_node_client};

/// Defines `client`, as the wrapper of the tools does.
const LOAD: &str = "const client = require(process.env.VP_RUN_NODE_CLIENT_PATH).load();\n";

fn addon(place: &Place) -> AbsPath {
    materialise_node_client(&place.outer.join("clients")).unwrap()
}

fn node(place: &Place, server: &Server, script: &str) -> Command {
    let mut command = Command::new("node");
    command
        .args(["-e", script])
        .current_dir(place.app())
        .env("VP_RUN_NODE_CLIENT_PATH", addon(place).as_path())
        .env("VT_IPC", server.endpoint());
    command
}

fn succeed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Runs a script to its end, and gives its output with what it reported.
fn run(place: &Place, script: &str) -> (String, Reports) {
    let server = place.server();
    let script = format!("{LOAD}{script}");
    let output = node(place, &server, &script).output().unwrap();
    let reports = server.finish();
    (succeed(&output), reports)
}

#[test]
fn all_methods_reach_the_runner() {
    let place = Place::new();
    let (output, reports) = run(
        &place,
        r#"
        client.ignoreInput("in");
        client.ignoreOutput(process.cwd() + "/out");
        client.trackInput("tracked");
        client.trackOutput("made");
        client.trackValue("seed", "42");
        client.disableCache();
        console.log(JSON.stringify([
            client.getEnv("MODE"),
            client.getEnv("VITE_A", { tracked: false }),
            client.getEnvs("VITE_?"),
            client.getEnvs({ prefix: "VITE_" }, undefined),
            client.getEnvs({ prefix: "NONE_" }, { tracked: false }),
        ]));
        "#,
    );
    assert_eq!(
        output.trim(),
        r#"["production","1",{"VITE_A":"1","VITE_B":"2"},{"VITE_A":"1","VITE_B":"2"},{}]"#
    );
    assert_eq!(reports.failure, None);
    assert_eq!(reports.ignored_inputs, [rel("app/in")].into());
    assert_eq!(reports.ignored_outputs, [rel("app/out")].into());
    assert_eq!(reports.tracked_inputs, [rel("app/tracked")].into());
    assert_eq!(reports.tracked_outputs, [rel("app/made")].into());
    assert_eq!(reports.values, [("seed".to_owned(), b"42".to_vec())].into());
    assert_eq!(reports.opt_out, Some(OptOut { reason: None }));
    assert_eq!(reports.envs.keys().collect::<Vec<_>>(), ["MODE"]);
    assert_eq!(
        reports.queries.keys().collect::<Vec<_>>(),
        [
            &EnvQuery::Glob("VITE_?".to_owned()),
            &EnvQuery::Prefix("VITE_".to_owned())
        ]
    );
}

#[test]
fn relative_paths_follow_the_current_directory() {
    let place = Place::new();
    let (_, reports) = run(
        &place,
        r#"
        client.ignoreInput("a");
        process.chdir("src");
        client.ignoreInput("a");
        client.ignoreInput("../../lib");
        "#,
    );
    assert_eq!(
        reports.ignored_inputs,
        [rel("app/a"), rel("app/src/a"), rel("lib")].into()
    );
}

#[test]
fn a_missing_variable_is_undefined_and_not_null() {
    let place = Place::new();
    let (output, reports) = run(
        &place,
        r#"console.log(client.getEnv("MISSING") === undefined, client.getEnv("MODE") === "production")"#,
    );
    assert_eq!(output.trim(), "true true");
    assert_eq!(reports.envs["MISSING"], None);
}

#[test]
fn answers_are_plain_objects_without_surprises() {
    let place = Place::new();
    let server = Server::start(vt_ipc::Options {
        env: env(&[("__proto__", "x"), ("EMPTY", ""), ("UMLAUT", "ä😀")]),
        ..place.options()
    })
    .unwrap();
    let script = format!(
        r#"{LOAD}
        const all = client.getEnvs({{ prefix: "" }});
        console.log(Object.getPrototypeOf(all) === Object.prototype,
            Object.keys(all).sort().join(), all.EMPTY === "", all.UMLAUT,
            Object.assign({{}}, all).UMLAUT.length, client.getEnv("EMPTY") === "");
        "#
    );
    let output = node(&place, &server, &script).output().unwrap();
    assert_eq!(
        succeed(&output).trim(),
        "true EMPTY,UMLAUT,__proto__ true ä😀 3 true"
    );
    assert_eq!(server.finish().failure, None);
}

#[test]
fn arguments_of_the_wrong_type_are_ignored() {
    let place = Place::new();
    let (output, reports) = run(
        &place,
        r#"
        const odd = [undefined, null, 1, true, Symbol("s"), {}, [], () => {}, 10n, "", "\0", "x\0y",
            new Proxy({}, { get() { throw new Error("trap") } }),
            { get prefix() { throw new Error("getter") } }, { prefix: 7 }, "A".repeat(3e6)];
        for (const value of odd) {
            for (const method of Object.keys(client)) {
                if (method !== "disableCache" && value !== "") client[method](value);
                if (method !== "disableCache") client[method](value, value);
                if (method.startsWith("get")) client[method]("MODE", value);
            }
        }
        for (const method of Object.keys(client)) if (method !== "disableCache") client[method]();
        const { getEnv } = client;
        console.log(client.getEnv(1), JSON.stringify(client.getEnvs(7)), getEnv("MODE"),
            client.getEnv("MODE", { get tracked() { throw new Error("getter") } }));
        "#,
    );
    assert_eq!(output.trim(), "undefined {} production production");
    assert_eq!(reports.failure, None);
    assert!(reports.ignored_inputs.is_empty() && reports.ignored_outputs.is_empty());
}

#[test]
fn a_bad_glob_gives_an_empty_object_and_the_run_is_not_stored() {
    let place = Place::new();
    let (output, reports) = run(
        &place,
        r#"console.log(JSON.stringify(client.getEnvs("[")), client.getEnv("MODE"))"#,
    );
    assert_eq!(output.trim(), "{} production");
    assert!(reports.failure.is_some());
}

#[test]
fn worker_threads_load_again() {
    let place = Place::new();
    let (output, reports) = run(
        &place,
        r#"
        const { Worker } = require("node:worker_threads");
        const again = require(process.env.VP_RUN_NODE_CLIENT_PATH).load();
        again.ignoreInput("main");
        const work = (n) => new Promise((resolve, reject) => {
            const worker = new Worker(`
                const { workerData, parentPort } = require("node:worker_threads");
                const client = require(workerData.path).load();
                for (let i = 0; i < 50; i++) {
                    client.ignoreInput("worker" + workerData.n);
                    if (client.getEnv("MODE") !== "production") throw new Error("garbled");
                }
                parentPort.postMessage("done");
            `, { eval: true, env: {}, workerData: { n, path: process.env.VP_RUN_NODE_CLIENT_PATH } });
            worker.on("error", reject);
            worker.on("exit", resolve);
        });
        Promise.all([0, 1, 2, 3].map(work)).then(() => {
            client.ignoreInput("after");
            console.log("done");
        });
        "#,
    );
    assert_eq!(output.trim(), "done");
    assert_eq!(reports.failure, None);
    let expected = ["main", "after", "worker0", "worker1", "worker2", "worker3"];
    let expected = expected.map(|name| rel(&format!("app/{name}")));
    assert_eq!(reports.ignored_inputs, expected.into());
}

#[test]
fn a_worker_may_be_the_first_to_load() {
    let place = Place::new();
    let server = place.server();
    let script = r#"
        const { Worker } = require("node:worker_threads");
        const source = `require(process.env.VP_RUN_NODE_CLIENT_PATH).load().ignoreInput("worker")`;
        new Worker(source, { eval: true }).on("exit", () => {
            require(process.env.VP_RUN_NODE_CLIENT_PATH).load().ignoreInput("main");
        });
    "#;
    succeed(&node(&place, &server, script).output().unwrap());
    let reports = server.finish();
    assert_eq!(reports.failure, None);
    assert_eq!(
        reports.ignored_inputs,
        [rel("app/main"), rel("app/worker")].into()
    );
}

#[test]
fn modules_load_it_too() {
    let place = Place::new();
    let server = place.server();
    let script = r#"
        import { createRequire } from "node:module";
        const path = process.env.VP_RUN_NODE_CLIENT_PATH;
        createRequire(import.meta.url)(path).load({ future: "options" }).ignoreOutput("dist");
    "#;
    let output = node(&place, &server, script)
        .arg("--input-type=module")
        .output()
        .unwrap();
    succeed(&output);
    assert_eq!(server.finish().ignored_outputs, [rel("app/dist")].into());
}

#[test]
fn what_is_said_right_before_a_hard_exit_counts() {
    let place = Place::new();
    let server = place.server();
    let script = format!(
        r#"{LOAD}
        for (let i = 0; i < 100; i++) client.ignoreInput("dir/" + i);
        process.kill(process.pid, "SIGKILL");
        "#
    );
    let output = node(&place, &server, &script).output().unwrap();
    assert_eq!(output.status.signal(), Some(9));
    let reports = server.finish();
    assert_eq!(reports.failure, None);
    assert_eq!(reports.ignored_inputs.len(), 100);
}

#[test]
fn load_throws_without_a_runner() {
    let place = Place::new();
    let server = place.server();
    let script = format!(
        "try {{ {LOAD} console.log('loaded') }} catch (e) {{ console.log(e instanceof Error) }}"
    );
    let absent = node(&place, &server, &script)
        .env_remove("VT_IPC")
        .output()
        .unwrap();
    assert_eq!(succeed(&absent).trim(), "true");
    let nonsense = node(&place, &server, &script)
        .env("VT_IPC", "nonsense")
        .output()
        .unwrap();
    assert_eq!(succeed(&nonsense).trim(), "true");
    let mut late = node(&place, &server, &script);
    assert_eq!(server.finish().failure, None);
    assert_eq!(succeed(&late.output().unwrap()).trim(), "true");
}

#[test]
fn a_broken_channel_never_throws() {
    let place = Place::new();
    let server = place.server();
    let script = format!(
        r#"{LOAD}
        client.ignoreInput("before");
        console.log("ready");
        process.stdin.once("data", () => {{
            for (let i = 0; i < 3; i++) {{
                client.ignoreInput("after");
                client.ignoreOutput("after");
                client.disableCache("after");
                client.trackValue("after", "after");
                console.log(client.getEnv("MODE"), JSON.stringify(client.getEnvs({{ prefix: "" }})));
            }}
            process.exit();
        }});
        "#
    );
    let mut child = node(&place, &server, &script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "ready");
    let reports = server.finish();
    assert_eq!(reports.ignored_inputs, [rel("app/before")].into());
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let lines: Vec<String> = output.lines().map(Result::unwrap).collect();
    succeed(&child.wait_with_output().unwrap());
    assert_eq!(lines, ["undefined {}"; 3]);
}
