//! Results that may hold secrets, which are archived only if an input has the same bytes.

use std::collections::BTreeSet;

use vt_base::RelPath;

use super::{ResultPath, SealRequest, Sealing};
use crate::item::State;

impl Sealing {
    /// Lets those of the results that may hold secrets travel whose bytes an input has as well. Gives the others.
    pub(super) fn part_secrets(
        &mut self,
        request: &SealRequest<'_>,
        states: &[State],
    ) -> Vec<(ResultPath, State)> {
        let mut kept_back = Vec::new();
        let file = |path: &RelPath| {
            let node = request.disk.node(path);
            node.map(|(_, row)| (row.device, row.inode))
        };
        let mut files = BTreeSet::new();
        for (path, result) in std::mem::take(&mut self.secret) {
            let (state, _) = request.disk.path_state(&path);
            let has_bytes = |of: &State| match (of, &state) {
                (State::File { digest: one, .. }, State::File { digest: other, .. }) => {
                    one == other
                }
                _ => false,
            };
            if states.iter().any(has_bytes) {
                self.results.insert(path, result);
            } else {
                files.extend(file(&path));
                kept_back.push((result, state));
            }
        }
        // Another name is another way to the same secrets.
        let is_name = |path: &RelPath| file(path).is_some_and(|file| files.contains(&file));
        let names: Vec<RelPath> = match files.is_empty() {
            true => Vec::new(),
            false => self
                .results
                .keys()
                .filter(|path| is_name(path))
                .cloned()
                .collect(),
        };
        for path in names {
            if let Some(result) = self.results.remove(&path) {
                let (state, _) = request.disk.path_state(&path);
                kept_back.push((result, state));
            }
        }
        kept_back
    }
}
