//! What a run did to repositories outside the workspace.

use vt_base::AbsPath;

use super::{SealRequest, Sealing};
use crate::classify::{Class, effective_change};
use crate::disk::kind_of;
use crate::git;
use crate::item::{Item, NodeKind, State};
use crate::observed::{PathFacts, StateSeen};
use crate::rows::StatRow;
use crate::why::NotStored;

impl Sealing {
    /// Takes a path of a repository outside the workspace. Gives it back if it was written and may
    /// be only where anybody may write.
    pub(super) fn take_repository(
        &mut self,
        request: &SealRequest<'_>,
        path: &AbsPath,
        facts: &PathFacts,
    ) -> Option<AbsPath> {
        let end = std::fs::symlink_metadata(path).ok();
        let end = end.map(|there| (kind_of(&there), StatRow::of(&there)));
        let is_changed = effective_change(facts, end).is_some();
        // A repository in a temporary directory is like any other file there, unless the workspace
        // lies there as well.
        let is_scratch = request.outside.scratch.iter().any(|directory| {
            path.starts_with(directory) && !request.disk.root.starts_with(directory)
        });
        if is_changed && (is_scratch || is_in_made_repository(request, path)) {
            return end.is_some().then(|| path.clone());
        }
        let name = git::name_from(request.disk.root, path);
        let item = Item::Repository(serde_bytes::ByteBuf::from(name.clone()));
        let now = || match request.disk.state(&item, &|_| false).0 {
            State::File { digest, .. } => Some(digest),
            _ => None,
        };
        let index = git::Index {
            known: request.indexes,
            now: &now,
        };
        let index = git::is_index(&name).then_some(&index);
        let inside = git::below_git(path.as_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&name).into_owned();
        match git::classify(&inside, facts, end, index) {
            Class::Input | Class::Rewritten => {
                let is_stranger = |(_, row): (NodeKind, StatRow)| {
                    row.ctime_ns > request.stamp_ns
                        && !index.is_some_and(|index| index.is_as(&facts.first))
                };
                let is_directory = matches!(end, Some((NodeKind::Directory, _)));
                if !is_changed && (!is_directory || facts.listed) && end.is_some_and(is_stranger) {
                    self.refuse(NotStored::InputChangedDuringRun { path: text });
                } else if facts.listed {
                    let name = serde_bytes::ByteBuf::from(name);
                    self.items.insert(Item::RepositoryListing(name));
                } else {
                    self.items.insert(item);
                }
                None
            }
            Class::WroteGit => {
                self.refuse(NotStored::WroteGit { path: text });
                None
            }
            Class::ModifiedInput => {
                self.refuse(NotStored::ModifiedInput { path: text });
                None
            }
            Class::ChangedMeanwhile => {
                self.refuse(NotStored::InputChangedDuringRun { path: text });
                None
            }
            _ => (is_changed && end.is_some()).then(|| path.clone()),
        }
    }
}

/// Whether a path lies in a repository that the step itself made.
fn is_in_made_repository(request: &SealRequest<'_>, path: &AbsPath) -> bool {
    let repository = &request.observation.outside.repository;
    let mut ancestor = Some(path.clone());
    while let Some(at) = ancestor {
        if at.as_path().file_name().is_some_and(|name| name == ".git") {
            let facts = repository.get(&at);
            return facts.is_some_and(|facts| facts.first == StateSeen::Missing);
        }
        ancestor = at.parent();
    }
    false
}
