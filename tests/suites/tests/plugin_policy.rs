//! What policy files deny, how they say so, and what a workspace can't do about it.

mod plugin_guest;
mod policies;

use plugin_guest::{Guest, configure, install_package, key_of, signature, workspace};
use policies::{denied, policy, run};
use serde_json::{Value, json};
use vt_harness::{Sandbox, Status};
use vt_suites::example;

const IGNORES: Guest<'static> = Guest {
    id: "guest",
    version: "1.0.0",
    env: &["GUEST_MODE"],
    says: &[("ignore-input", "cache/**"), ("track-env", "GUEST_*")],
};

/// A workspace whose plugin is `./rules.wasm`, and that component.
fn guarded() -> Sandbox {
    let sandbox = workspace(&["./rules.wasm"]);
    sandbox.write("rules.wasm", IGNORES.bytes());
    sandbox
}

#[track_caller]
fn permitted(sandbox: &Sandbox) {
    let outcome = run(sandbox);
    let step = outcome.summary().only();
    assert_eq!(step.directives.len(), 2, "{}", outcome.said());
}

#[test]
fn a_component_is_allowed_and_denied_by_digest() {
    let sandbox = guarded();
    let (it, other) = (IGNORES.digest(), "ab".repeat(32));
    policy(&sandbox, "allow", &json!([{ "digest": other }]));
    denied(
        &run(&sandbox),
        &[
            "vt-policy.json:3:3",
            "`allow` of the policy",
            "plugin `./rules.wasm`",
        ],
    );
    policy(
        &sandbox,
        "allow",
        &json!([{ "digest": other }, { "digest": it }]),
    );
    permitted(&sandbox);
    policy(&sandbox, "deny", &json!([{ "digest": it }]));
    denied(
        &run(&sandbox),
        &["vt-policy.json:3:12", "`deny` of the policy"],
    );
}

#[test]
fn a_component_is_allowed_by_the_scope_of_its_package_and_no_other() {
    let sandbox = workspace(&["@acme/rules"]);
    install_package(&sandbox, "@acme/rules", "1.0.0", &IGNORES);
    policy(&sandbox, "allow", &json!([{ "scope": "@acme" }]));
    permitted(&sandbox);
    for scope in ["@acm", "@acme-inc"] {
        policy(&sandbox, "allow", &json!([{ "scope": scope }]));
        denied(&run(&sandbox), &["`allow` of the policy", "@acme/rules"]);
    }
    // A file is of no scope, wherever it lies.
    configure(
        &sandbox,
        &json!({ "plugins": ["./node_modules/@acme/rules/rules.wasm"] }),
    );
    policy(&sandbox, "allow", &json!([{ "scope": "@acme" }]));
    denied(&run(&sandbox), &["`allow` of the policy"]);
}

#[test]
fn a_component_is_allowed_by_the_key_of_its_publisher() {
    let sandbox = guarded();
    let both = json!([{ "publisher": key_of(1) }]);
    policy(&sandbox, "allow", &both);
    denied(&run(&sandbox), &["`allow` of the policy"]);
    sandbox.write("rules.wasm.sig", signature(1, &IGNORES.bytes()));
    permitted(&sandbox);
    sandbox.write("rules.wasm.sig", signature(2, &IGNORES.bytes()));
    denied(&run(&sandbox), &["`allow` of the policy"]);
}

#[test]
fn a_required_signature_is_one_of_a_publisher_that_is_trusted() {
    let sandbox = guarded();
    let digest = IGNORES.digest();
    let require = |allow: Value| {
        let text = json!({ "allow": allow, "requireSignature": true });
        sandbox.write("vt-policy.json", text.to_string());
    };
    require(json!([{ "digest": digest }]));
    denied(
        &run(&sandbox),
        &["`requireSignature` of the policy", "not signed"],
    );
    // Anybody can make a key.
    sandbox.write("rules.wasm.sig", signature(7, &IGNORES.bytes()));
    denied(&run(&sandbox), &["`requireSignature` of the policy"]);
    require(json!([{ "digest": digest }, { "publisher": key_of(7) }]));
    permitted(&sandbox);
    sandbox.remove("rules.wasm.sig");
    denied(&run(&sandbox), &["`requireSignature` of the policy"]);
}

#[test]
fn a_required_lock_is_required_on_every_machine() {
    let sandbox = guarded();
    policy(&sandbox, "requireLock", &json!(true));
    denied(
        &run(&sandbox),
        &[
            "vt-policy.json:3:3",
            "`requireLock` of the policy",
            "vt plugin add ./rules.wasm",
        ],
    );
    assert_eq!(sandbox.call("vt plugin add").run().exit_code, 0);
    permitted(&sandbox);
}

#[test]
fn a_directive_that_is_not_listed_is_denied_before_anything_runs() {
    let sandbox = guarded();
    policy(&sandbox, "directives", &json!(["ignore-input", "output"]));
    for line in ["vt run go", "vt run --dry-run go"] {
        denied(
            &sandbox.call(line).run(),
            &[
                "vt-policy.json:3:3",
                "`directives` of the policy",
                "plugin `./rules.wasm`",
                "`track-env GUEST_*`",
            ],
        );
    }
    policy(
        &sandbox,
        "directives",
        &json!(["ignore-input", "track-env"]),
    );
    permitted(&sandbox);
    // A component that is asked nothing says nothing.
    policy(&sandbox, "directives", &json!([]));
    let other = json!({
        "plugins": ["./rules.wasm"], "cache": false, "enablePrePostScripts": false,
    });
    configure(&sandbox, &other);
    assert_eq!(run(&sandbox).exit_code, 0);
}

#[test]
fn paths_of_directives_have_to_lie_where_the_policy_says() {
    let sandbox = guarded();
    for (paths, is_fine) in [
        (json!(["cache/**"]), true),
        (json!(["**"]), true),
        (json!(["cache/*"]), false),
        (json!(["packages/**", "dist/**"]), false),
        (json!([]), false),
    ] {
        policy(&sandbox, "paths", &paths);
        if is_fine {
            permitted(&sandbox);
        } else {
            denied(
                &run(&sandbox),
                &["`paths` of the policy", "`ignore-input cache/**`"],
            );
        }
    }
}

#[test]
fn variables_of_directives_and_questions_have_to_be_in_the_policy() {
    let sandbox = guarded();
    policy(&sandbox, "env", &json!(["GUEST_*"]));
    permitted(&sandbox);
    policy(&sandbox, "env", &json!(["GUEST_MODE"]));
    denied(
        &run(&sandbox),
        &["`env` of the policy", "`track-env GUEST_*`"],
    );
    policy(&sandbox, "env", &json!(["GUEST_A*"]));
    denied(
        &run(&sandbox),
        &[
            "`env` of the policy",
            "to be shown the variable `GUEST_MODE`",
        ],
    );
}

#[test]
fn built_in_components_are_held_to_a_policy_as_well() {
    let sandbox = workspace(&["vitest"]);
    policy(&sandbox, "builtIn", &json!([]));
    denied(
        &run(&sandbox),
        &["`builtIn` of the policy", "plugin `vitest`"],
    );
    policy(&sandbox, "builtIn", &json!(["vitest"]));
    assert_eq!(run(&sandbox).exit_code, 0);
    configure(&sandbox, &json!({ "plugins": [] }));
    policy(&sandbox, "builtIn", &json!([]));
    assert_eq!(run(&sandbox).exit_code, 0);
}

#[test]
fn a_named_policy_tightens_and_is_never_loosened() {
    let sandbox = guarded();
    let named = sandbox.home().join("policy.json");
    let run_with = || sandbox.call("vt run go").env("VT_POLICY", &named).run();
    std::fs::write(&named, r#"{ "directives": ["track-env"] }"#).unwrap();
    // The workspace permits more, which is nothing to the other file.
    policy(
        &sandbox,
        "directives",
        &json!(["ignore-input", "track-env"]),
    );
    let place = format!("{}:1:3", named.display());
    denied(&run_with(), &[&place, "`ignore-input cache/**`"]);
    // The other way round the workspace still counts.
    std::fs::write(&named, r#"{ "directives": ["ignore-input", "track-env"] }"#).unwrap();
    policy(&sandbox, "directives", &json!(["ignore-input"]));
    denied(&run_with(), &["vt-policy.json:3:3", "`track-env GUEST_*`"]);
    sandbox.remove("vt-policy.json");
    assert_eq!(run_with().exit_code, 0);
    std::fs::remove_file(&named).unwrap();
    denied(&run_with(), &["there is no policy file", "VT_POLICY"]);
}

#[test]
fn a_policy_that_is_not_understood_stops_everything() {
    let sandbox = guarded();
    for (text, piece) in [
        (
            "{\n  \"alow\": []\n}",
            "vt-policy.json:2:3: unknown key `alow`",
        ),
        ("{ \"requireLock\": \"yes\" }", "`true` or `false`"),
        ("{", "vt-policy.json:1:"),
        (
            "{ \"deny\": [{ \"digest\": \"abc\" }] }",
            "64 hexadecimal digits",
        ),
    ] {
        sandbox.write("vt-policy.json", text);
        denied(&run(&sandbox), &[piece]);
    }
}

#[test]
fn a_policy_in_the_configuration_is_sent_to_its_file() {
    let sandbox = guarded();
    configure(&sandbox, &json!({ "policy": { "requireLock": true } }));
    denied(&run(&sandbox), &["vite-task.json:2:3", "`vt-policy.json`"]);
}

#[test]
fn inspect_shows_what_is_asked_for_and_what_is_granted() {
    let sandbox = guarded();
    sandbox.write("rules.wasm.sig", signature(1, &IGNORES.bytes()));
    let text = json!({ "directives": ["ignore-input"], "env": ["OTHER"] });
    sandbox.write("vt-policy.json", text.to_string());
    let outcome = sandbox.call("vt plugin inspect ./rules.wasm").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let (digest, publisher) = (IGNORES.digest(), key_of(1));
    for piece in [
        "./rules.wasm: guest 1.0.0",
        &format!("digest: {digest}"),
        &format!("publisher: {publisher}"),
        "lock: not pinned",
        "speaks for tools: vtt",
        "to be used: granted",
        "to be shown the variable `GUEST_MODE`: denied",
        "to say `ignore-input`: granted",
        "to say `track-env`: denied",
        "`directives` of the policy",
        "fuel: nobody has asked it yet; it may use 100000000",
    ] {
        assert!(
            outcome.out().contains(piece),
            "no `{piece}` in {}",
            outcome.said()
        );
    }
    // It has no method to say this by.
    assert!(!outcome.out().contains("`cache-off`"), "{}", outcome.said());
    sandbox.remove("vt-policy.json");
    permitted(&sandbox);
    let outcome = sandbox.call("vt plugin inspect ./rules.wasm").run();
    let text = outcome.out();
    let fuel = text.lines().find_map(|line| line.strip_prefix("  fuel: "));
    let fuel = fuel.and_then(|fuel| fuel.strip_suffix(" of 100000000 for its last answer"));
    let fuel: u64 = fuel.and_then(|fuel| fuel.parse().ok()).unwrap_or_default();
    assert!(fuel > 0, "{}", outcome.said());
    let unknown = sandbox.call("vt plugin inspect vitest").run();
    denied(&unknown, &["`vitest` is not in use", "./rules.wasm"]);
}

#[test]
fn that_nothing_may_be_fetched_denies_nothing_and_is_shown() {
    let sandbox = guarded();
    policy(&sandbox, "offline", &json!(true));
    permitted(&sandbox);
    let outcome = sandbox.call("vt plugin inspect ./rules.wasm").run();
    let piece = "vt-policy.json:3:3: `offline` holds, as vt never fetches anything";
    assert!(outcome.out().contains(piece), "{}", outcome.said());
    policy(&sandbox, "offline", &json!(false));
    permitted(&sandbox);
    let outcome = sandbox.call("vt plugin inspect ./rules.wasm").run();
    assert!(!outcome.out().contains("offline"), "{}", outcome.said());
    policy(&sandbox, "offline", &json!("yes"));
    denied(&run(&sandbox), &["vt-policy.json:3:", "`offline`"]);
}

/// What a component says may hang on a file that a step before writes.
#[test]
fn what_is_denied_when_a_step_is_reached_costs_that_step_the_cache_and_later_runs_everything() {
    let framework = example("framework-plugin").join("framework/made-up.wasm");
    let sandbox = Sandbox::with_tasks(&json!({}));
    sandbox.write("rules.wasm", std::fs::read(framework).unwrap());
    sandbox.write(
        "package.json",
        r#"{ "name": "app", "dependencies": { "made-up": "*" } }"#,
    );
    sandbox.write("node_modules/.bin/made-up", "#!/bin/sh\ncat a.txt\n");
    let tool = sandbox.path("node_modules/.bin/made-up");
    std::fs::set_permissions(tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    sandbox.write("a.txt", "built\n");
    sandbox.write("other.json", r#"{ "cacheDirectory": "src" }"#);
    let tasks = json!({
        "setup": { "command": "vtt cp other.json made-up.config.json", "cache": false },
        "go": { "command": "made-up build", "dependsOn": ["setup"] },
    });
    let config = json!({ "plugins": ["./rules.wasm"], "tasks": tasks });
    sandbox.write("vite-task.json", config.to_string());
    policy(&sandbox, "paths", &json!([".made-up", ".made-up/**"]));
    let outcome = run(&sandbox);
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let summary = outcome.summary();
    let step = summary.steps.last().unwrap();
    assert_eq!(step.status, Status::Ran, "{}", outcome.said());
    assert!(step.directives.is_empty(), "{:?}", step.directives);
    let [reason] = &step.not_stored[..] else {
        panic!("{:?}", step.not_stored);
    };
    assert_eq!(reason.kind, "plugin-error");
    let detail = reason.details["detail"].as_str().unwrap();
    for piece in [
        "vt-policy.json:3:3: `paths` of the policy",
        "./rules.wasm",
        "`ignore-input src`",
    ] {
        assert!(detail.contains(piece), "{detail}");
    }
    // Now it is known beforehand.
    let outcome = run(&sandbox);
    denied(&outcome, &["vt-policy.json:3:3", "`ignore-input src`"]);
    assert!(!outcome.out().contains("built"), "{}", outcome.said());
}

#[test]
fn the_audit_file_gets_a_line_for_each_directive_that_applies() {
    let sandbox = guarded();
    let audit = sandbox.home().join("audit.log");
    policy(&sandbox, "audit", &json!(audit));
    permitted(&sandbox);
    assert_eq!(run(&sandbox).summary().only().status, Status::Hit);
    let _ = sandbox.call("vt run --dry-run go").run();
    let text = std::fs::read_to_string(&audit).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // Two directives apply to a run and to a hit, and to nothing that is only looked at.
    assert_eq!(lines.len(), 4, "{text}");
    let line = &lines[1];
    assert_eq!(
        [
            &line["plugin"],
            &line["digest"],
            &line["directive"],
            &line["step"]
        ],
        [
            &json!("guest"),
            &json!(IGNORES.digest()),
            &json!("track-env GUEST_*"),
            &json!("app#go/0"),
        ],
    );
    // An audit that fails is said, and fails nothing.
    std::fs::remove_file(&audit).unwrap();
    std::os::unix::fs::symlink(sandbox.path("a.txt"), &audit).unwrap();
    let outcome = run(&sandbox);
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(
        outcome.err().contains("cannot write the audit file"),
        "{}",
        outcome.said()
    );
    assert_eq!(sandbox.read("a.txt"), b"one\n");
}

#[test]
fn a_rule_of_the_configuration_speaks_without_a_component() {
    let sandbox = workspace(&[]);
    let rules = |directives: Value| {
        let rule =
            json!({ "name": "ours", "match": { "programs": ["vtt"] }, "directives": directives });
        configure(&sandbox, &json!({ "plugins": [], "rules": [rule] }));
    };
    rules(json!({ "track-env": ["OURS_*"] }));
    let status = |value: &str| {
        let outcome = sandbox.call("vt run go").env("OURS_A", value).run();
        let step = outcome.summary().only();
        let said = step.directives[0].as_str().unwrap();
        assert!(
            said.starts_with("rules/ours (") && said.ends_with("track-env OURS_*"),
            "{said}"
        );
        step.status
    };
    assert_eq!(status("1"), Status::Ran);
    assert_eq!(status("1"), Status::Hit);
    assert_eq!(status("2"), Status::Ran);
    rules(json!({ "track-env": ["OURS_*"], "ignore-input": ["a.txt"] }));
    let outcome = sandbox.call("vt run go").env("OURS_A", "2").run();
    let step = outcome.summary().only();
    assert!(
        step.why.iter().any(|why| why.kind == "rules-changed"),
        "{:?}",
        step.why
    );
    sandbox.write("a.txt", "two\n");
    let outcome = sandbox.call("vt run go").env("OURS_A", "2").run();
    assert_eq!(
        outcome.summary().only().status,
        Status::Hit,
        "{}",
        outcome.said()
    );
    // A name means what is below, as it does in a task.
    sandbox.write("cache/deep/x", "1");
    let ours = json!({ "name": "ours", "match": { "programs": ["vtt"] }, "directives": { "ignore-input": ["cache"] } });
    let config =
        json!({ "plugins": [], "rules": [ours], "tasks": { "go": "vtt cat cache/deep/x" } });
    sandbox.write("vite-task.json", config.to_string());
    assert_eq!(run(&sandbox).summary().only().status, Status::Ran);
    sandbox.write("cache/deep/x", "2");
    assert_eq!(run(&sandbox).summary().only().status, Status::Hit);
    // It speaks for no other tool, and for no package without what it names.
    let rule = json!({
        "name": "ours", "match": { "programs": ["vtt"], "dependencies": ["nuxt"] },
        "directives": { "cache-off": "a reason" },
    });
    configure(&sandbox, &json!({ "plugins": [], "rules": [rule] }));
    assert!(run(&sandbox).summary().only().directives.is_empty());
}

#[test]
fn a_rule_of_the_configuration_says_nothing_that_a_component_may_not_say() {
    let sandbox = workspace(&[]);
    let rule = |name: &str, matches: Value, directives: Value| {
        let rule = json!({ "name": name, "match": matches, "directives": directives });
        configure(&sandbox, &json!({ "plugins": [], "rules": [rule] }));
        run(&sandbox)
    };
    let tool = || json!({ "programs": ["vtt"] });
    for glob in ["**", "../**", "/etc/**", ".", "../.."] {
        let outcome = rule("ours", tool(), json!({ "ignore-input": [glob] }));
        denied(&outcome, &["vite-task.json:", "rule `ours`", glob]);
    }
    for glob in ["a[", "a/!(b)"] {
        let outcome = rule("ours", tool(), json!({ "ignore-input": [glob] }));
        denied(
            &outcome,
            &["vite-task.json:", &format!("`{glob}` is not a glob")],
        );
    }
    denied(
        &rule("ours", tool(), json!({ "track-env": ["a b"] })),
        &["rule `ours`", "a b"],
    );
    denied(
        &rule("ours", json!({}), json!({})),
        &["it matches every step"],
    );
    denied(&rule("a b", tool(), json!({})), &["not a plain word"]);
    denied(
        &rule("ours", tool(), json!({ "ignore-inputs": [] })),
        &[
            "unknown key `ignore-inputs`",
            "did you mean `ignore-input`?",
        ],
    );
    denied(
        &rule("ours", tool(), json!({ "redact": ["a"] })),
        &["an object of lists"],
    );
}

#[test]
fn a_rule_of_the_configuration_is_held_to_the_policy() {
    let sandbox = workspace(&[]);
    let rule = json!({
        "name": "ours", "match": { "programs": ["vtt"] },
        "directives": { "ignore-input": ["cache/**"] },
    });
    configure(&sandbox, &json!({ "plugins": [], "rules": [rule] }));
    policy(&sandbox, "directives", &json!(["output"]));
    denied(
        &run(&sandbox),
        &[
            "vt-policy.json:3:3",
            "`rules/ours`",
            "`ignore-input cache/**`",
        ],
    );
    policy(&sandbox, "rules", &json!(false));
    denied(
        &run(&sandbox),
        &["vt-policy.json:3:3", "`rules` of the policy", "ours"],
    );
    policy(&sandbox, "rules", &json!(true));
    assert_eq!(run(&sandbox).exit_code, 0);
}

#[test]
fn compiled_code_that_was_tampered_with_is_compiled_anew() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = guarded();
    let cache = sandbox.home().join("the-cache");
    // Each argument more is another question, which no memo answers.
    let ask = |line: &str| {
        let outcome = sandbox.call(line).env("VT_CACHE_DIR", &cache).run();
        let step = outcome.summary().only();
        assert_eq!(step.directives.len(), 2, "{}", outcome.said());
        assert!(step.not_stored.is_empty(), "{}", outcome.said());
    };
    ask("vt run go");
    let folder = cache.join("precompiled");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&folder) & 0o777, 0o700);
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    let good = std::fs::read(file.path()).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 0xff;
    std::fs::write(file.path(), &bad).unwrap();
    ask("vt run go a.txt");
    assert!(
        std::fs::read(file.path()).unwrap() != bad,
        "it was not written anew"
    );
    // Where anybody could enter, nothing is taken and nothing left.
    std::fs::remove_file(file.path()).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    ask("vt run go a.txt a.txt");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_policy_of_the_machine_holds_for_every_workspace() {
    let sandbox = guarded();
    sandbox.write(
        "machine.json",
        r#"{ "deny": [{ "digest": "DIGEST" }] }"#.replace("DIGEST", &IGNORES.digest()),
    );
    // A mount namespace of its own gets another `/etc`; the workspace permits everything.
    sandbox.write("vt-policy.json", "{}");
    let script = "mount -t tmpfs none /etc && mkdir /etc/vt && cp machine.json /etc/vt/policy.json && vt run go";
    let call = |script: &str| {
        let call = sandbox.call("unshare -m -r --propagation private sh -c");
        call.word(script).run()
    };
    let probe = call("mount -t tmpfs none /etc");
    if probe.exit_code != 0 {
        eprintln!(
            "SKIPPED: no mount namespace can be made here: {}",
            probe.said()
        );
        return;
    }
    denied(
        &call(script),
        &[
            "/etc/vt/policy.json:1:12",
            "`deny` of the policy",
            "plugin `./rules.wasm`",
        ],
    );
}
