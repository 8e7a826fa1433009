//! The library as it is built: it needs nothing, and takes the place of what is listed only.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use support::{has, library};

fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    if !has(program) {
        return None;
    }
    let output = Command::new(program)
        .args(arguments)
        .arg(library())
        .output()
        .unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

fn lines(list: &str) -> BTreeSet<&str> {
    list.lines().collect()
}

#[test]
fn it_exports_and_imports_what_is_listed_and_imports_nothing_that_must_be_there() {
    let Some(symbols) = output_of("nm", &["--dynamic"]) else {
        return;
    };
    let (mut exported, mut imported) = (BTreeSet::new(), BTreeSet::new());
    for symbol in symbols.lines() {
        let words: Vec<&str> = symbol.split_whitespace().collect();
        match words[..] {
            [_, "T", name] => exported.insert(name),
            ["w", name] => imported.insert(name),
            _ => panic!("neither a function nor a name that need not be there: {symbol}"),
        };
    }
    assert_eq!(exported, lines(include_str!("exported.txt")));
    assert_eq!(imported, lines(include_str!("imported.txt")));
}

#[test]
fn it_needs_no_library_and_runs_nothing_when_it_is_loaded() {
    let Some(headers) = output_of("readelf", &["--wide", "--dynamic", "--segments"]) else {
        return;
    };
    for absent in ["NEEDED", "INIT", "FINI", "TEXTREL", "TLS", "RWE", "INTERP"] {
        assert!(!headers.contains(absent), "{absent} is in {headers}");
    }
    assert!(headers.contains("BIND_NOW"));
}
