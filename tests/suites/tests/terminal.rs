//! What happens on a terminal: who has it, what is typed, the live block, the selector; and what of it stays out of
//! pipes, continuous integration and the cache.

use std::fs;

use serde_json::json;
use vt_harness::{Sandbox, Status};
use vt_suites::without_durations;

const SAYS_WHAT_IT_HAS: &str =
    "sh -c 'test -t 0 && echo in; test -t 1 && echo out; test -t 2 && echo err; cat a.txt'";

fn mark(sandbox: &Sandbox, name: &str) -> std::path::PathBuf {
    sandbox.home().join(".cache").join(name)
}

#[test]
fn a_step_that_is_not_cached_has_the_terminal() {
    let sandbox = Sandbox::with_tasks(&json!({
        "ask": {
            "command": "sh -c 'test -t 0 && test -t 1 && echo on a terminal; read answer; echo you said $answer'",
            "cache": false,
        },
    }));
    let mut terminal = sandbox.call("vt run ask").on_terminal();
    terminal.wait_for("on a terminal");
    terminal.type_in("yes\r");
    let outcome = terminal.finish();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(outcome.out().contains("you said yes"), "{}", outcome.out());
}

#[test]
fn a_run_on_a_terminal_and_one_in_a_pipe_bring_each_other_back() {
    let sandbox = Sandbox::with_tasks(&json!({ "look": SAYS_WHAT_IT_HAS }));
    let outcome = sandbox.call("vt run look").on_terminal().finish();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(
        outcome.out().ends_with("first run\nout\nerr\none"),
        "{}",
        outcome.out()
    );
    let outcome = sandbox.call("vt run look").run();
    outcome.expect(Status::Hit);
    sandbox.write("a.txt", "two\n");
    let outcome = sandbox.call("vt run look").run();
    outcome.expect(Status::Ran);
    assert!(outcome.out().ends_with("two\n") && !outcome.out().contains("out"));
    let outcome = sandbox.call("vt run look").on_terminal().finish();
    assert!(outcome.out().contains("look: hit"), "{}", outcome.out());
}

#[test]
fn only_a_stream_that_shows_everything_is_a_terminal_for_a_cached_step() {
    let sandbox = Sandbox::with_tasks(&json!({ "look": SAYS_WHAT_IT_HAS }));
    for (line, ending) in [
        ("vt run --force look", "forced\nout\nerr\none"),
        ("vt run --force look 2>said", "out\none"),
        ("vt --color never run --force look", "forced\none"),
        ("vt run --force --log labeled look", "[app#look] one"),
    ] {
        let call = sandbox.call(&format!("sh -c '{line}'"));
        let outcome = call.on_terminal().finish();
        assert!(outcome.out().ends_with(ending), "{line}: {}", outcome.out());
    }
}

#[test]
fn progress_is_drawn_on_a_terminal_and_its_last_state_comes_back() {
    let sandbox = Sandbox::with_tasks(&json!({
        "build": concat!(
            r#"sh -c 'cat a.txt; printf "\\033[?25l10%%\\r50%%\\r"; printf "\\033[2Kone\\ntwo\\n\\033[2A\\033[J" >&2; "#,
            r#"printf "\\033[32mdone\\033[39m\\n\\033[?25h"'"#
        ),
    }));
    let first = sandbox.call("vt run build").on_terminal().finish();
    assert_eq!(first.exit_code, 0, "{}", first.said());
    assert!(first.out().ends_with("one\ndone"), "{}", first.out());
    assert!(first.err().contains("10%\r50%\r"), "{:?}", first.err());
    let piped = sandbox.call("vt --color always run build").run();
    piped.expect(Status::Hit);
    assert_eq!(piped.out(), "one\n\u{1b}[32mdone\u{1b}[0m\n");
    let plain = sandbox.call("vt run build").run();
    assert_eq!(plain.out(), "one\ndone\n");
    let again = sandbox.call("vt run build").on_terminal().finish();
    assert!(again.err().contains("\u{1b}[32mdone"), "{:?}", again.err());
    assert!(again.out().ends_with("one\ndone"), "{}", again.out());
}

#[test]
fn of_several_cached_steps_none_draws() {
    let sandbox = Sandbox::with_tasks(&json!({
        "a": SAYS_WHAT_IT_HAS,
        "b": "vtt cat a.txt",
        "all": { "command": "vtt cat a.txt", "dependsOn": ["a", "b"] },
    }));
    for log in ["live", "labeled", "grouped"] {
        let line = format!("vt run --force --log {log} all");
        let outcome = sandbox.call(&line).on_terminal().finish();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let ends_with = |end: &str| outcome.out().lines().any(|line| line.ends_with(end));
        assert!(ends_with("one") && !ends_with("out"), "{}", outcome.out());
    }
}

#[test]
fn a_pager_waits_for_nobody_unless_somebody_wants_it() {
    let sandbox = Sandbox::with_tasks(&json!({
        "show": "vtt seq cat a.txt then env PAGER then env GIT_PAGER",
        "mine": { "command": "vtt seq cat a.txt then env PAGER", "env": ["PAGER"] },
    }));
    let shown = |task: &str| {
        let line = format!("vt run {task}");
        let call = sandbox.call(&line).env("PAGER", "more");
        call.on_terminal().finish().out().to_owned()
    };
    let show = shown("show");
    assert!(show.ends_with("\nPAGER=cat\nGIT_PAGER=cat"), "{show}");
    let mine = shown("mine");
    assert!(mine.ends_with("\nPAGER=more"), "{mine}");
}

#[test]
fn colours_of_a_run_in_a_pipe_come_back_on_a_terminal_that_has_them() {
    let sandbox = Sandbox::with_tasks(&json!({
        "paint": "vtt seq cat a.txt then env FORCE_COLOR then print-bytes 1b5b33316d7265641b5b306d0a",
    }));
    let first = sandbox.call("vt run paint").run();
    assert!(
        first.out().contains("FORCE_COLOR=1\nred\n"),
        "{:?}",
        first.out()
    );
    let raw = |call: vt_harness::Call<'_>| {
        let outcome = call.on_terminal().finish();
        assert!(outcome.out().contains("paint: hit"), "{}", outcome.out());
        outcome.err()
    };
    assert!(raw(sandbox.call("vt run paint")).contains("\u{1b}[31mred\u{1b}[0m"));
    assert!(!raw(sandbox.call("vt run paint").env("NO_COLOR", "1")).contains('\u{1b}'));
    assert!(!raw(sandbox.call("vt run paint").env("TERM", "dumb")).contains('\u{1b}'));
}

#[test]
fn an_interrupt_that_is_typed_ends_what_is_cached_and_what_is_not() {
    for cache in [true, false] {
        let sandbox = Sandbox::with_tasks(&json!({}));
        let (ready, never) = (mark(&sandbox, "ready"), mark(&sandbox, "never"));
        let tasks = json!({
            "wait": {
                "command": format!("vtt seq cat a.txt then append {} x then wait-for {}", ready.display(), never.display()),
                "cache": cache,
            },
        });
        sandbox.write("vite-task.json", json!({ "tasks": tasks }).to_string());
        let terminal = sandbox.call("vt run wait").on_terminal();
        sandbox.wait_for(&ready);
        terminal.type_in("\u{3}");
        let outcome = terminal.finish();
        assert_eq!(outcome.exit_code, 130, "{}", outcome.said());
        assert!(
            outcome.out().ends_with("wait: cancelled"),
            "{}",
            outcome.out()
        );
    }
}

/// Two tasks that run at once until told to end, and one after them.
fn two_at_once() -> Sandbox {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let waits = |name: &str| {
        format!(
            "vtt seq cat a.txt then print {name} begins then wait-for {} then print {name} ends",
            mark(&sandbox, name).display()
        )
    };
    let tasks = json!({
        "one": waits("one"),
        "two": waits("two"),
        "both": { "command": SAYS_WHAT_IT_HAS, "cache": false, "dependsOn": ["one", "two"] },
    });
    sandbox.write("vite-task.json", json!({ "tasks": tasks }).to_string());
    sandbox
}

#[test]
fn several_tasks_are_shown_live_and_one_that_runs_alone_gets_the_terminal() {
    let sandbox = two_at_once();
    let mut terminal = sandbox.call("vt run both").on_terminal();
    terminal.wait_until("block of two running steps", |screen| {
        let screen = without_durations(screen);
        screen.contains("[app#one] one begins")
            && screen.contains("[app#two] two begins")
            && screen
                .lines()
                .rev()
                .take(3)
                .any(|line| line == "  app#one N s")
            && screen
                .lines()
                .rev()
                .take(3)
                .any(|line| line == "  app#two N s")
            && screen.ends_with("vt: 0 of 3 done, N s")
    });
    fs::write(mark(&sandbox, "one"), "").unwrap();
    terminal.wait_until("block of one running step", |screen| {
        without_durations(screen).ends_with("  app#two N s\nvt: 1 of 3 done, N s")
    });
    fs::write(mark(&sandbox, "two"), "").unwrap();
    let outcome = terminal.finish();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let screen = outcome.out();
    // Nothing of the block is left, and lines are whole.
    assert!(!screen.contains(" done"), "{screen}");
    for line in [
        "[app#one] one ends",
        "[app#two] two ends",
        "in",
        "out",
        "err",
        "one",
    ] {
        assert!(
            screen.lines().any(|shown| shown.trim_end() == line),
            "no {line} in\n{screen}"
        );
    }
    assert!(screen.ends_with("vt: 3 steps, 0 hits"), "{screen}");
}

#[test]
fn steps_shown_live_that_are_not_cached_write_to_a_terminal_of_their_own() {
    let sandbox = Sandbox::with_tasks(&json!({
        "progress": {
            "command": "sh -c 'test -t 0 || test -t 1 && echo writes to a terminal; stty size <&1; printf \"10%%\\r50%%\\r100%%\\n\"'",
            "cache": false,
        },
        "beside": "vtt cat a.txt",
        "after": { "command": "vtt cat a.txt", "dependsOn": ["progress", "beside"] },
    }));
    let outcome = sandbox.call("vt run after").on_terminal().finish();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    for line in [
        "[app#progress] writes to a terminal",
        "[app#progress] 40 100",
        "[app#progress] 100%",
    ] {
        assert!(
            outcome.out().contains(line),
            "no {line} in\n{}",
            outcome.out()
        );
    }
}

#[test]
fn nothing_is_shown_live_in_continuous_integration() {
    let sandbox = two_at_once();
    for name in ["one", "two"] {
        fs::write(mark(&sandbox, name), "").unwrap();
    }
    let outcome = sandbox
        .call("vt --color never run both")
        .env("CI", "true")
        .on_terminal()
        .finish();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(!outcome.err().contains('\u{1b}'), "{:?}", outcome.err());
    assert!(!outcome.out().contains(" done"), "{}", outcome.out());
}

/// Two packages; the root has `build` and `check`, the other one `build` and nine more.
fn packages() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "package.json",
        r#"{ "name": "root", "workspaces": ["packages/*"] }"#,
    );
    let long = "x".repeat(200);
    sandbox.write(
        "vite-task.json",
        json!({ "tasks": { "build": "vtt print root builds", "check": format!("vtt print {long}") } })
            .to_string(),
    );
    sandbox.write("packages/low/package.json", r#"{ "name": "low" }"#);
    let mut tasks = json!({ "build": "vtt print low builds" });
    for number in 1..10 {
        tasks[format!("task-{number}")] = json!(format!("vtt print {number}"));
    }
    sandbox.write(
        "packages/low/vite-task.json",
        json!({ "tasks": tasks }).to_string(),
    );
    sandbox
}

#[test]
fn without_a_task_one_is_chosen_from_a_list_that_shrinks() {
    let sandbox = packages();
    let mut terminal = sandbox.call("vt run").on_terminal();
    terminal.wait_for("and 4 more");
    let lines: Vec<String> = terminal.screen().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 10, "{lines:#?}");
    assert_eq!(lines[0].trim_end(), "run which task?");
    assert_eq!(lines[1], "❯ build: vtt print root builds");
    // The own package comes first, by bare names; what is too long for the line is cut.
    assert!(
        lines[2].starts_with("  check: vtt print xxx") && lines[2].len() < 100,
        "{lines:#?}"
    );
    assert_eq!(lines[3], "  low#build: vtt print low builds");
    for _ in 0..9 {
        terminal.type_in("\u{1b}[B");
    }
    terminal.wait_for("❯ low#task-7");
    terminal.type_in("zz");
    terminal.wait_for("no task fits");
    // Nothing is chosen where nothing fits; Escape clears.
    terminal.type_in("\r");
    terminal.type_in("\u{1b}");
    terminal.wait_for("❯ build");
    terminal.type_in("l#bui");
    terminal.wait_for("❯ low#build");
    terminal.type_in("\r");
    let outcome = terminal.finish();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(
        outcome.out().contains("\nlow builds\n"),
        "{}",
        outcome.out()
    );
    assert!(!outcome.out().contains("which task"), "{}", outcome.out());
}

#[test]
fn a_slip_can_be_put_right_on_a_terminal_and_arguments_stay() {
    let sandbox = packages();
    let mut terminal = sandbox.call("vt run biuld --really").on_terminal();
    terminal.wait_for("run which task? biuld");
    terminal.wait_for("❯ build: vtt print root builds");
    terminal.type_in("\r");
    let outcome = terminal.finish();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(
        outcome.out().contains("\nroot builds --really\n"),
        "{}",
        outcome.out()
    );
}

#[test]
fn who_leaves_the_selector_runs_nothing() {
    let sandbox = packages();
    for keys in ["\u{3}", "\u{1b}"] {
        let mut terminal = sandbox.call("vt run").on_terminal();
        terminal.wait_for("❯ build");
        terminal.type_in(keys);
        let outcome = terminal.finish();
        assert_eq!(
            (outcome.exit_code, outcome.out().as_str()),
            (130, ""),
            "{}",
            outcome.said()
        );
    }
}

#[test]
fn nobody_is_asked_in_a_script_in_continuous_integration_or_for_every_package() {
    let sandbox = packages();
    sandbox.write(
        "packages/low/vite-task.json",
        json!({ "tasks": { "build": "vtt print x", "outer": { "command": "vt run biuld", "cache": false } } }).to_string(),
    );
    let outcome = sandbox
        .call("vt run biuld")
        .env("CI", "1")
        .on_terminal()
        .finish();
    assert_eq!(outcome.exit_code, 2);
    assert!(
        outcome.out().contains("hint: did you mean `build`"),
        "{}",
        outcome.out()
    );
    let outcome = sandbox
        .call("vt run outer")
        .directory("packages/low")
        .on_terminal()
        .finish();
    assert_eq!(outcome.exit_code, 2);
    assert!(
        outcome.out().contains("hint: did you mean `build`"),
        "{}",
        outcome.out()
    );
    for line in ["vt run -r", "vt run -v", "vt run -r biuld"] {
        let outcome = sandbox.call(line).on_terminal().finish();
        assert_eq!(outcome.exit_code, 2, "{line}: {}", outcome.said());
    }
}

#[test]
fn commands_that_follow_each_other_all_have_the_terminal() {
    let sandbox = Sandbox::with_tasks(&json!({
        "setup": { "command": ["sh -c 'read one; echo first $one'", "sh -c 'read two; echo second $two'"], "cache": false },
    }));
    let mut terminal = sandbox.call("vt run setup").on_terminal();
    terminal.type_in("a\r");
    terminal.wait_for("first a");
    terminal.type_in("b\r");
    let outcome = terminal.finish();
    assert!(outcome.out().contains("second b"), "{}", outcome.out());
}
