//! Steps that ask the repository: what of it counts, wherever it lies.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use vt_harness::{Outcome, Sandbox, Status};

fn git(directory: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.email=a@b", "-c", "user.name=a"])
        .args(["-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "git {arguments:?}");
}

/// A workspace in `at` below the root of a sandbox, with one task `b`, in a repository whose top is
/// the root of the sandbox.
struct Place {
    sandbox: Sandbox,
    at: &'static str,
}

impl Place {
    fn new(at: &'static str, command: &str) -> Self {
        let place = Self {
            sandbox: Sandbox::empty(),
            at,
        };
        place.write("package.json", r#"{ "name": "app" }"#);
        place.write(
            "vite-task.json",
            &json!({ "tasks": { "b": command } }).to_string(),
        );
        place.write("a.txt", "one\n");
        git(&place.sandbox.root(), &["init", "-q"]);
        place.commit("first");
        place
    }

    fn write(&self, path: &str, text: &str) {
        self.sandbox.write(&format!("{}/{path}", self.at), text);
    }

    /// Writes another file in the place of one.
    fn put_anew(&self, path: &str, text: &str) {
        self.write("beside", text);
        let place = |path: &str| self.sandbox.path(&format!("{}/{path}", self.at));
        fs::rename(place("beside"), place(path)).unwrap();
    }

    fn commit(&self, message: &str) {
        git(&self.sandbox.root(), &["add", "-A"]);
        git(
            &self.sandbox.root(),
            &["commit", "-q", "--allow-empty", "-m", message],
        );
    }

    fn run(&self) -> Outcome {
        self.sandbox
            .call("vt run b")
            .directory(self.at)
            .env("VT_CACHE_DIR", self.sandbox.home().join("cache"))
            .run()
    }
}

const PLACES: [&str; 2] = [".", "deep/ws"];

#[test]
fn a_step_that_asks_for_the_status_is_stored_although_git_writes_the_index_anew() {
    for at in PLACES {
        let place = Place::new(at, "sh -c \"git status --short; cat a.txt\"");
        // What the index remembers of the file is wrong now, so git notes what is right.
        place.put_anew("a.txt", "one\n");
        let index = || fs::read(place.sandbox.path(".git/index")).unwrap();
        let before = index();
        let outcome = place.run();
        outcome.expect(Status::Ran);
        assert_eq!(outcome.not_stored(), [""; 0], "{at}: {}", outcome.said());
        assert_ne!(before, index(), "{at}: git left the index alone");
        place.run().expect(Status::Hit);
        // Nor is it an input what the index remembers.
        place.put_anew("a.txt", "one\n");
        git(&place.sandbox.root(), &["status"]);
        place.run().expect(Status::Hit);
        // What is staged shows.
        place.write("new.txt", "");
        git(&place.sandbox.root(), &["add", "-A"]);
        let outcome = place.run();
        outcome.expect(Status::Ran);
        assert!(outcome.out().contains("new.txt"), "{}", outcome.said());
    }
}

#[test]
fn another_commit_runs_again_and_going_back_hits() {
    for at in PLACES {
        let place = Place::new(at, "git log -1 --format=%s");
        place.run().expect(Status::Ran);
        place.run().expect(Status::Hit);
        place.commit("second");
        let outcome = place.run();
        outcome.expect(Status::Ran);
        assert_eq!(outcome.out(), "second\n", "{at}");
        git(&place.sandbox.root(), &["reset", "-q", "--hard", "HEAD~1"]);
        let outcome = place.run();
        outcome.expect(Status::Hit);
        assert_eq!(outcome.out(), "first\n", "{at}");
    }
}

#[test]
fn a_branch_switch_and_back_hits() {
    for at in PLACES {
        let place = Place::new(at, "sh -c \"git rev-parse --abbrev-ref HEAD; cat a.txt\"");
        place.run().expect(Status::Ran);
        git(&place.sandbox.root(), &["checkout", "-q", "-b", "other"]);
        place.write("a.txt", "two\n");
        place.commit("second");
        let outcome = place.run();
        outcome.expect(Status::Ran);
        assert_eq!(outcome.out(), "other\ntwo\n", "{at}");
        for (branch, said) in [("main", "main\none\n"), ("other", "other\ntwo\n")] {
            git(&place.sandbox.root(), &["checkout", "-q", branch]);
            let outcome = place.run();
            outcome.expect(Status::Hit);
            assert_eq!(outcome.out(), said, "{at}");
        }
    }
}

#[test]
fn of_what_a_walk_lists_in_a_repository_only_the_names_of_refs_count() {
    let place = Place::new(".", "find . -name nothing");
    place.run().expect(Status::Ran);
    // Objects, logs and the message of the commit are others now; the branch has the same name.
    place.commit("second");
    place.run().expect(Status::Hit);
    git(&place.sandbox.root(), &["branch", "other"]);
    let outcome = place.run();
    outcome.expect(Status::Ran);
    assert_eq!(outcome.out(), "");
}

#[test]
fn a_step_that_commits_or_tags_is_not_stored() {
    for at in PLACES {
        let place = Place::new(at, "git tag made");
        let outcome = place.run();
        assert!(
            outcome.not_stored().contains(&"wrote-git"),
            "{at}: {:?}",
            outcome.not_stored()
        );
    }
}

#[test]
fn a_repository_that_appears_above_is_noticed() {
    let place = Place::new(
        "deep/ws",
        "sh -c \"git rev-parse --show-prefix || cat a.txt\"",
    );
    let hidden = place.sandbox.path("hidden");
    fs::rename(place.sandbox.path(".git"), &hidden).unwrap();
    place.run().expect(Status::Ran);
    place.run().expect(Status::Hit);
    fs::rename(hidden, place.sandbox.path(".git")).unwrap();
    let outcome = place.run();
    outcome.expect(Status::Ran);
    assert_eq!(outcome.out(), "deep/ws/\n");
}

/// A CI service writes a new token into the configuration of each clone.
#[test]
fn what_a_clone_logs_in_with_does_not_count_and_what_git_does_with_files_does() {
    let place = Place::new(".", "git rev-parse HEAD");
    let set = |name, value| git(&place.sandbox.root(), &["config", name, value]);
    let run = || place.run();
    run().expect(Status::Ran);
    set("http.https://github.com/.extraheader", "token-1");
    set("user.email", "somebody@example.invalid");
    run().expect(Status::Hit);
    set("core.quotePath", "false");
    run().expect(Status::Ran);
}
