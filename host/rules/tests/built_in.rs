//! The components that travel inside the program: their bytes, and their cases through the host.

mod replay;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use vt_base::Digest;
use vt_plugin::Case;
use vt_rules::{Host, built_in};

use replay::{digests, replay};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_components_are_the_ones_that_were_built() {
    let listed = digests(&repository().join("plugins/components/digests.txt"));
    let inside: BTreeMap<String, Digest> = built_in()
        .iter()
        .map(|component| {
            assert_eq!(Digest::of(component.bytes()), *component.digest());
            (format!("{}.wasm", component.id()), *component.digest())
        })
        .collect();
    assert_eq!(inside, listed);
}

#[test]
fn a_released_interface_is_never_edited() {
    let wit = repository().join("wit");
    let listed = digests(&wit.join("digests.txt"));
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(&wit)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            let name = file
                .strip_prefix(&wit)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            found.insert(name, Digest::of(&fs::read(&file).unwrap()));
        }
    }
    assert_eq!(found, listed);
}

#[test]
fn every_case_of_every_plugin_is_answered_through_the_host_as_written() {
    let host = Host::new().unwrap();
    for component in built_in() {
        let folder = repository()
            .join("plugins")
            .join(component.id())
            .join("cases");
        let mut asked = 0;
        for file in fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            for case in Case::parse_all(&fs::read_to_string(file).unwrap()).unwrap() {
                if let Some(answer) = replay(&host, component, &case) {
                    assert!(answer.log.is_empty(), "{}: {:?}", case.name, answer.log);
                    asked += 1;
                }
            }
        }
        assert!(asked > 0, "{} has no cases", component.id());
    }
}
