//! Old on new: components that were built against a released interface run on every later host, and
//! answer as they did.
//!
//! What lies in `frozen/` is never rebuilt; `frozen/README.md` says how a folder is added.

mod replay;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use vt_base::Digest;
use vt_plugin::Case;
use vt_rules::{Component, Host};

use replay::{digests, replay};

/// One folder for each released version of `vt:rules`.
fn releases() -> Vec<PathBuf> {
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen");
    let mut folders: Vec<PathBuf> = fs::read_dir(frozen)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// The files of a folder that end so, sorted.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn load(file: &Path) -> Component {
    Component::from_bytes(name(file), fs::read(file).unwrap()).unwrap()
}

#[test]
fn every_released_interface_has_frozen_components() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let released: Vec<String> = digests(&wit.join("digests.txt"))
        .into_keys()
        .filter_map(|file| Some(file.split_once('/')?.0.to_owned()))
        .collect();
    let frozen = releases();
    assert!(!frozen.is_empty());
    for folder in &released {
        assert!(frozen.iter().any(|path| name(path) == folder), "{folder}");
    }
}

#[test]
fn what_is_frozen_is_never_changed() {
    for folder in releases() {
        let listed = digests(&folder.join("digests.txt"));
        let found: BTreeMap<String, Digest> = [files(&folder, "wasm"), files(&folder, "toml")]
            .concat()
            .iter()
            .map(|file| {
                let digest = Digest::of(&fs::read(file).unwrap());
                (name(file).to_owned(), digest)
            })
            .collect();
        assert_eq!(found, listed, "{}", name(&folder));
    }
}

#[test]
fn a_component_of_any_release_answers_as_it_did() {
    let host = Host::new().unwrap();
    for folder in releases() {
        let (_, api) = name(&folder).split_once('@').unwrap();
        for file in files(&folder, "wasm") {
            let component = load(&file);
            assert_eq!(component.api(), api, "{}", name(&file));
            let text = fs::read_to_string(file.with_extension("toml")).unwrap();
            let cases = Case::parse_all(&text).unwrap();
            let asked = cases
                .iter()
                .filter_map(|case| replay(&host, &component, case))
                .count();
            assert!(asked > 0, "{}", name(&file));
        }
    }
}

#[test]
fn a_component_of_each_release_calls_every_method_that_release_had() {
    for folder in releases() {
        let interface = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../wit")
            .join(name(&folder))
            .join("types.wit");
        let text = fs::read_to_string(interface).unwrap();
        let mut released: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().split_once(": func("))
            .map(|(name, _)| name)
            .collect();
        released.sort_unstable();
        let component = load(&folder.join("every-method.wasm"));
        assert_eq!(component.methods().collect::<Vec<_>>(), released);
    }
}

#[test]
fn a_component_made_for_wasi_imports_it_and_answers_all_the_same() {
    for folder in releases() {
        let component = load(&folder.join("wasip2.wasm"));
        for interface in [
            "filesystem/types",
            "sockets/tcp",
            "clocks/wall-clock",
            "cli/stdout",
        ] {
            let name = format!("wasi:{interface}@");
            let imported = component.imports().any(|import| import.starts_with(&name));
            assert!(imported, "{name}");
        }
    }
}

#[test]
fn what_a_component_logs_is_heard_too() {
    let host = Host::new().unwrap();
    for folder in releases() {
        let component = load(&folder.join("every-method.wasm"));
        let text = fs::read_to_string(folder.join("every-method.toml")).unwrap();
        for case in Case::parse_all(&text).unwrap() {
            let answer = replay(&host, &component, &case).unwrap();
            assert_eq!(answer.log, ["all said"]);
        }
    }
}
