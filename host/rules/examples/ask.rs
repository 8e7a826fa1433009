//! What a component costs in a process that has just started: `tests/bench/rule_engine.py` runs it.
//!
//!     ask COMPONENT PROGRAM [DEPENDENCY]
//!
//! Prints one line of JSON, in microseconds of the clock on the wall.

#![expect(clippy::print_stdout, reason = "what it measures is its result")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use vt_base::{Program, RelPath};
use vt_rules::{Component, Host, PackageFacts, Question, validate};

/// How many questions make the figure for a component that is loaded.
const AGAIN: u32 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(file), Some(program)) = (args.next(), args.next()) else {
        return Err("usage: ask COMPONENT PROGRAM [DEPENDENCY]".into());
    };
    let bytes = std::fs::read(&file)?;
    let size = bytes.len();
    let mut last = Instant::now();
    let mut lap = || {
        let now = Instant::now();
        let micros = now.duration_since(last).as_micros();
        last = now;
        micros
    };

    let component = Component::from_bytes(&file, bytes)?;
    let read = lap();
    let host = Host::new()?;
    let engine = lap();
    let shown = |names: &[String]| -> BTreeMap<String, Option<String>> {
        names.iter().map(|name| (name.clone(), None)).collect()
    };
    let question = Question {
        program: Program::Direct(program),
        args: vec!["build".into()],
        directory: RelPath::root(),
        package: PackageFacts {
            dependencies: args.map(|name| (name, "*".to_owned())).collect(),
            ..PackageFacts::default()
        },
        files: shown(&component.needs().files),
        env: shown(&component.needs().env),
    };
    let measured = host.measure(&component, &question)?;
    let directives = validate(&component, &measured.answer, &question.directory)?;
    let first = lap();
    for _ in 0..AGAIN {
        let answer = host.judge(&component, &question)?;
        validate(&component, &answer, &question.directory)?;
    }
    let again = lap() / u128::from(AGAIN);
    println!(
        "{{\"size\":{size},\"directives\":{},\"fuel\":{},\"read\":{read},\"engine\":{engine},\
         \"first\":{first},\"again\":{again}}}",
        directives.len(),
        measured.fuel
    );
    Ok(())
}
