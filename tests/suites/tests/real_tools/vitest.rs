//! Vitest with variables by prefix and with coverage.

use crate::six_steps::{
    Script, append, by_hand, counts, hit, package, ran, replace, run, run_with, six_steps,
};

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

/// The notes of a run by hand are read and rewritten at each place where they may lie.
#[test]
fn a_cache_and_a_report_elsewhere_and_variables_of_its_own() {
    let sandbox = package("vitest");
    replace(
        &sandbox,
        "vitest.config.ts",
        "test: {",
        "cacheDir: \"./kept\",\n  test: {",
    );
    replace(
        &sandbox,
        "vitest.config.ts",
        "provider: \"v8\",",
        "provider: \"v8\", reportsDirectory: \"report\",",
    );
    by_hand(&sandbox, "vitest run");
    assert!(sandbox.path("kept/vitest").is_dir());
    six_steps(
        &sandbox,
        &Script {
            name: "coverage",
            outputs: &["report"],
            edit: ("src/sum.ts", "export const none = 0;\n"),
            says: "% Stmts",
        },
    );
    by_hand(&sandbox, "vitest run");
    append(&sandbox, "src/sum.ts", "export const none = 1;\n");
    ran(&run(&sandbox, "coverage"), &["input-modified src/sum.ts"]);
    counts(&sandbox, "coverage", "VITEST_MAX_WORKERS", ["1", "2"]);
}

/// What it keeps of transformed modules is read by each run, whoever left it, and decides nothing.
#[test]
fn transformed_modules_that_it_keeps_are_no_input() {
    let sandbox = package("vitest");
    replace(
        &sandbox,
        "vitest.config.ts",
        "test: {",
        "test: {\n    experimental: { fsModuleCache: true },",
    );
    let kept = "node_modules/.experimental-vitest-cache";
    by_hand(&sandbox, "vitest run");
    assert!(sandbox.path(kept).is_dir());
    ran(&run(&sandbox, "test"), &["first-run"]);
    sandbox.remove(kept);
    hit(&run(&sandbox, "test"));
    append(&sandbox, "src/sum.ts", "export const none = 1;\n");
    ran(&run(&sandbox, "test"), &["input-modified src/sum.ts"]);
    by_hand(&sandbox, "vitest run");
    hit(&run(&sandbox, "test"));
}
