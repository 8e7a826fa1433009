//! What cooperating tools say, and what comes of it: a plain Node script plays the tool.

use vt_harness::{Sandbox, Status, stories};

stories! { "ipc": environment, opt_out, reports, shell, trouble }

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

#[test]
fn what_a_tool_said_that_was_interrupted_is_dropped() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    let mark = sandbox.home().join(".cache/mark");
    sandbox.write(
        "tool.cjs",
        "const fs = require('node:fs');\n\
         const client = require(process.env.VP_RUN_NODE_CLIENT_PATH).load();\n\
         client.disableCache('why');\n\
         client.ignoreInput('private');\n\
         fs.readFileSync('package.json');\n\
         fs.mkdirSync(require('node:path').dirname(process.argv[2]), { recursive: true });\n\
         fs.writeFileSync(process.argv[2], 'x');\n\
         setInterval(() => {}, 1000);\n",
    );
    sandbox.write(
        "vite-task.json",
        format!(
            r#"{{ "tasks": {{ "work": "node tool.cjs {}" }} }}"#,
            mark.display()
        ),
    );
    let running = sandbox.call("vt run work").start();
    sandbox.wait_for(&mark);
    let sent = std::process::Command::new("kill")
        .args(["-s", "INT", &running.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let outcome = running.finish();
    assert_eq!(outcome.exit_code, 130, "{}", outcome.said());
    let summary = outcome.summary();
    let step = summary.only();
    let kinds: Vec<&str> = step
        .not_stored
        .iter()
        .map(|reason| reason.kind.as_str())
        .collect();
    assert!(kinds.contains(&"cancelled"), "{kinds:?}");
    assert!(!kinds.contains(&"opted-out"), "{kinds:?}");
    assert!(step.reports.is_empty(), "{:?}", step.reports);
}

#[test]
fn the_value_of_a_variable_is_kept_nowhere() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    sandbox.write(
        "tool.cjs",
        "const client = require(process.env.VP_RUN_NODE_CLIENT_PATH).load();\n\
         const said = client.getEnv('TOKEN').length + client.getEnvs({ prefix: 'TO' }).TOKEN.length;\n\
         client.getEnvs('T*');\n\
         console.log(require('node:fs').readFileSync('package.json', 'utf8').length, said);\n\
         if (process.argv[2] === 'value') client.trackValue('seed', client.getEnv('TOKEN'));\n\
         if (process.argv[2] === 'garbage') client.getEnvs('[');\n",
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "work": "node tool.cjs", "value": "node tool.cjs value", "garbage": "node tool.cjs garbage" } }"#,
    );
    const SECRET: &str = "the-secret-value";
    for (task, secret) in [
        ("work", SECRET),
        ("work", "another-secret"),
        ("value", SECRET),
        ("garbage", SECRET),
    ] {
        let outcome = sandbox
            .call(&format!("vt run {task}"))
            .env("TOKEN", secret)
            .run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        assert!(!outcome.said().contains(secret), "{}", outcome.said());
        let summary = format!("{:?}", outcome.summary());
        assert!(!summary.contains(secret), "{summary}");
    }
    let mut looked_at = 0;
    let mut folders = vec![sandbox.root(), sandbox.home()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(
                    !text.contains(SECRET) && !text.contains("another-secret"),
                    "{}",
                    entry.path().display()
                );
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 4, "the store was not looked at");
}
