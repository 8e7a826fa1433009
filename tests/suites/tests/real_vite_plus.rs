//! An unmodified Vite+ from npm: its `run` block, its shorthands for tasks, and its commands, which are the tools they
//! start.

use vt_harness::{Outcome, Sandbox, Status, Watched, install};
use vt_suites::repository;

fn application() -> Sandbox {
    let sandbox = Sandbox::copy_of(&repository().join("tests/fixtures/tools/vite-plus"));
    install(&sandbox);
    sandbox
}

/// How each step of a run went, by `task/index`, with the reasons of a miss.
fn steps(outcome: &Outcome) -> Vec<String> {
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    let step = |step: &vt_harness::StepSummary| {
        assert!(
            step.stored || step.status == Status::Hit,
            "{:?}\n{}",
            step.not_stored,
            outcome.said()
        );
        let why: Vec<String> = step.why.iter().map(ToString::to_string).collect();
        let why = why.join(", ");
        format!("{}/{}: {:?} {why}", step.task, step.index, step.status)
    };
    let lines = outcome.summary().steps.iter().map(step);
    lines.map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn tasks_of_its_configuration_run_its_tools_and_hit() {
    let sandbox = application();
    let run = |line: &str| sandbox.call(line).run();
    assert_eq!(steps(&run("vt run build")), ["build/0: Ran first-run"]);
    // The same command is the same step, whatever the task is called; `vpr` and `vp run` take their place in the plan,
    // and `vp test` is cached although it makes a server.
    assert_eq!(
        steps(&run("vt run ready")),
        [
            "ready/0: Hit",
            "lint/0: Ran first-run",
            "test/0: Ran first-run",
        ]
    );
    sandbox.remove("dist");
    let again = sandbox
        .call("vt run ready")
        .watched(Watched::ForProcesses)
        .run();
    assert_eq!(
        steps(&again),
        ["ready/0: Hit", "lint/0: Hit", "test/0: Hit"]
    );
    assert_eq!(
        again.processes,
        Some(Vec::new()),
        "neither Node nor anything else"
    );
    assert!(again.out().contains("1 passed"), "{}", again.said());
    assert!(sandbox.path("dist/index.html").exists());

    sandbox.write(
        "src/sum.test.ts",
        String::from_utf8(sandbox.read("src/sum.test.ts")).unwrap() + "// more\n",
    );
    assert_eq!(
        steps(&run("vt run ready")),
        [
            "ready/0: Hit",
            "lint/0: Ran input-modified src/sum.test.ts",
            "test/0: Ran input-modified src/sum.test.ts",
        ]
    );
    let titled = sandbox
        .call("vt run build")
        .env("VITE_TITLE", "harbour")
        .run();
    assert_eq!(steps(&titled), ["build/0: Ran env-added VITE_TITLE"]);
}
