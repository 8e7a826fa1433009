//! What cooperating tools say, and what comes of it: a plain Node script plays the tool.

use vt_harness::{Sandbox, Status, stories};

stories! { "ipc": environment, opt_out, reports, trouble }

#[test]
fn parallel_steps_report_for_themselves_alone() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "root", "workspaces": ["packages/*"] }"#,
    );
    for (name, ignored) in [("one", "a.txt"), ("two", "b.txt")] {
        sandbox.write(
            &format!("packages/{name}/package.json"),
            format!(r#"{{ "name": "{name}" }}"#),
        );
        sandbox.write(&format!("packages/{name}/a.txt"), "a");
        sandbox.write(&format!("packages/{name}/b.txt"), "b");
        sandbox.write(
            &format!("packages/{name}/tool.cjs"),
            "const fs = require('node:fs');\n\
             const client = require(process.env.VP_RUN_NODE_CLIENT_PATH).load();\n\
             client.ignoreInput(process.argv[2]);\n\
             console.log(fs.readFileSync('a.txt', 'utf8') + fs.readFileSync('b.txt', 'utf8'));\n",
        );
        sandbox.write(
            &format!("packages/{name}/vite-task.json"),
            format!(r#"{{ "tasks": {{ "work": "node tool.cjs {ignored}" }} }}"#),
        );
    }
    let statuses = |line: &str| {
        let outcome = sandbox.call(line).run();
        let summary = outcome.summary();
        (
            summary.step("one#work/0").unwrap().status,
            summary.step("two#work/0").unwrap().status,
        )
    };
    assert_eq!(statuses("vt run -r work"), (Status::Ran, Status::Ran));
    sandbox.write("packages/one/a.txt", "changed");
    sandbox.write("packages/two/b.txt", "changed");
    assert_eq!(statuses("vt run -r work"), (Status::Hit, Status::Hit));
    sandbox.write("packages/one/b.txt", "changed");
    assert_eq!(statuses("vt run -r work"), (Status::Ran, Status::Hit));
}

#[test]
fn eight_runners_that_start_at_once_all_offer_a_client_that_loads() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    sandbox.write(
        "tool.cjs",
        "require(process.env.VP_RUN_NODE_CLIENT_PATH).load();\n\
         console.log(require('node:fs').readFileSync('package.json', 'utf8').length, process.argv[2]);\n",
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "work": "node tool.cjs" } }"#,
    );
    let running: Vec<_> = (0..8)
        .map(|number| sandbox.call("vt run work").word(number.to_string()).start())
        .collect();
    for one in running {
        let outcome = one.finish();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        assert!(
            outcome.summary().only().stored,
            "{:?}",
            outcome.summary().only().not_stored
        );
    }
}

#[test]
fn what_a_tool_said_is_in_the_summary() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    sandbox.write(
        "tool.cjs",
        "const client = require(process.env.VP_RUN_NODE_CLIENT_PATH).load();\n\
         client.ignoreInput('private');\n\
         client.getEnv('TOKEN');\n\
         console.log(require('node:fs').readFileSync('package.json', 'utf8').length);\n",
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "work": "node tool.cjs" } }"#,
    );
    let outcome = sandbox
        .call("vt run work")
        .env("TOKEN", "the-secret-value")
        .run();
    let reports = serde_json::to_string(&outcome.summary().only().reports).unwrap();
    assert!(
        reports.contains("private") && reports.contains("TOKEN"),
        "{reports}"
    );
    assert!(!reports.contains("the-secret-value"), "{reports}");
}
