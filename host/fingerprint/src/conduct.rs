//! How a step treats what it left earlier: what a hit may do to it follows from what a run was seen
//! to do.
//!
//! A hit may put a result over something else that the step left only if the command would have put
//! it there as well. Some commands overwrite what they find, some compare and write what differs,
//! some fail because it differs, some leave it. The trace of a run that found something tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vt_base::RelPath;

use crate::disk::Disk;
use crate::item::{NodeKind, State};
use crate::ledger::Ledger;
use crate::observed::{Change, ChangeKind, Observation, PathFacts, StateSeen};

/// What a run found at the path of a result.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Met {
    /// Nothing that says anything.
    #[default]
    Nothing,
    /// What the step had left itself.
    Own {
        /// Whether the run replaced it without reading it.
        overwritten: bool,
    },
    /// What the step had not left itself.
    Foreign {
        /// Whether the run looked before it wrote.
        looked: bool,
        /// Whether the run replaced it without reading it.
        overwritten: bool,
        /// What it was, if its content is known.
        state: Option<State>,
    },
}

impl Met {
    /// Whether a run that found something replaced it without reading it; none if it found nothing.
    #[must_use]
    pub const fn overwritten(&self) -> Option<bool> {
        match self {
            Self::Nothing => None,
            Self::Own { overwritten } | Self::Foreign { overwritten, .. } => Some(*overwritten),
        }
    }
}

/// Whether a run accounts for everything that the step left earlier. It decides whether what a tool
/// remembers of its results can be trusted once these are others than it knows of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum Nature {
    /// It removes, writes or compares every result: none is right only because a memory says so.
    Whole,
    /// Nothing is known.
    #[default]
    Unknown,
    /// It leaves results as they are without a look at them.
    Carries,
}

/// What a command does to leftovers in a directory: files that an earlier run left there, and that it does
/// not write itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Fate {
    /// It removes whatever is there, below the directory as well.
    Cleared,
    /// It leaves them.
    Kept,
    /// It removes some files, or had none to leave.
    Unclear,
}

/// What runs did to leftovers, by directory.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Fates(pub BTreeMap<RelPath, Fate>);

impl Fates {
    /// What would become of a leftover; none if no run shows it.
    #[must_use]
    pub fn of(&self, path: &RelPath) -> Option<Fate> {
        let fate = |directory: &RelPath| self.0.get(directory).copied();
        let mut above = path.ancestors().filter_map(|directory| fate(&directory));
        if above.any(|fate| fate == Fate::Cleared) {
            return Some(Fate::Cleared);
        }
        let here = path.parent().and_then(|directory| fate(&directory));
        here.filter(|fate| *fate == Fate::Kept)
    }

    /// Forgets that leftovers were kept: who remembers what it made may know which of it is still good, and
    /// remove the rest.
    pub(crate) fn doubt_kept(&mut self) {
        self.0.retain(|_, fate| *fate != Fate::Kept);
    }

    /// Takes over what a later run showed.
    pub fn learn(&mut self, later: &Self) {
        for (directory, fate) in &later.0 {
            if *fate == Fate::Cleared {
                self.0.retain(|known, _| !known.starts_with(directory));
            }
            self.0.insert(directory.clone(), *fate);
        }
    }
}

/// What one run did to what the step had left earlier.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Conduct {
    /// What became of the files that the step had left, by the directories around them.
    pub fates: Fates,
    /// Whether the run accounted for all of it.
    pub nature: Nature,
    /// What the step once created, is gone, and was not removed by the run.
    pub lost: Vec<RelPath>,
}

/// Studies what a run did to the files and links that the step had left earlier.
pub(crate) fn study(observation: &Observation, ledger: &Ledger, disk: &Disk<'_>) -> Conduct {
    let mut lost = Vec::new();
    let mut found = Found::default();
    let mut below: BTreeMap<RelPath, Found> = BTreeMap::new();
    let mut within: BTreeMap<RelPath, Found> = BTreeMap::new();
    for (path, row) in &ledger.0 {
        if row.state == State::Directory {
            continue;
        }
        let facts = observation.paths.get(path);
        let end = disk.node(path);
        let at_start = match (facts, end) {
            (Some(facts), _) => facts.first,
            (None, Some((kind, row))) => StateSeen::Present(kind, row),
            (None, None) => StateSeen::Missing,
        };
        let is_removed = facts.is_some_and(removes);
        if row.created && end.is_none() && !is_removed {
            lost.push(path.clone());
        }
        if ledger.own(path, &at_start).is_none() {
            continue;
        }
        let one = Found {
            all: 1,
            removed: usize::from(is_removed),
            unseen: usize::from(
                !facts.is_some_and(|facts| facts.seen.read || facts.change.is_some()),
            ),
            compared: usize::from(
                facts.is_some_and(|facts| facts.seen.read)
                    && end.is_some_and(|(kind, end)| at_start == StateSeen::Present(kind, end)),
            ),
        };
        found.add(one);
        for directory in path.ancestors().filter(|directory| !directory.is_root()) {
            below.entry(directory).or_default().add(one);
        }
        if let Some(directory) = path.parent() {
            within.entry(directory).or_default().add(one);
        }
    }
    Conduct {
        fates: fates(observation, &below, &within),
        nature: if lost.is_empty() {
            found.nature()
        } else {
            Nature::Unknown
        },
        lost,
    }
}

/// How many files that the step had left were there, and what became of them.
#[derive(Clone, Copy, Default)]
struct Found {
    all: usize,
    removed: usize,
    /// Neither read nor changed.
    unseen: usize,
    /// Read, and left as they were.
    compared: usize,
}

impl Found {
    const fn add(&mut self, other: Self) {
        self.all += other.all;
        self.removed += other.removed;
        self.unseen += other.unseen;
        self.compared += other.compared;
    }

    /// Files that are written without being read say nothing: an incremental tool may have had a
    /// reason to write just those.
    const fn nature(self) -> Nature {
        if self.unseen > 0 {
            Nature::Carries
        } else if self.all > 0 && (self.removed == self.all || self.compared > 0) {
            Nature::Whole
        } else {
            Nature::Unknown
        }
    }
}

/// Whether a run removed what it found at a path, whatever it put there then.
fn removes(facts: &PathFacts) -> bool {
    facts.change.as_ref().is_some_and(|change| {
        change.kinds.first() == Some(&ChangeKind::Delete)
            || (change.kinds.contains(&ChangeKind::Delete)
                && !change.kinds.contains(&ChangeKind::Fresh))
    })
}

/// What became of files, by the directories above them and by those they lay in.
fn fates(
    observation: &Observation,
    below: &BTreeMap<RelPath, Found>,
    within: &BTreeMap<RelPath, Found>,
) -> Fates {
    let mut fates = BTreeMap::new();
    for (directory, found) in below {
        // Looked through, or removed itself.
        let is_swept = observation.paths.get(directory).is_some_and(|facts| {
            let is_gone = |change: &Change| change.kinds.contains(&ChangeKind::Delete);
            facts.listed || facts.change.as_ref().is_some_and(is_gone)
        });
        if found.removed == found.all && is_swept {
            fates.insert(directory.clone(), Fate::Cleared);
        }
    }
    for (directory, found) in within {
        let is_kept = found.unseen > 0 && found.removed == 0;
        let fate = if is_kept { Fate::Kept } else { Fate::Unclear };
        fates.entry(directory.clone()).or_insert(fate);
    }
    Fates(fates)
}

/// What a run found at the path of a result that it wrote.
pub(crate) fn met(facts: &PathFacts, is_own: bool) -> Met {
    let StateSeen::Present(kind @ (NodeKind::File | NodeKind::Link), _) = facts.first else {
        return Met::Nothing;
    };
    let Some(change) = &facts.change else {
        return Met::Nothing;
    };
    let is_fresh = matches!(
        change.kinds.first(),
        Some(ChangeKind::Fresh | ChangeKind::Delete)
    );
    let was_read = facts.seen.read || (facts.seen.link && kind == NodeKind::Link);
    let overwritten = is_fresh && !was_read;
    if is_own {
        return Met::Own { overwritten };
    }
    let state = match (change.start, change.before) {
        (crate::StartBytes::Known(digest), StateSeen::Present(NodeKind::File, before)) => {
            Some(State::File {
                digest,
                executable: before.executable(),
            })
        }
        _ => None,
    };
    Met::Foreign {
        looked: facts.seen.any(),
        overwritten,
        state,
    }
}

#[cfg(test)]
mod tests;
