//! Two jobs of a CI service with the same tree, and two people at their machines: what differs between them is
//! no reason to run again, though the tools look at it.

use vt_harness::{Outcome, Sandbox, Status};

use crate::six_steps::{append, contents, hit, package, ran, run_with};

type Variables = Vec<(&'static str, String)>;

/// The id of a commit, another one from its first digits on.
fn commit(number: u32) -> String {
    format!("{:08x}", number.wrapping_mul(0x9e37_79b1)).repeat(5)
}

/// What GitHub sets for a job, by the number of the run.
fn github(run: u32) -> Variables {
    let commands = format!("/home/runner/work/_temp/_runner_file_commands/{run}-4f0e-9c1b");
    let fixed = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", "https://api.github.com"),
        ("GITHUB_BASE_REF", ""),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_HEAD_REF", ""),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_REF_TYPE", "branch"),
        ("GITHUB_REPOSITORY", "acme/app"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_WORKFLOW", "ci"),
        ("RUNNER_ARCH", "X64"),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
        ("RUNNER_OS", "Linux"),
        ("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache"),
    ];
    let rotating = [
        ("ACTIONS_CACHE_URL", format!("https://cache.invalid/{run}/")),
        ("ACTIONS_RUNTIME_TOKEN", format!("token-of-{run}")),
        ("GITHUB_ACTION", format!("__run_{run}")),
        ("GITHUB_ACTOR", format!("actor-{run}")),
        ("GITHUB_ENV", format!("{commands}/set_env")),
        (
            "GITHUB_EVENT_PATH",
            format!("/home/runner/work/_temp/{run}/event.json"),
        ),
        ("GITHUB_JOB", format!("job-{run}")),
        ("GITHUB_OUTPUT", format!("{commands}/set_output")),
        ("GITHUB_PATH", format!("{commands}/add_path")),
        ("GITHUB_RUN_ATTEMPT", run.to_string()),
        ("GITHUB_RUN_ID", format!("1637483{run:04}")),
        ("GITHUB_RUN_NUMBER", run.to_string()),
        ("GITHUB_SHA", commit(run)),
        ("GITHUB_STATE", format!("{commands}/save_state")),
        ("GITHUB_STEP_SUMMARY", format!("{commands}/summary")),
        ("GITHUB_TOKEN", format!("ghs_token_of_{run}")),
        ("GITHUB_TRIGGERING_ACTOR", format!("actor-{run}")),
        ("GITHUB_WORKFLOW_SHA", commit(run)),
        ("NODE_AUTH_TOKEN", format!("npm_token_of_{run}")),
        ("RUNNER_NAME", format!("GitHub Actions {run}")),
        ("RUNNER_TEMP", format!("/home/runner/work/_temp/{run}")),
        ("RUNNER_TRACKING_ID", format!("github_{run}-4f0e")),
    ];
    let fixed = fixed.map(|(name, value)| (name, value.to_owned()));
    fixed.into_iter().chain(rotating).collect()
}

/// What Jenkins sets for a build, by its number.
fn jenkins(build: u32) -> Variables {
    let fixed = [
        ("CI", "true"),
        ("BRANCH_NAME", "main"),
        ("GIT_BRANCH", "origin/main"),
        ("JENKINS_URL", "https://ci.invalid/"),
        ("JOB_NAME", "app/main"),
    ];
    let rotating = [
        ("BUILD_DISPLAY_NAME", format!("#{build}")),
        ("BUILD_ID", build.to_string()),
        ("BUILD_NUMBER", build.to_string()),
        ("BUILD_TAG", format!("jenkins-app-main-{build}")),
        ("BUILD_URL", format!("https://ci.invalid/job/app/{build}/")),
        ("EXECUTOR_NUMBER", build.to_string()),
        ("GIT_COMMIT", commit(build)),
        ("GIT_PREVIOUS_COMMIT", commit(build + 1)),
        ("HUDSON_SERVER_COOKIE", format!("cookie-{build}")),
        ("JENKINS_NODE_COOKIE", format!("node-cookie-{build}")),
        ("NODE_NAME", format!("agent-{build}")),
        (
            "RUN_DISPLAY_URL",
            format!("https://ci.invalid/blue/{build}/"),
        ),
        ("RUN_ID", format!("run-{build}-of-many")),
        (
            "WORKSPACE",
            format!("/var/lib/jenkins/workspace/app@{build}"),
        ),
        (
            "WORKSPACE_TMP",
            format!("/var/lib/jenkins/workspace/app@{build}@tmp"),
        ),
    ];
    let fixed = fixed.map(|(name, value)| (name, value.to_owned()));
    fixed.into_iter().chain(rotating).collect()
}

/// What differs between two people.
fn person(name: &str) -> Variables {
    vec![
        ("HOME", format!("/nowhere/home/{name}")),
        ("USER", name.to_owned()),
        ("LOGNAME", name.to_owned()),
        ("SHELL", format!("/bin/{name}sh")),
        ("TERM", format!("xterm-{name}")),
        ("TERM_PROGRAM", name.to_owned()),
        ("TERM_SESSION_ID", format!("session-of-{name}")),
        ("COLORTERM", name.to_owned()),
        ("EDITOR", format!("/usr/bin/{name}-editor")),
        ("SSH_AUTH_SOCK", format!("/run/user/{name}/agent")),
        ("XDG_RUNTIME_DIR", format!("/run/user/{name}")),
        ("NVM_DIR", format!("/nowhere/home/{name}/.nvm")),
    ]
}

fn tell(sandbox: &Sandbox, task: &str, variables: &Variables) -> Outcome {
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    run_with(sandbox, task, &variables)
}

const TOOLS: [(&str, &str); 4] = [
    ("jest", "test"),
    ("vitest", "test"),
    ("prettier", "check"),
    ("eslint", "lint"),
];

#[test]
fn another_job_with_the_same_tree_is_a_hit() {
    for (tool, task) in TOOLS {
        let sandbox = package(tool);
        for service in [github, jenkins] {
            // What asks for nothing is a hit of the other service already.
            let first = tell(&sandbox, task, &service(1));
            let step = first.summary().only();
            let is_kept = step.stored || step.status == Status::Hit;
            assert!(is_kept, "{tool}: {}", first.said());
            hit(&tell(&sandbox, task, &service(2)));
        }
    }
}

#[test]
fn another_person_with_the_same_tree_is_a_hit() {
    for (tool, task) in TOOLS {
        let sandbox = package(tool);
        ran(&tell(&sandbox, task, &person("ann")), &["first-run"]);
        hit(&tell(&sandbox, task, &person("bob")));
    }
}

/// The id of the commit ends up in what is built.
#[test]
fn what_a_job_builds_of_its_commit_is_another_result() {
    let sandbox = package("vite");
    append(&sandbox, "src/main.js", "\nconsole.log(COMMIT_ID);\n");
    sandbox.write(
        "configs/commit.js",
        "export default { define: { COMMIT_ID: JSON.stringify(process.env.GITHUB_SHA.slice(0, 7)) } };\n",
    );
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "commit": "vite build -c configs/commit.js" } }"#,
    );
    let build = |run| tell(&sandbox, "commit", &github(run));
    ran(&build(1), &["first-run"]);
    hit(&build(1));
    ran(&build(2), &["env-changed GITHUB_SHA"]);
    assert!(contents(&sandbox, &["dist"])[0].mentions(&commit(2)[..7]));
}
