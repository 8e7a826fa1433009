//! Takes what a step looked at and left as it was for an input, unless it lies in a cache of its own.

use vt_base::RelPath;

use super::{SealRequest, Sealing};
use crate::file_names::is_tagged;
use crate::git;
use crate::item::{Item, NodeKind};
use crate::observed::{PathFacts, Seen, StateSeen};
use crate::portable::{is_installed_text_at, is_settings_of_repository};

impl Sealing {
    pub(super) fn take_listing(&mut self, request: &SealRequest<'_>, path: &RelPath) {
        let mut hidden = request.disk.hidden.iter();
        if git::is_cut_listing(path.as_bytes()) || hidden.any(|hidden| path.starts_with(hidden)) {
            return;
        }
        let is_cache = self.is_tagged(request, path) || self.in_tagged_cache(request, path);
        if !is_cache || request.rules.input.adds(path) {
            self.items.insert(Item::Listing(path.clone()));
        }
    }

    pub(super) fn take_input(
        &mut self,
        request: &SealRequest<'_>,
        path: &RelPath,
        facts: &PathFacts,
    ) {
        if self.in_tagged_cache(request, path) && !request.rules.input.adds(path) {
            return;
        }
        if facts.listed {
            return;
        }
        let only_probed = !facts.seen.read && !facts.seen.link;
        if request.rules.existence_only.matches(path) && only_probed {
            self.items.insert(Item::Kind(path.clone()));
        } else if matches!(facts.first, StateSeen::Missing) && facts.change.is_none() {
            self.missing.insert(path.clone());
        } else if let Some(pointers) = request.rules.redacted.get(path)
            && !request.rules.input.adds(path)
        {
            self.items.insert(Item::Redacted {
                path: path.clone(),
                pointers: pointers.clone(),
            });
        } else if matches!(facts.first, StateSeen::Present(NodeKind::File, _))
            && (is_installed_text_at(request.disk.root, path)
                || is_settings_of_repository(&request.disk.root.join_rel(path)))
            && !request.rules.input.adds(path)
        {
            self.items.insert(Item::Portable(path.clone()));
        } else {
            self.items.insert(Item::Path(path.clone()));
        }
    }

    /// Takes the directories in which the step made something temporary as if it had looked at them.
    pub(super) fn take_directories_used(&mut self, request: &SealRequest<'_>) {
        for directory in std::mem::take(&mut self.directories_used) {
            let is_known = request.observation.paths.contains_key(&directory);
            if directory.is_root() || is_known {
                continue;
            }
            if let Some((kind, row)) = request.disk.node(&directory) {
                let facts = PathFacts {
                    first: StateSeen::Present(kind, row),
                    seen: Seen {
                        probed: true,
                        ..Seen::default()
                    },
                    listed: false,
                    replaced: false,
                    change: None,
                };
                self.take(request, &directory, &facts);
            }
        }
    }

    /// Whether the path lies in a directory that says of itself that it is a cache, and that the step keeps: to one
    /// that only reads there it is what another made.
    pub(super) fn in_tagged_cache(&mut self, request: &SealRequest<'_>, path: &RelPath) -> bool {
        path.ancestors()
            .any(|directory| self.is_tagged(request, &directory))
    }

    /// Whether a directory says of itself that it is a cache, and the step keeps it.
    pub(super) fn is_tagged(&mut self, request: &SealRequest<'_>, directory: &RelPath) -> bool {
        if let Some(known) = self.tagged.get(directory) {
            return *known;
        }
        let full = request.disk.root.join_rel(directory);
        // Python has looked at the sources before it takes what lies there.
        let is_compiled = directory.file_name() == Some(b"__pycache__");
        let tagged = (is_compiled || is_tagged(full.as_path())) && keeps(request, directory);
        self.tagged.insert(directory.clone(), tagged);
        tagged
    }
}

/// Whether the step left something below the directory, now or earlier.
fn keeps(request: &SealRequest<'_>, directory: &RelPath) -> bool {
    let changed = request.observation.paths.iter();
    let changed = changed.filter_map(|(path, facts)| facts.change.is_some().then_some(path));
    let mut left = changed.chain(request.ledger.0.keys());
    left.any(|path| path.starts_with(directory))
}
