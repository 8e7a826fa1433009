//! ESLint, Prettier and Jest.

use crate::six_steps::{
    Script, append, by_hand, counts, hit, package, ran, rarer, replace, run, run_with, six_steps,
    six_steps_of_remembering,
};

#[test]
fn eslint_with_its_cache() {
    six_steps_of_remembering(
        &package("eslint"),
        &Script {
            name: "lint",
            outputs: &[],
            edit: ("src/sum.js", "export const none = 0;\n"),
            says: "",
        },
    );
}

#[test]
fn eslint_with_its_cache_elsewhere() {
    six_steps(
        &package("eslint"),
        &Script {
            name: "located",
            outputs: &[],
            edit: ("src/mean.js", "export const none = 0;\n"),
            says: "",
        },
    );
}

#[test]
fn eslint_depends_on_its_flags() {
    let sandbox = package("eslint");
    ran(&run(&sandbox, "lint"), &["first-run"]);
    counts(
        &sandbox,
        "lint",
        "ESLINT_FLAGS",
        ["unstable_native_nodejs_ts_config", "test_only"],
    );
    let outcome = run_with(&sandbox, "lint", &[("ESLINT_FLAGS", "nonsense")]);
    assert_ne!(outcome.exit_code, 0, "{}", outcome.said());
}

#[test]
fn eslint_says_its_warnings_again() {
    let sandbox = package("eslint");
    append(&sandbox, "src/sum.js", "export let none = 0;\n");
    let first = run(&sandbox, "lint");
    ran(&first, &["first-run"]);
    let second = run(&sandbox, "lint");
    hit(&second);
    for outcome in [first, second] {
        assert!(outcome.out().contains("prefer-const"), "{}", outcome.said());
    }
}

/// What was linted by a run that `vt` did not see, nobody knows: a run that goes on from there says less than it knows,
/// and is not stored until its cache is removed once. A hit does not mind who used the cache.
#[test]
fn eslint_with_a_cache_that_others_use_too() {
    let sandbox = package("eslint");
    by_hand(&sandbox, "eslint --cache src");
    ran(&run(&sandbox, "lint"), &["first-run"]);
    for text in ["export const one = 1;\n", "export const two = 2;\n"] {
        append(&sandbox, "src/sum.js", text);
        let outcome = run(&sandbox, "lint");
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        assert_eq!(
            outcome.not_stored(),
            ["modified-input"],
            "{}",
            outcome.said()
        );
        assert!(
            outcome.err().contains("`.eslintcache`"),
            "{}",
            outcome.said()
        );
    }
    sandbox.remove(".eslintcache");
    let outcome = run(&sandbox, "lint");
    assert!(outcome.summary().only().stored, "{}", outcome.said());
    for text in ["export const three = 3;\n", "export const four = 4;\n"] {
        append(&sandbox, "src/sum.js", text);
        ran(&run(&sandbox, "lint"), &["input-modified src/sum.js"]);
        hit(&run(&sandbox, "lint"));
    }
    by_hand(&sandbox, "eslint --cache src/mean.js");
    hit(&run(&sandbox, "lint"));
}

#[test]
fn eslint_that_corrects_a_source_is_not_stored_that_time() {
    let sandbox = package("eslint");
    ran(&run(&sandbox, "fix"), &["first-run"]);
    hit(&run(&sandbox, "fix"));
    append(&sandbox, "src/sum.js", "export let none = 0;\n");
    let outcome = run(&sandbox, "fix");
    assert_eq!(
        outcome.not_stored(),
        ["modified-input"],
        "{}",
        outcome.said()
    );
    let corrected = sandbox.read("src/sum.js");
    assert!(corrected.ends_with(b"export const none = 0;\n"));
    ran(&run(&sandbox, "fix"), &["input-modified src/sum.js"]);
    hit(&run(&sandbox, "fix"));
    assert_eq!(sandbox.read("src/sum.js"), corrected);
}

#[test]
fn prettier_that_checks() {
    let Some(sandbox) = rarer("prettier") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "check",
            outputs: &[],
            edit: ("src/one.js", "export const more = 1;\n"),
            says: "All matched files use Prettier code style!",
        },
    );
}

#[test]
fn prettier_with_its_cache_elsewhere_and_a_variable() {
    let Some(sandbox) = rarer("prettier") else {
        return;
    };
    replace(
        &sandbox,
        "package.json",
        "prettier --cache --check",
        "prettier --cache --cache-location kept/prettier --check",
    );
    six_steps_of_remembering(
        &sandbox,
        &Script {
            name: "check",
            outputs: &[],
            edit: ("src/two.js", "export const more = 1;\n"),
            says: "All matched files use Prettier code style!",
        },
    );
    assert!(sandbox.path("kept/prettier").exists());
    let outcome = run_with(&sandbox, "check", &[("PRETTIER_EXPERIMENTAL_CLI", "1")]);
    assert!(
        outcome
            .summary()
            .only()
            .says_why("env-added PRETTIER_EXPERIMENTAL_CLI"),
        "{}",
        outcome.said()
    );
}

#[test]
fn prettier_that_writes_is_stored_where_it_had_nothing_to_write() {
    let Some(sandbox) = rarer("prettier") else {
        return;
    };
    ran(&run(&sandbox, "write"), &["first-run"]);
    hit(&run(&sandbox, "write"));
    append(&sandbox, "src/one.js", "export   const more = 1\n");
    let outcome = run(&sandbox, "write");
    assert_eq!(
        outcome.not_stored(),
        ["modified-input"],
        "{}",
        outcome.said()
    );
    ran(&run(&sandbox, "write"), &["input-modified src/one.js"]);
    hit(&run(&sandbox, "write"));
    assert!(
        sandbox
            .read("src/one.js")
            .ends_with(b"export const more = 1;\n")
    );
}

#[test]
fn jest() {
    let Some(sandbox) = rarer("jest") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "test",
            outputs: &[],
            edit: ("src/sum.js", "exports.none = 0;\n"),
            says: "2 passed",
        },
    );
}

#[test]
fn jest_with_coverage() {
    let Some(sandbox) = rarer("jest") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "coverage",
            outputs: &["coverage"],
            edit: ("src/sum.js", "exports.none = 0;\n"),
            says: "% Stmts",
        },
    );
}

#[test]
fn jest_with_its_cache_and_coverage_elsewhere() {
    let Some(sandbox) = rarer("jest") else {
        return;
    };
    sandbox.write(
        "jest.config.js",
        "module.exports = { cacheDirectory: \".kept\", coverageDirectory: \"report\" };\n",
    );
    six_steps_of_remembering(
        &sandbox,
        &Script {
            name: "coverage",
            outputs: &["report"],
            edit: ("src/sum.js", "exports.none = 0;\n"),
            says: "% Stmts",
        },
    );
    assert!(sandbox.path(".kept").is_dir());
}

/// Of documents only the existence counts to Jest itself; to a test that reads one, all of it.
#[test]
fn jest_with_a_document_that_a_test_reads() {
    let Some(sandbox) = rarer("jest") else {
        return;
    };
    ran(&run(&sandbox, "test"), &["first-run"]);
    sandbox.write("README.md", "Nobody reads this.\n");
    let outcome = run(&sandbox, "test");
    assert!(
        outcome
            .summary()
            .only()
            .says_why("listing-changed . README.md"),
        "{}",
        outcome.said()
    );
    append(&sandbox, "README.md", "Nor this.\n");
    hit(&run(&sandbox, "test"));
    sandbox.write(
        "test/notes.test.js",
        "const { readFileSync } = require(\"node:fs\");\n\
         test(\"notes\", () => expect(readFileSync(\"notes.txt\", \"utf8\")).toMatch(/./));\n",
    );
    assert!(run(&sandbox, "test").summary().only().stored);
    append(&sandbox, "notes.txt", "Somebody reads this.\n");
    ran(&run(&sandbox, "test"), &["input-modified notes.txt"]);
    append(&sandbox, "README.md", "Nobody reads that.\n");
    hit(&run(&sandbox, "test"));
}
