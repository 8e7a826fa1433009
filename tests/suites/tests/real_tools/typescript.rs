//! `tsc`, which keeps notes about the last build beside its outputs and writes only what changed.

use crate::six_steps::{
    Script, append, by_hand, contents, hit, package, ran, run, six_steps, six_steps_of_carrying,
    six_steps_of_remembering,
};

const PROJECTS: [&str; 4] = [
    "core/dist",
    "app/dist",
    "core/tsconfig.tsbuildinfo",
    "app/tsconfig.tsbuildinfo",
];

#[test]
fn a_build_of_projects() {
    six_steps_of_carrying(
        &package("tsc"),
        &Script {
            name: "build",
            outputs: &PROJECTS,
            edit: ("core/src/unit.ts", "export const short = \"m\";\n"),
            says: "",
        },
    );
}

#[test]
fn an_incremental_build() {
    six_steps_of_carrying(
        &package("tsc"),
        &Script {
            name: "incremental",
            outputs: &["out", "tsconfig.tsbuildinfo"],
            edit: ("core/src/area.ts", "export const none = 0;\n"),
            says: "",
        },
    );
}

#[test]
fn an_incremental_build_makes_anew_what_it_did_not_write() {
    let sandbox = package("tsc");
    ran(&run(&sandbox, "build"), &["first-run"]);
    append(&sandbox, "app/src/main.ts", "export const more = 1;\n");
    ran(&run(&sandbox, "build"), &["input-modified app/src/main.ts"]);
    let made = contents(&sandbox, &PROJECTS);
    for place in PROJECTS {
        sandbox.remove(place);
    }
    let outcome = run(&sandbox, "build");
    let step = outcome.summary().only();
    assert_eq!(step.why[0].kind, "output-missing", "{}", outcome.said());
    assert!(step.stored, "{}", outcome.said());
    assert_eq!(contents(&sandbox, &PROJECTS), made);
}

/// `tsc` does not make again what it remembers as made.
#[test]
fn what_is_gone_while_the_notes_are_there_is_not_taken_for_a_build() {
    let sandbox = package("tsc");
    ran(&run(&sandbox, "incremental"), &["first-run"]);
    sandbox.remove("out");
    append(&sandbox, "core/src/area.ts", "export const none = 0;\n");
    let outcome = run(&sandbox, "incremental");
    assert_eq!(outcome.not_stored(), ["lost-result"], "{}", outcome.said());
    assert!(outcome.said().contains("tsconfig.tsbuildinfo"));
    sandbox.remove("tsconfig.tsbuildinfo");
    assert!(run(&sandbox, "incremental").summary().only().stored);
    assert!(sandbox.path("out/unit.js").exists());
}

#[test]
fn an_error_in_a_type_is_an_error_each_time() {
    let sandbox = package("tsc");
    ran(&run(&sandbox, "build"), &["first-run"]);
    let source = sandbox.read("app/src/main.ts");
    append(
        &sandbox,
        "app/src/main.ts",
        "export const wrong: number = unit;\n",
    );
    for _ in ["first", "second"] {
        let outcome = run(&sandbox, "build");
        assert_ne!(outcome.exit_code, 0, "{}", outcome.said());
        assert!(outcome.out().contains("TS2322"), "{}", outcome.said());
        assert_eq!(outcome.not_stored(), ["exit-code"]);
    }
    sandbox.write("app/src/main.ts", source);
    let outcome = run(&sandbox, "build");
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
}

#[test]
fn a_check_that_only_notes_what_it_saw() {
    six_steps_of_remembering(
        &package("tsc"),
        &Script {
            name: "check",
            outputs: &["core/tsconfig.tsbuildinfo"],
            edit: ("core/src/unit.ts", "export const short = \"m\";\n"),
            says: "",
        },
    );
}

/// Notes among the caches of tools are neither input nor output: without them a hit is a hit, and a run looks at more.
#[test]
fn a_check_that_notes_among_caches_what_it_saw() {
    let sandbox = package("tsc");
    six_steps(
        &sandbox,
        &Script {
            name: "check-elsewhere",
            outputs: &[],
            edit: ("core/src/unit.ts", "export const short = \"m\";\n"),
            says: "",
        },
    );
    sandbox.remove("node_modules/.cache/tsc");
    hit(&run(&sandbox, "check-elsewhere"));
}

#[test]
fn an_error_of_a_check_is_one_until_it_is_corrected() {
    let sandbox = package("tsc");
    for name in ["check", "check-elsewhere"] {
        assert!(run(&sandbox, name).summary().only().stored);
        let source = sandbox.read("core/src/area.ts");
        append(
            &sandbox,
            "core/src/area.ts",
            "export const wrong: string = 0;\n",
        );
        for _ in ["first", "second"] {
            let outcome = run(&sandbox, name);
            assert_ne!(outcome.exit_code, 0, "{}", outcome.said());
            assert!(outcome.out().contains("TS2322"), "{}", outcome.said());
            assert_eq!(outcome.not_stored(), ["exit-code"]);
        }
        sandbox.write("core/src/area.ts", source);
        let outcome = run(&sandbox, name);
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        let source = sandbox.read("core/src/area.ts");
        append(
            &sandbox,
            "core/src/area.ts",
            "export const text: string = \"\";\n",
        );
        assert!(run(&sandbox, name).summary().only().stored);
        hit(&run(&sandbox, name));
        sandbox.write("core/src/area.ts", source);
    }
}

/// Files of a build that `vt` did not see are nobody's it knows: a run that changes them is not stored until they are
/// removed once. What it would have stored is less than a clean build makes.
#[test]
fn what_a_build_by_hand_left_is_an_input_until_it_is_removed() {
    let sandbox = package("tsc");
    by_hand(&sandbox, "tsc -b");
    ran(&run(&sandbox, "build"), &["first-run"]);
    append(
        &sandbox,
        "core/src/unit.ts",
        "export const short = \"m\";\n",
    );
    let outcome = run(&sandbox, "build");
    assert!(
        outcome.not_stored().contains(&"modified-input"),
        "{}",
        outcome.said()
    );
    let complete = contents(&sandbox, &PROJECTS);
    for place in PROJECTS {
        sandbox.remove(place);
    }
    let outcome = run(&sandbox, "build");
    assert!(outcome.summary().only().stored, "{}", outcome.said());
    assert_eq!(contents(&sandbox, &PROJECTS), complete);
    append(
        &sandbox,
        "core/src/unit.ts",
        "export const long = \"metre\";\n",
    );
    ran(
        &run(&sandbox, "build"),
        &["input-modified core/src/unit.ts"],
    );
    hit(&run(&sandbox, "build"));
}
