//! The smallest programs that random ones were shrunk to, when they showed that the tracker
//! reported something else than what happened.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod random_trial;

use random_trial::Trial;
use vt_tracker_conformance::world::{Base, Interpreters, Name, Onto, Op, Program, Seedling};

fn name(path: &str) -> Name {
    let (base, path) = (Base::Here, path.to_owned());
    Name { base, path }
}

/// A tree of directories, which end in a slash, of links, and of files.
fn tree(paths: &[&str]) -> Vec<(String, Seedling)> {
    let seedling = |path: &&str| match (path.strip_suffix('/'), path.split_once(" -> ")) {
        (Some(directory), _) => (directory.to_owned(), Seedling::Directory),
        (None, Some((link, text))) => (link.to_owned(), Seedling::Link(text.to_owned())),
        (None, None) => ((*path).to_owned(), Seedling::File("text".to_owned(), false)),
    };
    paths.iter().map(seedling).collect()
}

#[test]
fn calls_that_once_were_reported_otherwise_than_they_ended() {
    let replace = |old, new| Op::Rename(name(old), name(new), Onto::Replace);
    let closed = Name {
        base: Base::Slot(2),
        path: "new".to_owned(),
    };
    let cases = [
        (&["f"][..], vec![Op::Stat(name("f/."))]),
        (&[], vec![replace("a", "b/c")]),
        (&["f"], vec![replace("f", "new/")]),
        (&["d/", "d/e/"], vec![replace("d", "d/e/new")]),
        (
            &["d/", "d/f", "l -> d"],
            vec![Op::Rename(name("d"), name("l"), Onto::Exchange)],
        ),
        (&["d/"], vec![replace(".", "d/new")]),
        (
            &["d/"],
            vec![Op::Chdir("d".to_owned()), Op::Rmdir(name("."))],
        ),
        (&["f"], vec![Op::Link(name("f"), closed)]),
        (&["d/"], vec![Op::Link(name("d"), name("new"))]),
        (
            &["d/", "f"],
            vec![
                Op::Chdir("d".to_owned()),
                Op::Rmdir(name("../d")),
                Op::Cat(name("../f")),
            ],
        ),
    ];
    let interpreters = Interpreters::prepare().unwrap();
    let interpreter = &interpreters.all()[0];
    for (paths, ops) in cases {
        let tree = tree(paths);
        let program = Program { tree, ops };
        let problems = Trial::run(&program, interpreter).problems;
        assert_eq!(problems, [""; 0], "{program}");
    }
}
