//! The harness tells a story that holds from one that does not. The runner here is a shell script that plays `vt`: it
//! "builds" `out` from `a.txt` unless `out` is there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use vt_harness::{Binaries, Sandbox, Watched, run_story_with};

const FAKE: &str = r#"#!/bin/sh
if [ -f out ]; then
  status=hit stored=false why=
else
  /bin/cp a.txt out || exit 1
  status=ran stored=true why='{"kind":"input-modified","path":"a.txt"}'
fi
echo "$status $5"
printf '{"version":1,"exitCode":0,"durationMs":1,"steps":[{"id":"p#build/0","package":"p","task":"build","index":0,' > "$3"
printf '"command":"cp","cwd":"","status":"%s","source":null,"stored":%s,"exitCode":0,"durationMs":1,' "$status" "$stored" >> "$3"
printf '"savedMs":null,"why":[%s],"notStored":[],"restored":0,"reports":[],"directives":[],"lookedFor":[]}]}' "$why" >> "$3"
"#;

const GOOD: &str = r#"
[[case]]
name = "a second run hits"
step = [
  { run = "vt run build first", expect = { status = "ran", why = ["input-modified a.txt"], stored = true, stdout-contains = "ran first", files = { out = "text" }, save = { out = "out" } } },
  { run = "vt run build", expect = { status = "hit", why = [], unchanged-tree = true, no-process = true, same = { out = "out" } } },
  { run = "sh -c 'rm out'", expect = { absent = ["out"] } },
  { run = "vt run build", expect = { steps."p#build/0" = { status = "ran" } } },
]
"#;

fn judge(story: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let fixture = folder.path().join("fixture");
    fs::create_dir(&fixture).unwrap();
    fs::write(fixture.join("a.txt"), "text").unwrap();
    fs::write(fixture.join("story.toml"), story).unwrap();
    run_story_with(&fake(folder.path()), &fixture).unwrap()
}

fn fake(folder: &Path) -> Binaries {
    let vt = folder.join("vt");
    fs::write(&vt, FAKE).unwrap();
    fs::set_permissions(&vt, fs::Permissions::from_mode(0o755)).unwrap();
    Binaries::at(vt.clone(), vt).unwrap()
}

#[test]
fn a_story_that_holds_gives_no_transcript() {
    assert_eq!(judge(GOOD), Vec::<String>::new());
}

#[test]
fn each_wrong_expectation_is_found_and_named() {
    let wrong = [
        (r#"status = "hit""#, "status: expected Hit, got Ran"),
        ("stored = false", "stored: expected false, got true"),
        (
            r#"why = []"#,
            "why: expected [], got [\"input-modified a.txt\"]",
        ),
        (
            r#"why-contains = ["first-run"]"#,
            "why: expected [\"first-run\"]",
        ),
        ("exit-code = 3", "exit code: expected 3, got 0"),
        ("restored = 2", "restored: expected 2, got Some(0)"),
        (
            r#"steps = { "other#build/0" = {} }"#,
            "no step `other#build/0`",
        ),
        (r#"steps = {}"#, "unexpected step `p#build/0`"),
        (
            r#"stdout-contains = "hit""#,
            "stdout does not contain `hit`",
        ),
        (r#"stdout-lacks = "ran""#, "stdout contains `ran`"),
        (
            r#"stdout-in-order = ["first", "ran"]"#,
            "`ran` at its place",
        ),
        (
            r#"files = { out = "other" }"#,
            "`out`: expected \"other\", got \"text\"",
        ),
        (r#"absent = ["out"]"#, "`out` is there"),
        (
            r#"unchanged-tree = true"#,
            "the tree was touched: added out",
        ),
        (r#"no-process = true"#, "a process was started"),
        (
            r#"same = { nothing = "out" }"#,
            "no step has saved `nothing`",
        ),
    ];
    for (expect, message) in wrong {
        let story = format!(
            "[[case]]\nname = \"x\"\n[[case.step]]\nrun = \"vt run build first\"\nexpect = {{ {expect} }}\n"
        );
        let transcripts = judge(&story);
        assert_eq!(transcripts.len(), 1, "{expect}");
        assert!(
            transcripts[0].contains(message),
            "{expect}: {}",
            transcripts[0]
        );
        assert!(
            transcripts[0].contains("## `vt run build first`"),
            "{}",
            transcripts[0]
        );
    }
}

#[test]
fn a_case_starts_from_a_fresh_copy_and_stops_at_its_first_difference() {
    let case = "[[case]]\nname = \"x\"\nstep = [{ run = \"vt run build\", expect = { status = \"hit\" } }, { run = \"vt run build\" }]\n";
    let transcripts = judge(&case.repeat(2));
    assert_eq!(transcripts.len(), 2);
    assert_eq!(
        transcripts[1].matches("## `").count(),
        1,
        "{}",
        transcripts[1]
    );
}

#[test]
fn a_word_the_format_does_not_know_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("story.toml"),
        GOOD.replace("why =", "wy ="),
    )
    .unwrap();
    let error = run_story_with(&fake(folder.path()), folder.path()).unwrap_err();
    assert!(error.to_string().contains("unknown field `wy`"), "{error}");
}

#[test]
fn a_missing_binary_is_named_with_the_cure() {
    let nowhere = Path::new("/nowhere/vt").to_path_buf();
    let error = Binaries::at(nowhere.clone(), nowhere).unwrap_err();
    assert!(error.to_string().contains("cargo build -p vt"), "{error}");
}

#[test]
fn steps_see_a_small_environment_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::with(fake(folder.path())).unwrap();
    let outcome = sandbox.call("env").env("ADDED", "1").run();
    let mut names: Vec<String> = outcome
        .out()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["ADDED", "HOME", "PATH", "TMPDIR"]);
}

#[test]
fn processes_are_counted_and_merged_output_keeps_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::with(fake(folder.path())).unwrap();
    let none = sandbox
        .call("sh -c 'echo a; echo b >&2; echo c'")
        .merged()
        .watched(Watched::ForProcesses)
        .run();
    assert_eq!(
        (none.out().as_str(), none.processes.unwrap().len()),
        ("a\nb\nc\n", 0)
    );
    let some = sandbox
        .call("sh -c '/bin/true; /bin/true'")
        .watched(Watched::ForProcesses)
        .run();
    assert!(some.processes.unwrap().len() >= 2);
}
