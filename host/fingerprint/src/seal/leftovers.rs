//! Files that the step left earlier and that a run did not make: whether they are part of its result.

use std::collections::BTreeSet;

use vt_base::RelPath;

use super::{ResultPath, SealRequest, Sealing};
use crate::conduct::{self, Met, Nature};
use crate::item::{Item, NodeKind};
use crate::observed::{PathFacts, StateSeen};
use crate::why::NotStored;

impl Sealing {
    /// Whether the step may know of an earlier run what it made: by state of its own, private memory, or files
    /// that it keeps elsewhere.
    fn may_remember(&mut self, request: &SealRequest<'_>) -> bool {
        let is_read = |(path, facts): (&RelPath, &PathFacts)| {
            (facts.seen.read && facts.first != StateSeen::Missing).then(|| path.parent())?
        };
        let read: BTreeSet<RelPath> = request
            .observation
            .paths
            .iter()
            .filter_map(is_read)
            .collect();
        self.own_state.is_some()
            || !self.memory.is_empty()
            || !request.observation.outside.left.is_empty()
            || read.iter().any(|directory| {
                self.is_tagged(request, directory) || self.in_tagged_cache(request, directory)
            })
    }

    /// Incremental tools write only what changed: what the step left earlier, and still lies as
    /// it left it under the directories it works in, belongs to its result as well.
    pub(super) fn carry_leftovers(&mut self, request: &SealRequest<'_>) {
        let directories: BTreeSet<RelPath> =
            self.results.keys().filter_map(RelPath::parent).collect();
        let wrote_nothing = self.touched.is_empty();
        // It takes a look at many directories, so it is asked only where it decides.
        let mut remembers = None;
        let written: BTreeSet<RelPath> = directories
            .iter()
            .flat_map(|directory| directory.ancestors().chain([directory.clone()]))
            .collect();
        // Whether a listing that the step made shows a path, by a name that is not there without it.
        let is_listed = |path: &RelPath| {
            let is_listed = |directory: &RelPath| {
                let facts = request.observation.paths.get(directory);
                facts.is_some_and(|facts| facts.listed)
            };
            let mut shown = Some(path.clone());
            while let Some(name) = shown {
                if written.contains(&name) {
                    return false;
                }
                let above = name.parent();
                if above.as_ref().is_some_and(is_listed) {
                    return true;
                }
                shown = above;
            }
            false
        };
        for (path, row) in &request.ledger.0 {
            let known = self.results.contains_key(path)
                || self.tombstones.contains(path)
                // What the step left under another key and only read is an input of this run.
                || self.items.contains(&Item::Path(path.clone()))
                || self.items.contains(&Item::Portable(path.clone()));
            if known || self.touched.contains(path) || !request.rules.output.counts(path) {
                continue;
            }
            let Some((kind, seen)) = request.disk.node(path) else {
                continue;
            };
            if request
                .ledger
                .own(path, &StateSeen::Present(kind, seen))
                .is_none()
            {
                continue;
            }
            let remembers = *remembers.get_or_insert_with(|| self.may_remember(request));
            let near = path
                .ancestors()
                .any(|directory| directories.contains(&directory));
            if !(near || wrote_nothing || remembers) {
                continue;
            }
            // What made everything it needs anew, and looked at nothing else, does not depend on the rest.
            let is_unseen = !request.observation.paths.contains_key(path) && !is_listed(path);
            if kind != NodeKind::Directory && is_unseen && !remembers {
                continue;
            }
            if kind != NodeKind::Directory {
                let Some(path_set) = row.path_set else {
                    continue;
                };
                self.left_by.insert(path_set);
                self.carried = true;
            }
            let in_cache = self.in_tagged_cache(request, path);
            self.add_result(
                request,
                ResultPath {
                    path: path.clone(),
                    conditional: !in_cache,
                    created: row.created,
                    // It is right where it lies: nobody knows whether the command would make it.
                    carried: kind != NodeKind::Directory,
                    met: Met::Own { overwritten: false },
                    keeps_mode: false,
                    sets_mode: false,
                },
            );
        }
    }

    /// What the run did to what the step had left earlier; and whether something is lost that the
    /// command may not make again because of what it remembers.
    pub(super) fn judge_conduct(&mut self, request: &SealRequest<'_>) {
        let mut conduct = conduct::study(request.observation, request.ledger, request.disk);
        if self.own_state.is_some() {
            conduct.fates.doubt_kept();
        }
        // A tool copes with what its cache lacks.
        conduct
            .lost
            .retain(|path| !self.in_tagged_cache(request, path));
        match (conduct.lost.first(), &self.own_state) {
            (Some(path), Some(state)) if request.nature != Nature::Whole => {
                let (path, state) = (path.to_string(), state.to_string());
                self.not_stored
                    .insert(NotStored::LostResult { path, state });
            }
            // Nothing that the run used says that these are still in place.
            _ => conduct.lost.clear(),
        }
        self.conduct = conduct;
    }

    pub(super) fn unite_path_sets(&mut self, request: &SealRequest<'_>) {
        for digest in &self.left_by {
            let Some(set) = (request.path_set)(digest) else {
                self.not_stored.insert(NotStored::StoreError {
                    detail: "the path set of the run that left the step's own state is gone".into(),
                });
                continue;
            };
            self.items.extend(set.0);
        }
    }
}
