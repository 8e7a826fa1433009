//! Turns what was observed into what is stored: a path set with its states, a result set, and
//! what the ledger learns. Also the last place where a run can be found unfit for storing.

mod beyond;
mod file_names;
mod inputs;
mod leftovers;
mod memory;
mod repository;
mod secrets;
mod strangers;

use std::collections::{BTreeMap, BTreeSet};

use vt_base::{Digest, RelPath};

use crate::classify::{Class, Surroundings, classify, same_but_for_attributes};
use crate::compare::{Covered, Look, covering};
use crate::conduct::{self, Conduct, Met, Nature};
use crate::disk::Disk;
use crate::expand::{Links, Match, expand};
use crate::git;
use crate::globs::{GlobError, PathRules};
use crate::item::{EntryStates, Item, NodeKind, PathSet, State};
use crate::ledger::Ledger;
use crate::observed::{ChangeKind, Observation, PathFacts, Seen, StateSeen};
use crate::outside::names::{self, Names};
use crate::outside::{self, Outside};
use crate::rows::StatRow;
use crate::why::NotStored;

/// What a run left to be sealed.
pub struct SealRequest<'a> {
    /// What the step did.
    pub observation: &'a Observation,
    /// Who decides what counts; with the reports of this run.
    pub rules: &'a PathRules,
    /// The disk after the run.
    pub disk: &'a Disk<'a>,
    /// What the step had left before this run.
    pub ledger: &'a Ledger,
    /// Whether another step has written over what the step left.
    pub is_taken_over: bool,
    /// The weak key of the run.
    pub key: Digest,
    /// What earlier runs showed about whether the step accounts for all of its results.
    pub nature: Nature,
    /// The time of the file system just before the step started, in nanoseconds.
    pub stamp_ns: i64,
    /// Items that are known without the trace: variables that tools asked for.
    pub asked: Vec<Item>,
    /// Gives the path set of an earlier run by its digest.
    pub path_set: &'a dyn Fn(&Digest) -> Option<PathSet>,
    /// How the outside counts.
    pub outside: Outside<'a>,
    /// Identities that the index of the repository had before the step, with the digests of their
    /// entries.
    pub indexes: &'a [(StatRow, Digest)],
    /// How many threads may digest.
    pub threads: usize,
}

/// A path of the result set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResultPath {
    /// The path.
    pub path: RelPath,
    /// Whether the command might have left somebody's edit of it alone.
    pub conditional: bool,
    /// Whether the step created it, now or earlier.
    pub created: bool,
    /// Whether an earlier run left it, and this one saw that it was there and did not look into
    /// it: with other inputs it may be stale, so it is good only where it is in place.
    pub carried: bool,
    /// What the run found there.
    pub met: Met,
    /// Whether the run wrote into the file that was there, which kept its mode: then it depends on
    /// the executable bit.
    pub keeps_mode: bool,
    /// Whether the run set the mode itself, whatever it was.
    pub sets_mode: bool,
}

/// Private memory of a tool that a run touched: a file, or a directory with all that is in it, that
/// is neither input nor result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemoryUse {
    /// The topmost path of it.
    pub root: RelPath,
    /// Whether there was any before the run.
    pub existed: bool,
}

/// A run, sealed.
#[derive(Debug)]
pub struct Sealed {
    /// The path set.
    pub path_set: PathSet,
    /// Its states, in the same order.
    pub states: EntryStates,
    /// The identities the states were read under, in the same order.
    pub rows: Vec<Option<StatRow>>,
    /// What exists at the end because of the step, sorted by path.
    pub results: Vec<ResultPath>,
    /// What exists at the end because of the step and must not be archived, sorted by path.
    pub kept_back: Vec<(ResultPath, State)>,
    /// What does not exist at the end because of the step.
    pub tombstones: BTreeSet<RelPath>,
    /// Whether something was carried over from an earlier run, so that the entry serves this
    /// workspace only.
    pub carried: bool,
    /// What the run did to what the step had left earlier.
    pub conduct: Conduct,
    /// The private memory that the run touched.
    pub memory: Vec<MemoryUse>,
    /// Whether a state of it is known on this machine only, so that the entry serves this workspace
    /// only.
    pub is_local: bool,
    /// Why the run must not be stored; empty when it may be.
    pub not_stored: BTreeSet<NotStored>,
}

impl Sealed {
    /// Adds an item that is no path, and what it is now.
    pub fn add(&mut self, item: Item, (state, row): (State, Option<StatRow>)) {
        if let Err(at) = self.path_set.0.binary_search(&item) {
            self.path_set.0.insert(at, item);
            self.states.0.insert(at, state);
            self.rows.insert(at, row);
        }
    }
}

/// Seals a run.
///
/// # Errors
/// A declared pattern that is not a glob.
pub fn seal(request: &SealRequest<'_>) -> Result<Sealed, GlobError> {
    let mut sealing = Sealing {
        linked: linked(request),
        written: file_names::written(request),
        is_spoiled: request.is_taken_over,
        parted: file_names::parted(request),
        ..Sealing::default()
    };
    for (path, facts) in &request.observation.paths {
        sealing.take(request, path, facts);
    }
    sealing.add_declared(request)?;
    sealing.take_directories_used(request);
    sealing.carry_leftovers(request);
    sealing.take_other_names(request);
    sealing.refuse_files_of_others(request);
    sealing.judge_conduct(request);
    sealing.unite_path_sets(request);
    sealing.items.extend(request.asked.iter().cloned());
    let outside = &request.observation.outside;
    let names = Names::new(request.disk, outside);
    let tools = outside::items(outside, &request.outside, request.disk, &names);
    sealing.items.extend(tools);
    let before = sealing.items.len();
    sealing.take_outside(request, &names)?;
    let saw_outside = sealing.items.len() > before;
    let mut left = outside.left.clone();
    for (path, facts) in &outside.repository {
        left.extend(sealing.take_repository(request, path, facts));
    }
    if let Some(path) = outside::unexcused(&left, &request.outside, request.disk.home)? {
        sealing.not_stored.insert(NotStored::WroteOutside {
            path: path.to_string(),
        });
    }
    let is_empty = request.observation.paths.iter().all(looked_for_program) && !saw_outside;
    if request.rules.input.auto && is_empty {
        sealing.not_stored.insert(NotStored::EmptyTrace);
    }
    Ok(sealing.finish(request))
}

#[derive(Default)]
struct Sealing {
    items: BTreeSet<Item>,
    /// Missing paths, to be shortened once every change is known.
    missing: BTreeSet<RelPath>,
    /// Directories in which something was made that is gone in the end: where one is missing, that
    /// fails.
    directories_used: BTreeSet<RelPath>,
    results: BTreeMap<RelPath, ResultPath>,
    /// Results that may hold secrets.
    secret: BTreeMap<RelPath, ResultPath>,
    tombstones: BTreeSet<RelPath>,
    /// Paths the step wrote itself: their times say nothing about somebody else.
    touched: BTreeSet<RelPath>,
    /// Device and inode of files of which the step made a name.
    linked: BTreeSet<(u64, u64)>,
    /// Inputs that the step gave another name.
    renamed: BTreeSet<RelPath>,
    left_by: BTreeSet<Digest>,
    carried: bool,
    /// A file that the step left earlier and that decided what this run wrote.
    own_state: Option<RelPath>,
    /// Whether the run went on from what somebody else made of a file that the step had created.
    is_spoiled: bool,
    conduct: Conduct,
    memory: BTreeMap<RelPath, bool>,
    is_local: bool,
    tagged: BTreeMap<RelPath, bool>,
    /// Files with several names that the step wrote into.
    written_into: BTreeSet<RelPath>,
    /// Device and inode of files with several names that the step changed under one of them.
    written: BTreeSet<(u64, u64)>,
    /// Device and inode of files that the step took a name from.
    parted: BTreeSet<(u64, u64)>,
    not_stored: BTreeSet<NotStored>,
}

impl Sealing {
    fn take(&mut self, request: &SealRequest<'_>, path: &RelPath, facts: &PathFacts) {
        let disk = request.disk;
        let as_left = self.as_left(request, path, facts);
        let facts = as_left.as_ref().unwrap_or(facts);
        let mut end = disk.node(path);
        if let (StateSeen::Present(kind, first), Some((_, row)), None) =
            (facts.first, end, &facts.change)
            && self.linked.contains(&(row.device, row.inode))
            && same_but_for_attributes(&first, &row)
        {
            // The step gave it another name, which moved its time of change and nothing else.
            end = Some((kind, first));
            self.renamed.insert(path.clone());
        }
        if facts.change.is_none() && self.take_other_name(request, path, facts, end) {
            return;
        }
        let around = Surroundings {
            rules: request.rules,
            ledger: request.ledger,
            key: &request.key,
            end,
            end_digest: &|| match disk.path_state(path).0 {
                State::File { digest, .. } => Some(digest),
                State::Link(text) => Some(Digest::of(&text)),
                _ => None,
            },
            indexes: request.indexes,
        };
        let classified = classify(path, facts, &around);
        // A directory holds nothing that an input could have decided.
        let is_directory = matches!(around.end, Some((NodeKind::Directory, _)));
        if let Some(left_by) = classified.left_by.filter(|_| !is_directory) {
            self.left_by.insert(left_by);
            self.carried = true;
        }
        if facts.change.is_some() {
            self.touched.insert(path.clone());
        }
        self.note_memory(request, path, facts);
        let is_own = request.ledger.own(path, &facts.first).is_some();
        let class = match classified.class {
            // A cache that says so of itself is the step's whoever filled it.
            Class::ModifiedInput | Class::Tombstone
                if !is_own
                    && !request.rules.input.adds(path)
                    && self.in_tagged_cache(request, path) =>
            {
                match around.end {
                    Some(_) => Class::Output { conditional: false },
                    None => Class::Nothing,
                }
            }
            class => class,
        };
        match class {
            Class::Temporary if git::inside(path).is_none() => {
                self.directories_used.extend(path.parent());
            }
            Class::Nothing | Class::Temporary | Class::Log => {}
            Class::Input | Class::Rewritten => {
                let row = request.ledger.0.get(path);
                self.is_spoiled |= !is_own && row.is_some_and(|row| row.created);
                self.take_input(request, path, facts);
            }
            Class::Leftover => {
                let row = request.ledger.0.get(path);
                if facts.seen.read {
                    self.own_state.get_or_insert_with(|| path.clone());
                }
                let is_cache = is_directory && self.in_tagged_cache(request, path);
                self.add_result(
                    request,
                    ResultPath {
                        path: path.clone(),
                        conditional: !is_cache,
                        created: row.is_some_and(|row| row.created),
                        carried: !is_directory && !facts.seen.read,
                        met: Met::Own { overwritten: false },
                        keeps_mode: false,
                        sets_mode: false,
                    },
                );
            }
            Class::OwnState => {
                self.own_state = Some(path.clone());
                let conditional = !self.in_tagged_cache(request, path);
                self.add_result(
                    request,
                    ResultPath {
                        path: path.clone(),
                        conditional,
                        created: true,
                        carried: false,
                        met: Met::Own { overwritten: false },
                        keeps_mode: false,
                        sets_mode: false,
                    },
                );
            }
            Class::Output { conditional } => {
                let written = write_into(request, path, facts, around.end);
                if written && disk.has_other_names(path) {
                    self.written_into.insert(path.clone());
                }
                let is_cache = self.in_tagged_cache(request, path);
                let result = ResultPath {
                    path: path.clone(),
                    conditional: conditional && !is_cache,
                    created: created(request.ledger, path, facts),
                    carried: false,
                    met: if is_cache {
                        Met::Nothing
                    } else {
                        conduct::met(facts, is_own)
                    },
                    keeps_mode: written && !sets_mode(facts),
                    sets_mode: sets_mode(facts) || is_made_anew(facts, around.end),
                };
                self.add_result(request, result);
            }
            Class::Tombstone => {
                self.tombstones.insert(path.clone());
            }
            Class::ModifiedInput => {
                self.refuse(NotStored::ModifiedInput {
                    path: path.to_string(),
                });
            }
            Class::WroteGit => self.refuse(NotStored::WroteGit {
                path: path.to_string(),
            }),
            Class::ChangedMeanwhile => self.changed_meanwhile(path),
        }
        // What others put into a directory counts whoever made it, and whatever became of it.
        let temporary = matches!(facts.first, StateSeen::Missing) && around.end.is_none();
        let rules = request.rules;
        if facts.listed && !temporary && !rules.is_hidden(path) && rules.input.counts(path) {
            self.take_listing(request, path);
        }
    }

    fn refuse(&mut self, reason: NotStored) {
        self.not_stored.insert(reason);
    }

    fn changed_meanwhile(&mut self, path: &RelPath) {
        self.refuse(NotStored::InputChangedDuringRun {
            path: path.to_string(),
        });
    }

    fn add_result(&mut self, request: &SealRequest<'_>, result: ResultPath) {
        let dot_env = result
            .path
            .file_name()
            .is_some_and(|name| name.starts_with(b".env"));
        // Secrets live in these; only a declaration makes them travel, or that an input has the same bytes.
        let is_secret = dot_env
            && !request.rules.output.adds(&result.path)
            && matches!(request.disk.node(&result.path), Some((NodeKind::File, _)));
        if is_secret {
            self.secret.insert(result.path.clone(), result);
            return;
        }
        self.results.entry(result.path.clone()).or_insert(result);
    }

    fn add_declared(&mut self, request: &SealRequest<'_>) -> Result<(), GlobError> {
        let disk = request.disk;
        let reported = |paths: &[RelPath]| -> Vec<String> {
            let below = |path: &RelPath| {
                let text = globset::escape(path.as_str()?);
                let directory = matches!(disk.node(path), Some((NodeKind::Directory, _)));
                Some(if directory {
                    format!("{text}/**")
                } else {
                    text
                })
            };
            paths.iter().filter_map(below).collect()
        };
        let input = &request.rules.input;
        for pattern in input
            .patterns()
            .iter()
            .cloned()
            .chain(reported(input.reported()))
        {
            if is_below_a_file(disk, &pattern) {
                continue;
            }
            let found = expand(disk.root, &pattern, disk.hidden, Links::All)?;
            self.items.insert(Item::Glob(pattern));
            let adds = |found: &Match| input.adds(found.named()) && !input.cuts(&found.path);
            for found in found.into_iter().filter(adds) {
                let outside = found.outside.map(|path| names::plain(disk, &path));
                let outside = outside.map(|name| Item::Beyond(serde_bytes::ByteBuf::from(name)));
                self.items.extend(outside);
                self.items.insert(Item::Path(found.path));
            }
        }
        let output = &request.rules.output;
        for pattern in output
            .patterns()
            .iter()
            .cloned()
            .chain(reported(output.reported()))
        {
            for found in expand(disk.root, &pattern, disk.hidden, Links::OfBase)? {
                let is_added = output.adds(found.named());
                let path = found.path;
                if !is_added || self.results.contains_key(&path) {
                    continue;
                }
                let seen = disk.node(&path);
                let row = seen.and_then(|(kind, row)| {
                    request.ledger.own(&path, &StateSeen::Present(kind, row))
                });
                let created = row.is_some_and(|row| row.created);
                self.add_result(
                    request,
                    ResultPath {
                        path,
                        conditional: true,
                        created,
                        carried: false,
                        met: Met::Nothing,
                        keeps_mode: false,
                        sets_mode: false,
                    },
                );
            }
        }
        Ok(())
    }

    fn finish(mut self, request: &SealRequest<'_>) -> Sealed {
        let covered = covering(
            self.results.keys().chain(self.secret.keys()).cloned(),
            self.tombstones.iter().cloned(),
        );
        let missing = std::mem::take(&mut self.missing);
        self.items.extend(
            missing
                .iter()
                .map(|path| Item::Path(highest_missing(request, path))),
        );
        // The step's own results are no inputs; nor is that the directories above them exist.
        self.items.retain(|item| match item {
            Item::Path(path)
            | Item::Kind(path)
            | Item::Redacted { path, .. }
            | Item::Portable(path) => !covered.contains(path),
            _ => true,
        });
        self.doubt_below_made_directories(request);
        self.doubt_state_beside_spoiled_results();
        let items: Vec<Item> = std::mem::take(&mut self.items).into_iter().collect();
        request.disk.warm(items.iter(), request.threads);
        let look = Look {
            disk: request.disk,
            ledger: request.ledger,
            key: request.key,
            rules: request.rules,
            ignored: &[],
            covered: Covered::new(|| covered),
        };
        let (states, rows): (Vec<State>, Vec<Option<StatRow>>) =
            items.iter().map(|item| look.state(item)).unzip();
        self.find_strangers(request, &look, &items, &states, &rows);
        let kept_back = self.part_secrets(request, &states);
        Sealed {
            path_set: PathSet(items),
            states: EntryStates(states),
            rows,
            results: self.results.into_values().collect(),
            kept_back,
            tombstones: self.tombstones,
            carried: self.carried,
            conduct: self.conduct,
            memory: self
                .memory
                .into_iter()
                .map(|(root, existed)| MemoryUse { root, existed })
                .collect(),
            is_local: self.is_local,
            not_stored: self.not_stored,
        }
    }
}

/// Whether a pattern means only what lies below a path, and a file is there. Its own state says so.
fn is_below_a_file(disk: &Disk<'_>, pattern: &str) -> bool {
    let Some(path) = pattern.strip_suffix("/**") else {
        return false;
    };
    let path = RelPath::new(path).ok();
    path.is_some_and(|path| matches!(disk.node(&path), Some((NodeKind::File, _))))
}

/// The files of which the step made a name that was not there before, by device and inode.
fn linked(request: &SealRequest<'_>) -> BTreeSet<(u64, u64)> {
    let paths = request.observation.paths.iter();
    let made = paths.filter(|(_, facts)| {
        facts.first == StateSeen::Missing
            && facts
                .change
                .as_ref()
                .is_some_and(|change| change.kinds.contains(&ChangeKind::Fresh))
    });
    made.filter_map(|(path, _)| request.disk.node(path))
        .filter(|(kind, _)| *kind == NodeKind::File)
        .map(|(_, row)| (row.device, row.inode))
        .collect()
}

/// Whether the step wrote into the very file that was there.
fn write_into(
    request: &SealRequest<'_>,
    path: &RelPath,
    facts: &PathFacts,
    end: Option<(NodeKind, StatRow)>,
) -> bool {
    let Some(change) = &facts.change else {
        return false;
    };
    let is_same = match (change.before, end) {
        (StateSeen::Present(NodeKind::File, before), Some((NodeKind::File, end))) => {
            (before.device, before.inode) == (end.device, end.inode)
        }
        _ => false,
    };
    // A file that is made after another was removed mostly gets its inode.
    let may_be_another = change.kinds.contains(&ChangeKind::Delete);
    is_same && !(may_be_another && request.disk.is_born_after(path, request.stamp_ns))
}

/// Whether the step sets the mode itself.
fn sets_mode(facts: &PathFacts) -> bool {
    facts
        .change
        .as_ref()
        .is_some_and(|change| change.kinds.contains(&ChangeKind::Metadata))
}

/// Whether another file took the place of the one that was there.
fn is_made_anew(facts: &PathFacts, end: Option<(NodeKind, StatRow)>) -> bool {
    let is_removed = facts
        .change
        .as_ref()
        .is_some_and(|change| change.kinds.first() == Some(&ChangeKind::Delete));
    match (facts.first, end) {
        (StateSeen::Present(_, first), Some((_, end))) => is_removed || first.inode != end.inode,
        _ => false,
    }
}

/// Whether all that happened to a path is that a program was looked for there: `PATH` leads
/// through the workspace, whatever the command does.
fn looked_for_program((path, facts): (&RelPath, &PathFacts)) -> bool {
    path.parent()
        .is_some_and(|directory| directory.file_name() == Some(b".bin"))
        && facts.change.is_none()
        && facts.seen
            == Seen {
                missed: true,
                ..Seen::default()
            }
}

/// Whether the step created what is at the path, now or in an earlier run.
fn created(ledger: &Ledger, path: &RelPath, facts: &PathFacts) -> bool {
    let found_missing = matches!(facts.first, StateSeen::Missing)
        || facts
            .change
            .as_ref()
            .is_some_and(|change| change.before == StateSeen::Missing);
    let own = ledger
        .own(path, &facts.first)
        .is_some_and(|row| row.created);
    // What the step itself removed and then made anew is all its own, whosever was there before: a
    // run that was killed, mostly.
    let made_anew = facts.change.as_ref().is_some_and(|change| {
        change.kinds.first() == Some(&ChangeKind::Delete)
            && change.kinds.contains(&ChangeKind::Fresh)
    });
    // Present at first and missing before the first change would be somebody else's removal.
    own || made_anew || (found_missing && matches!(facts.first, StateSeen::Missing))
}

/// The highest ancestor of a missing path that was absent before the step and is absent after it.
fn highest_missing(request: &SealRequest<'_>, path: &RelPath) -> RelPath {
    let mut highest = path.clone();
    for ancestor in path.ancestors() {
        if ancestor.is_root() || request.disk.node(&ancestor).is_some() {
            break;
        }
        let present_before = request
            .observation
            .paths
            .get(&ancestor)
            .is_some_and(|facts| !matches!(facts.first, StateSeen::Missing));
        if present_before {
            break;
        }
        highest = ancestor;
    }
    highest
}
