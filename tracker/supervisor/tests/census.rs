//! Every call of the kernel and every name of the C library stands on exactly one list.
//!
//! A kernel or a C library that brings something new fails here, with the name, instead of making
//! the tracker blind: somebody then has to decide which list it belongs on. What a list has beyond
//! this machine does no harm.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "census/lists.rs"]
mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lists::{Census, List};
use vt_tracker_abi::{Access, Blindness};
use vt_tracker_supervisor::{Options, Sink, Survivors, reported_calls, watch};

const HANDLED: List = List::new("calls-handled", include_str!("census/calls-handled.txt"));
const REFUSED: List = List::new("calls-refused", include_str!("census/calls-refused.txt"));
const LET_GO: List = List::new("calls-let-go", include_str!("census/calls-let-go.txt"));
const CALLS: [List; 5] = [
    HANDLED,
    REFUSED,
    LET_GO,
    List::new(
        "calls-descriptor",
        include_str!("census/calls-descriptor.txt"),
    ),
    List::new("calls-no-path", include_str!("census/calls-no-path.txt")),
];

const OTHER_NAMES: List = List::new(
    "calls-other-names",
    include_str!("census/calls-other-names.txt"),
);

/// What the preload takes the place of, as its own test has it.
const INTERPOSED: List = List::new("exported", include_str!("../../preload/tests/exported.txt"));
const LIBRARY: [List; 4] = [
    INTERPOSED,
    List::new("libc-path", include_str!("census/libc-path.txt")),
    List::new(
        "libc-descriptor",
        include_str!("census/libc-descriptor.txt"),
    ),
    List::new("libc-no-path", include_str!("census/libc-no-path.txt")),
];

/// What makes a name sound as if it led to a path: no pattern may take it in passing.
const TELLING: [&str; 11] = [
    "open", "exec", "path", "link", "mount", "chmod", "chown", "spawn", "temp", "dir", "locale",
];

/// Where distributions keep the header with the numbers of the calls.
const HEADERS: [&str; 3] = [
    "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "/usr/include/asm/unistd_64.h",
    "/usr/include/x86_64-linux-musl/asm/unistd_64.h",
];

fn skip(reason: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
}

/// The calls that the header of the kernel has, with their numbers.
fn calls_of_the_header() -> Option<BTreeMap<String, i64>> {
    let text = HEADERS
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())?;
    let calls: BTreeMap<String, i64> = text
        .lines()
        .filter_map(|line| {
            let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        })
        .collect();
    assert!(calls.len() > 300, "the header was not understood");
    Some(calls)
}

/// The functions behind calls that the running kernel has, those of other tables included.
fn calls_of_the_running_kernel() -> Option<BTreeSet<String>> {
    let text = fs::read_to_string("/proc/kallsyms").ok()?;
    let names: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.split(' ').next_back()?.strip_prefix("__x64_sys_"))
        // The compiler splits functions and gives the parts names with a dot.
        .filter(|name| !name.contains('.'))
        .map(str::to_owned)
        .collect();
    (!names.is_empty()).then_some(names)
}

fn fail(what: &str, names: &[String]) {
    assert!(names.is_empty(), "{what}:\n  {}", names.join("\n  "));
}

#[test]
fn no_name_is_on_two_lists() {
    for lists in [&CALLS[..], &LIBRARY[..]] {
        fail("named more than once", &Census::new(lists).repeated());
    }
}

#[test]
fn every_call_of_the_kernel_is_on_a_list() {
    let Some(calls) = calls_of_the_header() else {
        return skip("calls of the kernel's header: there is no asm/unistd_64.h");
    };
    let census = Census::new(&CALLS);
    let unknown: Vec<String> = calls
        .into_iter()
        .filter(|(name, _)| census.list_of(name).is_err())
        .map(|(name, number)| format!("{name} ({number})"))
        .collect();
    fail("calls that nobody has put on a list", &unknown);
}

#[test]
fn every_call_of_the_running_kernel_is_on_a_list() {
    let Some(names) = calls_of_the_running_kernel() else {
        return skip("calls of the running kernel: it does not show its symbols");
    };
    let census = Census::new(&CALLS);
    let others = [OTHER_NAMES];
    let (aliases, others) = (OTHER_NAMES.aliases(), Census::new(&others));
    let unknown: Vec<String> = names
        .into_iter()
        .filter(|name| {
            let call = aliases.get(name.as_str()).copied().unwrap_or(name);
            census.list_of(call).is_err() && others.list_of(name).is_err()
        })
        .collect();
    fail("calls that nobody has put on a list", &unknown);
}

#[test]
fn the_handled_calls_are_those_of_the_table() {
    let listed: BTreeSet<&str> = HANDLED.names().collect();
    let reported: BTreeSet<&str> = reported_calls().map(|(name, _)| name).collect();
    assert_eq!(listed, reported);
    assert_eq!(
        reported_calls().count(),
        reported.len(),
        "one is there twice"
    );
}

#[test]
fn the_calls_of_the_table_have_the_numbers_of_the_kernel() {
    let Some(calls) = calls_of_the_header() else {
        return skip("numbers of calls: there is no asm/unistd_64.h");
    };
    for (name, number) in reported_calls() {
        if let Some(expected) = calls.get(name) {
            assert_eq!(number, *expected, "{name}");
        } else {
            skip(&format!("number of `{name}`: the header is older"));
        }
    }
}

#[test]
fn of_each_call_that_can_reach_a_path_is_said_what_it_does_there() {
    for list in [HANDLED, REFUSED, LET_GO] {
        let without: Vec<String> = list
            .lines()
            .filter(|(_, said)| said.len() < 8)
            .map(|(name, _)| name.to_owned())
            .collect();
        fail("nothing said about it", &without);
        assert!(list.names().count() > 0);
    }
}

/// Forgets everything but why something may be lacking.
struct Reasons(std::sync::mpsc::Sender<Blindness>);

impl Sink for Reasons {
    fn access(&mut self, _access: &Access<'_>) {}
    fn program(&mut self, _given: &[u8], _real: &[u8]) {}
    fn variable(&mut self, _name: &[u8], _asked: vt_tracker_abi::Asked) {}

    fn blind(&mut self, reason: Blindness) {
        let _ = self.0.send(reason);
    }
    fn finish(self: Box<Self>, _calls: u64, _survivors: Option<Survivors>) {}
}

/// Makes a call without arguments in a child, after the filter came if there is one, and says what
/// error it gave.
fn errno_in_a_child(number: i64, with_filter: bool) -> Option<i32> {
    use std::os::unix::process::CommandExt as _;

    let mut command = Command::new("true");
    command.stdin(Stdio::null());
    let (sender, reasons) = std::sync::mpsc::channel();
    if with_filter {
        let options = Options {
            roots: Vec::new(),
            grace: Duration::from_secs(5),
            library: None,
            demand: std::collections::BTreeMap::new(),
            tiers: vt_tracker_abi::Tiers::ALL,
        };
        watch(&mut command, options, Box::new(Reasons(sender))).unwrap();
    } else {
        drop(sender);
    }
    let call = move || {
        // SAFETY: made in the child, between fork and exec; null pointers are refused by it.
        let result = unsafe { libc::syscall(number, 0, 0, 0, 0, 0, 0) };
        // What is returned as an error ends the child and arrives here.
        if result < 0 {
            Err(std::io::Error::last_os_error())
        } else {
            Ok(())
        }
    };
    // SAFETY: what runs between fork and exec is one call, which allocates nothing.
    unsafe { command.pre_exec(call) };
    let result = command.status();
    drop(command);
    assert_eq!(
        reasons.iter().collect::<Vec<_>>(),
        [],
        "the filter could not be had"
    );
    result.err().and_then(|error| error.raw_os_error())
}

#[test]
fn the_refused_calls_are_answered_as_unknown() {
    let numbers = calls_of_the_header().unwrap_or_default();
    for name in REFUSED.names() {
        let Some(number) = numbers.get(name) else {
            skip(&format!("refusal of `{name}`: the header does not have it"));
            continue;
        };
        if errno_in_a_child(*number, false) == Some(libc::ENOSYS) {
            skip(&format!(
                "refusal of `{name}`: this kernel does not have it"
            ));
            continue;
        }
        assert_eq!(
            errno_in_a_child(*number, true),
            Some(libc::ENOSYS),
            "{name}"
        );
    }
}

/// The C library that this very process runs with, and what belongs to it.
fn files_of_the_c_library() -> Option<Vec<PathBuf>> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let library = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .find(|path| path.rsplit('/').next() == Some("libc.so.6"))
        .map(Path::new)?;
    let directory = library.parent()?;
    let parts = [
        "libdl.so.2",
        "libpthread.so.0",
        "librt.so.1",
        "libutil.so.1",
    ];
    let parts = parts.iter().map(|part| directory.join(part));
    Some(
        std::iter::once(library.to_owned())
            .chain(parts.filter(|part| part.exists()))
            .collect(),
    )
}

/// The names that a shared object exports, without their versions.
fn exported(file: &Path) -> Option<BTreeSet<String>> {
    let output = Command::new("nm")
        .args(["-D", "--defined-only", "--"])
        .arg(file)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let names = text.lines().filter_map(|line| {
        let mut parts = line.split(' ').skip(1);
        let (kind, name) = (parts.next()?, parts.next()?);
        // The absolute ones are the versions themselves.
        (kind != "A").then(|| name.split('@').next().unwrap_or(name).to_owned())
    });
    Some(names.collect())
}

fn names_of_the_c_library() -> Option<BTreeSet<String>> {
    let Some(files) = files_of_the_c_library() else {
        skip("names of the C library: this is not glibc");
        return None;
    };
    let names: Option<Vec<BTreeSet<String>>> = files.iter().map(|file| exported(file)).collect();
    let Some(names) = names else {
        skip("names of the C library: there is no `nm`");
        return None;
    };
    let names: BTreeSet<String> = names.into_iter().flatten().collect();
    assert!(names.len() > 1000, "`nm` was not understood");
    Some(names)
}

#[test]
fn every_name_of_the_c_library_is_on_a_list() {
    let Some(names) = names_of_the_c_library() else {
        return;
    };
    let census = Census::new(&LIBRARY);
    let problems: Vec<String> = names
        .iter()
        .filter_map(|name| {
            census
                .list_of(name)
                .err()
                .map(|why| format!("{name}: {why}"))
        })
        .collect();
    fail("names that nobody has put on a list", &problems);
}

#[test]
fn no_pattern_takes_a_name_that_sounds_like_a_path() {
    let Some(names) = names_of_the_c_library() else {
        return;
    };
    let census = Census::new(&LIBRARY);
    let taken: Vec<String> = names
        .iter()
        .filter(|name| TELLING.iter().any(|part| name.contains(part)))
        .filter(|name| !census.is_named(name))
        // What reads the files of name services is on the list of paths as a whole.
        .filter(|name| census.list_of(name) != Ok("libc-path"))
        .cloned()
        .collect();
    fail("to be named one by one", &taken);
}
