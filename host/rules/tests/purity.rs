//! The same question in another process, on an idle and on a loaded machine: the same words, and the
//! same fuel.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the test starts itself again, and reads what that prints"
)]

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vt_base::{Program, RelPath};
use vt_rules::{Component, Host, PackageFacts, Question, built_in};

/// Set in the processes that only answer.
const ANSWERS: &str = "VT_TEST_ANSWERS";

/// How many processes ask at the same time where the machine is to be loaded, beside as many threads
/// that turn in circles.
fn crowd() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

fn components() -> Vec<Component> {
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen");
    let mut files: Vec<PathBuf> = fs::read_dir(frozen)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == "wasm"))
        .collect();
    files.sort();
    let frozen = files
        .iter()
        .map(|file| Component::from_bytes("frozen.wasm", fs::read(file).unwrap()).unwrap());
    frozen.chain(built_in().iter().cloned()).collect()
}

/// A question that shows a component everything it may ask for.
fn question(component: &Component, args: &[&str]) -> Question {
    let shown = |names: &[String], text: &str| -> BTreeMap<String, Option<String>> {
        names
            .iter()
            .map(|name| (name.clone(), Some(text.to_owned())))
            .collect()
    };
    let needs = component.needs();
    Question {
        program: Program::Direct(component.id().to_owned()),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        directory: RelPath::new("packages/a/src").unwrap(),
        package: PackageFacts {
            name: Some("@pure/a".into()),
            directory: RelPath::new("packages/a").unwrap(),
            dependencies: [("made-up".to_owned(), "^1.0.0".to_owned())].into(),
        },
        files: shown(&needs.files, r#"{ "cacheDirectory": "tmp/x" }"#),
        env: shown(&needs.env, "value"),
    }
}

/// All answers of all components, with what each took.
fn answers() -> String {
    let host = Host::new().unwrap();
    let mut text = String::new();
    for component in components() {
        for args in [
            &[][..],
            &["run"],
            &["build", "--watch"],
            &["serve", "--", "-x"],
        ] {
            let measured = host
                .measure(&component, &question(&component, args))
                .unwrap();
            let _ = writeln!(text, "answer {} {args:?} {measured:?}", component.id());
        }
    }
    text
}

fn ask_elsewhere(variable: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["the_same_question_has_the_same_answer", "--nocapture"])
        .env(ANSWERS, variable)
        // What a component must not see, whatever it is.
        .env("HOME", format!("/nowhere/{variable}"))
        .env("TZ", variable)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn heard(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| Some(line[line.find("answer ")?..].to_owned() + "\n"))
        .collect()
}

/// Lets the threads end, also where a test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[test]
fn the_same_question_has_the_same_answer_and_takes_the_same_fuel() {
    if env::var_os(ANSWERS).is_some() {
        println!("\n{}", answers());
        return;
    }
    let here = answers();
    assert!(
        here.contains("IgnoreInput(") && here.contains("fuel: "),
        "{here}"
    );
    // One process alone, then some at once.
    assert_eq!(heard(ask_elsewhere("alone")), here);
    let turning = AtomicBool::new(true);
    thread::scope(|scope| {
        let _stop = Stop(&turning);
        for _ in 0..crowd() {
            scope.spawn(|| {
                while turning.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let crowd: Vec<Child> = (0..crowd())
            .map(|number| ask_elsewhere(&number.to_string()))
            .collect();
        for child in crowd {
            assert_eq!(heard(child), here);
        }
    });
}
