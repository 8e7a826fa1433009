//! Ways in which a hit could be wrong or a file be lost, each of which once was.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use vt_harness::{Outcome, Sandbox, Status};

/// A workspace with one task `b` that runs a shell script.
fn scripted(script: &str) -> Sandbox {
    let sandbox = with_task(&json!("sh b.sh"));
    sandbox.write("b.sh", script);
    sandbox
}

fn with_task(task: &serde_json::Value) -> Sandbox {
    Sandbox::with_tasks(&json!({ "b": task }))
}

fn run(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run b").run()
}

fn text(sandbox: &Sandbox, path: &str) -> String {
    String::from_utf8(sandbox.read(path)).unwrap()
}

fn git(directory: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args([
            "-c",
            "user.email=a@b",
            "-c",
            "user.name=a",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(arguments)
        .current_dir(directory)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "git {arguments:?}");
}

#[test]
fn a_file_the_user_made_in_the_place_of_a_result_is_not_removed_later() {
    let sandbox = scripted(
        "case $(cat in) in 1) echo gen >cfg; echo 1 >out;; \
         2) cat cfg >/dev/null; echo 2 >out;; 0) echo 0 >out;; esac",
    );
    sandbox.write("in", "0\n");
    let _ = run(&sandbox);
    sandbox.write("cfg", "committed\n");
    for state in ["1\n", "2\n", "0\n"] {
        sandbox.write("in", state);
        let _ = run(&sandbox);
    }
    assert!(sandbox.path("cfg").exists());
}

#[test]
fn an_edited_result_is_not_removed_because_outputs_are_declared() {
    let sandbox = with_task(&json!({ "command": "sh b.sh", "output": ["dist/**"] }));
    sandbox.write(
        "b.sh",
        "mkdir -p dist; m=$(cat in); echo $m >dist/b; [ $m = 1 ] && echo made >dist/a; :",
    );
    for state in ["0\n", "1\n"] {
        sandbox.write("in", state);
        let _ = run(&sandbox);
    }
    sandbox.write("dist/a", "EDIT\n");
    for state in ["2\n", "0\n"] {
        sandbox.write("in", state);
        let _ = run(&sandbox);
    }
    assert_eq!(text(&sandbox, "dist/a"), "EDIT\n");
}

#[test]
fn a_link_in_the_place_of_a_result_is_not_replaced() {
    let sandbox = with_task(&json!("sh -c \"cat a >o\""));
    sandbox.write("a", "1\n");
    let _ = run(&sandbox);
    sandbox.remove("o");
    sandbox.write("t", "target\n");
    symlink("t", sandbox.path("o")).unwrap();
    assert_eq!(run(&sandbox).status(), Status::Ran);
    assert_eq!(fs::read_link(sandbox.path("o")).unwrap(), Path::new("t"));
    assert_eq!(text(&sandbox, "t"), "1\n");
}

#[test]
fn a_pipe_left_behind_does_not_hang_the_runner() {
    let sandbox = with_task(&json!("sh -c \"cat package.json >o; mkfifo p || :\""));
    let outcome = run(&sandbox);
    assert_eq!(outcome.exit_code, 0);
    assert!(!outcome.summary().only().stored);
}

#[test]
fn a_process_that_goes_on_printing_is_not_waited_for() {
    let sandbox = with_task(&json!("sh b.sh"));
    let over = sandbox.home().join(".cache/over");
    // Who waited for it would find this file; who does not closes the pipe, which ends it.
    sandbox.write(
        "b.sh",
        format!(
            "cat package.json; (i=0; while [ $i -lt 500 ]; do \
             echo tick; sleep .02; i=$((i+1)); done; echo x >{}) &",
            over.display()
        ),
    );
    let outcome = run(&sandbox);
    assert!(!over.exists());
    assert_eq!(outcome.not_stored(), ["trace-incomplete"]);
}

#[test]
fn another_commit_in_a_linked_worktree_or_a_submodule_is_never_a_hit() {
    let sandbox = with_task(&json!("git rev-parse HEAD"));
    let main = sandbox.home().join(".cache/main");
    fs::create_dir(&main).unwrap();
    git(&main, &["init", "-q"]);
    git(&main, &["commit", "-q", "--allow-empty", "-m", "1"]);
    let tree = sandbox.path("tree");
    git(&main, &["worktree", "add", "-q", tree.to_str().unwrap()]);
    fs::rename(tree.join(".git"), sandbox.path(".git")).unwrap();
    git(
        &main,
        &["worktree", "repair", sandbox.root().to_str().unwrap()],
    );
    let _ = run(&sandbox);
    git(
        &sandbox.root(),
        &["commit", "-q", "--allow-empty", "-m", "2"],
    );
    assert_eq!(run(&sandbox).status(), Status::Ran);

    let sandbox = with_task(&json!("git -C sub rev-parse HEAD"));
    git(&sandbox.root(), &["init", "-q"]);
    git(
        &sandbox.root(),
        &["submodule", "--quiet", "add", main.to_str().unwrap(), "sub"],
    );
    let _ = run(&sandbox);
    git(
        &sandbox.path("sub"),
        &["commit", "-q", "--allow-empty", "-m", "2"],
    );
    assert_eq!(run(&sandbox).status(), Status::Ran);
}

#[test]
fn a_package_that_lies_outside_behind_a_link_is_not_stored() {
    let sandbox = Sandbox::empty();
    let outside = sandbox.home().join(".cache/outside");
    fs::create_dir_all(&outside).unwrap();
    sandbox.write(
        "package.json",
        r#"{ "name": "r", "workspaces": ["packages/*"] }"#,
    );
    fs::create_dir(sandbox.path("packages")).unwrap();
    fs::write(outside.join("package.json"), r#"{ "name": "foo" }"#).unwrap();
    fs::write(
        outside.join("vite-task.json"),
        r#"{ "tasks": { "b": "cat in" } }"#,
    )
    .unwrap();
    fs::write(outside.join("in"), "1\n").unwrap();
    symlink(&outside, sandbox.path("packages/foo")).unwrap();
    for text in ["1\n", "2\n"] {
        fs::write(outside.join("in"), text).unwrap();
        let outcome = sandbox.call("vt run foo#b").run();
        outcome.expect(Status::Ran);
        assert_eq!(outcome.out(), text);
        assert_eq!(outcome.not_stored(), ["trace-incomplete"]);
    }
}

#[test]
fn a_listing_counts_although_the_directory_is_changed_or_made_anew() {
    for script in [
        "chmod u+rwx src; ls src >o",
        "ls src >o; chmod u+rwx src",
        "ls src >l; rm -rf src; mkdir src; mv l src/l",
        "mkdir -p src made; ls src made",
    ] {
        let sandbox = scripted(script);
        sandbox.write("src/a", "");
        let _ = run(&sandbox);
        fs::create_dir_all(sandbox.path("src")).unwrap();
        sandbox.write("src/b", "");
        assert_eq!(run(&sandbox).status(), Status::Ran, "{script}");
    }
    // Also of a directory that is the step's own.
    let sandbox = scripted("mkdir -p dist; cat in >dist/o; ls dist");
    sandbox.write("in", "1\n");
    let _ = run(&sandbox);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    sandbox.write("dist/user", "");
    assert_eq!(run(&sandbox).status(), Status::Ran);
}

#[test]
fn a_file_at_the_path_of_a_result_is_seen_by_who_lists_its_directory_first() {
    let sandbox = scripted("cat in; ls src; echo made >src/gen");
    sandbox.write("in", "1\n");
    sandbox.write("src/a", "");
    let _ = run(&sandbox);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    sandbox.write("src/gen", "somebody's\n");
    let outcome = run(&sandbox);
    assert_eq!(outcome.status(), Status::Ran);
    assert!(outcome.out().contains("gen"), "{}", outcome.said());
    assert_eq!(text(&sandbox, "src/gen"), "made\n");
}

#[test]
fn what_a_run_only_found_there_is_not_brought_back_for_other_inputs() {
    let sandbox = scripted("[ -f out ] || cat in >out");
    for state in ["v1\n", "v2\n"] {
        sandbox.write("in", state);
        let _ = run(&sandbox);
    }
    assert_eq!(run(&sandbox).status(), Status::Hit);
    sandbox.remove("out");
    assert_eq!(run(&sandbox).status(), Status::Ran);
    assert_eq!(text(&sandbox, "out"), "v2\n");
}

#[test]
fn a_directory_made_by_somebody_else_in_a_listed_one_is_noticed() {
    let sandbox = with_task(&json!("sh b.sh"));
    let go = sandbox.home().join(".cache/go");
    sandbox.write(
        "b.sh",
        format!(
            "ls src; echo x >{0}.mark; vtt wait-for {0}; echo g >src/gen",
            go.display()
        ),
    );
    sandbox.write("src/a", "");
    let running = sandbox.call("vt run b").start();
    sandbox.wait_for(&go.with_extension("mark"));
    fs::create_dir(sandbox.path("src/strange")).unwrap();
    fs::write(&go, "").unwrap();
    let outcome = running.finish();
    assert_eq!(outcome.not_stored(), ["input-changed-during-run"]);
}

/// Runs a step that reads `src/deep/x` three times, with something done before the second and the third.
fn reads_three_times(sandbox: &Sandbox, before: [&dyn Fn(); 2]) -> Outcome {
    let cache = sandbox.home().join(".cache");
    let go = |number: usize| cache.join(format!("go{number}"));
    let wait = |number| {
        let go = go(number);
        format!(
            "echo x >{0}.mark; vtt wait-for {0}; cat src/deep/x; ls src/deep",
            go.display()
        )
    };
    let script = format!(
        "cat src/deep/x; ls src/deep; {}; {}; echo x >out",
        wait(0),
        wait(1)
    );
    sandbox.write("b.sh", script);
    let running = sandbox.call("vt run b").start();
    for (number, act) in before.iter().enumerate() {
        sandbox.wait_for(&go(number).with_extension("mark"));
        act();
        fs::write(go(number), "").unwrap();
    }
    running.finish()
}

#[test]
fn a_folder_that_is_swapped_away_and_back_while_the_step_reads_it_is_noticed() {
    let sandbox = with_task(&json!("sh b.sh"));
    sandbox.write("src/deep/x", "one\n");
    sandbox.write("other/deep/x", "two\n");
    let swap = |from: &str, to: &str| fs::rename(sandbox.path(from), sandbox.path(to)).unwrap();
    let outcome = reads_three_times(
        &sandbox,
        [
            &|| {
                swap("src", "away");
                swap("other", "src");
            },
            &|| {
                swap("src", "other");
                swap("away", "src");
            },
        ],
    );
    assert!(outcome.out().contains("two"), "{}", outcome.said());
    // The file, and the directory that was listed.
    let reasons = ["input-changed-during-run", "input-changed-during-run"];
    assert_eq!(outcome.not_stored(), reasons, "{}", outcome.said());
}

#[test]
fn a_folder_that_a_neighbour_makes_while_the_step_reads_beside_it_is_none_of_its_business() {
    let sandbox = with_task(&json!("sh b.sh"));
    sandbox.write("src/deep/x", "one\n");
    let make = |name: &str| fs::create_dir(sandbox.path(name)).unwrap();
    let outcome = reads_three_times(&sandbox, [&|| make("dist"), &|| make("src/dist")]);
    outcome.expect(Status::Ran);
    assert_eq!(outcome.not_stored(), [""; 0], "{}", outcome.said());
    sandbox.call("vt run b").run().expect(Status::Hit);
}

#[test]
fn a_utility_that_is_shadowed_runs_anew() {
    let sandbox = with_task(&json!("sed s/a/b/ in"));
    let shadow = sandbox.home().join(".cache/shadow");
    fs::create_dir(&shadow).unwrap();
    sandbox.write("in", "a\n");
    let path = format!("{}:/usr/bin:/bin", shadow.display());
    let run = || sandbox.call("vt run b").env("PATH", &path).run();
    let _ = run();
    assert_eq!(run().status(), Status::Hit);
    fs::write(shadow.join("sed"), "#!/bin/sh\necho SHADOW\n").unwrap();
    set_executable(&shadow.join("sed"));
    let outcome = run();
    assert_eq!(outcome.status(), Status::Ran);
    assert!(outcome.out().contains("SHADOW"));
}

#[test]
fn a_program_named_by_its_path_counts_although_another_has_its_name() {
    let sandbox = Sandbox::empty();
    let tools = ["one", "two"].map(|name| sandbox.home().join(".cache").join(name));
    for tool in &tools {
        fs::create_dir_all(tool).unwrap();
        fs::write(tool.join("tool"), "#!/bin/sh\ncat in; echo v1\n").unwrap();
        set_executable(&tool.join("tool"));
    }
    let second = tools[1].join("tool");
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    sandbox.write(
        "vite-task.json",
        json!({ "tasks": { "b": second.to_str() } }).to_string(),
    );
    sandbox.write("in", "x\n");
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        tools[0].display(),
        tools[1].display()
    );
    let run = || sandbox.call("vt run b").env("PATH", &path).run();
    let _ = run();
    fs::write(&second, "#!/bin/sh\ncat in; echo v2\n").unwrap();
    let outcome = run();
    assert_eq!(outcome.status(), Status::Ran);
    assert!(outcome.out().contains("v2"));
}

#[test]
fn a_link_that_was_read_and_removed_is_no_tombstone() {
    let sandbox = scripted("readlink cur; rm cur");
    symlink("v1", sandbox.path("cur")).unwrap();
    assert_eq!(run(&sandbox).not_stored(), ["modified-input"]);
}

#[test]
fn a_declared_input_behind_a_linked_directory_counts() {
    let sandbox = with_task(&json!({ "command": "cat src/a", "input": ["src/**"] }));
    sandbox.write("real/a", "1\n");
    symlink("real", sandbox.path("src")).unwrap();
    let _ = run(&sandbox);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    sandbox.write("real/a", "2\n");
    assert_eq!(run(&sandbox).status(), Status::Ran);
}

#[test]
fn removing_something_outside_is_an_effect_that_no_hit_has() {
    let sandbox = with_task(&json!("sh b.sh"));
    let victim = sandbox.home().join("victim");
    fs::write(&victim, "").unwrap();
    sandbox.write(
        "b.sh",
        format!("cat package.json >o; rm -f {}", victim.display()),
    );
    assert_eq!(run(&sandbox).not_stored(), ["wrote-outside"]);
}

#[test]
fn terminal_output_that_names_the_workspace_stays_in_it() {
    let first = scripted("cat package.json; pwd");
    let second = scripted("cat package.json; pwd");
    let cache = first.home().join("shared");
    let run = |sandbox: &Sandbox| sandbox.call("vt run b").env("VT_CACHE_DIR", &cache).run();
    let _ = run(&first);
    assert_eq!(run(&first).status(), Status::Hit);
    let outcome = run(&second);
    assert_eq!(outcome.status(), Status::Ran);
    assert!(outcome.out().contains(second.root().to_str().unwrap()));
}

#[test]
fn setting_a_mode_that_is_set_already_changes_nothing() {
    let sandbox = scripted("chmod +x c.sh; cat c.sh >o");
    sandbox.write("c.sh", "echo hi\n");
    set_executable(&sandbox.path("c.sh"));
    assert_eq!(run(&sandbox).not_stored(), [""; 0]);
    assert_eq!(run(&sandbox).status(), Status::Hit);
}

#[test]
fn a_temporary_directory_that_is_missing_costs_nothing() {
    let sandbox = scripted("cat in");
    sandbox.write("in", "1\n");
    let missing = sandbox.home().join("missing");
    let run = || sandbox.call("vt run b").env("TMPDIR", &missing).run();
    assert_eq!(run().not_stored(), [""; 0]);
    assert_eq!(run().status(), Status::Hit);
}

#[test]
fn an_edit_made_after_the_step_has_ended_is_never_taken_for_its_own() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    sandbox.write("vite-task.json", r#"{ "tasks": { "b": "node b.js" } }"#);
    // A large result keeps the runner packing while the edit happens.
    sandbox.write(
        "b.js",
        "const fs = require('fs'); try { fs.statSync('a.txt') } catch {}\n\
         fs.writeFileSync('a.txt', 'gen');\n\
         const b = require('crypto').randomBytes(5e7); const f = fs.openSync('z.bin', 'w');\n\
         for (let i = 0; i < 4; i++) fs.writeSync(f, b); fs.writeFileSync('done', '');",
    );
    let running = sandbox.call("vt run b").start();
    sandbox.wait_for(&sandbox.path("done"));
    std::thread::sleep(std::time::Duration::from_millis(400));
    sandbox.write("a.txt", "EDIT");
    let _ = running.finish();
    let outcome = run(&sandbox);
    // Either the edit came first and nothing was stored, or it is an edit of a result.
    assert_eq!(outcome.status(), Status::Ran, "{}", outcome.said());
}

#[test]
fn what_two_runners_wrote_at_the_same_time_is_the_result_of_neither() {
    let sandbox = Sandbox::with_tasks(&json!({
        "a": "vtt seq cat a.txt then write out a then write a.mark x then wait-for",
        "b": "vtt seq cat a.txt then write out b then write b.mark x then wait-for",
    }));
    let go = |name: &str| sandbox.home().join(".cache").join(name);
    let start = |task: &str| {
        let line = format!("vt run {task}");
        sandbox.call(&line).word(go(task)).start()
    };
    let one = start("a");
    sandbox.wait_for(&sandbox.path("a.mark"));
    let other = start("b");
    sandbox.wait_for(&sandbox.path("b.mark"));
    // The first to end finds what the other one wrote, and can't know.
    fs::write(go("a"), "").unwrap();
    let _ = one.finish();
    fs::write(go("b"), "").unwrap();
    let outcome = other.finish();
    assert_eq!(
        outcome.not_stored(),
        ["shared-output"],
        "{}",
        outcome.said()
    );
    let again = sandbox.call("vt run a").word(go("a")).run();
    again.expect(Status::Ran);
    assert_eq!(text(&sandbox, "out"), "a");
}

#[test]
fn a_directory_that_the_step_makes_and_lists_costs_nothing() {
    let sandbox = scripted("cat in; mkdir g; ls g; rmdir g");
    sandbox.write("in", "1\n");
    assert_eq!(run(&sandbox).not_stored(), [""; 0]);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    let sandbox = scripted("cat in; mkdir -p g; ls g");
    sandbox.write("in", "1\n");
    assert_eq!(run(&sandbox).not_stored(), [""; 0]);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    sandbox.write("g/user", "");
    assert_eq!(run(&sandbox).status(), Status::Ran);
}

#[test]
fn another_name_that_the_step_gives_an_input_costs_nothing() {
    let sandbox = scripted("mkdir -p dist; cat in; ln -f in dist/in");
    sandbox.write("in", "1\n");
    assert_eq!(run(&sandbox).not_stored(), [""; 0]);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    sandbox.remove("dist/in");
    assert_eq!(run(&sandbox).status(), Status::Hit);
    assert_eq!(text(&sandbox, "dist/in"), "1\n");
    sandbox.remove("in");
    sandbox.write("in", "2\n");
    assert_eq!(run(&sandbox).status(), Status::Ran);
}

#[test]
fn a_result_with_another_name_is_not_stored_since_a_hit_would_change_one_of_them() {
    let sandbox = scripted("cat in >out");
    sandbox.write("in", "1\n");
    sandbox.write("out", "");
    fs::hard_link(sandbox.path("out"), sandbox.path("twin")).unwrap();
    assert_eq!(run(&sandbox).not_stored(), ["modified-input"]);
    assert_eq!(text(&sandbox, "twin"), "1\n");
    // Nor is it restored over one that has got another name since.
    sandbox.remove("twin");
    let _ = run(&sandbox);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    fs::hard_link(sandbox.path("out"), sandbox.path("twin")).unwrap();
    sandbox.write("twin", "EDIT\n");
    assert_eq!(run(&sandbox).status(), Status::Ran);
    assert_eq!(text(&sandbox, "twin"), "1\n");
}

fn set_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_file_in_the_place_of_a_directory_is_another_answer_than_nothing_in_it() {
    let sandbox = scripted("cat in; cat d/missing 2>&1 || true");
    sandbox.write("in", "1\n");
    fs::create_dir(sandbox.path("d")).unwrap();
    let _ = run(&sandbox);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    fs::remove_dir(sandbox.path("d")).unwrap();
    sandbox.write("d", "");
    let outcome = run(&sandbox);
    assert_eq!(outcome.status(), Status::Ran, "{}", outcome.said());
    assert!(
        outcome.out().contains("Not a directory"),
        "{}",
        outcome.said()
    );
    assert!(outcome.said().contains("`d` changed"), "{}", outcome.said());
    assert_eq!(run(&sandbox).status(), Status::Hit);
}
