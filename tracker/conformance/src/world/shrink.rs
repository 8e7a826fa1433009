//! Makes a failing program smaller for as long as it fails.

use super::program::{Program, Seedling};

/// How many smaller programs are tried.
const MOST_TRIALS: usize = 400;

/// The smallest program found that still fails. What leaves its tree is not tried.
pub fn shrink(program: &Program, fails: &mut dyn FnMut(&Program) -> bool) -> Program {
    let mut smallest = program.clone();
    let mut trials = 0;
    let mut holds = |candidate: &Program| {
        trials += 1;
        trials <= MOST_TRIALS && !candidate.run().is_unpredictable() && fails(candidate)
    };
    loop {
        let before = smallest.clone();
        let mut length = smallest.ops.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < smallest.ops.len() {
                let mut candidate = smallest.clone();
                let end = (at + length).min(candidate.ops.len());
                candidate.ops.drain(at..end);
                if holds(&candidate) {
                    smallest = candidate;
                } else {
                    at += length;
                }
            }
            if length == 1 {
                break;
            }
            length /= 2;
        }
        for index in (0..smallest.tree.len()).rev() {
            if index < smallest.tree.len() {
                let candidate = without(&smallest, index);
                if holds(&candidate) {
                    smallest = candidate;
                }
            }
        }
        if smallest == before {
            return smallest;
        }
    }
}

/// The program without something in its tree, and without what needs that.
fn without(program: &Program, index: usize) -> Program {
    let mut smaller = program.clone();
    let (gone, _) = smaller.tree.remove(index);
    let below = format!("{gone}/");
    let is_gone = |path: &str| path == gone || path.starts_with(&below);
    smaller.tree.retain(|(path, seedling)| {
        !is_gone(path) && !matches!(seedling, Seedling::Also(other) if is_gone(other))
    });
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::op::{Base, Name, Op};

    #[test]
    fn only_what_matters_is_left() {
        let name = |path: &str| Name {
            base: Base::Here,
            path: path.to_owned(),
        };
        let program = Program {
            tree: vec![
                ("d".into(), Seedling::Directory),
                ("d/f".into(), Seedling::File("x".into(), false)),
                ("g".into(), Seedling::Also("d/f".into())),
                ("h".into(), Seedling::File("y".into(), false)),
            ],
            ops: (0..20)
                .map(|number| {
                    if number == 13 {
                        Op::Cat(name("h"))
                    } else {
                        Op::Stat(name("d"))
                    }
                })
                .collect(),
        };
        let smallest = shrink(&program, &mut |candidate| {
            candidate
                .run()
                .lines()
                .iter()
                .any(|line| line.contains(" 1 "))
        });
        assert_eq!(smallest.ops, [Op::Cat(name("h"))]);
        assert_eq!(smallest.tree.len(), 1);
    }
}
