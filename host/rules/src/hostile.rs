//! What a component may try, and what becomes of it. Each attack ends as an error that names the
//! plugin; none of them ends the process.

use std::time::Duration;

use crate::guest::{Guest, question};
use crate::limits::Limits;
use crate::{Answer, Component, Directive, Failure, Host, RulesError};

fn judge(guest: &Guest) -> Result<Answer, RulesError> {
    Host::new()
        .unwrap()
        .judge(&guest.load().unwrap(), &question())
}

/// How a guest fails, which must be the same each time.
#[track_caller]
fn failure(guest: &Guest) -> Failure {
    let error = judge(guest).unwrap_err();
    assert!(error.is_repeatable());
    assert!(
        error.to_string().starts_with("plugin `guest` 1.2.3: "),
        "{error}"
    );
    match error {
        RulesError::Failed { failure, .. } => failure,
        other => panic!("{other}"),
    }
}

#[track_caller]
fn load_error(bytes: Vec<u8>) -> String {
    let error = Component::from_bytes("guest.wasm", bytes).unwrap_err();
    assert!(error.is_repeatable());
    error.to_string()
}

#[test]
fn an_honest_guest_is_heard() {
    let answer = judge(&Guest::that(
        "(call $ignore (local.get $s) (i32.const 0) (i32.const 7))
         (call $log (local.get $s) (i32.const 7) (i32.const 10))
         (call $file (local.get $s) (i32.const 7) (i32.const 10) (i32.const 128))
         (call $drop (local.get $s))",
    ));
    assert_eq!(
        answer.unwrap(),
        Answer {
            directives: vec![Directive::IgnoreInput("dist/**".into())],
            log: vec!["guest.json".into()],
        }
    );
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    assert_eq!(
        failure(&Guest::that("(loop $again (br $again))")),
        Failure::OutOfFuel
    );
}

#[test]
fn an_endless_loop_of_calls_runs_out_of_fuel_too() {
    let body = "(loop $again
        (call $file (local.get $s) (i32.const 7) (i32.const 10) (i32.const 128))
        (br $again))";
    assert_eq!(failure(&Guest::that(body)), Failure::OutOfFuel);
}

#[test]
fn the_clock_stops_what_fuel_does_not_and_is_not_memoised() {
    let limits = Limits {
        fuel: u64::MAX,
        wall: Duration::from_millis(100),
    };
    let host = Host::with_limits(limits).unwrap();
    let guest = Guest::that("(loop $again (br $again))").load().unwrap();
    let error = host.judge(&guest, &question()).unwrap_err();
    assert!(!error.is_repeatable());
    assert!(
        matches!(
            error,
            RulesError::Failed {
                failure: Failure::TimedOut,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn memory_ends_at_its_limit() {
    let body = "(loop $again
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
        (br $again))";
    assert_eq!(failure(&Guest::that(body)), Failure::OutOfMemory);
    let greedy = Guest {
        pages: 2_000,
        ..Guest::default()
    };
    assert_eq!(failure(&greedy), Failure::OutOfMemory);
}

#[test]
fn a_crash_comes_with_its_last_words() {
    let error = judge(&Guest::that(
        "(call $log (local.get $s) (i32.const 7) (i32.const 10)) unreachable",
    ))
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin `guest` 1.2.3: crashed: wasm trap: wasm `unreachable` instruction executed \
         (its last words: guest.json)"
    );
}

#[test]
fn recursion_uses_up_the_stack_of_the_guest_only() {
    let deep = Guest {
        functions: "(func $deep (param i32) (result i32)
            (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))",
        body: "(drop (call $deep (i32.const 0)))",
        ..Guest::default()
    };
    assert_eq!(failure(&deep), Failure::StackOverflow);
}

#[test]
fn storms_of_words_are_cut() {
    for (body, limit) in [
        (
            "(loop $again (call $log (local.get $s) (i32.const 0) (i32.const 7)) (br $again))",
            "64 log lines",
        ),
        (
            "(call $log (local.get $s) (i32.const 128) (i32.const 3000))",
            "2 KiB in a log line",
        ),
        (
            "(loop $again (call $ignore (local.get $s) (i32.const 0) (i32.const 7)) (br $again))",
            "1,000 directives",
        ),
        (
            "(loop $again (call $ignore (local.get $s) (i32.const 128) (i32.const 1000)) (br $again))",
            "64 KiB of directives",
        ),
    ] {
        assert_eq!(
            failure(&Guest::that(body)),
            Failure::TooMuch { limit },
            "{body}"
        );
    }
}

#[test]
fn a_list_that_repeats_one_long_text_is_not_copied() {
    // 1,000 texts of 60,000 bytes each, all of them the same bytes.
    let body = "(loop $again
            (i32.store offset=1024
                (i32.mul (local.get $i) (i32.const 8)) (i32.const 0))
            (i32.store offset=1028
                (i32.mul (local.get $i) (i32.const 8)) (i32.const 60000))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))
        (call $prefixes (local.get $s) (i32.const 1024) (i32.const 1000))";
    assert_eq!(
        failure(&Guest::that(body)),
        Failure::TooMuch {
            limit: "64 KiB in one statement"
        }
    );
}

#[test]
fn texts_have_to_be_texts_and_lie_in_memory() {
    for body in [
        "(call $log (local.get $s) (i32.const 64) (i32.const 2))",
        "(call $log (local.get $s) (i32.const -8) (i32.const 16))",
        "(call $prefixes (local.get $s) (i32.const 0) (i32.const -1))",
    ] {
        assert!(
            matches!(failure(&Guest::that(body)), Failure::Trapped(_)),
            "{body}"
        );
    }
}

#[test]
fn the_session_cannot_be_kept_or_made_up() {
    for body in [
        "nop",
        "(call $log (i32.const 77) (i32.const 0) (i32.const 7))",
    ] {
        assert!(
            matches!(failure(&Guest::that(body)), Failure::Trapped(_)),
            "{body}"
        );
    }
}

#[test]
fn what_the_manifest_does_not_name_is_not_shown() {
    let body = "(call $file (local.get $s) (i32.const 0) (i32.const 4) (i32.const 128))";
    assert_eq!(
        failure(&Guest::that(body)),
        Failure::Undeclared("dist".into())
    );
}

#[test]
fn nothing_but_the_session_may_be_imported() {
    let text = r#"(component (import "vt:files/disk@0.1.0" (instance)))"#;
    let error = load_error(wat::parse_str(text).unwrap());
    assert!(error.contains("imports `vt:files/disk@0.1.0`"), "{error}");
}

#[test]
fn files_that_are_no_component_are_refused() {
    for (bytes, reason) in [
        (Vec::new(), "no WebAssembly component"),
        (b"hello".to_vec(), "no WebAssembly component"),
        (
            wat::parse_str("(module)").unwrap(),
            "no WebAssembly component",
        ),
        (
            wat::parse_str("(component)").unwrap(),
            "no `vt:manifest` section",
        ),
        (vec![0; (2 << 20) + 1], "larger than 2 MiB"),
        (
            Guest {
                manifest: String::new(),
                ..Guest::default()
            }
            .bytes(),
            "no `vt:manifest` section",
        ),
        (
            Guest {
                manifest: "[]".into(),
                ..Guest::default()
            }
            .bytes(),
            "its manifest: ",
        ),
        (
            Guest {
                items: "(@custom \"vt:manifest\" \"{}\")",
                ..Guest::default()
            }
            .bytes(),
            "two `vt:manifest` sections",
        ),
    ] {
        let error = load_error(bytes);
        assert!(error.contains(reason), "{error}");
        assert!(
            error.starts_with("cannot load plugin `guest.wasm`: "),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_was_cut_short_is_refused() {
    let bytes = Guest::default().bytes();
    let last = b"\"GUEST\"]}}";
    let end = bytes
        .windows(last.len())
        .position(|window| window == last)
        .unwrap()
        + last.len();
    // Only names for debuggers may follow, if anything.
    for length in 0..end {
        load_error(bytes[..length].to_vec());
    }
}
