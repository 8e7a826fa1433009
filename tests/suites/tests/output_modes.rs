//! How output is shown: interleaved, labeled, grouped; in which order; what the end says; colours.

use serde_json::json;
use vt_harness::{Call, Outcome, Sandbox};
use vt_suites::without_durations;

/// Two tasks of one package, one after the other, that write to both streams.
fn workspace() -> Sandbox {
    Sandbox::with_tasks(&json!({
        "lint": "vtt seq cat a.txt then print linted then print-err careful",
        "build": {
            "command": "vtt seq print-bytes 1b5b33316d7265641b5b306d0a then cat a.txt then print-bytes 646f6e65",
            "dependsOn": ["lint"],
        },
    }))
}

/// What a call says on both streams in order, without durations.
fn said(call: Call<'_>) -> String {
    let outcome: Outcome = call.merged().run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    without_durations(&outcome.out())
}

#[test]
fn interleaved_output_comes_as_it_is() {
    let sandbox = workspace();
    let first = said(sandbox.call("vt run build"));
    assert_eq!(
        first,
        "\
lint: running `vtt seq cat a.txt then print linted then print-err careful`, first run
one
linted
careful
build: running `vtt seq print-bytes 1b5b33316d7265641b5b306d0a then cat a.txt then print-bytes 646f6e65`, first run
red
one
done
vt: 2 steps, 0 hits
"
    );
    let second = said(sandbox.call("vt run build"));
    assert_eq!(
        second,
        "\
lint: hit `vtt seq cat a.txt then print linted then print-err careful`, saves N ms
one
linted
careful
build: hit `vtt seq print-bytes 1b5b33316d7265641b5b306d0a then cat a.txt then print-bytes 646f6e65`, saves N ms
red
one
done
vt: 2 steps, 2 hits, saves N ms
"
    );
}

#[test]
fn labeled_output_names_the_task_of_each_line_and_ends_the_last_one() {
    let sandbox = workspace();
    said(sandbox.call("vt run --log labeled build"));
    for line in ["vt run --log labeled build", "vt run --log live build"] {
        assert_eq!(
            said(sandbox.call(line)),
            "\
lint: hit `vtt seq cat a.txt then print linted then print-err careful`, saves N ms
[app#lint] one
[app#lint] linted
[app#lint] careful
build: hit `vtt seq print-bytes 1b5b33316d7265641b5b306d0a then cat a.txt then print-bytes 646f6e65`, saves N ms
[app#build] red
[app#build] one
[app#build] done
vt: 2 steps, 2 hits, saves N ms
"
        );
    }
}

#[test]
fn grouped_output_is_one_piece_for_each_step() {
    let sandbox = Sandbox::with_tasks(&json!({}));
    let (one, two) = (
        sandbox.home().join(".cache/one"),
        sandbox.home().join(".cache/two"),
    );
    // Each says something before and after the other one does.
    let speaker = |mine: &std::path::Path, other: &std::path::Path, name: &str| {
        format!(
            "vtt seq cat a.txt then print {name} begins then append {} x then wait-for {} then print-err {name} ends",
            mine.display(),
            other.display()
        )
    };
    let tasks = json!({
        "first": speaker(&one, &two, "first"),
        "second": speaker(&two, &one, "second"),
        "all": { "command": "vtt cat a.txt", "dependsOn": ["first", "second"] },
    });
    sandbox.write("vite-task.json", json!({ "tasks": tasks }).to_string());
    let said = said(sandbox.call("vt run --log grouped all"));
    for name in ["first", "second"] {
        let block = format!("one\n{name} begins\n{name} ends\n");
        assert!(said.contains(&block), "no {block} in\n{said}");
        assert!(
            said.contains(&format!("── app#{name}\n{name}: running")),
            "{said}"
        );
    }
}

#[test]
fn output_that_is_too_much_to_wait_in_memory_is_grouped_all_the_same() {
    let sandbox = Sandbox::with_tasks(&json!({
        "big": "sh -c 'cat a.txt; head -c 3000000 /dev/zero | tr \"\\0\" x'",
        "all": { "command": "vtt cat a.txt", "dependsOn": ["big"] },
    }));
    for _ in 0..2 {
        let outcome = sandbox.call("vt run --log grouped all").run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.err());
        assert_eq!(outcome.stdout.len(), 4 + 3_000_000 + 1 + 4);
        assert!(
            outcome.stdout[4..3_000_004]
                .iter()
                .all(|byte| *byte == b'x')
        );
    }
}

#[test]
fn steps_that_are_not_cached_go_through_vt_when_lines_are_labeled() {
    let sandbox = Sandbox::with_tasks(&json!({
        "plain": { "command": "sh -c 'echo out; echo err >&2; cat'", "cache": false },
    }));
    let outcome = sandbox.call("vt run --log labeled plain").run();
    assert_eq!(outcome.out(), "[app#plain] out\n", "{}", outcome.said());
    assert!(
        outcome.err().contains("[app#plain] err\n"),
        "{}",
        outcome.said()
    );
}

#[test]
fn colours_are_shown_where_they_are_wanted() {
    let sandbox = workspace();
    let red = "\u{1b}[31mred\u{1b}[0m\n";
    let shown = |line: &str, name: &str, value: &str| {
        let mut call = sandbox.call(line);
        if !name.is_empty() {
            call = call.env(name, value);
        }
        let outcome = call.run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        outcome.out().contains(red)
    };
    for round in ["runs", "hits"] {
        assert!(!shown("vt run build", "", ""), "{round} into a file");
        assert!(
            shown("vt --color always run build", "NO_COLOR", "1"),
            "{round}, always"
        );
        assert!(
            shown("vt run build", "FORCE_COLOR", "1"),
            "{round}, FORCE_COLOR"
        );
        assert!(
            !shown("vt run build", "FORCE_COLOR", "0"),
            "{round}, FORCE_COLOR is 0"
        );
        assert!(
            !shown("vt --color never run build", "FORCE_COLOR", "1"),
            "{round}, never"
        );
    }
    let both = sandbox
        .call("vt run build")
        .env("NO_COLOR", "1")
        .env("FORCE_COLOR", "1")
        .run();
    assert!(!both.out().contains(red), "{}", both.said());
    let labeled = sandbox
        .call("vt --color always run --log labeled build")
        .run();
    assert!(
        labeled
            .out()
            .contains(&format!("\u{1b}[35m[app#build]\u{1b}[0m {red}")),
        "{:?}",
        labeled.out()
    );
}

#[test]
fn the_end_names_what_changed_its_own_input() {
    let sandbox = Sandbox::with_tasks(&json!({
        "format": "vtt rewrite a.txt one two",
        "all": { "command": "vtt cat vite-task.json", "dependsOn": ["format"] },
    }));
    let outcome = sandbox.call("vt run all").run();
    assert!(
        outcome
            .err()
            .contains("vt: not stored because it changed its own input: app#format (`a.txt`)"),
        "{}",
        outcome.said()
    );
}

#[test]
fn a_verbose_run_says_everything_at_the_end_and_it_can_be_said_again() {
    let sandbox = workspace();
    sandbox.call("vt run build").run().stdout.clear();
    sandbox.write("a.txt", "two\n");
    let outcome = sandbox.call("vt run -v lint").run();
    let details = "\
vt: 1 step, 0 hits, exit code 0, took N ms
app#lint/0: ran, took N ms, stored, `vtt seq cat a.txt then print linted then print-err careful`
";
    let verbose = without_durations(&outcome.err());
    assert!(verbose.contains(details), "{verbose}");
    assert!(
        verbose.ends_with("  ran because: `a.txt` changed\n"),
        "{verbose}"
    );

    let again = sandbox.call("vt run --last-details").run();
    assert_eq!(again.exit_code, 0, "{}", again.said());
    assert!(again.err().is_empty() && verbose.ends_with(&without_durations(&again.out())));
    // It is said from anywhere, and with nothing else.
    let elsewhere = sandbox.call("vt -C workspace run --last-details");
    let elsewhere = elsewhere.directory("..").run();
    assert_eq!((elsewhere.exit_code, elsewhere.out()), (0, again.out()));
    let more = sandbox.call("vt run --last-details lint").run();
    assert_eq!(more.exit_code, 2, "{}", more.said());
}

#[test]
fn last_details_of_a_workspace_where_nothing_ran_are_an_error() {
    let sandbox = workspace();
    let outcome = sandbox.call("vt run --last-details").run();
    assert_eq!(outcome.exit_code, 1);
    assert_eq!(
        outcome.err(),
        "error: no run of this workspace is remembered\n"
    );
}

#[test]
fn a_line_that_a_step_left_open_is_ended_before_another_step_writes() {
    let sandbox = Sandbox::with_tasks(&json!({
        "first": "vtt seq cat a.txt then print-bytes 6f70656e",
        "second": { "command": "vtt seq print second then print-bytes 6f70656e", "dependsOn": ["first"] },
    }));
    for _ in ["runs", "hits"] {
        let outcome = sandbox.call("vt run second").run();
        // The very end is left as it is.
        assert_eq!(
            outcome.out(),
            "one\nopen\nsecond\nopen",
            "{}",
            outcome.said()
        );
    }
}
