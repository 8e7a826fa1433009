//! The components that travel inside the program: their bytes, and their cases through the host.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use vt_base::{CachePolicy, Declared, Digest, Invocation, Program, RelPath, StepId};
use vt_plugin::Case;
use vt_rules::{Component, Host, PackageFacts, Question, built_in, validate};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The lines of a file that `sha256sum` wrote: name and digest.
fn digests(path: &Path) -> BTreeMap<String, Digest> {
    let text = fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let (digest, name) = line.split_once("  ").unwrap();
        (name.to_owned(), Digest::from_hex(digest).unwrap())
    };
    text.lines().map(line).collect()
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
                asked += usize::from(replay(&host, component, &case));
            }
        }
        assert!(asked > 0, "{} has no cases", component.id());
    }
}

/// Whether the component was asked.
fn replay(host: &Host, component: &Component, case: &Case) -> bool {
    let invocation = invocation(case);
    let package = PackageFacts {
        name: case.package.name.clone(),
        directory: invocation.package_dir.clone(),
        dependencies: case.package.dependencies.clone(),
    };
    assert_eq!(
        component.speaks_for(&invocation, &package),
        case.asked,
        "{}",
        case.name
    );
    if !case.asked {
        return false;
    }
    let shown = |names: &[String], values: &BTreeMap<String, String>| {
        names
            .iter()
            .map(|name| (name.clone(), values.get(name).cloned()))
            .collect()
    };
    let files = shown(&component.needs().files, &case.files);
    let env = shown(&component.needs().env, &case.env);
    let question = Question::new(&invocation, package, files, env);
    let answer = host.judge(component, &question).unwrap();
    let said: Vec<String> = answer.directives.iter().map(ToString::to_string).collect();
    assert_eq!(said, case.says, "{}", case.name);
    assert!(answer.log.is_empty(), "{}: {:?}", case.name, answer.log);
    let believed = validate(component, &answer, &invocation.package_dir).unwrap();
    assert_eq!(believed.len(), said.len(), "{}", case.name);
    true
}

fn invocation(case: &Case) -> Invocation {
    let package_dir = RelPath::new(&case.package.directory).unwrap();
    let (program, args) = match &case.shell {
        Some(text) => (Program::Shell(text.clone()), Vec::new()),
        None => (
            Program::Direct(case.command[0].clone()),
            case.command[1..].to_vec(),
        ),
    };
    Invocation {
        step: StepId {
            package: "a".into(),
            task: "t".into(),
            index: 0,
        },
        command: String::new(),
        program,
        args,
        directory: match &case.directory {
            Some(directory) => RelPath::new(directory).unwrap(),
            None => package_dir.clone(),
        },
        package_dir,
        env_prefix: Vec::new(),
        cache: CachePolicy::Enabled,
        declared: Declared::default(),
    }
}
