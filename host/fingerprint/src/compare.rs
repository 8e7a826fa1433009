//! Then and now: whether the states an entry was recorded under hold.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use vt_base::RelPath;

use crate::disk::Disk;
use crate::glance::unanswered;
use crate::globs::PathRules;
use crate::item::{EntryStates, Item, Listed, PathSet, State};
use crate::key::env_difference;
use crate::ledger::Ledger;
use crate::observed::StateSeen;
use crate::outside::{above, names};
use crate::rows::StatRow;
use crate::why::Why;

/// What a listing does not show: the step's own doing, and what nobody wants counted.
pub struct Look<'a> {
    /// The disk now.
    pub disk: &'a Disk<'a>,
    /// What the step left on it.
    pub ledger: &'a Ledger,
    /// The weak key. Listings show what the step left under another one.
    pub key: vt_base::Digest,
    /// What is ignored by config and rules.
    pub rules: &'a PathRules,
    /// What is ignored because a tool said so in the recorded run.
    pub ignored: &'a [RelPath],
    /// The result set of the recorded run, its tombstones, and the directories above its results.
    pub covered: Covered<'a>,
}

/// Paths that are put together when a listing is looked at: most look-ups have none, and a result
/// may have many.
pub struct Covered<'a>(
    LazyLock<BTreeSet<RelPath>, Box<dyn FnOnce() -> BTreeSet<RelPath> + Send + 'a>>,
);

impl<'a> Covered<'a> {
    /// Those that this gives, when they are needed.
    pub fn new(gather: impl FnOnce() -> BTreeSet<RelPath> + Send + 'a) -> Self {
        Self(LazyLock::new(Box::new(gather)))
    }

    /// Whether a path is among them.
    #[must_use]
    pub fn contains(&self, path: &RelPath) -> bool {
        self.0.contains(path)
    }
}

impl Look<'_> {
    /// Whether a listing or a declared pattern leaves this child out.
    #[must_use]
    pub fn skips(&self, child: &RelPath) -> bool {
        self.covered.contains(child)
            || self.ignored.iter().any(|prefix| child.starts_with(prefix))
            || (self.rules.input.auto && !self.rules.input.counts(child))
            || self.is_left_by_key(child)
    }

    fn is_left_by_key(&self, path: &RelPath) -> bool {
        let row = self.ledger.0.get(path);
        row.is_some_and(|row| row.key == self.key) && self.is_own(path)
    }

    /// Whether what is at a path now is what the step left there.
    #[must_use]
    pub fn is_own(&self, path: &RelPath) -> bool {
        if !self.ledger.0.contains_key(path) {
            return false;
        }
        let Some((kind, row)) = self.disk.node(path) else {
            return false;
        };
        if self
            .ledger
            .own(path, &StateSeen::Present(kind, row))
            .is_some()
        {
            return true;
        }
        // Touched or copied back, the content may still be what the step left.
        self.ledger.0[path].state == self.disk.path_state(path).0
    }

    /// The state of an item now, with the identity it was read under.
    #[must_use]
    pub fn state(&self, item: &Item) -> (State, Option<StatRow>) {
        match item {
            // A declared input stays one whatever is ignored, so globs skip results and what is cut.
            Item::Glob(_) => self.disk.state(item, &|path| {
                self.rules.input.cuts(path)
                    || self.covered.contains(path)
                    || self.is_left_by_key(path)
            }),
            _ => self.disk.state(item, &|path| self.skips(path)),
        }
    }
}

/// The outcome of a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// Every state holds.
    Same,
    /// The reasons why not; all of them if they were asked for.
    Differs(Vec<Why>),
}

/// How many reasons are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reasons {
    /// Stop at the first difference.
    First,
    /// Find every difference.
    All,
}

/// What an entry was recorded under.
#[derive(Clone, Copy)]
pub struct Recorded<'a> {
    /// What decided the run.
    pub path_set: &'a PathSet,
    /// Its states, in the same order.
    pub states: &'a EntryStates,
    /// The identities the states were read under, in the same order; only such that name their
    /// content.
    pub rows: &'a [Option<StatRow>],
}

/// Compares the states of an entry with the world now. `program` is the name of the step's own
/// program, to tell it from the tools it uses.
#[must_use]
pub fn compare(
    path_set: &PathSet,
    states: &EntryStates,
    look: &Look<'_>,
    program: &str,
    reasons: Reasons,
) -> Comparison {
    compare_at(
        0..path_set.0.len(),
        path_set,
        states,
        look,
        program,
        reasons,
    )
}

/// What [`compare`] does, at the price of one look at every file that is as it was. Only the others
/// are read, by up to `threads` threads.
#[must_use]
pub fn compare_recorded(
    recorded: &Recorded<'_>,
    look: &Look<'_>,
    program: &str,
    threads: usize,
    reasons: Reasons,
) -> Comparison {
    let Recorded {
        path_set,
        states,
        rows,
    } = recorded;
    let left = unanswered(look.disk, &path_set.0, &states.0, rows);
    for position in &left {
        // Found by name, for example; the identity may yet be the one that was recorded.
        if let (Some(State::File { digest, .. }), Some(Some(row))) =
            (states.0.get(*position), rows.get(*position))
        {
            look.disk.rows.learn(*row, *digest);
        }
    }
    look.disk
        .warm(left.iter().map(|position| &path_set.0[*position]), threads);
    compare_at(
        left.iter().copied(),
        path_set,
        states,
        look,
        program,
        reasons,
    )
}

fn compare_at(
    positions: impl Iterator<Item = usize>,
    path_set: &PathSet,
    states: &EntryStates,
    look: &Look<'_>,
    program: &str,
    reasons: Reasons,
) -> Comparison {
    let mut whys = Vec::new();
    for position in positions {
        let (item, Some(then)) = (&path_set.0[position], states.0.get(position)) else {
            break;
        };
        let (now, _) = look.state(item);
        if now == *then {
            continue;
        }
        whys.extend(explain(item, then, &now, program));
        if reasons == Reasons::First {
            break;
        }
    }
    if path_set.0.len() != states.0.len() {
        whys.push(Why::BlobDamaged);
    }
    if whys.is_empty() {
        return Comparison::Same;
    }
    // A listing that changed because a file came or went says nothing that the file does not.
    whys.sort();
    whys.dedup();
    Comparison::Differs(whys)
}

fn explain(item: &Item, then: &State, now: &State, program: &str) -> Vec<Why> {
    match item {
        Item::Path(path)
        | Item::Kind(path)
        | Item::Redacted { path, .. }
        | Item::Portable(path) => {
            vec![path_why(path.to_string(), then, now)]
        }
        Item::Beyond(name)
        | Item::Settings(name)
        | Item::Identity(name)
        | Item::BeyondPortable(name) => {
            vec![path_why(names::shown(name), then, now)]
        }
        Item::BeyondListing(name) => vec![Why::ListingChanged {
            path: names::shown(name),
            entry: listing_difference(then, now),
        }],
        Item::Above(name) => above_whys(name, then, now),
        Item::BeyondGlob(_) => added_and_removed(then, now, names::shown),
        Item::Listing(path) => vec![Why::ListingChanged {
            path: path.to_string(),
            entry: listing_difference(then, now),
        }],
        Item::Repository(path) => {
            let path = String::from_utf8_lossy(path).into_owned();
            vec![path_why(path, then, now)]
        }
        Item::RepositoryListing(path) => vec![Why::ListingChanged {
            path: String::from_utf8_lossy(path).into_owned(),
            entry: listing_difference(then, now),
        }],
        Item::Glob(_) => names_whys(then, now),
        Item::Program(name) | Item::Utility(name) if name == program => {
            vec![Why::ProgramChanged { name: name.clone() }]
        }
        Item::Program(name) | Item::Utility(name) => {
            vec![Why::ToolChanged { path: name.clone() }]
        }
        Item::Outside(path) => {
            vec![Why::ToolChanged {
                path: names::shown(path),
            }]
        }
        Item::Env(name) => {
            let set = |state: &State| matches!(state, State::Env(Some(_)));
            env_difference(name.clone(), set(then), set(now), true)
                .into_iter()
                .collect()
        }
        Item::EnvPresence(name) | Item::EnvExact(name) => {
            let set =
                |state: &State| matches!(state, State::Env(Some(_)) | State::EnvPresent(true));
            env_difference(name.clone(), set(then), set(now), true)
                .into_iter()
                .collect()
        }
        Item::EnvGlob(_) | Item::EnvPrefix(_) => env_set_whys(then, now),
        Item::EnvUnset(_) | Item::EnvEverything => env_names_whys(then, now),
    }
}

fn path_why(path: String, then: &State, now: &State) -> Why {
    match (then, now) {
        (State::Missing, State::NoDirectory) | (State::NoDirectory, State::Missing) => {
            let above = path.rsplit_once('/').map(|(above, _)| above.to_owned());
            Why::InputModified {
                path: above.unwrap_or(path),
            }
        }
        (State::Missing | State::NoDirectory, _) => Why::InputAdded { path },
        (_, State::Missing | State::NoDirectory) => Why::InputRemoved { path },
        (State::Link(_), State::Link(_)) => Why::LinkChanged { path },
        _ => Why::InputModified { path },
    }
}

fn listing_difference(then: &State, now: &State) -> String {
    match (then, now) {
        (State::Listing(then), State::Listing(now)) => first_difference(then, now),
        _ => String::new(),
    }
}

fn first_difference(then: &Listed, now: &Listed) -> String {
    let differs = then
        .iter()
        .find(|(name, kind)| now.get(*name) != Some(kind))
        .or_else(|| {
            now.iter()
                .find(|(name, kind)| then.get(*name) != Some(kind))
        });
    differs.map_or_else(String::new, |(name, _)| {
        String::from_utf8_lossy(name).into_owned()
    })
}

/// What came into a directory above the workspace, or went from there.
fn above_whys(name: &[u8], then: &State, now: &State) -> Vec<Why> {
    let whys = added_and_removed(then, now, |holder| above::shown(holder, name));
    if whys.is_empty() {
        let path = String::from_utf8_lossy(name).into_owned();
        return vec![Why::InputModified { path }];
    }
    whys
}

fn added_and_removed(then: &State, now: &State, shown: impl Fn(&[u8]) -> String) -> Vec<Why> {
    let (State::Listing(then), State::Listing(now)) = (then, now) else {
        return Vec::new();
    };
    let added = now.keys().filter(|name| !then.contains_key(*name));
    let removed = then.keys().filter(|name| !now.contains_key(*name));
    let added = added.map(|name| Why::InputAdded { path: shown(name) });
    let removed = removed.map(|name| Why::InputRemoved { path: shown(name) });
    added.chain(removed).collect()
}

fn names_whys(then: &State, now: &State) -> Vec<Why> {
    let (State::Names(then), State::Names(now)) = (then, now) else {
        return Vec::new();
    };
    let added = now.iter().filter(|path| !then.contains(path));
    let removed = then.iter().filter(|path| !now.contains(path));
    added
        .map(|path| Why::InputAdded {
            path: path.to_string(),
        })
        .chain(removed.map(|path| Why::InputRemoved {
            path: path.to_string(),
        }))
        .collect()
}

fn env_set_whys(then: &State, now: &State) -> Vec<Why> {
    let (State::EnvSet(then), State::EnvSet(now)) = (then, now) else {
        return Vec::new();
    };
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let (then, now) = (then.get(name), now.get(name));
            env_difference(name.clone(), then.is_some(), now.is_some(), then != now)
        })
        .collect()
}

fn env_names_whys(then: &State, now: &State) -> Vec<Why> {
    let (State::EnvNames(then), State::EnvNames(now)) = (then, now) else {
        return Vec::new();
    };
    let added = now.iter().filter(|name| !then.contains(name));
    let removed = then.iter().filter(|name| !now.contains(name));
    added
        .map(|name| Why::EnvAdded { name: name.clone() })
        .chain(removed.map(|name| Why::EnvRemoved { name: name.clone() }))
        .collect()
}

/// The directories above a set of paths, and the paths themselves.
#[must_use]
pub fn covering(
    results: impl Iterator<Item = RelPath>,
    tombstones: impl Iterator<Item = RelPath>,
) -> BTreeSet<RelPath> {
    let mut covered: BTreeSet<RelPath> = tombstones.collect();
    let mut known: Option<RelPath> = None;
    for path in results {
        let parent = path.parent();
        // Most lie beside the one before.
        if parent != known {
            for ancestor in path.ancestors() {
                if !ancestor.is_root() {
                    covered.insert(ancestor);
                }
            }
            known = parent;
        }
        covered.insert(path);
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::NodeKind;

    fn rel(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn listing(names: &[&str]) -> State {
        let named = |name: &&str| {
            (
                serde_bytes::ByteBuf::from(name.as_bytes().to_vec()),
                NodeKind::File,
            )
        };
        State::Listing(names.iter().map(named).collect())
    }

    #[test]
    fn every_kind_of_difference_has_its_reason() {
        let file = |text: &[u8]| State::File {
            digest: vt_base::Digest::of(text),
            executable: false,
        };
        let path = || Item::Path(rel("a"));
        let name = || "a".to_owned();
        let cases = [
            (
                path(),
                State::Missing,
                file(b"1"),
                Why::InputAdded { path: name() },
            ),
            (
                path(),
                file(b"1"),
                State::Missing,
                Why::InputRemoved { path: name() },
            ),
            (
                path(),
                file(b"1"),
                file(b"2"),
                Why::InputModified { path: name() },
            ),
            (
                path(),
                file(b"1"),
                State::Directory,
                Why::InputModified { path: name() },
            ),
            (
                path(),
                State::Link(serde_bytes::ByteBuf::from(b"x".to_vec())),
                State::Link(serde_bytes::ByteBuf::from(b"y".to_vec())),
                Why::LinkChanged { path: name() },
            ),
            (
                Item::Listing(rel("a")),
                listing(&["b"]),
                listing(&["b", "c"]),
                Why::ListingChanged {
                    path: name(),
                    entry: "c".into(),
                },
            ),
            (
                Item::Program("node".into()),
                file(b"1"),
                file(b"2"),
                Why::ToolChanged {
                    path: "node".into(),
                },
            ),
            (
                Item::Program("vite".into()),
                file(b"1"),
                file(b"2"),
                Why::ProgramChanged {
                    name: "vite".into(),
                },
            ),
            (
                Item::Glob("*".into()),
                State::Names(vec![rel("a")]),
                State::Names(vec![]),
                Why::InputRemoved { path: name() },
            ),
        ];
        for (item, then, now, why) in cases {
            assert_eq!(explain(&item, &then, &now, "vite"), [why], "{item:?}");
        }
    }

    #[test]
    fn the_directories_above_results_are_covered_and_those_above_tombstones_are_not() {
        let covered = covering([rel("dist/a/b")].into_iter(), [rel("gone/x")].into_iter());
        let all: Vec<String> = covered.iter().map(ToString::to_string).collect();
        assert_eq!(all, ["dist", "dist/a", "dist/a/b", "gone/x"]);
    }
}
