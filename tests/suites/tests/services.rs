//! Steps that have a part of their work done by a process that was there before, and steps that only seem to.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use serde_json::{Value, json};
use vt_harness::{Outcome, Sandbox, Status};

/// A workspace with one task `b`, and a file for it to read.
fn with_task(task: &Value) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({ "b": task }));
    sandbox.write("in", "1\n");
    sandbox
}

fn run(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run b").run()
}

/// A service at a port, which says something to everybody, as long as the test runs.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"it is fine\n");
        }
    });
    address
}

#[track_caller]
fn assert_never_stored(sandbox: &Sandbox, address: &str) {
    for _ in 0..2 {
        let outcome = run(sandbox);
        outcome.expect(Status::Ran);
        assert_eq!(outcome.not_stored(), ["used-service"], "{}", outcome.said());
        let said = outcome.said();
        assert!(said.contains(address), "{said}");
        assert!(
            said.contains(&format!("\"services\": [\"{address}\"]")),
            "{said}"
        );
    }
}

#[track_caller]
fn assert_stored(sandbox: &Sandbox) {
    let outcome = run(sandbox);
    assert_eq!(outcome.not_stored(), [""; 0], "{}", outcome.said());
    run(sandbox).expect(Status::Hit);
}

#[test]
fn a_step_that_asks_a_port_is_not_stored() {
    let address = service();
    let sandbox = with_task(&json!(format!("vtt seq cat in then ask {address}")));
    assert_never_stored(&sandbox, &address);
}

#[test]
fn a_step_that_asks_a_local_socket_is_not_stored() {
    let sandbox = with_task(&json!("vtt seq cat in then ask ./run.sock"));
    let path = sandbox.path("run.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"it is fine\n");
        }
    });
    let path = path.canonicalize().unwrap();
    assert_never_stored(&sandbox, path.to_str().unwrap());
}

#[test]
fn the_server_of_another_step_is_a_service() {
    let sandbox = Sandbox::with_tasks(&json!({
        "serve": "vtt seq cat in then serve port hello",
        "use": "vtt seq wait-for port then ask-at port then write out x",
        "b": { "command": "vtt cat in", "dependsOn": ["serve", "use"] },
    }));
    sandbox.write("in", "1\n");
    let outcome = run(&sandbox);
    let summary = outcome.summary();
    let kinds = |id: &str| -> Vec<String> {
        let step = summary.step(id).unwrap();
        let kinds = step.not_stored.iter().map(|reason| reason.kind.clone());
        kinds.collect()
    };
    let name = |task: &str| {
        let mut steps = summary.steps.iter().map(|step| step.id.clone());
        steps.find(|id| id.contains(task)).unwrap()
    };
    assert!(
        kinds(&name("use")).contains(&"used-service".to_owned()),
        "{}",
        outcome.said()
    );
    assert!(!kinds(&name("serve")).contains(&"used-service".to_owned()));
}

#[test]
fn a_server_of_the_step_itself_is_none() {
    assert_stored(&with_task(&json!("vtt seq cat in then ask-itself hello")));
    let by_two = "(rm -f port; vtt serve port hello & vtt wait-for port; vtt ask-at port; wait; rm port; cat in)";
    assert_stored(&with_task(&json!(by_two)));
}

#[test]
fn a_refused_connection_is_none() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let sandbox = with_task(&json!(format!("vtt seq cat in then knock {unused}")));
    assert_stored(&sandbox);
}

#[test]
fn a_proxy_is_none() {
    let address = service();
    let sandbox = with_task(&json!(format!("vtt seq cat in then ask {address}")));
    let through = |name: &str, value: String| sandbox.call("vt run b").env(name, value).run();
    let outcome = through("https_proxy", format!("http://me:secret@{address}/"));
    assert_eq!(outcome.not_stored(), [""; 0], "{}", outcome.said());
    run(&sandbox).expect(Status::Hit);
}

#[test]
fn a_service_that_the_task_accepts_is_none_and_the_list_counts() {
    let address = service();
    let task = |services: &[&str]| {
        json!({ "tasks": { "b": {
            "command": format!("vtt seq cat in then ask {address}"),
            "services": services,
        } } })
        .to_string()
    };
    let sandbox = with_task(&json!("true"));
    let port = address.rsplit_once(':').unwrap().1;
    for accepted in [
        address.as_str(),
        "localhost:*",
        &format!("localhost:{port}"),
    ] {
        sandbox.write("vite-task.json", task(&[accepted]));
        assert_stored(&sandbox);
    }
    sandbox.write("vite-task.json", task(&["127.0.0.1:1", "docker"]));
    assert_never_stored(&sandbox, &address);
    sandbox.write("vite-task.json", task(&["no service"]));
    let outcome = run(&sandbox);
    assert_eq!(outcome.exit_code, 2);
    assert!(
        outcome.said().contains("`services` of task `b`"),
        "{}",
        outcome.said()
    );
}
