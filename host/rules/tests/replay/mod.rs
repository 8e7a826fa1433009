//! Replays cases through the host, for every test that has components and their cases.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use vt_base::{CachePolicy, Declared, Digest, Invocation, Program, RelPath, StepId};
use vt_plugin::Case;
use vt_rules::{Answer, Component, Host, PackageFacts, Question, validate};

/// The lines of a file that `sha256sum` wrote: name and digest.
pub(crate) fn digests(path: &Path) -> BTreeMap<String, Digest> {
    let text = fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let (digest, name) = line.split_once("  ").unwrap();
        (name.to_owned(), Digest::from_hex(digest).unwrap())
    };
    text.lines().map(line).collect()
}

/// What the component answered, as the case says; `None` when it is not asked, as the case says.
pub(crate) fn replay(host: &Host, component: &Component, case: &Case) -> Option<Answer> {
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
        return None;
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
    let believed = validate(component, &answer, &invocation.package_dir).unwrap();
    let different: BTreeSet<&String> = said.iter().collect();
    assert_eq!(believed.len(), different.len(), "{}", case.name);
    Some(answer)
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
