//! Playwright without a browser: finding tests, and tests that need no page.

use crate::six_steps::{
    Script, append, by_hand, contents, hit, ran, rarer, replace, run, run_with, six_steps,
};

#[test]
fn playwright_that_lists_tests() {
    let Some(sandbox) = rarer("playwright") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "list",
            outputs: &[],
            edit: ("tests/sum.spec.ts", "test(\"nothing\", () => {});\n"),
            says: "Total: 2 tests in 1 file",
        },
    );
    sandbox.write(
        "tests/other.spec.ts",
        "import { test } from \"@playwright/test\";\ntest(\"other\", () => {});\n",
    );
    let outcome = run(&sandbox, "list");
    ran(&outcome, &["listing-changed tests other.spec.ts"]);
    assert!(outcome.out().contains("Total: 3 tests in 2 files"));
}

/// What it keeps of the last run is replaced by each run, and its cache of compiled sources lies with temporary files.
#[test]
fn playwright_that_runs_tests() {
    let Some(sandbox) = rarer("playwright") else {
        return;
    };
    by_hand(&sandbox, "playwright test");
    sandbox.remove("test-results");
    sandbox.remove("playwright-report");
    six_steps(
        &sandbox,
        &Script {
            name: "test",
            outputs: &["test-results", "playwright-report"],
            edit: ("src/sum.ts", "export const none = 0;\n"),
            says: "2 passed",
        },
    );
}

#[test]
fn playwright_after_tests_that_failed() {
    let Some(sandbox) = rarer("playwright") else {
        return;
    };
    ran(&run(&sandbox, "test"), &["first-run"]);
    let made = contents(&sandbox, &["test-results"]);
    let source = sandbox.read("src/sum.ts");
    sandbox.write("src/sum.ts", "export const sum = (): number => 4;\n");
    let outcome = run(&sandbox, "test");
    assert_eq!(outcome.exit_code, 1, "{}", outcome.said());
    assert_eq!(outcome.not_stored(), ["exit-code"]);
    sandbox.write("src/sum.ts", source);
    let outcome = run(&sandbox, "test");
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(outcome.out().contains("2 passed"), "{}", outcome.said());
    assert_eq!(contents(&sandbox, &["test-results"]), made);
    hit(&run(&sandbox, "test"));
}

#[test]
fn playwright_with_reports_that_variables_place() {
    let Some(sandbox) = rarer("playwright") else {
        return;
    };
    let placed = [("PLAYWRIGHT_HTML_OUTPUT_DIR", "elsewhere")];
    ran(&run(&sandbox, "test"), &["first-run"]);
    assert!(sandbox.path("playwright-report/index.html").is_file());
    ran(
        &run_with(&sandbox, "test", &placed),
        &["env-added PLAYWRIGHT_HTML_OUTPUT_DIR"],
    );
    let why = sandbox.call("vt why test").run().out();
    assert!(why.contains("a rule said: playwright "), "{why}");
    assert!(why.contains(": track-env PLAYWRIGHT_*"), "{why}");
    assert!(sandbox.path("elsewhere/index.html").is_file());
    sandbox.remove("elsewhere");
    hit(&run_with(&sandbox, "test", &placed));
    assert!(sandbox.path("elsewhere/index.html").is_file());
    hit(&run(&sandbox, "test"));
    append(&sandbox, "notes.txt", "Nobody reads this.\n");
    hit(&run_with(&sandbox, "test", &placed));
    let with = |url| run_with(&sandbox, "test", &[("PLAYWRIGHT_BASE_URL", url)]);
    hit(&run(&sandbox, "test"));
    ran(&with("one"), &["env-added PLAYWRIGHT_BASE_URL"]);
    ran(&with("two"), &["env-changed PLAYWRIGHT_BASE_URL"]);
    hit(&with("one"));
}

#[test]
fn playwright_with_results_that_the_configuration_places() {
    let Some(sandbox) = rarer("playwright") else {
        return;
    };
    replace(
        &sandbox,
        "playwright.config.ts",
        "testDir: \"tests\",",
        "testDir: \"tests\",\n  outputDir: \"made/results\",",
    );
    replace(
        &sandbox,
        "playwright.config.ts",
        "{ open: \"never\" }",
        "{ open: \"never\", outputFolder: \"made/report\" }",
    );
    by_hand(&sandbox, "playwright test");
    sandbox.remove("made");
    six_steps(
        &sandbox,
        &Script {
            name: "test",
            outputs: &["made"],
            edit: ("src/sum.ts", "export const none = 0;\n"),
            says: "2 passed",
        },
    );
}
