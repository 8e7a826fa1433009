//! A `vt run` inside a step: both are stored, both hit, and neither misses what the other one's
//! commands depend on.

use serde_json::json;
use vt_harness::{Sandbox, Status, Summary};

/// A workspace whose step runs another step and something of its own.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({ "outer": "sh outer.sh", "inner": "cat link/in" }));
    sandbox.write(
        "outer.sh",
        "vt run --summary-json inner.json inner\ncat other\n",
    );
    sandbox.write("real/in", "in\n");
    sandbox.write("other", "other\n");
    std::os::unix::fs::symlink("real", sandbox.path("link")).unwrap();
    sandbox
}

/// Runs the outer step; says how it and, if it ran, the inner one went.
fn run(sandbox: &Sandbox) -> (Status, Option<Status>, String) {
    let outcome = sandbox.call("vt run outer").run();
    assert_eq!(outcome.exit_code, 0);
    let status = outcome.status();
    let inner = (status == Status::Ran).then(|| {
        assert_eq!(outcome.not_stored(), [""; 0]);
        let text = String::from_utf8(sandbox.read("inner.json")).unwrap();
        let summary = Summary::parse(&text).unwrap();
        let inner = summary.only();
        assert!(inner.stored || inner.status == Status::Hit);
        inner.status
    });
    (status, inner, outcome.out())
}

#[test]
fn each_runs_again_for_its_own_reasons_only() {
    let sandbox = workspace();
    let out = |first: &str, second: &str| format!("{first}\n{second}\n");
    let ran = |inner, text| (Status::Ran, Some(inner), text);
    let hit = |text| (Status::Hit, None, text);
    assert_eq!(run(&sandbox), ran(Status::Ran, out("in", "other")));
    assert_eq!(run(&sandbox), hit(out("in", "other")));
    sandbox.write("other", "changed\n");
    assert_eq!(run(&sandbox), ran(Status::Hit, out("in", "changed")));
    sandbox.write("real/in", "changed\n");
    assert_eq!(run(&sandbox), ran(Status::Ran, out("changed", "changed")));
    assert_eq!(run(&sandbox), hit(out("changed", "changed")));
    // What the link points to is the inner one's business, and so the outer one's.
    std::fs::create_dir(sandbox.path("moved")).unwrap();
    sandbox.write("moved/in", "moved\n");
    sandbox.remove("link");
    std::os::unix::fs::symlink("moved", sandbox.path("link")).unwrap();
    assert_eq!(run(&sandbox), ran(Status::Ran, out("moved", "changed")));
}
