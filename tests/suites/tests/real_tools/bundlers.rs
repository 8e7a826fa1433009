//! webpack, Rollup, esbuild, Tailwind and tsdown.

use crate::six_steps::{
    Script, append, by_hand, contents, hit, package, ran, rarer, run, run_with, six_steps,
};

#[test]
fn webpack_with_its_cache_of_files() {
    six_steps(
        &package("webpack"),
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/admin.js", "console.log(\"more\");\n"),
            says: "compiled successfully",
        },
    );
}

/// A cached step sees no variable that is not declared, so it cannot depend on one unnoticed.
#[test]
fn webpack_sees_a_variable_once_the_task_declares_it() {
    let sandbox = package("webpack");
    ran(
        &run_with(&sandbox, "build", &[("GREETING", "good-day")]),
        &["first-run"],
    );
    let plain = contents(&sandbox, &["dist"]);
    assert!(!plain[0].mentions("good-day") && plain[0].mentions("hello"));
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "pages": { "command": "webpack --mode production", "env": ["GREETING"] } } }"#,
    );
    let outcome = run_with(&sandbox, "pages", &[("GREETING", "good-day")]);
    assert!(outcome.summary().only().stored, "{}", outcome.said());
    assert!(contents(&sandbox, &["dist"])[0].mentions("good-day"));
    ran(
        &run_with(&sandbox, "pages", &[("GREETING", "good-night")]),
        &["env-changed GREETING"],
    );
    assert!(contents(&sandbox, &["dist"])[0].mentions("good-night"));
    hit(&run_with(&sandbox, "pages", &[("GREETING", "good-day")]));
    assert!(contents(&sandbox, &["dist"])[0].mentions("good-day"));
}

#[test]
fn rollup_with_two_outputs() {
    let Some(sandbox) = rarer("rollup") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/main.js", "export const more = 1;\n"),
            says: "created",
        },
    );
}

#[test]
fn esbuild_with_chunks_and_maps() {
    let Some(sandbox) = rarer("esbuild") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/shout.ts", "console.log(\"more\");\n"),
            says: "Done in",
        },
    );
}

#[test]
fn tailwind() {
    let Some(sandbox) = rarer("tailwind") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/pages/index.html", "<p class=\"bg-blue-400\"></p>\n"),
            says: "Done in",
        },
    );
}

#[test]
fn tailwind_over_a_style_sheet_made_by_hand() {
    let Some(sandbox) = rarer("tailwind") else {
        return;
    };
    by_hand(&sandbox, "tailwindcss -i src/input.css -o dist/output.css");
    ran(&run(&sandbox, "build"), &["first-run"]);
    hit(&run(&sandbox, "build"));
    append(
        &sandbox,
        "src/pages/other.html",
        "<p class=\"bg-blue-400\"></p>\n",
    );
    let outcome = run(&sandbox, "build");
    assert!(outcome.summary().only().stored, "{}", outcome.said());
    hit(&run(&sandbox, "build"));
    let made = contents(&sandbox, &["dist"]);
    sandbox.remove("dist");
    hit(&run(&sandbox, "build"));
    assert_eq!(contents(&sandbox, &["dist"]), made);
}

#[test]
fn tsdown_with_declarations() {
    let Some(sandbox) = rarer("tsdown") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/main.ts", "export const more: number = 1;\n"),
            says: "Build complete",
        },
    );
}
