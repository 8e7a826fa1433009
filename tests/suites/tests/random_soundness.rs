//! A random program, cached, and one random change of its tree: a hit shows and leaves what the
//! program itself would have.
//!
//! The program says and writes digests of everything it saw. It runs once under `vt`, then its
//! tree changes in one place, then it runs under `vt` again. The truth is the plain program in a
//! copy of the changed tree, at the same path. Not every change has to be noticed, only those
//! that make a difference; how many were noticed for nothing is counted.
//!
//! A failure names its seed: `VT_RANDOM_SEED=<seed> VT_RANDOM_SEQUENCES=1` repeats it.

mod random_soundness {
    pub(crate) mod disk;
    pub(crate) mod gap;
    pub(crate) mod mutation;
    pub(crate) mod trial;
}

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use random_soundness::gap::{self, Gap};
use random_soundness::mutation::{Action, Mutation};
use random_soundness::trial::{Case, Gaps, Tree, Trial, Verdict, run, wastes_nothing};
use vt_tracker_conformance::world::{
    Base, Flags, Interpreters, Kind, Machine, Name, Onto, Op, Program, Random, Seedling, generate,
    setting, shrink,
};

/// How many programs run if nobody says otherwise.
const SEQUENCES: u64 = 400;
/// How many failures are shrunk before the rest is left alone.
const MOST_FAILURES: u64 = 3;

/// Node and Python start slowly.
fn kind(seed: u64) -> Kind {
    match Random::new(!seed).below(100) {
        0..3 => Kind::Node,
        3..6 => Kind::Python,
        6..70 => Kind::StaticC,
        _ => Kind::DynamicC,
    }
}

/// Shows how often what happened, also when all is well.
fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_hit_after_a_random_change_is_what_the_program_would_have_done() {
    let first = setting("VT_RANDOM_SEED", 1);
    let count = setting("VT_RANDOM_SEQUENCES", SEQUENCES);
    let most_failures = setting("VT_RANDOM_FAILURES", MOST_FAILURES);
    let gaps = if std::env::var_os("VT_RANDOM_KNOWN").is_some() {
        Gaps::Wanted
    } else {
        Gaps::LeftOut
    };
    let interpreters = Interpreters::prepare().unwrap();
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let counts = Mutex::new(BTreeMap::<String, u64>::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || failures.lock().unwrap().len() as u64 >= most_failures {
                return;
            }
            let kind = kind(seed);
            let Some(interpreter) = interpreters.get(kind) else {
                continue;
            };
            let mut random = Random::new(seed ^ 0xC4A6);
            // What changes its own inputs is not stored, and most programs would.
            let is_wild = random.chance(15);
            let may = |machine: &Machine| is_wild || wastes_nothing(machine);
            let program = gap::around(&generate(seed, kind.dialect(), &may));
            let tree = *random.pick(&[Tree::AsLeft, Tree::Anew]);
            let mutations = Mutation::several(&mut random, &program);
            let on = |program: &Program, mutations: &[Mutation]| {
                run(
                    &Case {
                        gaps,
                        program,
                        mutations,
                        tree,
                    },
                    interpreter,
                )
            };
            let trial = on(&program, &mutations);
            for name in trial.verdict.counted() {
                *counts.lock().unwrap().entry(name).or_default() += 1;
            }
            let (Verdict::Wrong(_), Some(mutation)) = (&trial.verdict, trial.mutation) else {
                continue;
            };
            let again = |program: &Program| on(program, std::slice::from_ref(&mutation));
            let smallest = shrink(&program, &mut |smaller| again(smaller).is_wrong());
            let Trial {
                verdict: Verdict::Wrong(how),
                ..
            } = again(&smallest)
            else {
                panic!("seed {seed} does not fail every time:\n{smallest}  {mutation}");
            };
            failures.lock().unwrap().push(format!(
                "seed {seed}, {kind:?}, the tree {tree:?}:\n{smallest}  then {mutation}\n  => {how}\n"
            ));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let counts = counts.into_inner().unwrap();
    let lines = counts
        .iter()
        .map(|(name, count)| format!("{count:6} {name}\n"));
    say(&lines.collect::<String>());
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A gap, a tree, what is done in it, and the change that shows the gap.
type Example = (
    Gap,
    &'static [(&'static str, Option<&'static str>)],
    Vec<Op>,
    Action,
    &'static str,
);

fn examples() -> Vec<Example> {
    let name = |path: &str| Name {
        base: Base::Here,
        path: path.to_owned(),
    };
    let put = |path: &str, flags| Op::Put(name(path), Flags(flags), "x".to_owned());
    vec![
        (
            Gap::Tombstone,
            &[("d", None), ("d/f", Some("text"))],
            vec![Op::Unlink(name("d/f"))],
            Action::Remove,
            "d",
        ),
        (
            Gap::MissingListsAsEmpty,
            &[("d", None)],
            vec![Op::List(name("d"))],
            Action::Remove,
            "d",
        ),
        (
            Gap::AbsoluteLink,
            &[("f", Some("text"))],
            vec![Op::Symlink("@/f".to_owned(), name("l"))],
            Action::File,
            "unrelated",
        ),
        (
            Gap::Temporary,
            &[],
            vec![put("f", "wc"), Op::Unlink(name("f"))],
            Action::File,
            "f",
        ),
        (
            Gap::DirectoryAboveResult,
            &[("d", None)],
            vec![put("d/f", "wct")],
            Action::Remove,
            "d",
        ),
        (
            Gap::RemovedResult,
            &[("f", Some("text"))],
            vec![put("f", "wt")],
            Action::Remove,
            "f",
        ),
    ]
}

/// A tree, what is done in it, and a change after which a hit was once wrong.
type Mended = (Vec<(&'static str, Seedling)>, Vec<Op>, Action, &'static str);

fn mended() -> Vec<Mended> {
    let name = |path: &str| Name {
        base: Base::Here,
        path: path.to_owned(),
    };
    let put = |path: &str| Op::Put(name(path), Flags("wct"), "x".to_owned());
    let file = |executable| Seedling::File("text".to_owned(), executable);
    vec![
        // What was seen to be there, and is gone.
        (
            vec![("f", file(false))],
            vec![Op::Stat(name("f")), put("f")],
            Action::Remove,
            "f",
        ),
        // The mode of what is written over.
        (vec![("f", file(false))], vec![put("f")], Action::Chmod, "f"),
        (vec![("f", file(true))], vec![put("f")], Action::Chmod, "f"),
        (vec![("f", file(true))], vec![put("f")], Action::Remove, "f"),
        // A mode that is set to what it is.
        (
            vec![("f", file(false))],
            vec![Op::Chmod(name("f"), false)],
            Action::Chmod,
            "f",
        ),
        (
            vec![("f", file(false))],
            vec![Op::Chmod(name("f"), false)],
            Action::Remove,
            "f",
        ),
        // Two names of one file.
        (
            vec![("f", file(false)), ("g", Seedling::Also("f".to_owned()))],
            vec![put("f")],
            Action::Overwrite,
            "f",
        ),
        (
            vec![("f", file(false)), ("g", Seedling::Also("f".to_owned()))],
            vec![put("f")],
            Action::Remove,
            "g",
        ),
        // What makes nothing, but not for want of a directory, which is gone.
        (
            vec![("d", Seedling::Directory), ("e", Seedling::Directory)],
            vec![Op::Link(name("e"), name("d/new"))],
            Action::Remove,
            "d",
        ),
        (
            vec![("d", Seedling::Directory)],
            vec![Op::Put(name("d/new/"), Flags("wct"), "x".to_owned())],
            Action::Remove,
            "d",
        ),
        (
            vec![("d", Seedling::Directory), ("f", file(false))],
            vec![Op::Rename(name("f"), name("d/new/"), Onto::Replace)],
            Action::Remove,
            "d",
        ),
        (
            vec![("d", Seedling::Directory)],
            vec![Op::Rename(name("missing"), name("d/new"), Onto::Replace)],
            Action::File,
            "d",
        ),
        // A directory that is only passed.
        (
            vec![("d", Seedling::Directory), ("f", file(false))],
            vec![Op::Stat(name("d/../f"))],
            Action::Remove,
            "d",
        ),
        // The directory of what is made and removed again.
        (
            vec![("d", Seedling::Directory)],
            vec![put("d/new"), Op::Unlink(name("d/new"))],
            Action::Remove,
            "d",
        ),
    ]
}

#[test]
fn what_was_a_gap_is_none_any_more() {
    let interpreters = Interpreters::prepare().unwrap();
    for (tree, ops, action, path) in mended() {
        let tree = tree.into_iter();
        let program = Program {
            tree: tree.map(|(path, seed)| (path.to_owned(), seed)).collect(),
            ops,
        };
        let mutation = Mutation {
            path: path.to_owned(),
            action,
            target: String::new(),
        };
        let trial = run(
            &Case {
                gaps: Gaps::Wanted,
                program: &program,
                mutations: &[mutation],
                tree: Tree::Anew,
            },
            &interpreters.all()[0],
        );
        let said = trial.verdict.counted();
        assert!(!trial.is_wrong(), "{said:?}\n{program}");
        assert!(
            !matches!(trial.verdict, Verdict::NothingToChange),
            "{said:?}\n{program}"
        );
    }
}

#[test]
fn each_gap_still_shows_in_its_smallest_program() {
    let interpreters = Interpreters::prepare().unwrap();
    let mut mended = Vec::new();
    for (gap, tree, ops, action, path) in examples() {
        let tree = tree.iter().map(|(path, text)| {
            let seedling = match text {
                Some(text) => Seedling::File((*text).to_owned(), false),
                None => Seedling::Directory,
            };
            ((*path).to_owned(), seedling)
        });
        let program = Program {
            tree: tree.collect(),
            ops,
        };
        let mutation = Mutation {
            path: path.to_owned(),
            action,
            target: String::new(),
        };
        let case = |gaps| Case {
            gaps,
            program: &program,
            mutations: std::slice::from_ref(&mutation),
            tree: Tree::Anew,
        };
        let interpreter = &interpreters.all()[0];
        let left_out = run(&case(Gaps::LeftOut), interpreter).verdict;
        let said = left_out.counted();
        assert!(
            matches!(left_out, Verdict::LeftOut(found) if found == gap),
            "{gap:?} is not found: {said:?}\n{program}"
        );
        let trial = run(&case(Gaps::Wanted), interpreter);
        if !trial.is_wrong() {
            let said = trial.verdict.counted();
            mended.push(format!("{gap:?} can be left in: {said:?}\n{program}"));
        }
    }
    assert!(mended.is_empty(), "{}", mended.join("\n"));
}
