//! The variables Vite asks for: by prefix, in each mode, from files elsewhere, and all of them at once.

use vt_harness::{Outcome, Sandbox, Status};

use crate::six_steps::{append, contents, hit, package, ran, run, run_with};

fn mentions(sandbox: &Sandbox, text: &str) -> bool {
    contents(sandbox, &["dist"])[0].mentions(text)
}

#[test]
fn a_variable_of_the_prefix_builds_again_in_each_mode() {
    for name in ["build", "native", "runner"] {
        let sandbox = package("vite");
        ran(&run(&sandbox, name), &["first-run"]);
        ran(
            &run_with(&sandbox, name, &[("VITE_X", "from-outside")]),
            &["env-added VITE_X"],
        );
        assert!(mentions(&sandbox, "from-outside"));
        ran(
            &run_with(&sandbox, name, &[("VITE_X", "changed-outside")]),
            &["env-changed VITE_X"],
        );
        assert!(mentions(&sandbox, "changed-outside"));
        hit(&run_with(&sandbox, name, &[("APP_X", "of-no-interest")]));
        assert!(!mentions(&sandbox, "outside"));
    }
}

#[test]
fn several_environments_and_folders_depend_on_the_prefix_too() {
    for name in ["app", "twice"] {
        let sandbox = package("vite");
        ran(&run(&sandbox, name), &["first-run"]);
        ran(
            &run_with(&sandbox, name, &[("VITE_X", "from-outside")]),
            &["env-added VITE_X"],
        );
        hit(&run(&sandbox, name));
    }
}

#[test]
fn files_of_variables_are_looked_for_where_the_configuration_says() {
    let sandbox = package("vite");
    ran(&run(&sandbox, "settings"), &["first-run"]);
    assert!(mentions(&sandbox, "from-settings"));
    sandbox.write("settings/.env", "VITE_X=from-other-settings\n");
    ran(
        &run(&sandbox, "settings"),
        &["input-modified settings/.env"],
    );
    assert!(mentions(&sandbox, "from-other-settings"));
    sandbox.write(".env", "VITE_X=from-the-root\n");
    hit(&run(&sandbox, "settings"));
    sandbox.write("settings/.env.production", "APP_X=from-a-mode\n");
    let outcome = run(&sandbox, "settings");
    ran_for(&outcome, "input-added settings/.env.production");
    assert!(mentions(&sandbox, "from-a-mode"));
    ran(
        &run_with(&sandbox, "settings", &[("APP_X", "from-outside")]),
        &["env-added APP_X"],
    );
    assert!(mentions(&sandbox, "from-outside") && !mentions(&sandbox, "from-a-mode"));
    sandbox.remove("settings/.env.production");
    hit(&run(&sandbox, "settings"));
    assert!(mentions(&sandbox, "from-other-settings"));
}

#[track_caller]
fn ran_for(outcome: &Outcome, why: &str) {
    let step = outcome.summary().only();
    assert_eq!(step.status, Status::Ran, "{}", outcome.said());
    assert!(step.says_why(why), "{:?}", step.why);
    assert!(step.stored, "{:?}\n{}", step.not_stored, outcome.said());
}

/// `loadEnv(mode, directory, "")` asks for every variable there is.
#[test]
fn a_configuration_that_loads_everything_depends_on_what_it_finds() {
    let sandbox = package("vite");
    ran(&run(&sandbox, "everything"), &["first-run"]);
    assert!(mentions(&sandbox, "plain"));
    ran(
        &run_with(&sandbox, "everything", &[("FLAVOUR", "sweet")]),
        &["env-added FLAVOUR"],
    );
    assert!(mentions(&sandbox, "sweet"));
    ran(
        &run_with(&sandbox, "everything", &[("FLAVOUR", "bitter")]),
        &["env-changed FLAVOUR"],
    );
    assert!(mentions(&sandbox, "bitter"));
    hit(&run(&sandbox, "everything"));
    assert!(mentions(&sandbox, "plain"));
    append(&sandbox, "settings/.env", "FLAVOUR=salty\n");
    ran(
        &run(&sandbox, "everything"),
        &["input-modified settings/.env"],
    );
    assert!(mentions(&sandbox, "salty"));
}

/// What another job, another terminal, another account or another way to start `vt` changes.
const ROTATING: [(&str, &str); 25] = [
    ("GITHUB_RUN_ID", "17"),
    ("GITHUB_SHA", "0123"),
    ("GITHUB_TOKEN", "rotating-secret-1"),
    ("RUNNER_TEMP", "/var/runner"),
    ("ACTIONS_RUNTIME_TOKEN", "rotating-secret-2"),
    ("CI_JOB_ID", "18"),
    ("CI_JOB_TOKEN", "rotating-secret-3"),
    ("BUILDKITE_JOB_ID", "19"),
    ("CIRCLE_BUILD_NUM", "20"),
    ("BUILD_NUMBER", "21"),
    ("BUILD_BUILDID", "22"),
    ("SYSTEM_ACCESSTOKEN", "rotating-secret-4"),
    ("CODEBUILD_BUILD_ID", "23"),
    ("NPM_TOKEN", "rotating-secret-5"),
    ("AWS_SESSION_TOKEN", "rotating-secret-6"),
    ("VERCEL_URL", "preview-24.invalid"),
    ("DEPLOY_ID", "25"),
    ("SHLVL", "3"),
    ("TERM_SESSION_ID", "26"),
    ("SSH_CONNECTION", "27"),
    ("npm_lifecycle_event", "start"),
    ("npm_config_local_prefix", "/elsewhere"),
    ("npm_command", "exec"),
    ("NODE", "/elsewhere/node"),
    ("SHELL", "/bin/other"),
];

#[test]
fn a_configuration_that_loads_everything_does_not_mind_who_starts_it() {
    let sandbox = package("vite");
    ran(&run_with(&sandbox, "everything", &ROTATING), &["first-run"]);
    let other: Vec<String> = ROTATING
        .iter()
        .map(|(_, value)| format!("{value}9"))
        .collect();
    let names = ROTATING.iter().map(|(name, _)| *name);
    let other: Vec<(&str, &str)> = names.zip(other.iter().map(String::as_str)).collect();
    hit(&run_with(&sandbox, "everything", &other));
    let personal = [
        "SHLVL",
        "TERM_SESSION_ID",
        "SSH_CONNECTION",
        "NODE",
        "SHELL",
    ];
    let without: Vec<_> = ROTATING
        .into_iter()
        .filter(|(name, _)| !personal.contains(name) && !name.starts_with("npm_"))
        .collect();
    hit(&run_with(&sandbox, "everything", &without));
    // Which of the others there are counts.
    ran(
        &run_with(&sandbox, "everything", &without[1..]),
        &["env-removed GITHUB_RUN_ID"],
    );
}

/// A terminal of an editor, or `npm exec`, puts something before or behind it.
#[test]
fn a_configuration_that_loads_everything_does_not_mind_a_longer_path() {
    let sandbox = package("vite");
    let path = std::env::var("PATH").unwrap();
    let longer = format!("{path}:/nowhere/bin");
    ran(
        &run_with(&sandbox, "everything", &[("PATH", &path)]),
        &["first-run"],
    );
    hit(&run_with(&sandbox, "everything", &[("PATH", &longer)]));
}

/// That secrets are set counts until the task says that they do not, and what they are as soon as it is in what was
/// built; and no value of theirs is anywhere else.
#[test]
fn secrets_count_where_they_matter_and_are_kept_nowhere() {
    const SECRET: &str = "sesame-4711";
    let sandbox = package("vite");
    let secret = [("DATABASE_PASSWORD", SECRET)];
    ran(&run_with(&sandbox, "everything", &secret), &["first-run"]);
    hit(&run_with(
        &sandbox,
        "everything",
        &[("DATABASE_PASSWORD", "sesame-4712")],
    ));
    ran(
        &run(&sandbox, "everything"),
        &["env-removed DATABASE_PASSWORD"],
    );
    for place in [".vt", "dist", "node_modules/.cache", "node_modules/.vite"] {
        let content = contents(&sandbox, &[place]);
        assert!(!content[0].mentions("sesame-471"), "{place}");
    }
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "quiet": {
            "command": "vite build -c configs/everything.js", "untrackedEnv": ["DATABASE_*"]
        } } }"#,
    );
    ran(&run_with(&sandbox, "quiet", &secret), &["first-run"]);
    hit(&run_with(
        &sandbox,
        "quiet",
        &[("DATABASE_PASSWORD", "sesame-4712")],
    ));
    ran(
        &run_with(&sandbox, "quiet", &[("FLAVOUR", "sweet")]),
        &["env-added FLAVOUR"],
    );
}
