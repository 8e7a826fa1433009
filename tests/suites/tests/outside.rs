//! What lies outside the workspace and was looked at counts like what lies inside.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use vt_harness::{Outcome, Sandbox, Status, copy_tree};

fn with_task(command: &str) -> Sandbox {
    Sandbox::with_tasks(&serde_json::json!({ "build": command }))
}

fn build(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run build").run()
}

/// A file beside the workspace.
fn beside(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.root().parent().unwrap().join(name)
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn hits(outcome: &Outcome) {
    outcome.expect(Status::Hit);
}

fn runs_because(outcome: &Outcome, why: &str) {
    outcome.expect(Status::Ran);
    assert!(outcome.summary().only().says_why(why), "{}", outcome.said());
    assert!(outcome.summary().only().stored, "{}", outcome.said());
}

#[test]
fn a_file_beside_the_workspace_is_an_input() {
    let sandbox = with_task("vtt concat -p dist/out a.txt ../spec/api.yaml");
    let spec = beside(&sandbox, "spec/api.yaml");
    put(&spec, "one\n");
    build(&sandbox).expect(Status::Ran);
    hits(&build(&sandbox));
    put(&beside(&sandbox, "spec/other"), "nobody reads it\n");
    hits(&build(&sandbox));
    put(&spec, "two\n");
    runs_because(&build(&sandbox), "input-modified ../spec/api.yaml");
    assert_eq!(sandbox.read("dist/out"), b"one\ntwo\n");
    put(&spec, "one\n");
    hits(&build(&sandbox));
}

#[test]
fn what_is_not_there_and_what_a_directory_holds_count_as_well() {
    let sandbox = with_task("sh look.sh");
    sandbox.write(
        "look.sh",
        "vtt cat a.txt\n[ -e ../spec/more ] && echo more\nvtt ls ../spec/parts\ntrue\n",
    );
    put(&beside(&sandbox, "spec/parts/a"), "");
    build(&sandbox).expect(Status::Ran);
    hits(&build(&sandbox));
    put(&beside(&sandbox, "spec/parts/b"), "");
    runs_because(&build(&sandbox), "listing-changed ../spec/parts b");
    put(&beside(&sandbox, "spec/more"), "");
    runs_because(&build(&sandbox), "input-added ../spec/more");
    hits(&build(&sandbox));
}

#[test]
fn a_link_that_leads_out_is_followed() {
    let sandbox = with_task("vtt cat a.txt shared/text");
    let (one, two) = (beside(&sandbox, "one"), beside(&sandbox, "two"));
    put(&one.join("text"), "text\n");
    put(&two.join("text"), "text\n");
    symlink("../one", sandbox.path("shared")).unwrap();
    build(&sandbox).expect(Status::Ran);
    hits(&build(&sandbox));
    put(&one.join("text"), "other\n");
    runs_because(&build(&sandbox), "input-modified ../one/text");
    fs::remove_file(sandbox.path("shared")).unwrap();
    symlink("../two", sandbox.path("shared")).unwrap();
    runs_because(&build(&sandbox), "link-changed shared");
}

#[test]
fn a_clone_at_another_place_shares_what_lies_beside_it() {
    let first = with_task("vtt cat a.txt ../spec/text");
    let second = Sandbox::empty();
    copy_tree(&first.root(), &second.root()).unwrap();
    put(&beside(&first, "spec/text"), "one\n");
    put(&beside(&second, "spec/text"), "one\n");
    let cache = first.home().join("shared-cache");
    let run = |sandbox: &Sandbox| {
        let call = sandbox.call("vt run build").env("VT_CACHE_DIR", &cache);
        call.run()
    };
    run(&first).expect(Status::Ran);
    hits(&run(&second));
    put(&beside(&second, "spec/text"), "two\n");
    runs_because(&run(&second), "input-modified ../spec/text");
}

#[test]
fn settings_in_the_home_directory_count() {
    let sandbox = with_task("sh look.sh");
    sandbox.write(
        "look.sh",
        "vtt cat a.txt\nfor f in .toolrc .npm/_logs/x; do [ -e ~/$f ] && cat ~/$f; done\ntrue\n",
    );
    build(&sandbox).expect(Status::Ran);
    hits(&build(&sandbox));
    put(&sandbox.home().join(".npm/_logs/x"), "a log");
    hits(&build(&sandbox));
    put(&sandbox.home().join(".toolrc"), "x");
    runs_because(&build(&sandbox), "input-added ~/.toolrc");
    put(&sandbox.home().join(".toolrc"), "y");
    runs_because(&build(&sandbox), "input-modified ~/.toolrc");
}

#[test]
fn who_somebody_is_does_not_count() {
    let sandbox = with_task("sh look.sh");
    sandbox.write(
        "look.sh",
        "vtt cat a.txt\nfor f in .npmrc .gitconfig; do [ -e ~/$f ] && wc -l < ~/$f; done\ntrue\n",
    );
    build(&sandbox).expect(Status::Ran);
    put(
        &sandbox.home().join(".npmrc"),
        "//registry.example/:_authToken=secret\n",
    );
    put(
        &sandbox.home().join(".gitconfig"),
        "[user]\n\tname = somebody\n",
    );
    hits(&build(&sandbox));
    put(&sandbox.home().join(".npmrc"), "legacy-peer-deps=true\n");
    runs_because(&build(&sandbox), "input-added ~/.npmrc");
    put(
        &sandbox.home().join(".npmrc"),
        "_auth=x\nlegacy-peer-deps=true\n",
    );
    hits(&build(&sandbox));
}

/// Looks for a name in the directory of the step and in each above it, up to `/`.
const UPWARDS: &str = "vtt cat a.txt
d=$(pwd)
while :; do
  if [ -e \"${d%/}/marker.json\" ]; then cat \"${d%/}/marker.json\"; fi
  [ \"$d\" = / ] && break
  d=$(dirname \"$d\")
done
";

#[test]
fn a_name_that_is_looked_for_upwards_is_one_question_at_any_depth() {
    let sandbox = with_task("sh up.sh");
    sandbox.write("up.sh", UPWARDS);
    let deeper = beside(&sandbox, "clone/deep/er");
    fs::create_dir_all(&deeper).unwrap();
    copy_tree(&sandbox.root(), &deeper).unwrap();
    let cache = sandbox.home().join("shared-cache");
    let run = |directory: &str| {
        let call = sandbox.call("vt run build").directory(directory);
        call.env("VT_CACHE_DIR", &cache).run()
    };
    let clone = "../clone/deep/er";
    run(".").expect(Status::Ran);
    hits(&run(clone));
    put(&beside(&sandbox, "clone/marker.json"), "one");
    hits(&run("."));
    runs_because(&run(clone), "input-added ../../marker.json");
    put(&beside(&sandbox, "clone/marker.json"), "two");
    runs_because(&run(clone), "input-modified ../../marker.json");
    put(&beside(&sandbox, "marker.json"), "above");
    runs_because(&run("."), "input-added ../marker.json");
}

#[test]
fn what_a_name_leads_to_counts_and_not_where_it_was_looked_for() {
    let sandbox = with_task("sh look.sh");
    sandbox.write(
        "look.sh",
        "vtt cat a.txt\nif command -v some-tool; then some-tool; fi\ntrue\n",
    );
    let (one, two) = (beside(&sandbox, "one"), beside(&sandbox, "two"));
    for directory in [&one, &two] {
        fs::create_dir(directory).unwrap();
    }
    let ours = sandbox.binaries().vtt().parent().unwrap().to_owned();
    let run = |directory: &Path| {
        let path = [&ours, directory, Path::new("/usr/bin"), Path::new("/bin")];
        let path = std::env::join_paths(path).unwrap();
        sandbox.call("vt run build").env("PATH", path).run()
    };
    run(&one).expect(Status::Ran);
    hits(&run(&two));
    let tool = two.join("some-tool");
    put(&tool, "#!/bin/sh\necho tool\n");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    hits(&run(&one));
    runs_because(&run(&two), "tool-changed some-tool");
}

#[test]
fn a_declared_input_may_lie_outside_and_one_that_is_cut_does_not_count() {
    let sandbox = Sandbox::with_tasks(&serde_json::json!({
        "build": {
            "command": "vtt cat a.txt ../spec/a ../cut/x",
            "input": [{ "auto": true }, "../spec/**", "!../cut/**", "~/kept"],
        },
    }));
    for path in ["spec/a", "spec/deep/b", "cut/x"] {
        put(&beside(&sandbox, path), "one\n");
    }
    build(&sandbox).expect(Status::Ran);
    hits(&build(&sandbox));
    put(&beside(&sandbox, "cut/x"), "two\n");
    hits(&build(&sandbox));
    put(&beside(&sandbox, "spec/deep/b"), "two\n");
    runs_because(&build(&sandbox), "input-modified ../spec/deep/b");
    put(&beside(&sandbox, "spec/c"), "");
    runs_because(&build(&sandbox), "input-added ../spec/c");
    put(&sandbox.home().join("kept"), "");
    runs_because(&build(&sandbox), "input-added ~/kept");
    fs::remove_file(sandbox.home().join("kept")).unwrap();
    hits(&build(&sandbox));
}

#[test]
fn what_changes_outside_while_the_step_runs_is_not_stored() {
    let sandbox = with_task("sh look.sh");
    sandbox.write(
        "look.sh",
        "vtt cat a.txt ../spec/text\nvtt write started x\nvtt wait-for \"$TMPDIR/go\"\n",
    );
    let spec = beside(&sandbox, "spec/text");
    put(&spec, "one\n");
    let running = sandbox.call("vt run build").start();
    sandbox.wait_for(&sandbox.path("started"));
    put(&spec, "two\n");
    put(&beside(&sandbox, "tmp/go"), "");
    let outcome = running.finish();
    assert_eq!(outcome.not_stored(), ["input-changed-during-run"]);
}

#[test]
fn a_shim_that_names_its_own_place_is_the_same_in_every_clone() {
    let first = with_task("vtt cat a.txt node_modules/.bin/tool");
    let second = Sandbox::empty();
    copy_tree(&first.root(), &second.root()).unwrap();
    let cache = first.home().join("shared-cache");
    let shim = |sandbox: &Sandbox, version: &str| {
        let root = sandbox.root();
        let root = root.display();
        sandbox.write(
            "node_modules/.bin/tool",
            format!("#!/bin/sh\nNODE_PATH={root}/node_modules/.pnpm/tool@{version}\n"),
        );
        sandbox.write(
            "node_modules/.modules.yaml",
            format!("prunedAt: {root}\nstoreDir: {root}/../store/v10\n"),
        );
    };
    let run = |sandbox: &Sandbox| {
        let call = sandbox.call("vt run build").env("VT_CACHE_DIR", &cache);
        call.run()
    };
    shim(&first, "1");
    shim(&second, "1");
    // What is printed names the place; so the step must not print it.
    let script = serde_json::json!({ "tasks": { "build": "sh quiet.sh" } });
    for sandbox in [&first, &second] {
        sandbox.write("vite-task.json", script.to_string());
        sandbox.write(
            "quiet.sh",
            "vtt cat a.txt\ncat node_modules/.bin/tool node_modules/.modules.yaml > /dev/null\n",
        );
    }
    run(&first).expect(Status::Ran);
    hits(&run(&second));
    shim(&second, "2");
    runs_because(&run(&second), "input-modified node_modules/.bin/tool");
}

#[test]
fn a_temporary_file_that_the_command_names_is_no_result_for_a_moment() {
    let sandbox = Sandbox::empty();
    let result = sandbox.temp().join("handed/result");
    let task = format!("vtt concat -p {} a.txt", result.display());
    sandbox.write("package.json", r#"{ "name": "app" }"#);
    sandbox.write("a.txt", "one\n");
    sandbox.write(
        "vite-task.json",
        serde_json::json!({ "tasks": { "build": task } }).to_string(),
    );
    for _ in 0..2 {
        let outcome = build(&sandbox);
        assert_eq!(
            outcome.not_stored(),
            ["wrote-outside"],
            "{}",
            outcome.said()
        );
        fs::remove_file(&result).unwrap();
    }
}

#[test]
fn a_temporary_file_is_never_handed_from_a_hit_to_another_step() {
    let sandbox = Sandbox::with_tasks(&serde_json::json!({
        "make": "sh make.sh",
        "use": { "command": "sh use.sh", "dependsOn": ["make"] },
    }));
    sandbox.write("make.sh", "cat a.txt > \"$TMPDIR/handed\"\n");
    sandbox.write("use.sh", "cat \"$TMPDIR/handed\" > used\n");
    let both = || {
        let outcome = sandbox.call("vt run use").run();
        let of = |task: &str| {
            let steps = &outcome.summary().steps;
            let step = steps.iter().find(|step| step.task == task).unwrap();
            let refused: Vec<String> = step.not_stored.iter().map(ToString::to_string).collect();
            (
                step.status,
                refused.iter().any(|why| why.starts_with("read-temporary")),
            )
        };
        [of("make"), of("use")]
    };
    for text in ["one\n", "two\n", "one\n"] {
        sandbox.write("a.txt", text);
        assert_eq!(both(), [(Status::Ran, false), (Status::Ran, true)]);
        assert_eq!(sandbox.read("used"), text.as_bytes());
    }
    // What a step left there itself it may read, and caches of tools are nobody's result.
    sandbox.write(
        "use.sh",
        "cat a.txt > \"$TMPDIR/node-compile-cache\"; cat \"$TMPDIR/node-compile-cache\" > used\n",
    );
    sandbox.write(
        "make.sh",
        "cat a.txt; cat \"$TMPDIR/node-compile-cache\" 2>/dev/null; true\n",
    );
    let _ = both();
    assert_eq!(both()[1], (Status::Hit, false));
}
