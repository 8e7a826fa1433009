//! What a run shows about the private memory of its tools, and about the ground of its results.

use std::collections::BTreeSet;

use vt_base::RelPath;

use super::{SealRequest, Sealing};
use crate::conduct::Met;
use crate::observed::{PathFacts, StateSeen};

impl Sealing {
    /// Notes that the run touched private memory.
    pub(super) fn note_memory(
        &mut self,
        request: &SealRequest<'_>,
        path: &RelPath,
        facts: &PathFacts,
    ) {
        let Some(root) = request.rules.private_root(path) else {
            return;
        };
        // That somebody looked whether there is any says nothing.
        if !facts.seen.read && facts.change.is_none() {
            return;
        }
        let existed = facts.first != StateSeen::Missing;
        *self.memory.entry(root).or_default() |= existed;
    }

    /// What was written without a look into a directory that the run had missed and made: had the
    /// directory been there, the command might have taken what it found.
    pub(super) fn doubt_below_made_directories(&mut self, request: &SealRequest<'_>) {
        let is_made = |facts: &PathFacts| {
            facts.seen.missed && facts.first == StateSeen::Missing && facts.change.is_some()
        };
        let made: BTreeSet<&RelPath> = self
            .results
            .keys()
            .filter(|path| request.observation.paths.get(*path).is_some_and(is_made))
            .collect();
        let doubted: Vec<RelPath> = self
            .results
            .values()
            .filter(|result| !result.conditional)
            .filter(|result| {
                let is_made = |path: &RelPath| made.contains(path);
                is_made(&result.path) || result.path.ancestors().any(|above| is_made(&above))
            })
            .map(|result| result.path.clone())
            .collect();
        for path in doubted {
            let is_cache = self.in_tagged_cache(request, &path);
            if let Some(result) = self.results.get_mut(&path) {
                result.conditional = !is_cache;
            }
        }
    }

    /// With what the step remembers it took a file of somebody else's for its own: from a clean tree it would
    /// have made that anew. So its memory is good only where it is in place.
    pub(super) fn doubt_state_beside_spoiled_results(&mut self) {
        if !self.is_spoiled || !self.carried {
            return;
        }
        for result in self.results.values_mut() {
            // What it overwrites without reading it depends on nothing.
            if result.met != (Met::Own { overwritten: false }) {
                continue;
            }
            result.carried = true;
        }
    }
}
