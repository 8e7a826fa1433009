//! Each limit from both sides: what just fits is heard, one more ends as a message that names the
//! limit.

use std::time::Duration;

use crate::guest::{Guest, question};
use crate::limits::{self, Limits};
use crate::{Answer, Component, Host, MAX_COMPONENT};

fn judge(guest: &Guest) -> Result<Answer, String> {
    let host = Host::new().unwrap();
    host.judge(&guest.load().unwrap(), &question())
        .map_err(|error| error.to_string())
}

/// A body that repeats a call, then gives the session back.
fn times(count: usize, call: &str) -> String {
    format!(
        "(loop $again {call}
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const {count}))))
         (call $drop (local.get $s))"
    )
}

/// The answer to what just fits. One step further, the message has to be `too_much`.
#[track_caller]
fn ends_between(fits: &str, beyond: &str, too_much: &str) -> Answer {
    let error = judge(&Guest::that(beyond)).unwrap_err();
    let start = format!("plugin `guest` 1.2.3: {too_much}");
    assert!(error.starts_with(&start), "{error}\nnot: {start}");
    judge(&Guest::that(fits)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_thousand_directives_are_heard() {
    let ignore = "(call $ignore (local.get $s) (i32.const 0) (i32.const 7))";
    let answer = ends_between(
        &times(1_000, ignore),
        &times(1_001, ignore),
        "said too much: more than 1,000 directives",
    );
    assert_eq!(answer.directives.len(), 1_000);
}

#[test]
fn directives_of_64_kib_are_heard() {
    let ignore = |length: usize| {
        format!("(call $ignore (local.get $s) (i32.const 128) (i32.const {length}))")
    };
    // 64 times 1 KiB, and then one byte.
    let full = times(64, &ignore(1 << 10));
    let one_more = full.replace("(call $drop", &format!("{} (call $drop", ignore(1)));
    let answer = ends_between(
        &full,
        &one_more,
        "said too much: more than 64 KiB of directives",
    );
    assert_eq!(answer.directives.len(), 64);
}

#[test]
fn a_statement_of_64_kib_is_heard() {
    // The host copies out of the component before it looks, so that a single call has a limit too.
    let pages = "(drop (memory.grow (i32.const 2)))";
    let prefixes = |count: usize| {
        // Texts of 1,000 bytes that all lie at the same place.
        format!(
            "{pages} (loop $again
                (i32.store offset=70000
                    (i32.mul (local.get $i) (i32.const 8)) (i32.const 128))
                (i32.store offset=70004
                    (i32.mul (local.get $i) (i32.const 8)) (i32.const 1000))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const {count}))))
             (call $prefixes (local.get $s) (i32.const 70000) (i32.const {count}))
             (call $drop (local.get $s))"
        )
    };
    ends_between(
        &prefixes(60),
        &prefixes(70),
        "said too much: more than 64 KiB in one statement",
    );
}

#[test]
fn sixty_four_log_lines_are_heard() {
    let log = "(call $log (local.get $s) (i32.const 7) (i32.const 10))";
    let answer = ends_between(
        &times(64, log),
        &times(65, log),
        "said too much: more than 64 log lines",
    );
    assert_eq!(answer.log.len(), 64);
}

#[test]
fn a_log_line_of_2_kib_is_heard() {
    let log = |length: usize| {
        times(
            1,
            &format!("(call $log (local.get $s) (i32.const 128) (i32.const {length}))"),
        )
    };
    let answer = ends_between(
        &log(2_048),
        &log(2_049),
        "said too much: more than 2 KiB in a log line",
    );
    assert_eq!(answer.log[0].chars().count(), 2_048);
}

#[test]
fn memory_of_64_mib_is_given() {
    // It starts with one page of 64 KiB.
    let grow = |pages: usize| {
        format!(
            "(if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable))
             (call $drop (local.get $s))"
        )
    };
    ends_between(
        &grow(1_023),
        &grow(1_024),
        "asked for more than 64 MiB of memory",
    );
}

#[test]
fn tables_count_as_memory() {
    let table = |entries: usize| Guest {
        functions: Box::leak(format!("(table {entries} funcref)").into_boxed_str()),
        ..Guest::default()
    };
    judge(&table(1_000)).unwrap();
    let error = judge(&table(9_000_000)).unwrap_err();
    assert!(error.contains("more than 64 MiB of memory"), "{error}");
}

#[test]
fn a_hundred_million_instructions_are_run() {
    // Counted: each turn costs the same, and two lengths give the price of one.
    let host = Host::new().unwrap();
    let turns = |count: usize| {
        let guest = Guest {
            body: &times(count, ""),
            ..Guest::default()
        };
        let component = guest.load().unwrap();
        host.measure(&component, &question())
    };
    let (one, two) = (turns(1_000).unwrap().fuel, turns(2_000).unwrap().fuel);
    let per_turn = (two - one) / 1_000;
    let base = one - 1_000 * per_turn;
    let fits = usize::try_from((limits::FUEL - base) / per_turn).unwrap();
    assert!(turns(fits - 1).unwrap().fuel <= limits::FUEL);
    // The tank is looked into where a loop starts over: the last turn and the call that gives the
    // session back may overdraw it.
    let overdrawn = usize::try_from(limits::CALL_FUEL / per_turn).unwrap();
    let error = turns(fits + overdrawn + 2).unwrap_err().to_string();
    assert_eq!(
        error,
        "plugin `guest` 1.2.3: ran for too long: more than 100 million instructions"
    );
}

#[test]
fn half_a_mebibyte_of_stack_is_given() {
    let deep = |depth: usize| {
        let functions = "(func $deep (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0)) (else
                (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))))";
        let body = format!("(drop (call $deep (i32.const {depth}))) (call $drop (local.get $s))");
        judge(&Guest {
            functions,
            body: &body,
            ..Guest::default()
        })
    };
    // How much a frame takes is the compiler's; that it is no less than 16 bytes is the machine's.
    deep(1_000).unwrap();
    let error = deep(limits::STACK / 16).unwrap_err();
    assert_eq!(
        error,
        "plugin `guest` 1.2.3: used more than 512 KiB of stack"
    );
}

#[test]
fn a_component_of_2_mib_is_read() {
    let bytes = Guest::default().bytes();
    // What fills it up is a custom section: an id, a length in five bytes, a name of one, zeros.
    let padded = |size: usize| {
        let content = size - bytes.len() - 6;
        let mut padded = bytes.clone();
        padded.push(0);
        for group in 0..5 {
            let more = if group < 4 { 0x80 } else { 0 };
            padded.push(u8::try_from((content >> (7 * group)) & 0x7f).unwrap() | more);
        }
        padded.extend([1, b'x']);
        padded.resize(size, 0);
        Component::from_bytes("guest.wasm", padded)
    };
    assert_eq!(padded(MAX_COMPONENT).unwrap().bytes().len(), 2 << 20);
    assert_eq!(
        padded(MAX_COMPONENT + 1).unwrap_err().to_string(),
        "cannot load plugin `guest.wasm`: it is larger than 2 MiB"
    );
}

#[test]
fn the_clock_is_looked_at_after_five_seconds() {
    assert_eq!(Limits::default().wall, Duration::from_secs(5));
    let host = Host::with_limits(Limits {
        fuel: u64::MAX,
        wall: Duration::from_millis(50),
    })
    .unwrap();
    let guest = Guest::that("(loop $again (br $again))").load().unwrap();
    let error = host.judge(&guest, &question()).unwrap_err();
    assert!(!error.is_repeatable());
    assert_eq!(
        error.to_string(),
        "plugin `guest` 1.2.3: ran for too long: more than 5 seconds; this depends on the load of \
         the machine"
    );
}
