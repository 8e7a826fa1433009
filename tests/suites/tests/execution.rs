//! How steps are run beside each other: limits, failures, what is stopped and how, exit codes, output without end.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use vt_harness::{Outcome, Running, Sandbox, Status};

/// A workspace of these tasks, which may name files outside of it as `{mark}`.
fn workspace(tasks: &Value) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let text = json!({ "tasks": tasks })
        .to_string()
        .replace('{', "\u{1}{")
        .replace("\u{1}{at}", &marks(&sandbox).display().to_string())
        .replace('\u{1}', "");
    sandbox.write("vite-task.json", text);
    sandbox
}

/// Where files lie that nobody takes for inputs or outputs.
fn marks(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".cache")
}

fn mark(sandbox: &Sandbox, name: &str) -> PathBuf {
    marks(sandbox).join(name)
}

fn statuses(outcome: &Outcome) -> Vec<(String, Status)> {
    let steps = &outcome.summary().steps;
    let mut statuses: Vec<(String, Status)> = steps
        .iter()
        .map(|step| (step.task.clone(), step.status))
        .collect();
    statuses.sort_by(|left, right| left.0.cmp(&right.0));
    statuses
}

fn signal(name: &str, process: &Running) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// The processes whose command line names a file.
fn processes_of(file: &std::path::Path) -> Vec<String> {
    let name = file.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(name))
        .collect()
}

#[test]
fn a_failure_ends_everything_that_runs_beside_it_daemons_too() {
    let sandbox = workspace(&json!({
        "server": "vtt seq cat a.txt then spawn-daemon {at}/beat then append {at}/cached x then wait-for {at}/never",
        "script": {
            "command": "sh -c 'sleep 1234 & echo $! > {at}/plain; wait'",
            "cache": false,
        },
        "failing": "vtt seq cat a.txt then wait-for {at}/cached then wait-for {at}/plain then exit 7",
        "all": { "command": "vtt cat a.txt", "dependsOn": ["server", "script", "failing"] },
    }));
    let outcome = sandbox.call("vt run all").run();
    assert_eq!(outcome.exit_code, 7, "{}", outcome.said());
    assert_eq!(
        statuses(&outcome),
        [
            ("all".to_owned(), Status::Skipped),
            ("failing".to_owned(), Status::Failed),
            ("script".to_owned(), Status::Cancelled),
            ("server".to_owned(), Status::Cancelled),
        ]
    );
    assert_eq!(
        processes_of(&mark(&sandbox, "beat")),
        [""; 0],
        "the daemon still runs"
    );
    let grandchild = fs::read_to_string(mark(&sandbox, "plain")).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/cmdline", grandchild.trim()));
    assert!(
        stat.is_err() || !stat.unwrap().contains("1234"),
        "what the script started still runs"
    );
}

#[test]
fn who_does_not_listen_to_the_request_to_stop_is_killed() {
    let sandbox = workspace(&json!({
        "deaf": "sh -c 'trap \"\" TERM; cat a.txt; echo x > {at}/deaf; while :; do sleep 0.1; done'",
        "failing": "vtt seq cat a.txt then wait-for {at}/deaf then exit 7",
        "all": { "command": "vtt cat a.txt", "dependsOn": ["deaf", "failing"] },
    }));
    let outcome = sandbox.call("vt run all").run();
    assert_eq!(outcome.exit_code, 7, "{}", outcome.said());
    assert_eq!(statuses(&outcome)[1].1, Status::Cancelled);
    assert_eq!(outcome.summary().steps[0].exit_code, Some(128 + 9));
}

#[test]
fn continue_runs_all_that_does_not_depend_on_what_failed() {
    let sandbox = workspace(&json!({
        "failing": "vtt seq cat a.txt then exit 7",
        "after": { "command": "vtt print after", "dependsOn": ["failing"] },
        "last": { "command": "vtt print last", "dependsOn": ["after"] },
        "apart": { "command": "vtt seq cat a.txt then print apart", "dependsOn": ["before"] },
        "before": "vtt cat a.txt",
        // Its turn is over when the first of two fails, and once only.
        "too": "vtt seq cat a.txt then exit 8",
        "neither": { "command": "vtt print neither", "dependsOn": ["failing", "before", "too"] },
        "all": { "command": "vtt print all", "dependsOn": ["last", "apart", "neither"] },
    }));
    let outcome = sandbox
        .call("vt run --continue --concurrency-limit 1 all")
        .run();
    assert_eq!(outcome.exit_code, 7, "{}", outcome.said());
    let expected = [
        ("after", Status::Skipped),
        ("all", Status::Skipped),
        ("apart", Status::Ran),
        ("before", Status::Ran),
        ("failing", Status::Failed),
        ("last", Status::Skipped),
        ("neither", Status::Skipped),
        ("too", Status::Failed),
    ];
    assert_eq!(
        statuses(&outcome),
        expected.map(|(task, status)| (task.to_owned(), status))
    );
}

#[test]
fn why_a_step_was_skipped_is_said() {
    let sandbox = workspace(&json!({
        "failing": ["vtt seq cat a.txt then exit 7", "vtt print never"],
        "after": { "command": "vtt print after", "dependsOn": ["failing"] },
        "long": "vtt seq cat a.txt then append {at}/long x then wait-for {at}/never",
        "later": { "command": "vtt print later", "dependsOn": ["long"] },
    }));
    let said = sandbox.call("vt run after").run().err();
    for line in [
        "failing: skipped, the command before it did not succeed\n",
        "after: skipped, failing did not succeed\n",
    ] {
        assert!(said.contains(line), "no {line} in\n{said}");
    }
    let running = sandbox.call("vt run later").start();
    sandbox.wait_for(&mark(&sandbox, "long"));
    signal("INT", &running);
    let said = running.finish().err();
    let line = "later: skipped, the run ended before its turn\n";
    assert!(said.contains(line), "no {line} in\n{said}");
}

#[test]
fn no_more_steps_run_at_once_than_the_limit_allows() {
    let step = |name: &str| {
        format!("vtt seq cat a.txt then append {{at}}/log +{name} then append {{at}}/log .")
    };
    let sandbox = workspace(&json!({
        "one": step("one"),
        "two": step("two"),
        "three": step("three"),
        "all": { "command": "vtt cat a.txt", "dependsOn": ["one", "two", "three"] },
    }));
    let log = || fs::read_to_string(mark(&sandbox, "log")).unwrap();
    let one_by_one = |log: &str| {
        let parts: Vec<&str> = log.split('.').filter(|part| !part.is_empty()).collect();
        parts.len() == 3 && parts.iter().all(|part| part.matches('+').count() == 1)
    };
    assert_eq!(
        sandbox
            .call("vt run --concurrency-limit 1 all")
            .run()
            .exit_code,
        0
    );
    assert!(one_by_one(&log()), "{}", log());
    fs::remove_file(mark(&sandbox, "log")).unwrap();
    let outcome = sandbox
        .call("vt run --force all")
        .env("VT_CONCURRENCY_LIMIT", "1")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(one_by_one(&log()), "{}", log());
    let outcome = sandbox
        .call("vt run all")
        .env("VT_CONCURRENCY_LIMIT", "many")
        .run();
    assert_eq!(outcome.exit_code, 2);
    assert!(
        outcome.err().contains("VT_CONCURRENCY_LIMIT"),
        "{}",
        outcome.said()
    );
}

#[test]
fn parallel_drops_the_limit_and_the_order_between_tasks_but_not_within_one() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut tasks = json!({});
    for (index, name) in names.iter().enumerate() {
        let waits: Vec<String> = names
            .iter()
            .map(|other| format!("wait-for {{at}}/{other}"))
            .collect();
        let command = format!(
            "vtt seq cat a.txt then append {{at}}/{name} x then {}",
            waits.join(" then ")
        );
        let before: Vec<&str> = names[..index].last().copied().into_iter().collect();
        tasks[name] = json!({ "command": command, "dependsOn": before });
    }
    tasks["f"]["command"] = json!([tasks["f"]["command"].as_str().unwrap(), "vtt exists {at}/f",]);
    // Each waits for all others, and for the one before it if there is an order.
    let sandbox = workspace(&tasks);
    let outcome = sandbox.call("vt run --parallel f").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert_eq!(outcome.summary().steps.len(), 7);
    assert!(outcome.out().contains("yes"), "{}", outcome.said());
}

#[test]
fn the_death_by_a_signal_is_an_exit_code() {
    let sandbox = workspace(&json!({
        "cached": "vtt abort",
        "plain": { "command": "vtt abort", "cache": false },
    }));
    for task in ["cached", "plain"] {
        let outcome = sandbox.call(&format!("vt run {task}")).run();
        assert_eq!(outcome.exit_code, 128 + 6, "{}", outcome.said());
    }
}

#[test]
fn the_first_interrupt_asks_and_the_second_one_kills() {
    let sandbox = workspace(&json!({
        "cached": "sh -c 'trap \"echo x >> {at}/asked\" INT; cat a.txt; echo x > {at}/mark; while :; do sleep 0.1; done'",
        "plain": {
            "command": "sh -c 'trap \"echo x >> {at}/asked\" INT; echo x > {at}/mark; while :; do sleep 0.1; done'",
            "cache": false,
        },
    }));
    for task in ["cached", "plain"] {
        let running = sandbox.call(&format!("vt run {task}")).start();
        sandbox.wait_for(&mark(&sandbox, "mark"));
        signal("INT", &running);
        sandbox.wait_for(&mark(&sandbox, "asked"));
        signal("INT", &running);
        let outcome = running.finish();
        assert_eq!(outcome.exit_code, 130, "{}", outcome.said());
        assert_eq!(outcome.status(), Status::Cancelled);
        for name in ["mark", "asked"] {
            fs::remove_file(mark(&sandbox, name)).unwrap();
        }
    }
}

#[test]
fn what_ends_well_after_an_interrupt_is_not_stored() {
    let sandbox = workspace(&json!({
        "graceful": "sh -c 'trap \"exit 0\" INT; cat a.txt; echo x > {at}/mark; while :; do sleep 0.1; done'",
    }));
    let running = sandbox.call("vt run graceful").start();
    sandbox.wait_for(&mark(&sandbox, "mark"));
    signal("INT", &running);
    let outcome = running.finish();
    assert_eq!(outcome.exit_code, 130, "{}", outcome.said());
    assert!(!outcome.summary().only().stored);
    assert_eq!(outcome.not_stored(), ["cancelled"]);
}

#[test]
fn descriptors_of_a_job_server_reach_steps_that_are_not_cached() {
    let sandbox = workspace(&json!({
        "make": { "command": "sh -c 'echo $MAKEFLAGS; cat <&7'", "cache": false },
    }));
    let vt = sandbox.binaries().vt().display().to_string();
    let line = format!("exec 7<a.txt; exec {vt} run make");
    let outcome = sandbox
        .call("sh -c")
        .word(line)
        .env("MAKEFLAGS", "-j --jobserver-auth=7,8")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert_eq!(outcome.out(), "-j --jobserver-auth=7,8\none\n");
}

#[test]
fn a_make_above_lends_its_job_server_to_what_is_not_cached_and_to_nothing_else() {
    let sandbox = workspace(&json!({
        // A make that has a job server to work with does not warn, and takes its slots from there.
        "inner": { "command": "make -f inner.mk", "cache": false },
        "cached": "sh -c 'cat a.txt; echo flags: $MAKEFLAGS'",
        "declared": { "command": "sh -c 'cat a.txt; echo flags: $MAKEFLAGS'", "untrackedEnv": ["MAKEFLAGS"] },
    }));
    if Command::new("make").arg("--version").output().is_err() {
        // Not by a macro, which says nothing of tests that pass.
        let _ = std::io::stderr().write_all(b"SKIPPED: there is no make\n");
        return;
    }
    sandbox.write("inner.mk", "all:\n\t@echo flags: $(MAKEFLAGS)\n");
    let vt = sandbox.binaries().vt().display().to_string();
    let outer =
        ["inner", "cached", "declared"].map(|task| format!("{task}:\n\t+@{vt} run {task}\n"));
    sandbox.write("Makefile", outer.concat());
    let said = |task: &str| {
        let outcome = sandbox.call(&format!("make -j3 {task}")).run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        assert!(!outcome.err().contains("jobserver"), "{}", outcome.said());
        let out = outcome.out();
        let flags = out.lines().find_map(|line| line.strip_prefix("flags:"));
        flags.unwrap_or_else(|| panic!("{out}")).to_owned()
    };
    assert!(said("inner").contains("--jobserver"), "no job server");
    assert_eq!(said("cached"), "");
    assert!(said("declared").contains("--jobserver"), "not passed");
}

#[test]
fn a_step_is_told_that_it_is_run_and_from_where() {
    let tell = "sh -c 'cat a.txt; echo run=$VT_RUN from=$INIT_CWD in=$PWD'";
    let sandbox = workspace(&json!({
        "cached": tell,
        "plain": { "command": tell, "cache": false },
    }));
    sandbox.write("sub/deep/x", "");
    let root = sandbox.root().display().to_string();
    for task in ["cached", "plain"] {
        let line = format!("vt run {task}");
        let outcome = sandbox.call(&line).directory("sub/deep").run();
        let told = format!("run=1 from={root}/sub/deep in={root}\n");
        assert!(outcome.out().ends_with(&told), "{}", outcome.said());
    }
}

/// As in a container that somebody enters: the leader of the process group is outside of it.
#[test]
fn a_process_group_without_a_number_is_no_trouble() {
    let sandbox = workspace(&json!({ "build": "echo made > made" }));
    let vt = sandbox.binaries().vt().display().to_string();
    for status in ["ran", "hit"] {
        let line = format!(
            "unshare --user --map-root-user --pid --fork --mount-proc {vt} run --summary-json summary.json build"
        );
        let outcome = sandbox.call(&line).run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let summary: Value = serde_json::from_slice(&sandbox.read("summary.json")).unwrap();
        assert_eq!(summary["steps"][0]["status"], status, "{}", outcome.said());
        assert_eq!(sandbox.read("made"), b"made\n");
        sandbox.remove("summary.json");
    }
}

#[test]
fn a_program_that_is_not_there_is_said_so_cached_or_not() {
    let sandbox = Sandbox::with_tasks(&json!({
        "cached": "no-such-program a",
        "plain": { "command": "no-such-program b", "cache": false },
        "path": "./no-such-file c",
    }));
    for (task, program) in [
        ("cached", "no-such-program"),
        ("plain", "no-such-program"),
        ("path", "./no-such-file"),
    ] {
        let outcome = sandbox.call(&format!("vt run {task}")).run();
        assert_eq!(outcome.exit_code, 127, "{}", outcome.said());
        let told = format!("vt: `{program}` is not found on PATH\n");
        assert!(outcome.err().contains(&told), "{}", outcome.said());
    }
}

#[test]
fn a_filter_of_a_nested_run_that_matches_nothing_is_told() {
    let sandbox = Sandbox::with_tasks(&json!({
        "all": "vt run -F nothing -F app one",
        "one": "vtt print one",
    }));
    let outcome = sandbox.call("vt run all").run();
    assert_eq!((outcome.exit_code, outcome.out().as_str()), (0, "one\n"));
    let told = "vt: no package matches `nothing` in the command of `app#all`\n";
    assert!(outcome.err().contains(told), "{}", outcome.said());
}

#[test]
fn an_unknown_task_is_a_usage_error_wherever_it_is_named() {
    let sandbox = Sandbox::with_tasks(&json!({
        "build": "vtt print built",
        "outer": "vt run biuld",
    }));
    for line in [
        "vt run biuld",
        "vt run -r biuld",
        "vt run app#biuld",
        "vt run outer",
    ] {
        let outcome = sandbox.call(line).run();
        assert_eq!(outcome.exit_code, 2, "{line}: {}", outcome.said());
        assert!(
            outcome.err().contains("no task `biuld`"),
            "{}",
            outcome.said()
        );
    }
}

#[test]
fn results_of_many_steps_come_back_and_are_their_own_afterwards() {
    let names: Vec<String> = (0..12).map(|number| format!("make-{number:02}")).collect();
    let mut tasks = serde_json::Map::new();
    for name in &names {
        tasks.insert(
            name.clone(),
            json!(format!("vtt seq cat a.txt then write {name}.out {name}")),
        );
    }
    tasks.insert(
        "all".to_owned(),
        json!({ "command": "vtt cat package.json", "dependsOn": names }),
    );
    let sandbox = Sandbox::with_tasks(&tasks.into());
    assert_eq!(sandbox.call("vt run all").run().exit_code, 0);
    for name in &names {
        sandbox.remove(&format!("{name}.out"));
    }
    let back = sandbox.call("vt run all").run();
    for step in &back.summary().steps {
        assert_eq!(step.status, Status::Hit, "{}", back.said());
    }
    // What the command would have written over is written over, by the next run as well.
    sandbox.write("make-03.out", "edited");
    sandbox.remove("make-04.out");
    let edited = sandbox.call("vt run all").run();
    assert_eq!(edited.exit_code, 0, "{}", edited.said());
    let text = |name: &str| String::from_utf8(sandbox.read(name)).unwrap();
    assert_eq!(text("make-03.out").trim_end(), "make-03");
    assert_eq!(text("make-04.out").trim_end(), "make-04");
    // Going on and back again finds both results.
    sandbox.write("a.txt", "two\n");
    assert_eq!(sandbox.call("vt run all").run().exit_code, 0);
    sandbox.write("a.txt", "one\n");
    let again = sandbox.call("vt run all").run();
    for step in &again.summary().steps {
        assert_eq!(step.status, Status::Hit, "{}: {}", step.id, again.said());
    }
}
