//! Scripts that start other scripts with npm, pnpm and Yarn, which keep logs and notes of their own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use vt_harness::{Sandbox, Status};

use crate::six_steps::{Script, append, hit, ran, rarer, run, run_with, six_steps};

const EDIT: (&str, &str) = ("src/text.txt", "More.\n");

fn script(name: &str) -> Script<'_> {
    Script {
        name,
        outputs: &["dist"],
        edit: EDIT,
        says: "of 8 bytes",
    }
}

#[test]
fn a_script_by_npm_that_keeps_logs_in_the_home_directory() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    six_steps(&sandbox, &script("by-npm"));
    assert!(sandbox.home().join(".npm/_logs").is_dir());
}

/// Among the caches of tools its logs are no results, and as what lies there may say that a result is made, a hit
/// that puts another one in its place takes them away.
#[test]
fn a_script_by_npm_that_keeps_logs_in_the_package() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    sandbox.write(".npmrc", "cache=node_modules/.cache/npm\n");
    let logs = sandbox.path("node_modules/.cache/npm/_logs");
    six_steps(&sandbox, &script("by-npm"));
    assert!(!logs.exists());
    append(&sandbox, "src/text.txt", "more");
    ran(&run(&sandbox, "by-npm"), &["input-modified src/text.txt"]);
    assert!(logs.is_dir());
}

/// What a package manager tells those it starts, and settings of who started `vt`, are not seen by a cached step.
#[test]
fn a_script_by_a_package_manager_does_not_mind_who_started_it() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    for name in ["by-npm", "by-pnpm", "by-yarn"] {
        ran(&run(&sandbox, name), &["first-run"]);
        for variable in [
            ("npm_config_loglevel", "silent"),
            ("npm_config_user_agent", "pnpm/10"),
            ("YARN_SILENT", "1"),
        ] {
            hit(&run_with(&sandbox, name, &[variable]));
        }
    }
}

#[test]
fn a_script_by_yarn() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    six_steps(&sandbox, &script("by-yarn"));
}

#[test]
fn a_script_by_pnpm() {
    let Some(sandbox) = rarer("packagers") else {
        return;
    };
    six_steps(&sandbox, &script("by-pnpm"));
}

/// Installed by Yarn 4, which keeps in `.yarn` and `node_modules` what it installed. What another installation makes of
/// them is the same to the byte.
#[test]
fn a_script_by_yarn_4() {
    let Some(sandbox) = rarer("yarn-4") else {
        return;
    };
    moved_away(&sandbox);
    sandbox.write(
        ".yarnrc.yml",
        "nodeLinker: node-modules\nenableTelemetry: false\nenableGlobalCache: false\n",
    );
    sandbox.write(
        "package.json",
        manifest("node tools/node_modules/@yarnpkg/cli-dist/bin/yarn.js run size"),
    );
    let install = || {
        let call = sandbox.call("node tools/node_modules/@yarnpkg/cli-dist/bin/yarn.js install");
        let outcome = call.run();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
        assert!(sandbox.path("node_modules/.yarn-state.yml").is_file());
        assert!(sandbox.path(".yarn/install-state.gz").is_file());
    };
    install();
    six_steps(&sandbox, &script("by-it"));
    install();
    hit(&run(&sandbox, "by-it"));
}

/// Puts what npm installed where another package manager does not mind it.
fn moved_away(sandbox: &Sandbox) {
    std::fs::create_dir(sandbox.path("tools")).unwrap();
    std::fs::rename(
        sandbox.path("node_modules"),
        sandbox.path("tools/node_modules"),
    )
    .unwrap();
    sandbox.remove("package-lock.json");
    sandbox.write(
        "lib/package.json",
        "{\"name\":\"lib\",\"version\":\"1.0.0\"}\n",
    );
}

/// Installed by pnpm, which notes in `node_modules` when it looked last. That needs no package from elsewhere.
fn installed_by_pnpm() -> Option<Sandbox> {
    let sandbox = rarer("packagers")?;
    moved_away(&sandbox);
    sandbox.write(
        "pnpm-workspace.yaml",
        "packages:\n  - lib\nverifyDepsBeforeRun: install\n",
    );
    sandbox.write("package.json", manifest(BY_PNPM));
    let outcome = sandbox
        .call("tools/node_modules/.bin/pnpm install --offline")
        .run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    assert!(sandbox.path(STATE).is_file());
    Some(sandbox)
}

const BY_PNPM: &str = "tools/node_modules/.bin/pnpm run size";

/// Of a package whose script `by-it` starts another one.
fn manifest(by_it: &str) -> String {
    let manifest = json!({
        "name": "packagers-package",
        "version": "1.0.0",
        "private": true,
        "workspaces": ["lib"],
        "scripts": { "size": "node src/size.js", "by-it": by_it },
        "dependencies": { "lib": "workspace:*" },
    });
    manifest.to_string()
}

const STATE: &str = "node_modules/.pnpm-workspace-state-v1.json";

#[test]
fn a_script_by_pnpm_that_looks_at_what_is_installed() {
    let Some(sandbox) = installed_by_pnpm() else {
        return;
    };
    six_steps(&sandbox, &script("by-it"));
}

#[test]
fn a_script_by_pnpm_that_notes_when_it_looked() {
    let Some(sandbox) = installed_by_pnpm() else {
        return;
    };
    ran(&run(&sandbox, "by-it"), &["first-run"]);
    // Younger than what pnpm noted, with the same in it.
    sandbox.write("package.json", manifest(BY_PNPM));
    hit(&run(&sandbox, "by-it"));
    let noted = sandbox.read(STATE);
    append(&sandbox, EDIT.0, EDIT.1);
    ran(
        &run(&sandbox, "by-it"),
        &[&format!("input-modified {}", EDIT.0)],
    );
    assert_ne!(sandbox.read(STATE), noted);
    hit(&run(&sandbox, "by-it"));
    // Nor does it matter who noted something.
    sandbox.write("package.json", manifest(BY_PNPM));
    let outcome = sandbox.call("tools/node_modules/.bin/pnpm run size").run();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.said());
    hit(&run(&sandbox, "by-it"));
}

/// Answers like a registry that takes everything, and notes who published how often.
fn registry() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let published = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&published);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n")
                && reader.read_line(&mut head).is_ok_and(|read| read > 0)
            {}
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let status = if head.starts_with("PUT ") {
                count.fetch_add(1, Ordering::SeqCst);
                "201 Created"
            } else {
                "404 Not Found"
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
            );
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    (port, published)
}

#[test]
fn what_publishes_or_installs_does_so_each_time() {
    let sandbox = Sandbox::empty();
    let (port, published) = registry();
    let manifest = json!({
        "name": "shop",
        "version": "1.0.0",
        "scripts": {
            "ship": "npm publish",
            "ship-all": "npm run ship",
            "setup": "npm install --no-audit --no-fund",
            "try": "npm publish --dry-run",
        },
    });
    sandbox.write("package.json", manifest.to_string());
    sandbox.write(
        ".npmrc",
        format!("registry=http://127.0.0.1:{port}/\n//127.0.0.1:{port}/:_authToken=secret\n"),
    );
    for (count, name) in ["ship", "ship", "ship-all", "ship-all", "setup", "setup"]
        .iter()
        .enumerate()
    {
        let outcome = run(&sandbox, name);
        let step = outcome.summary().only();
        assert_eq!(step.status, Status::Ran, "{}", outcome.said());
        assert!(!step.stored, "{}", outcome.said());
        assert_eq!(
            published.load(Ordering::SeqCst),
            (count + 1).min(4),
            "{}",
            outcome.said()
        );
    }
    // What a registry on this machine answers, nobody knows.
    assert_eq!(run(&sandbox, "try").not_stored(), ["used-service"]);
}
