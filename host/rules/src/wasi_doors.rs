//! The doors of WASI that `closed_wasi` does not try itself: arguments, the current directory, stdin,
//! stdout, terminals, the grain of the clocks, and interfaces nobody offers.

use std::env;
use std::process::Command;

use crate::guest::{Guest, question};
use crate::{Failure, Host, RulesError};

/// Imports, and how the main module gets at them.
const ITEMS: &str = r#"
(import "wasi:cli/environment@0.2.6" (instance $environment
    (export "get-arguments" (func (result (list string))))
    (export "initial-cwd" (func (result (option string))))))
(core func $arguments (canon lower (func $environment "get-arguments")
    (memory $memory) (realloc (core func $realloc))))
(core func $directory (canon lower (func $environment "initial-cwd")
    (memory $memory) (realloc (core func $realloc))))

(import "wasi:clocks/wall-clock@0.2.6" (instance $wall
    (type $record (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type $datetime (eq $record)))
    (export "resolution" (func (result $datetime)))))
(core func $wall-grain (canon lower (func $wall "resolution") (memory $memory)))
(import "wasi:clocks/monotonic-clock@0.2.6" (instance $monotonic
    (export "resolution" (func (result u64)))))
(core func $grain (canon lower (func $monotonic "resolution")))

(import "wasi:io/error@0.2.6" (instance $error
    (export "error" (type (sub resource)))))
(alias export $error "error" (type $error))
(import "wasi:io/streams@0.2.6" (instance $streams
    (alias outer 1 $error (type $e))
    (export "error" (type $error (eq $e)))
    (export "input-stream" (type $input (sub resource)))
    (export "output-stream" (type $output (sub resource)))
    (type $v (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $v)))
    (export "[method]input-stream.blocking-read"
        (func (param "self" (borrow $input)) (param "len" u64)
            (result (result (list u8) (error $stream-error)))))
    (export "[method]output-stream.blocking-write-and-flush"
        (func (param "self" (borrow $output)) (param "contents" (list u8))
            (result (result (error $stream-error)))))))
(alias export $streams "input-stream" (type $input))
(alias export $streams "output-stream" (type $output))
(core func $read (canon lower (func $streams "[method]input-stream.blocking-read")
    (memory $memory) (realloc (core func $realloc))))
(core func $print (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory $memory)))
(core func $drop-input (canon resource.drop $input))
(core func $drop-output (canon resource.drop $output))
(import "wasi:cli/stdin@0.2.6" (instance $stdin
    (alias outer 1 $input (type $i))
    (export "input-stream" (type $stream (eq $i)))
    (export "get-stdin" (func (result (own $stream))))))
(core func $stdin (canon lower (func $stdin "get-stdin")))
(import "wasi:cli/stdout@0.2.6" (instance $stdout
    (alias outer 1 $output (type $o))
    (export "output-stream" (type $stream (eq $o)))
    (export "get-stdout" (func (result (own $stream))))))
(core func $stdout (canon lower (func $stdout "get-stdout")))
(import "wasi:cli/stderr@0.2.6" (instance $stderr
    (alias outer 1 $output (type $o))
    (export "output-stream" (type $stream (eq $o)))
    (export "get-stderr" (func (result (own $stream))))))
(core func $stderr (canon lower (func $stderr "get-stderr")))

(import "wasi:cli/terminal-input@0.2.6" (instance $terminal-input
    (export "terminal-input" (type (sub resource)))))
(alias export $terminal-input "terminal-input" (type $terminal-input))
(import "wasi:cli/terminal-stdin@0.2.6" (instance $terminal-stdin
    (alias outer 1 $terminal-input (type $t))
    (export "terminal-input" (type $terminal (eq $t)))
    (export "get-terminal-stdin" (func (result (option (own $terminal)))))))
(core func $terminal-in (canon lower (func $terminal-stdin "get-terminal-stdin")
    (memory $memory)))
(import "wasi:cli/terminal-output@0.2.6" (instance $terminal-output
    (export "terminal-output" (type (sub resource)))))
(alias export $terminal-output "terminal-output" (type $terminal-output))
(import "wasi:cli/terminal-stdout@0.2.6" (instance $terminal-stdout
    (alias outer 1 $terminal-output (type $t))
    (export "terminal-output" (type $terminal (eq $t)))
    (export "get-terminal-stdout" (func (result (option (own $terminal)))))))
(core func $terminal-out (canon lower (func $terminal-stdout "get-terminal-stdout")
    (memory $memory)))
(import "wasi:cli/terminal-stderr@0.2.6" (instance $terminal-stderr
    (alias outer 1 $terminal-output (type $t))
    (export "terminal-output" (type $terminal (eq $t)))
    (export "get-terminal-stderr" (func (result (option (own $terminal)))))))
(core func $terminal-err (canon lower (func $terminal-stderr "get-terminal-stderr")
    (memory $memory)))
"#;

const CORE_IMPORTS: &str = r#"
(import "" "arguments" (func $arguments (param i32)))
(import "" "directory" (func $directory (param i32)))
(import "" "wall-grain" (func $wall-grain (param i32)))
(import "" "grain" (func $grain (result i64)))
(import "" "stdin" (func $stdin (result i32)))
(import "" "stdout" (func $stdout (result i32)))
(import "" "stderr" (func $stderr (result i32)))
(import "" "read" (func $read (param i32 i64 i32)))
(import "" "print" (func $print (param i32 i32 i32 i32)))
(import "" "drop-input" (func $drop-input (param i32)))
(import "" "drop-output" (func $drop-output (param i32)))
(import "" "terminal-in" (func $terminal-in (param i32)))
(import "" "terminal-out" (func $terminal-out (param i32)))
(import "" "terminal-err" (func $terminal-err (param i32)))
"#;

const CORE_EXPORTS: &str = r#"
(export "arguments" (func $arguments))
(export "directory" (func $directory))
(export "wall-grain" (func $wall-grain))
(export "grain" (func $grain))
(export "stdin" (func $stdin))
(export "stdout" (func $stdout))
(export "stderr" (func $stderr))
(export "read" (func $read))
(export "print" (func $print))
(export "drop-input" (func $drop-input))
(export "drop-output" (func $drop-output))
(export "terminal-in" (func $terminal-in))
(export "terminal-out" (func $terminal-out))
(export "terminal-err" (func $terminal-err))
"#;

/// Asks a guest whose body traps where a door is open.
#[track_caller]
fn finds_shut(body: &str) {
    let guest = Guest {
        items: ITEMS,
        core_imports: CORE_IMPORTS,
        core_exports: CORE_EXPORTS,
        body,
        ..Guest::default()
    };
    let component = guest.load().unwrap();
    Host::new().unwrap().judge(&component, &question()).unwrap();
}

#[test]
fn there_is_no_argument_and_no_current_directory() {
    finds_shut(
        "(i32.store (i32.const 260) (i32.const -1))
         (call $arguments (i32.const 256))
         (if (i32.load (i32.const 260)) (then unreachable))
         (i32.store (i32.const 264) (i32.const -1))
         (call $directory (i32.const 264))
         (if (i32.load8_u (i32.const 264)) (then unreachable))
         (call $drop (local.get $s))",
    );
}

#[test]
fn the_clocks_have_the_same_grain_everywhere() {
    finds_shut(
        "(i64.store (i32.const 256) (i64.const -1))
         (call $wall-grain (i32.const 256))
         (if (i64.ne (i64.load (i32.const 256)) (i64.const 0)) (then unreachable))
         (if (i32.ne (i32.load (i32.const 264)) (i32.const 1)) (then unreachable))
         (if (i64.ne (call $grain) (i64.const 1)) (then unreachable))
         (call $drop (local.get $s))",
    );
}

#[test]
fn stdin_is_at_its_end() {
    // The first read is told that the stream is closed, and gets nothing.
    finds_shut(
        "(local.set $i (call $stdin))
         (call $read (local.get $i) (i64.const 64) (i32.const 256))
         (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then unreachable))
         (if (i32.ne (i32.load8_u (i32.const 260)) (i32.const 1)) (then unreachable))
         (call $drop-input (local.get $i))
         (call $drop (local.get $s))",
    );
}

#[test]
fn no_stream_is_a_terminal() {
    finds_shut(
        "(i64.store (i32.const 256) (i64.const -1))
         (i64.store (i32.const 264) (i64.const -1))
         (i64.store (i32.const 272) (i64.const -1))
         (call $terminal-in (i32.const 256))
         (call $terminal-out (i32.const 264))
         (call $terminal-err (i32.const 272))
         (if (i32.load8_u (i32.const 256)) (then unreachable))
         (if (i32.load8_u (i32.const 264)) (then unreachable))
         (if (i32.load8_u (i32.const 272)) (then unreachable))
         (call $drop (local.get $s))",
    );
}

/// Set in the process whose output is looked at.
const LOOKED_AT: &str = "VT_TEST_PRINTS";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts itself again, and reads what that prints"
)]
fn what_is_printed_goes_nowhere() {
    // Prints what lies at 0, which is `dist/**`, and is told that all went well.
    let print = |stream: &str| {
        format!(
            "(local.set $i (call ${stream}))
             (call $print (local.get $i) (i32.const 0) (i32.const 7) (i32.const 288))
             (if (i32.load8_u (i32.const 288)) (then unreachable))
             (call $drop-output (local.get $i))"
        )
    };
    if env::var_os(LOOKED_AT).is_some() {
        let body = [print("stdout"), print("stderr")].concat();
        finds_shut(&format!("{body} (call $drop (local.get $s))"));
        return;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["what_is_printed_goes_nowhere", "--nocapture"])
        .env(LOOKED_AT, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    assert!(!said.contains("dist/**"), "{said}");
}

#[test]
fn a_door_that_was_never_built_does_not_open() {
    for name in [
        "wasi:http/outgoing-handler@0.2.6",
        "wasi:keyvalue/store@0.2.0",
        "wasi:cli/run@0.2.6",
    ] {
        let items = format!(r#"(import "{name}" (instance (export "handle" (func))))"#);
        let guest = Guest {
            items: Box::leak(items.into_boxed_str()),
            ..Guest::default()
        };
        let component = guest.load().unwrap();
        let error = Host::new()
            .unwrap()
            .judge(&component, &question())
            .unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(
            matches!(
                error,
                RulesError::Failed {
                    failure: Failure::Misfit(_),
                    ..
                }
            ),
            "{error}"
        );
    }
}
