//! What happens between two runs: edits of what people wrote, damage to what tasks left, other
//! values of variables, and the way back to how everything was.

use std::collections::BTreeMap;
use std::fmt;

use vt_tracker_conformance::world::Random;

use super::graph::{DECLARED, Graph, Start, UNDECLARED};
use super::tree::{Manner, Node, Tree, parent, put, remove};

/// Everything that commands may depend on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct World {
    pub(crate) sources: Tree,
    pub(crate) env: BTreeMap<String, String>,
    /// A value in the command of each task.
    pub(crate) marks: Vec<u32>,
}

/// What is done to a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Damage {
    /// One file goes.
    Remove,
    /// Everything goes.
    RemoveAll,
    /// One file says something else.
    Edit,
    /// One file becomes executable, or is no more.
    Chmod,
    /// A link takes the place of one file.
    Link,
    /// A directory takes the place of one file.
    Directory,
    /// Somebody puts a file of their own beside.
    Strange,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Edit(String, u32, Manner),
    Remove(String),
    Chmod(String),
    Link(String, &'static str),
    Directory(String),
    /// Two files change names.
    Swap(String, String),
    Mark(usize),
    Env(&'static str, Option<u32>),
    /// Everything is again as it was so many states ago.
    Back(usize),
    /// To the result of a task; the number says which file.
    Damage(usize, Damage, usize),
    /// A task is run with what it needs, or all are.
    Run(Option<usize>, Flags),
}

/// How a run is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flags {
    Plain,
    Force,
    NoCache,
    OneAtATime,
}

impl Flags {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Force => "--force ",
            Self::NoCache => "--no-cache ",
            Self::OneAtATime => "--concurrency-limit 1 ",
        }
    }
}

impl Event {
    /// What happens in a seed: some rounds of changes, each with a run at its end.
    pub(crate) fn several(random: &mut Random, graph: &Graph) -> Vec<Self> {
        let mut events = vec![Self::Run(None, Flags::Plain)];
        for _ in 0..5 + random.below(4) {
            for _ in 0..random.weighted(&[5, 60, 25, 10]) {
                events.push(Self::one(random, graph));
            }
            let flags = [
                Flags::Plain,
                Flags::Force,
                Flags::NoCache,
                Flags::OneAtATime,
            ];
            let flags = flags[random.weighted(&[72, 10, 10, 8])];
            let target = random.chance(25).then(|| random.below(graph.tasks.len()));
            events.push(Self::Run(target, flags));
        }
        events
    }

    fn one(random: &mut Random, graph: &Graph) -> Self {
        let paths = graph.paths();
        let path = random.pick(&paths).clone();
        let task = random.below(graph.tasks.len());
        // A script that is gone fails, and that tells little.
        let is_script = path.ends_with(".sh");
        match random.weighted(&[30, 6, 6, 6, 3, 4, 5, 8, 18, 24]) {
            1..=5 if is_script => Self::Edit(path, random.below(4) as u32, Manner::InPlace),
            0 => {
                let manner = *random.pick(&[Manner::InPlace, Manner::Renamed, Manner::SameTime]);
                Self::Edit(path, random.below(4) as u32, manner)
            }
            1 => Self::Remove(path),
            2 => Self::Chmod(path),
            3 => {
                let targets = ["a.txt", "b.txt", "sub", "../a.txt", "missing"];
                let target = *random.pick(&targets);
                Self::Link(path, target)
            }
            4 => Self::Directory(path),
            5 => Self::Swap(path, random.pick(&paths).clone()),
            6 => Self::Mark(task),
            7 => {
                let names = [DECLARED[0], DECLARED[1], UNDECLARED];
                let value = random.chance(75).then(|| random.below(3) as u32);
                let name = *random.pick(&names);
                Self::Env(name, value)
            }
            8 => Self::Back(random.below(4)),
            _ => {
                let gentle = [Damage::Remove, Damage::RemoveAll, Damage::Edit];
                let rough = [Damage::Chmod, Damage::Link, Damage::Directory];
                let mut damages = gentle.to_vec();
                // A command that does not clean up keeps modes, and writes through links; where
                // the cleaning is a step of its own, that step may be a hit.
                if graph.tasks[task].start == Start::Clean && graph.is_one_step(task) {
                    damages.extend(rough);
                }
                if graph.leaves_strangers(task) || !graph.is_looked_at(task) {
                    damages.extend([Damage::Strange; 2]);
                }
                let damage = *random.pick(&damages);
                Self::Damage(task, damage, random.below(16))
            }
        }
    }

    /// Does what there is to do to the world. Damage and runs are not about it.
    pub(crate) fn apply(&self, world: &mut World, history: &[World]) {
        let tree = &mut world.sources;
        match self {
            Self::Edit(path, number, _) => {
                let text = match tree.get(path) {
                    Some(Node::File { text, .. }) if path.ends_with(".sh") => {
                        let rest = text.split_once("change=").map(|(head, rest)| {
                            let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
                            format!("{head}change={number}\n{rest}")
                        });
                        rest.unwrap_or_else(|| text.clone())
                    }
                    _ => format!("{number} p\n"),
                };
                let executable = matches!(
                    tree.get(path),
                    Some(Node::File {
                        executable: true,
                        ..
                    })
                );
                put(tree, path, Node::File { text, executable });
            }
            Self::Remove(path) => remove(tree, path),
            Self::Chmod(path) => {
                if let Some(Node::File { executable, .. }) = tree.get_mut(path) {
                    *executable = !*executable;
                }
            }
            Self::Link(path, text) => {
                remove(tree, path);
                put(tree, path, Node::Link((*text).to_owned()));
            }
            Self::Directory(path) => {
                remove(tree, path);
                put(tree, path, Node::Directory);
            }
            Self::Swap(one, two) => {
                let is_script = one.ends_with(".sh") || two.ends_with(".sh");
                if parent(one) != parent(two) || is_script {
                    return;
                }
                let (first, second) = (tree.remove(one), tree.remove(two));
                tree.extend(first.map(|node| (two.clone(), node)));
                tree.extend(second.map(|node| (one.clone(), node)));
            }
            Self::Mark(task) => {
                if let Some(mark) = world.marks.get_mut(*task) {
                    *mark = (*mark + 1) % 3;
                }
            }
            Self::Env(name, value) => {
                world.env.remove(*name);
                let value = value.map(|value| ((*name).to_owned(), format!("value{value}")));
                world.env.extend(value);
            }
            Self::Back(states) => {
                let at = history.len().checked_sub(1 + states);
                if let Some(then) = at.and_then(|at| history.get(at)) {
                    *world = then.clone();
                }
            }
            Self::Damage(..) | Self::Run(..) => {}
        }
    }

    /// How a change of files reaches the disk.
    pub(crate) const fn manner(&self) -> Manner {
        match self {
            Self::Edit(_, _, manner) => *manner,
            Self::Swap(..) => Manner::SameTime,
            _ => Manner::InPlace,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(target, flags) => {
                let target = target.map_or("all".to_owned(), |task| format!("t{task}"));
                write!(formatter, "vt run {}{target}", flags.words())
            }
            other => write!(formatter, "{other:?}"),
        }
    }
}
