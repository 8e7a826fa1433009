//! How far policies reach: beyond components to tasks and tools, beyond the root of a workspace, and into
//! the audit file.

#[expect(dead_code, reason = "this suite signs nothing")]
mod plugin_guest;
mod policies;

use plugin_guest::{Guest, install_package, workspace};
use policies::{denied, policy, run};
use serde_json::{Value, json};
use vt_harness::{Outcome, Sandbox, Status};

const IGNORES: Guest<'static> = Guest {
    id: "guest",
    version: "1.2.3",
    env: &[],
    says: &[("ignore-input", "cache/**")],
};

/// A workspace without plugins, with one task.
fn with_task(task: &Value) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let config = json!({ "plugins": [], "tasks": { "go": task } });
    sandbox.write("vite-task.json", config.to_string());
    sandbox
}

/// A workspace whose task is a script that says something to the runner.
fn with_report(said: &str) -> Sandbox {
    let sandbox = with_task(&json!("sh say.sh"));
    sandbox.write(
        "say.sh",
        format!("set -e\nvt report {said}\nvtt cat a.txt\n"),
    );
    sandbox
}

/// The detail of the only reason why the only step was not stored.
#[track_caller]
fn not_stored(outcome: &Outcome) -> String {
    let step = outcome.summary().only();
    assert_eq!(step.status, Status::Ran, "{}", outcome.said());
    let [reason] = &step.not_stored[..] else {
        panic!("{:?}", step.not_stored);
    };
    assert_eq!(reason.kind, "denied");
    reason.details["detail"].as_str().unwrap().to_owned()
}

#[track_caller]
fn hits_the_second_time(sandbox: &Sandbox) {
    run(sandbox).expect(Status::Ran);
    run(sandbox).expect(Status::Hit);
}

fn lines(audit: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(audit).unwrap_or_default();
    let line = |line| serde_json::from_str(line).unwrap();
    text.lines().map(line).collect()
}

#[test]
fn what_a_task_takes_out_of_account_is_held_to_the_policy() {
    let auto = json!({ "auto": true });
    for (task, key, fine, other, said) in [
        (
            json!({ "command": "vtt cat a.txt", "input": [auto, "!cache"] }),
            "paths",
            json!(["cache/**"]),
            json!(["dist/**"]),
            "`ignore-input cache`",
        ),
        (
            json!({ "command": "vtt cat a.txt", "output": [auto, "!cache/**"] }),
            "directives",
            json!(["ignore-output"]),
            json!(["ignore-input"]),
            "`ignore-output cache/**`",
        ),
        (
            json!({ "command": "vtt cat a.txt", "untrackedEnv": ["ACME_*"] }),
            "env",
            json!(["ACME_*"]),
            json!(["OTHER_*"]),
            "`pass-env ACME_*`",
        ),
    ] {
        let sandbox = with_task(&task);
        policy(&sandbox, key, &other);
        let place = "vt-policy.json:3:3";
        let rule = format!("`{key}` of the policy denies task `app#go`");
        for line in ["vt run go", "vt run --dry-run go"] {
            denied(&sandbox.call(line).run(), &[place, &rule, said]);
        }
        policy(&sandbox, key, &fine);
        hits_the_second_time(&sandbox);
    }
    // What names the things that count takes nothing away.
    let task =
        json!({ "command": "vtt cat a.txt", "input": ["a.txt"], "output": ["dist"], "env": ["X"] });
    let sandbox = with_task(&task);
    let strict = json!({ "directives": [], "paths": [], "env": [] });
    sandbox.write("vt-policy.json", strict.to_string());
    hits_the_second_time(&sandbox);
}

#[test]
fn what_a_tool_takes_out_of_account_is_held_to_the_policy() {
    for (said, key, fine, other, shown) in [
        (
            "ignore-input cache",
            "paths",
            json!(["cache"]),
            json!(["cache/*"]),
            "`ignore-input cache/**`",
        ),
        (
            "ignore-input a.txt",
            "paths",
            json!(["*.txt"]),
            json!(["b.txt"]),
            "`ignore-input a.txt`",
        ),
        (
            "ignore-output dist",
            "directives",
            json!(["ignore-output"]),
            json!(["output"]),
            "`ignore-output dist/**`",
        ),
        (
            "track-output dist",
            "directives",
            json!(["output"]),
            json!(["ignore-output"]),
            "`output dist/**`",
        ),
        (
            "get-env --untracked MODE",
            "env",
            json!(["MODE"]),
            json!(["OTHER"]),
            "`pass-env MODE`",
        ),
    ] {
        let sandbox = with_report(said);
        let run = || sandbox.call("vt run go").env("MODE", "a").run();
        policy(&sandbox, key, &other);
        let outcome = run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let detail = not_stored(&outcome);
        let rule = format!("vt-policy.json:3:3: `{key}` of the policy denies tool `sh`: {shown}");
        assert!(detail.contains(&rule), "{detail}");
        policy(&sandbox, key, &fine);
        run().expect(Status::Ran);
        run().expect(Status::Hit);
    }
    // To be told what counts, and to opt out, is no matter of these.
    let sandbox = with_report("track-env MODE");
    let strict = json!({ "directives": [], "paths": [], "env": [] });
    sandbox.write("vt-policy.json", strict.to_string());
    hits_the_second_time(&sandbox);
}

#[test]
fn an_entry_that_was_stored_under_other_limits_is_not_found() {
    let sandbox = with_report("ignore-input cache");
    hits_the_second_time(&sandbox);
    policy(&sandbox, "paths", &json!(["dist/**"]));
    not_stored(&run(&sandbox));
    not_stored(&run(&sandbox));
    sandbox.remove("vt-policy.json");
    run(&sandbox).expect(Status::Hit);
}

#[test]
fn a_workspace_below_another_directory_is_held_to_its_policy() {
    let sandbox = Sandbox::empty();
    let inner = |text: &str| {
        sandbox.write(
            "packages/inner/package.json",
            r#"{ "name": "app", "workspaces": [] }"#,
        );
        sandbox.write("packages/inner/a.txt", "one\n");
        sandbox.write("packages/inner/vite-task.json", text);
    };
    let task = json!({ "command": "vtt cat a.txt", "input": [{ "auto": true }, "!cache/**"] });
    inner(&json!({ "plugins": [], "tasks": { "go": task } }).to_string());
    let run = || sandbox.call("vt -C packages/inner run go").run();
    // Its paths are from where it lies.
    policy(&sandbox, "paths", &json!(["packages/*/cache/**"]));
    assert_eq!(run().exit_code, 0, "{}", run().said());
    policy(&sandbox, "paths", &json!(["cache/**"]));
    denied(
        &run(),
        &[
            "vt-policy.json:3:3",
            "task `app#go`",
            "`ignore-input cache/**`",
        ],
    );
    // The inner one does not loosen it.
    sandbox.write("packages/inner/vt-policy.json", "{}");
    denied(&run(), &["vt-policy.json:3:3"]);
    sandbox.write("vt-policy.json", "{");
    denied(&run(), &["vt-policy.json:1:"]);
    sandbox.remove("vt-policy.json");
    std::os::unix::fs::symlink("gone.json", sandbox.path("vt-policy.json")).unwrap();
    denied(&run(), &["vt-policy.json"]);
}

#[test]
fn a_package_under_another_name_is_of_the_scope_it_comes_from() {
    let install = |folder: &str, version: &str, own: &str| {
        let sandbox = workspace(&[folder]);
        let manifest = json!({ "name": "app", "dependencies": { folder: version } });
        sandbox.write("package.json", manifest.to_string());
        install_package(&sandbox, folder, "1.0.0", &IGNORES);
        let manifest =
            json!({ "name": own, "version": "1.0.0", "vt": { "plugin": "./rules.wasm" } });
        let place = format!("node_modules/{folder}/package.json");
        sandbox.write(&place, manifest.to_string());
        sandbox
    };
    let acme = json!([{ "scope": "@acme" }]);
    for (folder, version, own, is_of_acme) in [
        ("@acme/rules", "1.0.0", "@acme/rules", true),
        ("@acme/rules", "npm:@evil/rules@1.0.0", "@evil/rules", false),
        ("@acme/rules", "npm:@evil/rules@1.0.0", "@acme/rules", false),
        ("@acme/rules", "catalog:", "@evil/rules", false),
        ("our-rules", "npm:@acme/rules@^1", "@acme/rules", true),
        ("our-rules", "npm:@acme/rules", "@acme/rules", true),
        ("our-rules", "npm:@acme/rules@^1", "@evil/rules", false),
        ("our-rules", "1.0.0", "our-rules", false),
    ] {
        let sandbox = install(folder, version, own);
        policy(&sandbox, "allow", &acme);
        let outcome = run(&sandbox);
        match is_of_acme {
            true => assert_eq!(
                outcome.exit_code,
                0,
                "{folder} {version}: {}",
                outcome.said()
            ),
            false => denied(&outcome, &["`allow` of the policy", folder]),
        }
        // Who is shut out does not come in by another name.
        policy(&sandbox, "deny", &acme);
        let outcome = run(&sandbox);
        let behind = version.strip_prefix("npm:").unwrap_or(folder);
        let names = format!("{behind} {own}");
        match names.contains("@acme") {
            true => denied(&outcome, &["`deny` of the policy", folder]),
            false => assert_eq!(
                outcome.exit_code,
                0,
                "{folder} {version}: {}",
                outcome.said()
            ),
        }
    }
}

#[test]
fn the_audit_file_tells_what_tasks_and_tools_take_out_of_account() {
    let task = json!({
        "command": "sh say.sh", "input": [{ "auto": true }, "!tmp/**"], "untrackedEnv": ["ACME"],
    });
    let sandbox = with_task(&task);
    sandbox.write("say.sh", "vt report ignore-input cache\nvtt cat a.txt\n");
    let audit = sandbox.home().join("audit.log");
    policy(&sandbox, "audit", &json!(audit));
    hits_the_second_time(&sandbox);
    let lines = lines(&audit);
    let told: Vec<[&str; 4]> = lines
        .iter()
        .map(|line| ["step", "speaker", "name", "directive"].map(|key| line[key].as_str().unwrap()))
        .collect();
    let once = [
        ["app#go/0", "task", "app#go", "ignore-input tmp/**"],
        ["app#go/0", "task", "app#go", "pass-env ACME"],
        ["app#go/0", "tool", "sh", "ignore-input cache"],
    ];
    assert_eq!(told, [once, once].concat());
    let run = |line: &Value| line["run"].as_str().unwrap().to_owned();
    assert_eq!(run(&lines[0]), run(&lines[2]));
    assert_ne!(run(&lines[0]), run(&lines[3]));
    assert!(
        lines[0]["uid"].is_u64() && lines[0]["user"].is_string(),
        "{}",
        lines[0]
    );
}

#[test]
fn the_audit_file_tells_what_is_denied() {
    let audited = |sandbox: &Sandbox, key: &str, value: Value| {
        let audit = sandbox.home().join("audit.log");
        let text = json!({ "audit": audit, key: value });
        sandbox.write(
            "vt-policy.json",
            serde_json::to_string_pretty(&text).unwrap(),
        );
        let dry = sandbox.call("vt run --dry-run go").run();
        assert!(lines(&audit).is_empty(), "{}", dry.said());
        let outcome = run(sandbox);
        let all = lines(&audit);
        let denials: Vec<Value> = all
            .into_iter()
            .filter(|line| line["denied"].is_object())
            .collect();
        let [line] = &denials[..] else {
            panic!("{denials:?} of {}", outcome.said());
        };
        let place = &line["denied"];
        assert_eq!(
            (&place["rule"], &place["line"]),
            (&json!(key), &json!(3)),
            "{line}"
        );
        assert!(
            place["file"].as_str().unwrap().ends_with("/vt-policy.json"),
            "{line}"
        );
        assert!(
            line["user"].is_string() && line["run"].is_string(),
            "{line}"
        );
        line.clone()
    };
    // A component that may not be used, and one that may not say something.
    let guarded = || {
        let sandbox = workspace(&["./rules.wasm"]);
        sandbox.write("rules.wasm", IGNORES.bytes());
        sandbox
    };
    for (key, value, directive) in [
        ("requireLock", json!(true), "it is not pinned"),
        ("directives", json!([]), "ignore-input cache/**"),
    ] {
        let line = audited(&guarded(), key, value);
        assert_eq!(
            [
                &line["speaker"],
                &line["name"],
                &line["plugin"],
                &line["version"],
                &line["digest"]
            ],
            [
                &json!("plugin"),
                &json!("./rules.wasm"),
                &json!("guest"),
                &json!("1.2.3"),
                &json!(IGNORES.digest())
            ],
        );
        assert!(
            line["directive"].as_str().unwrap().starts_with(directive),
            "{line}"
        );
    }
    // A task.
    let task = json!({ "command": "vtt cat a.txt", "untrackedEnv": ["ACME"] });
    let line = audited(&with_task(&task), "env", json!([]));
    let told = ["speaker", "name", "directive", "step"].map(|key| line[key].as_str().unwrap());
    assert_eq!(told, ["task", "app#go", "pass-env ACME", "app#go/0"]);
    // A tool.
    let line = audited(
        &with_report("ignore-input cache"),
        "paths",
        json!(["dist/**"]),
    );
    let told = ["speaker", "name", "directive", "step"].map(|key| line[key].as_str().unwrap());
    assert_eq!(told, ["tool", "sh", "ignore-input cache/**", "app#go/0"]);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_policy_of_the_machine_that_leads_nowhere_stops_everything() {
    let sandbox = with_task(&json!("vtt cat a.txt"));
    // A mount namespace of its own gets another `/etc`.
    let call = |script: &str| {
        let call = sandbox.call("unshare -m -r --propagation private sh -c");
        call.word(format!("mount -t tmpfs none /etc && {script}"))
            .run()
    };
    let probe = call("true");
    if probe.exit_code != 0 {
        eprintln!(
            "SKIPPED: no mount namespace can be made here: {}",
            probe.said()
        );
        return;
    }
    for script in [
        "mkdir /etc/vt && ln -s gone.json /etc/vt/policy.json && vt run go",
        "ln -s gone /etc/vt && vt run go",
        "mkdir -p /etc/vt/policy.json && vt run go",
    ] {
        denied(&call(script), &["/etc/vt/policy.json"]);
    }
    let outcome = call("mkdir /etc/vt && vt run go");
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
}
