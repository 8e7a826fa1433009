//! Vitest with variables by prefix and with coverage.

use crate::six_steps::{Script, hit, package, ran, run, run_with, six_steps};

#[test]
fn a_run() {
    six_steps(
        &package("vitest"),
        &Script {
            name: "test",
            outputs: &[],
            edit: ("src/sum.ts", "export const none = 0;\n"),
            says: "2 passed",
        },
    );
}

#[test]
fn a_run_with_coverage() {
    six_steps(
        &package("vitest"),
        &Script {
            name: "coverage",
            outputs: &["coverage"],
            edit: ("src/sum.ts", "export const none = 0;\n"),
            says: "% Stmts",
        },
    );
}

#[test]
fn a_variable_of_its_prefix_runs_the_tests_again_and_can_fail_them() {
    let sandbox = package("vitest");
    ran(&run(&sandbox, "test"), &["first-run"]);
    ran(
        &run_with(&sandbox, "test", &[("VITE_LIMIT", "7")]),
        &["env-added VITE_LIMIT"],
    );
    hit(&run(&sandbox, "test"));
    let outcome = run_with(&sandbox, "test", &[("VITE_LIMIT", "8")]);
    assert_eq!(outcome.exit_code, 1, "{}", outcome.said());
    hit(&run_with(&sandbox, "test", &[("VITE_LIMIT", "7")]));
}

#[test]
fn coverage_of_an_earlier_run_is_no_input_of_the_next() {
    let sandbox = package("vitest");
    ran(&run(&sandbox, "coverage"), &["first-run"]);
    sandbox.write("coverage/mine.txt", "kept?\n");
    let outcome = run(&sandbox, "coverage");
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    sandbox.remove("coverage");
    let outcome = run(&sandbox, "coverage");
    hit(&outcome);
    assert!(sandbox.path("coverage/index.html").is_file());
    assert!(!sandbox.path("coverage/mine.txt").exists());
}
