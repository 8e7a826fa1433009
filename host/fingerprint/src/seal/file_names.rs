//! Files with several names: what is written under one of them is seen under all.

use std::collections::{BTreeMap, BTreeSet};

use vt_base::RelPath;

use super::{ResultPath, SealRequest, Sealing};
use crate::classify::same_but_for_attributes;
use crate::conduct::Met;
use crate::file_names::FileNames;
use crate::item::NodeKind;
use crate::observed::{PathFacts, StateSeen};
use crate::rows::StatRow;
use crate::why::NotStored;

/// The files with several names that the step changed under one of them, by device and inode.
pub(super) fn written(request: &SealRequest<'_>) -> BTreeSet<(u64, u64)> {
    let paths = request.observation.paths.iter();
    let changed = paths
        .filter(|(_, facts)| facts.change.is_some())
        .map(|(path, _)| path);
    changed
        .filter(|path| request.disk.has_other_names(path))
        .filter_map(|path| request.disk.node(path))
        .map(|(_, row)| (row.device, row.inode))
        .collect()
}

/// The files that the step took a name from, by device and inode.
pub(super) fn parted(request: &SealRequest<'_>) -> BTreeSet<(u64, u64)> {
    let changes = request
        .observation
        .paths
        .values()
        .filter_map(|facts| facts.change.as_ref());
    let before = changes.filter_map(|change| match change.before {
        StateSeen::Present(NodeKind::File, row) => Some((row.device, row.inode)),
        _ => None,
    });
    before.collect()
}

impl Sealing {
    /// What the step did to a path, with the identity under which it had left the file: taking another name
    /// from it moved the time of change since, and nothing else.
    pub(super) fn as_left(
        &self,
        request: &SealRequest<'_>,
        path: &RelPath,
        facts: &PathFacts,
    ) -> Option<PathFacts> {
        let StateSeen::Present(NodeKind::File, first) = facts.first else {
            return None;
        };
        let left = request.ledger.0.get(path)?;
        let is_parted = first != left.row
            && self.parted.contains(&(first.device, first.inode))
            && same_but_for_attributes(&first, &left.row);
        is_parted.then(|| PathFacts {
            first: StateSeen::Present(NodeKind::File, left.row),
            ..facts.clone()
        })
    }

    /// Takes a path that the step did not change for a result if it is a name that the step left earlier
    /// of a file that it wrote now under another one. Says whether it is.
    pub(super) fn take_other_name(
        &mut self,
        request: &SealRequest<'_>,
        path: &RelPath,
        facts: &PathFacts,
        end: Option<(NodeKind, StatRow)>,
    ) -> bool {
        if !self.is_own_name(request, path, end) {
            return false;
        }
        if facts.seen.read
            && let Some(own) = request.ledger.own(path, &facts.first)
        {
            // It read what it had left, before it wrote it anew.
            self.own_state.get_or_insert_with(|| path.clone());
            match own.path_set {
                Some(path_set) => {
                    self.left_by.insert(path_set);
                    self.carried = true;
                }
                None => self.refuse(NotStored::ModifiedInput {
                    path: path.to_string(),
                }),
            }
        }
        self.add_name(request, path);
        true
    }

    /// Takes the names that the step did not even look at.
    pub(super) fn take_other_names(&mut self, request: &SealRequest<'_>) {
        if self.written.is_empty() {
            return;
        }
        self.take_unseen_names(request);
        self.treat_names_alike(request);
    }

    fn take_unseen_names(&mut self, request: &SealRequest<'_>) {
        for path in request.ledger.0.keys() {
            let is_known = self.results.contains_key(path) || self.tombstones.contains(path);
            if !is_known && self.is_own_name(request, path, request.disk.node(path)) {
                self.add_name(request, path);
            }
        }
    }

    /// What the step did to a file under one name it did under all of them.
    fn treat_names_alike(&mut self, request: &SealRequest<'_>) {
        let file = |path: &RelPath| {
            let (_, row) = request.disk.node(path)?;
            Some((row.device, row.inode)).filter(|file| self.written.contains(file))
        };
        let is_changed = |path: &&RelPath| {
            let facts = request.observation.paths.get(*path);
            facts.is_some_and(|facts| facts.change.is_some())
        };
        let changed: BTreeMap<(u64, u64), Met> = self
            .results
            .iter()
            .filter(|(path, _)| is_changed(path))
            .filter_map(|(path, result)| Some((file(path)?, result.met.clone())))
            .collect();
        let others: Vec<(RelPath, Met)> = self
            .results
            .keys()
            .filter(|path| !is_changed(path))
            .filter_map(|path| Some((path.clone(), changed.get(&file(path)?)?.clone())))
            .collect();
        for (path, met) in others {
            if let Some(result) = self.results.get_mut(&path) {
                result.met = met;
            }
        }
    }

    fn is_own_name(
        &self,
        request: &SealRequest<'_>,
        path: &RelPath,
        end: Option<(NodeKind, StatRow)>,
    ) -> bool {
        let (Some((NodeKind::File, now)), Some(left)) = (end, request.ledger.0.get(path)) else {
            return false;
        };
        let file = (now.device, now.inode);
        self.written.contains(&file)
            && file == (left.row.device, left.row.inode)
            && request.rules.output.counts(path)
    }

    fn add_name(&mut self, request: &SealRequest<'_>, path: &RelPath) {
        self.touched.insert(path.clone());
        self.add_result(
            request,
            ResultPath {
                path: path.clone(),
                conditional: true,
                created: request.ledger.0.get(path).is_some_and(|row| row.created),
                carried: false,
                met: Met::Own { overwritten: false },
                keeps_mode: false,
                sets_mode: false,
            },
        );
    }

    /// Refuses what was written into files that are somebody else's under another name: a hit could not
    /// change what is seen there.
    pub(super) fn refuse_files_of_others(&mut self, request: &SealRequest<'_>) {
        let written = std::mem::take(&mut self.written_into);
        let names = FileNames::new(request.disk, || self.results.keys().cloned().collect());
        let shared: Vec<NotStored> = written
            .iter()
            .filter(|path| names.has_strangers(path))
            .map(|path| NotStored::ModifiedInput {
                path: path.to_string(),
            })
            .collect();
        drop(names);
        self.not_stored.extend(shared);
    }
}
