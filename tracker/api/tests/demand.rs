//! Variables that programs get by asking for them by name, beside those in their environment.
//!
//! What a program says is compared with what it says when it runs by itself, with all of them in its environment.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use support::{GRACE, Room, TIER, python};
use vt_tracker::{Options, Tiers, Trace, spawn};

/// Does what its arguments say, one after the other.
const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void say(const char *name, const char *value) {
  printf("%d %s=%.40s\n", value ? (int)strlen(value) : -1, name, value ? value : "");
  fflush(stdout);
}
static pthread_barrier_t barrier;
static void *ask(void *name) { pthread_barrier_wait(&barrier); return getenv(name); }
int main(int count, char **given) {
  char **at = given + 1;
  setvbuf(stdout, 0, _IONBF, 0);
  while (*at) {
    char *what = *at++;
    if (!strcmp(what, "get")) { say(*at, getenv(*at)); at++; }
    else if (!strcmp(what, "secure")) { say(*at, secure_getenv(*at)); at++; }
    else if (!strcmp(what, "set")) { if (setenv(at[0], at[1], 1)) return 2; at += 2; }
    else if (!strcmp(what, "keep")) { if (setenv(at[0], at[1], 0)) return 2; at += 2; }
    else if (!strcmp(what, "put")) { if (putenv(*at++)) return 2; }
    else if (!strcmp(what, "unset")) { if (unsetenv(*at++)) return 2; }
    else if (!strcmp(what, "clear")) { if (clearenv()) return 2; }
    else if (!strcmp(what, "bare")) { static char *none[1]; environ = none; }
    else if (!strcmp(what, "path")) { static char *one[] = {"PATH=/bin", 0}; environ = one; }
    else if (!strcmp(what, "wrong")) { if (!setenv("", "1", 1) || !setenv("A=B", "1", 1) || !unsetenv("")) return 2; }
    else if (!strcmp(what, "cut")) { char *value = getenv(*at); value[1] = 0; say(*at, getenv(*at)); at++; }
    else if (!strcmp(what, "times")) { for (int i = atoi(*at++); i; i--) if (!getenv(*at)) return 2; at++; }
    else if (!strcmp(what, "names")) {
      char name[32];
      for (int i = atoi(*at++); i; i--) { sprintf(name, "NAME_%d", i); if (getenv(name)) return 2; }
    } else if (!strcmp(what, "threads")) {
      pthread_t threads[16]; void *value;
      pthread_barrier_init(&barrier, 0, 16);
      for (int i = 0; i < 16; i++) pthread_create(&threads[i], 0, ask, *at);
      for (int i = 0; i < 16; i++) { pthread_join(threads[i], &value); say(*at, value); }
      at++;
    } else {
      char **rest = at - 1;
      *rest = given[0];
      if (!strcmp(what, "exec")) { execv(given[0], rest); return 3; }
      pid_t child = 0; int status;
      if (!strcmp(what, "fork")) child = fork();
      else if (!strcmp(what, "spawn")) { if (posix_spawn(&child, given[0], 0, 0, rest, environ)) return 3; }
      else if (!strcmp(what, "vfork")) { child = vfork(); if (!child) { execv(given[0], rest); _exit(3); } }
      else return 4;
      if (child) { waitpid(child, &status, 0); return status != 0; }
    }
  }
  return 0;
}
"#;

fn variables(all: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
    let all = all.iter();
    all.map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn names(all: &[&str]) -> BTreeSet<OsString> {
    all.iter().map(Into::into).collect()
}

/// A room with the program in it.
fn room() -> Room {
    let room = Room::new();
    room.write("ask.c", PROGRAM);
    let compiled = room
        .command("gcc", &["-O1", "-pthread", "-o", "ask", "ask.c"])
        .status();
    assert!(compiled.unwrap().success());
    room
}

/// What a command says by itself, with all variables in its environment.
fn said_plainly(room: &Room, arguments: &[&str], demand: &BTreeMap<OsString, OsString>) -> String {
    said(room, |file| {
        let mut command = bare(room, arguments, file);
        command.envs(demand);
        assert!(command.status().unwrap().success(), "{arguments:?}");
    })
}

/// What a command says that gets variables on demand, and its trace.
fn said_on_demand(
    room: &Room,
    arguments: &[&str],
    demand: &BTreeMap<OsString, OsString>,
) -> (String, Trace) {
    let mut trace = None;
    let text = said(room, |file| {
        let options = Options {
            demand: demand.clone(),
            ..room.options(GRACE)
        };
        let command = bare(room, arguments, file);
        let tracked = spawn(command, options).unwrap().wait().unwrap();
        assert!(tracked.status.success(), "{arguments:?}");
        assert_eq!(tracked.trace.completeness.0, []);
        assert!(tracked.trace.is_preloaded);
        trace = Some(tracked.trace);
    });
    (text, trace.unwrap())
}

fn said(room: &Room, run: impl FnOnce(File)) -> String {
    let path = room.path("said");
    run(File::create(&path).unwrap());
    std::fs::read_to_string(path).unwrap()
}

fn bare(room: &Room, arguments: &[&str], file: File) -> Command {
    let mut command = room.command(arguments[0], &arguments[1..]);
    command.stdout(file).env("GIVEN", "given");
    for name in ["WANTED", "OTHER", "EMPTY", "LARGE"] {
        command.env_remove(name);
    }
    command
}

/// Whether a command says the same as by itself; gives what it said, and the trace.
#[track_caller]
fn same(room: &Room, arguments: &[&str], demand: &[(&str, &str)]) -> (String, Trace) {
    let demand = variables(demand);
    let (text, trace) = said_on_demand(room, arguments, &demand);
    assert_eq!(
        text,
        said_plainly(room, arguments, &demand),
        "{arguments:?}"
    );
    (text, trace)
}

#[test]
fn what_is_asked_for_by_name_is_answered_and_told() {
    let room = room();
    let demand = [("WANTED", "value"), ("EMPTY", ""), ("OTHER", "other")];
    let steps = ["./ask", "get", "WANTED", "get", "GIVEN", "get", "NOT_SET"];
    let (text, trace) = same(&room, &[&steps[..], &["secure", "EMPTY"]].concat(), &demand);
    assert_eq!(
        text,
        "5 WANTED=value\n5 GIVEN=given\n-1 NOT_SET=\n0 EMPTY=\n"
    );
    assert_eq!(trace.demanded, names(&["WANTED", "NOT_SET", "EMPTY"]));
    assert!(
        trace
            .variables
            .is_superset(&names(&["GIVEN", "WANTED", "NOT_SET"]))
    );
    assert!(trace.doubtful.is_empty());
}

#[test]
fn what_is_asked_for_is_not_in_the_environment() {
    let room = room();
    let demand = variables(&[("WANTED", "value")]);
    let arguments = ["./ask", "get", "WANTED", "exec", "get", "WANTED"];
    let (text, _) = said_on_demand(&room, &arguments, &demand);
    assert_eq!(text, "5 WANTED=value\n5 WANTED=value\n");
    for program in ["env", "printenv"] {
        let (text, trace) = said_on_demand(&room, &[program], &demand);
        assert!(
            text.contains("GIVEN=given") && !text.contains("WANTED"),
            "{text}"
        );
        assert!(!trace.demanded.contains(&OsString::from("WANTED")));
    }
}

#[test]
fn what_a_process_does_to_a_variable_counts_in_it_and_in_its_children() {
    let room = room();
    let demand = [("WANTED", "value"), ("OTHER", "other")];
    let changes: &[&[&str]] = &[
        &[],
        &["unset", "WANTED"],
        &["set", "WANTED", "mine"],
        &["keep", "WANTED", "mine"],
        &["keep", "NOT_SET", "mine"],
        &["put", "WANTED=mine"],
        &["put", "WANTED"],
        &["put", "WANTED="],
        &["set", "WANTED", "mine", "unset", "WANTED"],
        &["unset", "WANTED", "set", "WANTED", "mine"],
        &["unset", "NOT_SET"],
        &["unset", "WANTED", "unset", "OTHER", "unset", "WANTED"],
        &["clear"],
        &["clear", "set", "PATH", "/bin"],
        &["bare"],
        &["path"],
        &["wrong"],
    ];
    for change in changes {
        for way in [&[][..], &["exec", "exec"], &["fork"], &["vfork"]] {
            let steps = [
                &["./ask"],
                *change,
                way,
                &["get", "WANTED", "get", "OTHER", "get", "NOT_SET"],
            ];
            same(&room, &steps.concat(), &demand);
        }
    }
}

#[test]
fn what_a_process_has_ended_it_does_not_depend_on() {
    let room = room();
    let ends = [
        &["unset", "WANTED"][..],
        &["set", "WANTED", "1"],
        &["put", "WANTED"],
        &["bare"],
    ];
    for end in ends {
        let steps = [&["./ask"], end, &["exec", "get", "WANTED"]].concat();
        let (_, trace) = same(&room, &steps, &[("WANTED", "value")]);
        assert!(
            !trace.demanded.contains(&OsString::from("WANTED")),
            "{end:?}"
        );
    }
    let steps = ["./ask", "keep", "WANTED", "1"];
    let (_, trace) = same(&room, &steps, &[("WANTED", "value")]);
    assert!(trace.demanded.contains(&OsString::from("WANTED")));
}

#[test]
fn after_more_ends_than_can_be_handed_on_nothing_is_asked_for() {
    let room = room();
    let names: Vec<String> = (100..200)
        .map(|index| format!("{index}_{}", "x".repeat(400)))
        .collect();
    let all = names.iter().map(|name| (name.into(), "value".into()));
    let demand = all.chain([("WANTED".into(), "value".into())]).collect();
    let ends = names.iter().flat_map(|name| ["unset", name]);
    let get = ["get", &names[0], "get", &names[99], "get", "WANTED"];
    let few: Vec<&str> = ["./ask"]
        .into_iter()
        .chain(ends.clone().take(100))
        .collect();
    let all: Vec<&str> = ["./ask"].into_iter().chain(ends).collect();
    for (steps, expected) in [(few, ["-1", "5", "5"]), (all, ["-1", "-1", "-1"])] {
        for way in [&[][..], &["exec"]] {
            let arguments = [&steps[..], way, &get].concat();
            let (text, _) = said_on_demand(&room, &arguments, &demand);
            let lengths: Vec<&str> = text
                .lines()
                .filter_map(|line| line.split(' ').next())
                .collect();
            assert_eq!(lengths, expected);
        }
    }
}

#[test]
fn a_value_is_as_large_as_it_may_be_and_may_be_written_to() {
    let room = room();
    let large = "x".repeat(130_000);
    let demand = [("LARGE", large.as_str()), ("WANTED", "value")];
    let (text, _) = same(&room, &["./ask", "get", "LARGE", "cut", "WANTED"], &demand);
    assert!(text.ends_with("1 WANTED=v\n"), "{text}");
    let many: Vec<(String, String)> = (0..20)
        .map(|index| (format!("LARGE_{index}"), large.clone()))
        .collect();
    let demand: BTreeMap<OsString, OsString> = many
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let arguments = ["./ask", "get", "LARGE_19", "get", "LARGE_0", "get", "LARGE"];
    let (text, _) = said_on_demand(&room, &arguments, &demand);
    let lengths: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(lengths, ["130000", "130000", "-1"]);
}

#[test]
fn what_is_asked_for_again_is_not_told_again() {
    let room = room();
    let demand = [("WANTED", "value")];
    let (_, trace) = same(&room, &["./ask", "times", "20000", "WANTED"], &demand);
    assert!(trace.accesses < 1000, "{}", trace.accesses);
}

#[test]
fn more_names_than_there_is_room_for_are_told_all() {
    let room = room();
    let (_, trace) = same(&room, &["./ask", "names", "20000"], &[]);
    let told = trace.demanded.iter();
    let told = told.filter(|name| name.to_string_lossy().starts_with("NAME_"));
    assert_eq!(told.count(), 20_000);
}

#[test]
fn whoever_asks_first_is_answered_also_with_others_at_the_same_time() {
    let room = room();
    for _ in 0..5 {
        same(
            &room,
            &["./ask", "threads", "WANTED"],
            &[("WANTED", "value")],
        );
    }
}

#[test]
fn tools_that_change_the_environment_see_to_it_as_ever() {
    let room = room();
    let demand = [("WANTED", "value"), ("OTHER", "other")];
    let asks = ["./ask", "get", "WANTED", "get", "OTHER"];
    let ways: &[&[&str]] = &[
        &["env"],
        &["env", "-u", "WANTED"],
        &["env", "-i"],
        &["env", "WANTED=mine"],
        &["env", "-i", "OTHER=mine"],
        &["nice"],
        &["sh", "-c", "exec \"$0\" \"$@\""],
        &["sh", "-c", "WANTED=mine exec \"$0\" \"$@\""],
        &["perl", "-e", "exec @ARGV"],
        &["perl", "-e", "$ENV{WANTED} = 'mine'; exec @ARGV"],
        &["perl", "-e", "%ENV = (PATH => $ENV{PATH}); exec @ARGV"],
    ];
    for way in ways {
        same(&room, &[way, &asks[..]].concat(), &demand);
    }
    let python = python();
    for line in [
        "os.execv(a[0], a)",
        "os.unsetenv('WANTED'); os.execv(a[0], a)",
    ] {
        let line = format!("import os, sys; a = sys.argv[1:]; {line}");
        let way = [python.as_str(), "-c", &line];
        same(&room, &[&way[..], &asks].concat(), &demand);
    }
}

fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&found).any(|directory| directory.join(program).exists())
}

#[test]
fn node_asks_by_name_and_its_enumerations_ask_for_nothing_else() {
    if !has("node") {
        return;
    }
    let room = room();
    let demand = [("WANTED", "value"), ("OTHER", "other")];
    let asks = "console.log(process.env.WANTED, 'OTHER' in process.env, process.env.NOT_SET);";
    let (text, trace) = same(&room, &["node", "-e", asks], &demand);
    assert_eq!(text, "value true undefined\n");
    assert!(
        trace
            .demanded
            .is_superset(&names(&["WANTED", "OTHER", "NOT_SET"]))
    );
    let enumerates = "const { GIVEN } = { ...process.env }; console.log(GIVEN); for (const name in process.env) process.env[name];\
        require('child_process').spawnSync('true')";
    let (_, trace) = same(&room, &["node", "-e", enumerates], &demand);
    assert!(
        trace
            .demanded
            .is_disjoint(&names(&["WANTED", "OTHER", "GIVEN"]))
    );
    let asks = "const ask = (options) => \
            console.log(require('child_process').execFileSync(...child, options).toString());\
        console.log(process.env.WANTED); ask({}); ask({ env: process.env }); ask({ env: { ...process.env } });\
        ask({ env: { ...process.env, OTHER: 'mine' } }); ask({ env: { PATH: process.env.PATH } }); ask({ env: {} });";
    let child = "const child = [process.execPath, ['-e', \
        \"console.log(process.env.WANTED, process.env.OTHER, Object.hasOwn(process.env, 'WANTED'))\"]];";
    same(&room, &["node", "-e", &format!("{child} {asks}")], &demand);
    let child = "const child = ['./ask', ['get', 'WANTED', 'get', 'OTHER']];";
    for change in [
        "delete process.env.WANTED;",
        "process.env.WANTED = 'mine';",
        "process.env.WANTED = ''; delete process.env.WANTED;",
        "if (!('WANTED' in process.env)) process.env.WANTED = 'from a file';",
        "if (!Object.hasOwn(process.env, 'WANTED')) process.env.WANTED = 'from a file';",
        "process.env.OTHER ??= 'from a file';",
    ] {
        let text = format!("{child} {change} {asks}");
        same(&room, &["node", "-e", &text], &demand);
    }
}

#[test]
fn a_copy_of_the_environment_says_what_was_so_when_it_was_made() {
    if !has("node") {
        return;
    }
    let room = room();
    let demand = [("WANTED", "value")];
    let text = "const saved = { ...process.env }; delete process.env.WANTED;\
        const ask = (env) => console.log(require('child_process').execFileSync('./ask', ['get', 'WANTED'], { env }).toString());\
        ask(saved); ask(process.env); ask({ ...process.env });";
    same(&room, &["node", "-e", text], &demand);
}

#[test]
fn programs_that_take_the_environment_as_a_whole_know_nothing_else() {
    let room = room();
    let demand = variables(&[("WANTED", "value")]);
    let python = python();
    for arguments in [
        &[
            &python,
            "-c",
            "import os; print(os.environ.get('WANTED', '-'))",
        ][..],
        &["sh", "-c", "echo ${WANTED--}"],
        &["perl", "-e", "print $ENV{WANTED} // '-', \"\\n\""],
    ] {
        let (text, trace) = said_on_demand(&room, arguments, &demand);
        assert_eq!(text, "-\n", "{arguments:?}");
        assert!(!trace.demanded.contains(&OsString::from("WANTED")));
    }
}

#[test]
fn without_the_library_nothing_is_asked_for() {
    let room = room();
    let file = File::create(room.path("said")).unwrap();
    let command = bare(&room, &["./ask", "get", "WANTED"], file);
    let options = Options {
        demand: variables(&[("WANTED", "value")]),
        preload: false,
        tiers: Tiers::only(TIER),
        ..Options::default()
    };
    let tracked = spawn(command, options).unwrap().wait().unwrap();
    assert!(tracked.status.success());
    assert!(!tracked.trace.is_preloaded);
    assert!(tracked.trace.demanded.is_empty());
    assert_eq!(read(&room.path("said")), "-1 WANTED=\n");
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
