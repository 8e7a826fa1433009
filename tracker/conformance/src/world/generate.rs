//! Makes a program of a seed.
//!
//! Each operation is made up against the state that the ones before it lead to, so that most of
//! them find something; those that would leave the tree are made up anew.

use super::files::join;
use super::machine::Machine;
use super::maker::Maker;
use super::program::{Program, Seedling};
use super::random::Random;

/// What the interpreter of a program can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// Everything.
    Full,
    /// Everything but a rename that exchanges or refuses.
    NoExchange,
    /// Only calls that take paths relative to the current directory, in one process.
    PathsOnly,
}

/// The names of everything.
const NAMES: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h", "k", "m"];
/// How deep the tree is at most.
const DEPTH: usize = 3;

/// The program of a seed, without what is left out by name.
#[must_use]
pub fn generate(seed: u64, dialect: Dialect, may: &dyn Fn(&Machine) -> bool) -> Program {
    let mut random = Random::new(seed);
    let mut program = Program {
        tree: tree(&mut random),
        ops: Vec::new(),
    };
    let mut machine = Machine::new(program.files());
    let length = 3 + random.below(22);
    for _ in 0..length {
        for _ in 0..20 {
            let op = Maker {
                random: &mut random,
                machine: &machine,
                dialect,
            }
            .op();
            let mut after = machine.clone();
            after.step(&op);
            if !after.is_unpredictable() && may(&after) {
                machine = after;
                program.ops.push(op);
                break;
            }
        }
    }
    program
}

fn tree(random: &mut Random) -> Vec<(String, Seedling)> {
    let mut tree: Vec<(String, Seedling)> = Vec::new();
    let mut directories = vec![String::new()];
    let count = 4 + random.below(9);
    for _ in 0..count {
        let parent = random.pick(&directories).clone();
        let path = join(&parent, a_name(random));
        if tree.iter().any(|(taken, _)| *taken == path) {
            continue;
        }
        let known: Vec<&String> = tree.iter().map(|(path, _)| path).collect();
        let files: Vec<&String> = tree
            .iter()
            .filter(|(_, seedling)| matches!(seedling, Seedling::File(..)))
            .map(|(path, _)| path)
            .collect();
        let seedling = match random.weighted(&[4, 5, 3, 1]) {
            0 if depth(&path) < DEPTH => Seedling::Directory,
            2 => Seedling::Link(link_text(random, &parent, &known)),
            3 if !files.is_empty() => Seedling::Also((*random.pick(&files)).clone()),
            _ => Seedling::File(text(random), random.chance(20)),
        };
        if seedling == Seedling::Directory {
            directories.push(path.clone());
        }
        tree.push((path, seedling));
    }
    tree
}

/// The name of anything.
pub(crate) fn a_name(random: &mut Random) -> &'static str {
    NAMES[random.below(NAMES.len())]
}

fn depth(path: &str) -> usize {
    path.matches('/').count() + 1
}

fn text(random: &mut Random) -> String {
    match random.below(8) {
        0 => String::new(),
        length => NAMES
            .iter()
            .cycle()
            .skip(random.below(10))
            .take(length * 2)
            .copied()
            .collect(),
    }
}

/// What a link in a directory says: mostly something that is there, sometimes not, rarely itself.
pub(crate) fn link_text(random: &mut Random, directory: &str, known: &[&String]) -> String {
    let target = if known.is_empty() || random.chance(20) {
        a_name(random).to_owned()
    } else {
        (*random.pick(known)).clone()
    };
    if random.chance(30) {
        return format!("@/{target}");
    }
    relative(directory, &target)
}

/// A path relative to a directory, both relative to the room.
pub(crate) fn relative(directory: &str, path: &str) -> String {
    let parts = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (from, to) = (parts(directory), parts(path));
    let shared = from
        .iter()
        .zip(&to)
        .take_while(|(left, right)| left == right)
        .count();
    let mut found: Vec<String> = vec!["..".to_owned(); from.len() - shared];
    found.extend_from_slice(&to[shared..]);
    if found.is_empty() {
        ".".to_owned()
    } else {
        found.join("/")
    }
}
