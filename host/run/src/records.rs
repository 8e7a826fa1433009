//! What is kept in the store, and how it is written down.
//!
//! The store knows keys as bytes and the meaning of none; the meaning is here. Values are
//! postcard behind a version byte: a value of another version is as good as absent.
//!
//! | table | key | value |
//! |---|---|---|
//! | `PathSets` | digest of the path set | [`PathSet`] |
//! | `Entries` | weak key | [`Recency`] |
//! | `Entries` | weak key, strong key | [`EntryRecord`] |
//! | `Steps` | workspace, step | [`StepRecord`] |
//! | `Steps` | task | [`JoinRecord`] |
//! | `Ledger` | workspace, path | [`LedgerRecord`] |
//! | `Memo` | digest of a question | the answer of a rule plugin |
//! | `Memo` | digest of a plugin | the fuel of its last answer |
//! | `Memo` | digest of workspace and weak key | [`ConductRecord`] |
//! | `Memo` | digest of workspace and path | [`MemoryRecord`] |
//!
//! What `Memo` holds may be forgotten at any time: a step runs once more, or starts without memory.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vt_base::{AbsPath, Digest, RelPath, StableHasher, StepId};
use vt_fingerprint::{EntryStates, Fates, LedgerRow, Met, Nature, StatRow, State, WeakParts};
use vt_plan::Join;
use vt_store::{Manifest, Table};

/// The version of every value here.
const VERSION: u8 = 4;

/// How many path sets a weak key keeps.
const PATH_SETS: usize = 16;
/// How many pairs of segments of one task are remembered.
const JOINS: usize = 64;
/// How many entries a weak key keeps.
const ENTRIES: usize = 64;

/// The entries of a weak key, the one used last first; and the strong keys of those that depend on a value
/// because what they left has it in it. These are for one machine or one account, and have room of their own:
/// they must not push out what serves everybody.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recency(pub(crate) Vec<(Digest, Digest)>, pub(crate) Vec<Digest>);

impl Recency {
    /// Puts an entry first; gives back the strong keys that no longer fit.
    pub(crate) fn promote(
        &mut self,
        path_set: Digest,
        strong: Digest,
        is_local: bool,
    ) -> Vec<Digest> {
        self.0.retain(|(_, known)| *known != strong);
        self.0.insert(0, (path_set, strong));
        self.1.retain(|known| *known != strong);
        if is_local {
            self.1.push(strong);
        }
        let local = &self.1;
        // For those that are local, and for the others.
        let mut sets = [Vec::new(), Vec::new()];
        let mut entries = [0; 2];
        let mut dropped = Vec::new();
        self.0.retain(|(set, strong)| {
            let kind = usize::from(local.contains(strong));
            let sets = &mut sets[kind];
            if !sets.contains(set) {
                sets.push(*set);
            }
            entries[kind] += 1;
            let fits = sets.iter().position(|known| known == set) < Some(PATH_SETS)
                && entries[kind] <= ENTRIES;
            if !fits {
                dropped.push(*strong);
            }
            fits
        });
        self.1.retain(|strong| !dropped.contains(strong));
        dropped
    }
}

/// What becomes of a value whose writing had to be deferred. Of the entries of a weak key none may
/// be forgotten; of everything else the later one stands.
pub(crate) fn merge(table: Table, key: &[u8], now: Option<Vec<u8>>, put: Vec<u8>) -> Vec<u8> {
    let is_recency = table == Table::Entries && key.len() == size_of::<Digest>();
    let recency = |bytes: &[u8]| decode::<Recency>(bytes);
    let (true, Some(Some(mut merged)), Some(deferred)) =
        (is_recency, now.as_deref().map(recency), recency(&put))
    else {
        return put;
    };
    for (path_set, strong) in deferred.0.into_iter().rev() {
        merged.promote(path_set, strong, deferred.1.contains(&strong));
    }
    encode(&merged)
}

/// A path of a result set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ResultRecord {
    pub(crate) path: RelPath,
    pub(crate) conditional: bool,
    /// Whether an earlier run left it and nobody looked into it: good only where it is in place.
    pub(crate) carried: bool,
    /// What the run found there.
    pub(crate) met: Met,
    /// Whether it kept the mode of the file that was there.
    pub(crate) keeps_mode: bool,
    /// Whether it set the mode itself.
    pub(crate) sets_mode: bool,
}

/// What one successful run left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct EntryRecord {
    /// The step whose run it was, for people: another step of the same key finds it as well.
    pub(crate) step: StepId,
    pub(crate) path_set: Digest,
    pub(crate) states: EntryStates,
    /// The identities the states were read under, so that a look-up needs no other table.
    pub(crate) rows: Vec<Option<StatRow>>,
    pub(crate) results: Vec<ResultRecord>,
    /// Results that are not archived, as the run left them: the entry serves only where they are in place.
    pub(crate) kept_back: Vec<(RelPath, State)>,
    pub(crate) tombstones: Vec<RelPath>,
    /// What a tool asked to ignore, since listings must go on ignoring it.
    pub(crate) ignored_inputs: Vec<RelPath>,
    pub(crate) manifest: Manifest,
    pub(crate) archive: Option<Digest>,
    pub(crate) output: Option<Digest>,
    pub(crate) duration_ms: u64,
    /// The only workspace the entry serves, if it embeds its place or carries something over.
    pub(crate) only_in: Option<Digest>,
    pub(crate) reports: Vec<String>,
    /// What the run did to leftovers.
    pub(crate) fates: Fates,
    /// The private memory that the run touched.
    pub(crate) memory: Vec<RelPath>,
    /// What lay in directories that the command might clear, and was left there.
    pub(crate) strangers: Vec<RelPath>,
}

/// What is remembered of a step in one workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct StepRecord {
    /// The parts of the weak key of the entry below.
    pub(crate) parts: WeakParts,
    /// The strong key of the entry that was stored or used last.
    pub(crate) strong: Option<Digest>,
    /// The identities under which the paths of the manifest of that entry were left, in their order;
    /// only such that name the content. None at all after a run that was not stored.
    pub(crate) in_place: Vec<Option<StatRow>>,
    /// The paths that have a ledger row of this step, or had one, sorted.
    pub(crate) paths: Vec<RelPath>,
    /// What runs showed about whether the step accounts for all of its results.
    pub(crate) nature: Nature,
    /// The private memory that its runs touched.
    pub(crate) memory: Vec<RelPath>,
    /// How many segments of its task it was made of.
    pub(crate) segments: u64,
}

/// What the latest runs of a weak key in one workspace showed about what they found of the step's
/// own. It licenses a hit to do the same.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ConductRecord {
    /// For each path at which a run found something: whether it replaced that without reading it.
    pub(crate) overwritten: BTreeMap<RelPath, bool>,
    /// What became of leftovers.
    pub(crate) fates: Fates,
    /// Whether the latest run that found other content left what an entry of the key holds.
    pub(crate) reproduces: bool,
}

/// What is known of the private memory of tools at one place of one workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct MemoryRecord {
    /// The identities of its files after the last run that touched it; none if there are too many.
    pub(crate) shape: Option<Digest>,
    /// The worst of the steps that touched it since it was begun.
    pub(crate) nature: Nature,
}

/// The key of what runs of a weak key showed in a workspace.
pub(crate) fn conduct_key(workspace: &Digest, weak: &Digest) -> Vec<u8> {
    let mut hasher = StableHasher::new("vt-conduct");
    hasher.digest(workspace).digest(weak);
    hasher.finish().0.to_vec()
}

/// The key of what is known of private memory in a workspace.
pub(crate) fn memory_key(workspace: &Digest, root: &RelPath) -> Vec<u8> {
    let mut hasher = StableHasher::new("vt-private-memory");
    hasher.digest(workspace).bytes(root.as_bytes());
    hasher.finish().0.to_vec()
}

/// The segments of a task that are one step, by the names of their commands; those that were found
/// last come last.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct JoinRecord(pub(crate) Vec<Join>);

impl JoinRecord {
    /// Adds a pair. The one that was found longest ago goes, if there are too many.
    pub(crate) fn add(&mut self, join: Join) {
        self.0.retain(|known| *known != join);
        self.0.push(join);
        let surplus = self.0.len().saturating_sub(JOINS);
        self.0.drain(..surplus);
    }
}

/// A row of the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct LedgerRecord {
    /// The step the path belongs to.
    pub(crate) step: Digest,
    /// What the step left.
    pub(crate) row: LedgerRow,
}

/// Names a real workspace root without keeping its path.
pub(crate) fn workspace_name(root: &AbsPath, secret: &[u8; 32]) -> Digest {
    let mut hasher = StableHasher::new("vt-workspace");
    hasher.bytes(secret).bytes(root.as_bytes());
    hasher.finish()
}

/// Names a step inside a workspace.
pub(crate) fn step_name(step: &StepId) -> Digest {
    let mut hasher = StableHasher::new("vt-step");
    hasher
        .text(&step.package)
        .text(&step.task)
        .number(u64::from(step.index));
    hasher.finish()
}

/// The key of what is remembered of a task's segments, whatever the workspace.
pub(crate) fn joins_key(step: &StepId) -> Vec<u8> {
    let mut hasher = StableHasher::new("vt-joins");
    hasher.text(&step.package).text(&step.task);
    hasher.finish().0.to_vec()
}

/// The key made of several digests.
pub(crate) fn key(parts: &[&Digest]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.0).collect()
}

/// The key of a ledger row.
pub(crate) fn ledger_key(workspace: &Digest, path: &RelPath) -> Vec<u8> {
    [&workspace.0, path.as_bytes()].concat()
}

/// Writes a value down.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let body = postcard::to_stdvec(value).expect("records hold nothing that postcard refuses");
    [&[VERSION], &body[..]].concat()
}

/// Reads what [`encode`] wrote; `None` for another version or anything else.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (version, body) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    let (value, rest) = postcard::take_from_bytes(body).ok()?;
    rest.is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    #[test]
    fn the_path_set_used_longest_ago_goes() {
        let mut recency = Recency::default();
        for number in 0..PATH_SETS {
            assert_eq!(
                recency.promote(digest(number), digest(100 + number), false),
                []
            );
        }
        recency.promote(digest(0), digest(100), false);
        assert_eq!(
            recency.promote(digest(50), digest(150), false),
            [digest(101)]
        );
        assert_eq!(recency.0[0], (digest(50), digest(150)));
        assert_eq!(recency.0[1], (digest(0), digest(100)));
    }

    #[test]
    fn one_path_set_keeps_a_bounded_number_of_entries() {
        let mut recency = Recency::default();
        let dropped: Vec<Digest> = (0..ENTRIES + 2)
            .flat_map(|number| recency.promote(digest(0), digest(number), false))
            .collect();
        assert_eq!(dropped, [digest(0), digest(1)]);
    }

    #[test]
    fn entries_of_one_machine_do_not_push_out_those_that_serve_everybody() {
        let mut recency = Recency::default();
        recency.promote(digest(0), digest(1), false);
        let dropped: Vec<Digest> = (0..ENTRIES + 2)
            .flat_map(|number| recency.promote(digest(number), digest(100 + number), true))
            .collect();
        assert_eq!(dropped.len(), ENTRIES + 2 - PATH_SETS);
        assert_eq!(recency.0.last(), Some(&(digest(0), digest(1))));
        assert_eq!(recency.1.len(), PATH_SETS);
        // What turns out to serve everybody after all counts among those.
        recency.promote(digest(ENTRIES + 1), digest(100 + ENTRIES + 1), false);
        assert_eq!(recency.1.len(), PATH_SETS - 1);
    }

    #[test]
    fn of_many_joins_the_latest_are_kept() {
        let mut record = JoinRecord::default();
        for number in 0..=JOINS {
            record.add((digest(number), digest(0)));
        }
        record.add((digest(1), digest(0)));
        assert_eq!(record.0.len(), JOINS);
        assert_eq!(record.0[0], (digest(2), digest(0)));
        assert_eq!(record.0.last(), Some(&(digest(1), digest(0))));
    }

    #[test]
    fn a_deferred_list_of_entries_forgets_none_of_those_that_came_meanwhile() {
        let list = |numbers: &[usize]| {
            let pair = |number: &usize| (digest(*number), digest(100 + number));
            encode(&Recency(numbers.iter().map(pair).collect(), Vec::new()))
        };
        let key = digest(0).0;
        let merged = |now| merge(Table::Entries, &key, now, list(&[3, 1]));
        assert_eq!(merged(Some(list(&[1, 2]))), list(&[3, 1, 2]));
        assert_eq!(merged(None), list(&[3, 1]));
        assert_eq!(merged(Some(b"junk".to_vec())), list(&[3, 1]));
        let other = merge(Table::Steps, &key, Some(list(&[1])), list(&[2]));
        assert_eq!(other, list(&[2]));
    }

    #[test]
    fn values_of_another_version_are_absent() {
        let mut bytes = encode(&Recency(vec![(digest(1), digest(2))], Vec::new()));
        assert!(decode::<Recency>(&bytes).is_some());
        bytes[0] += 1;
        assert_eq!(decode::<Recency>(&bytes), None);
        bytes[0] -= 1;
        bytes.push(0);
        assert_eq!(decode::<Recency>(&bytes), None);
    }
}
