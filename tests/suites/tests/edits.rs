//! Edits by somebody else at the worst of moments, and what a store that somebody else wrote may ask for.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use vt_base::AbsPath;
use vt_harness::{Outcome, Running, Sandbox, Status};
use vt_store::{Store, Table};

/// A workspace with one task `b` that runs a shell script.
fn scripted(script: &str) -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({ "b": "sh b.sh" }));
    sandbox.write("b.sh", script);
    sandbox
}

fn run(sandbox: &Sandbox) -> Outcome {
    sandbox.call("vt run b").run()
}

fn text(sandbox: &Sandbox, path: &str) -> String {
    String::from_utf8(sandbox.read(path)).unwrap()
}

/// Starts a run that stops once it has judged what a hit may replace and remove, and waits for that.
fn stopped_after_judging(sandbox: &Sandbox) -> Running {
    let call = sandbox.call("vt run b");
    let running = call.env("VT_TEST_DIE_AT", "stop-judged").start();
    let stat = format!("/proc/{}/stat", running.id());
    let state = || {
        let stat = fs::read_to_string(&stat).unwrap();
        // The name of the program, in brackets, may hold anything.
        stat.rsplit(") ").next().unwrap().chars().next()
    };
    while state() != Some('T') {
        assert_ne!(state(), Some('Z'), "it ended before it had judged");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    running
}

fn carry_on(running: Running) -> Outcome {
    let sent = Command::new("kill")
        .args(["-s", "CONT", &running.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    running.finish()
}

#[test]
fn an_edit_made_after_a_hit_was_judged_is_neither_replaced_nor_removed() {
    // What `out/extra` is does not matter to a run with another input, which removes whatever is there.
    let script = "cat in; rm -rf out; mkdir out; [ -e kept ] && echo again; cp in kept; \
         if grep -q 1 in; then cp in out/extra; fi";
    for (edited, made) in [("out/extra", None), ("kept", Some("2\n"))] {
        let sandbox = scripted(script);
        for state in ["2\n", "1\n", "3\n", "1\n"] {
            sandbox.write("in", state);
            let _ = run(&sandbox);
        }
        sandbox.write("in", "2\n");
        let running = stopped_after_judging(&sandbox);
        sandbox.write(edited, "EDIT\n");
        let outcome = carry_on(running);
        let step = outcome.summary().only();
        assert_eq!(step.status, Status::Ran, "{edited}: {}", outcome.said());
        assert_eq!(step.why[0].kind, "output-edited", "{edited}");
        let found = sandbox
            .path(edited)
            .exists()
            .then(|| text(&sandbox, edited));
        assert_eq!(found.as_deref(), made);
    }
}

#[test]
fn state_that_a_step_left_a_moment_ago_is_its_own() {
    let sandbox = scripted("cat in; touch state; cat state >next; cat in >>next; mv next state");
    for state in ["1\n", "2\n", "3\n"] {
        sandbox.write("in", state);
        assert_eq!(run(&sandbox).not_stored(), [""; 0], "{state}");
    }
    assert_eq!(text(&sandbox, "state"), "1\n2\n3\n");
    assert_eq!(run(&sandbox).status(), Status::Hit);
}

/// Replaces a piece of text in every entry of a store, as somebody who can write into it might.
fn forge(cache: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let store = Store::open(&AbsPath::new(cache).unwrap()).unwrap();
    let snapshot = store.read().unwrap().unwrap();
    let entries: Vec<_> = (0..=u8::MAX)
        .flat_map(|first| snapshot.prefix(Table::Entries, &[first]).unwrap())
        .collect();
    drop(snapshot);
    let forged = |value: &[u8]| {
        let mut value = value.to_vec();
        let places: Vec<usize> = (0..=value.len().saturating_sub(from.len()))
            .filter(|at| value[*at..].starts_with(from.as_bytes()))
            .collect();
        for at in &places {
            value[*at..*at + to.len()].copy_from_slice(to.as_bytes());
        }
        (!places.is_empty()).then_some(value)
    };
    let changes: Vec<_> = entries
        .iter()
        .filter_map(|(key, value)| Some((key, forged(value)?)))
        .collect();
    assert!(!changes.is_empty(), "no entry names `{from}`");
    store
        .write(|writer| {
            let mut each = changes.iter();
            each.try_for_each(|(key, value)| writer.put(Table::Entries, key, value))
        })
        .unwrap();
}

#[test]
fn an_entry_that_names_what_nobody_may_write_is_dropped_and_stored_again() {
    for (made, from, to) in [
        ("egit/hook", "egit", ".git"),
        ("lib/xgit/hook", "xgit", ".git"),
        ("aa/outside", "aa/outside", "../outside"),
        ("x/etc/outside", "x/etc/outside", "//etc/outside"),
        ("b/cc/outside", "b/cc/outside", "b/../outside"),
    ] {
        let forgery = made.replace(from, to);
        let directory = Path::new(made).parent().unwrap().display();
        // Of a link the entry says everything: no archive could give the forgery away.
        let sandbox = scripted(&format!(
            "cat in; mkdir -p {directory}; ln -s nowhere {made}"
        ));
        sandbox.write("in", "1\n");
        let cache = sandbox.home().join("cache");
        let run = || sandbox.call("vt run b").env("VT_CACHE_DIR", &cache).run();
        assert_eq!(run().not_stored(), [""; 0]);
        forge(&cache, from, to);
        fs::remove_dir_all(sandbox.path(made.split('/').next().unwrap())).unwrap();
        let outcome = run();
        let step = outcome.summary().only();
        assert_eq!(step.status, Status::Ran, "{forgery}: {}", outcome.said());
        assert_eq!(step.why[0].kind, "blob-damaged", "{forgery}");
        assert!(step.stored, "{forgery}: {}", outcome.said());
        assert!(!sandbox.path(&forgery).is_symlink(), "{forgery}");
        assert!(sandbox.path(made).is_symlink(), "{forgery}");
        assert_eq!(run().status(), Status::Hit, "{forgery}");
    }
}

#[test]
fn a_link_that_is_made_anew_as_it_was_is_stored_whoever_made_it_first() {
    let sandbox = scripted("cat in; ln -sfn target link");
    fs::create_dir(sandbox.path("target")).unwrap();
    sandbox.write("in", "1\n");
    std::os::unix::fs::symlink("target", sandbox.path("link")).unwrap();
    assert_eq!(run(&sandbox).not_stored(), [""; 0]);
    assert_eq!(run(&sandbox).status(), Status::Hit);
    sandbox.write("in", "2\n");
    assert_eq!(run(&sandbox).not_stored(), [""; 0]);
    // It is an input then: what the command would do with another one is not known.
    sandbox.remove("link");
    std::os::unix::fs::symlink("in", sandbox.path("link")).unwrap();
    assert_eq!(run(&sandbox).status(), Status::Ran);
    assert_eq!(
        fs::read_link(sandbox.path("link")).unwrap(),
        Path::new("target")
    );
}

#[test]
fn a_directory_that_is_wiped_and_made_anew_is_stored_every_time() {
    let sandbox = scripted("cat in; rm -rf out; mkdir -p out/empty");
    for state in ["1\n", "2\n", "3\n"] {
        sandbox.write("in", state);
        assert_eq!(run(&sandbox).not_stored(), [""; 0], "{state}");
        assert_eq!(run(&sandbox).status(), Status::Hit, "{state}");
    }
    sandbox.remove("out");
    assert_eq!(run(&sandbox).status(), Status::Hit);
    assert!(sandbox.path("out/empty").is_dir());
}

/// Starts a step that leaves results in several ways and then goes on, and waits until it has left them.
fn left_and_goes_on(script: &str) -> (Sandbox, Running) {
    let sandbox = scripted(&format!(
        "{script}\n: >left; while [ ! -e go ]; do sleep 0.01; done; cat in >last"
    ));
    sandbox.write("in", "1\n");
    sandbox.write("vite-task.json", r#"{ "tasks": { "b": { "command": "sh b.sh", "input": [{ "auto": true }, "!go", "!left"] } } }"#);
    let running = sandbox.call("vt run b").start();
    sandbox.wait_for(&sandbox.path("left"));
    (sandbox, running)
}

fn goes_on(sandbox: &Sandbox, running: Running) -> Outcome {
    sandbox.write("go", "");
    running.finish()
}

const LEAVES: &str = "mkdir dist.new; cat in >dist.new/a; cat in >dist.new/b.tmp; mv dist.new/b.tmp dist.new/b; \
    mv dist.new dist; cat in >>log; cat in >c; cat in >c";

#[test]
fn a_result_that_somebody_edits_while_the_step_goes_on_is_never_stored() {
    let edit = |sandbox: &Sandbox, how: &str, path: &str| {
        let other = sandbox.home().join("other");
        match how {
            "with the same bytes" => sandbox.write(path, "1\n"),
            "by another file" => {
                fs::write(&other, "EDIT").unwrap();
                fs::rename(&other, sandbox.path(path)).unwrap();
            }
            _ => sandbox.write(path, "EDIT"),
        }
    };
    for how in ["in place", "with the same bytes", "by another file"] {
        for path in ["dist/a", "dist/b", "c"] {
            let (sandbox, running) = left_and_goes_on(LEAVES);
            edit(&sandbox, how, path);
            let outcome = goes_on(&sandbox, running);
            assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
            let refused = outcome.not_stored();
            assert_eq!(
                refused,
                ["shared-output"],
                "{path} {how}: {}",
                outcome.said()
            );
            assert!(outcome.said().contains(path), "{}", outcome.said());
        }
    }
}

#[test]
fn what_nobody_edits_while_the_step_goes_on_is_stored() {
    let (sandbox, running) = left_and_goes_on(LEAVES);
    // Neither a look nor a file of somebody else beside them is an edit.
    assert_eq!(text(&sandbox, "dist/a"), "1\n");
    sandbox.write("dist/mine", "mine");
    sandbox.write("notes", "mine");
    let outcome = goes_on(&sandbox, running);
    assert_eq!(outcome.not_stored(), [""; 0], "{}", outcome.said());
    // Whether the command would leave it, another run has to show.
    sandbox.remove("dist/mine");
    run(&sandbox).expect(Status::Hit);
}

#[test]
fn a_run_inside_of_another_is_told_of_such_an_edit_too() {
    let sandbox = Sandbox::with_tasks(&json!({
        "outer": "sh -c 'vt run inner'",
        "inner": {
            "command": "sh b.sh",
            "input": [{ "auto": true }, "!go", "!left"],
        },
    }));
    let script =
        "mkdir dist; cat in >dist/a; >left; while [ ! -e go ]; do sleep 0.01; done; cat in >last";
    sandbox.write("b.sh", script);
    sandbox.write("in", "1\n");
    let running = sandbox.call("vt run outer").start();
    sandbox.wait_for(&sandbox.path("left"));
    sandbox.write("dist/a", "EDIT");
    let outcome = goes_on(&sandbox, running);
    let said = outcome.said();
    for step in ["inner", "outer"] {
        let start = format!("{step}: not stored");
        let line = said.lines().find(|line| line.starts_with(&start));
        let names = |line: &str| line.contains("touched its result `dist/a`");
        assert!(line.is_some_and(names), "{said}");
    }
    // With what it left as it is, only what was stored could say that it is a hit.
    sandbox.call("vt run inner").run().expect(Status::Ran);
}
