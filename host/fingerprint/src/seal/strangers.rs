//! Finds what somebody else changed while the step ran.

use vt_base::RelPath;

use super::{SealRequest, Sealing};
use crate::compare::Look;
use crate::git;
use crate::item::{Item, NodeKind, State};
use crate::observed::StateSeen;
use crate::rows::StatRow;

impl Sealing {
    /// Finds inputs that somebody else changed while the step ran: changed after the start stamp,
    /// and not by the step.
    pub(super) fn find_strangers(
        &mut self,
        request: &SealRequest<'_>,
        look: &Look<'_>,
        items: &[Item],
        states: &[State],
        rows: &[Option<StatRow>],
    ) {
        for ((item, state), row) in items.iter().zip(states).zip(rows) {
            match (item, state, row) {
                (
                    Item::Path(path) | Item::Redacted { path, .. } | Item::Portable(path),
                    State::File { .. }
                    | State::Redacted { .. }
                    | State::Text { .. }
                    | State::Link(_),
                    Some(row),
                ) if row.ctime_ns > request.stamp_ns
                    && !self.touched.contains(path)
                    && !self.renamed.contains(path)
                    && !is_same_index(request, path, state) =>
                {
                    self.changed_meanwhile(path);
                }
                (
                    Item::Path(path) | Item::Redacted { path, .. } | Item::Portable(path),
                    state,
                    _,
                ) if disagrees(request, path, state) && !self.touched.contains(path) => {
                    self.changed_meanwhile(path);
                }
                (Item::Listing(path), State::Listing(names), _) => {
                    let Some((_, row)) = request.disk.node(path) else {
                        continue;
                    };
                    if row.ctime_ns <= request.stamp_ns {
                        continue;
                    }
                    // Whoever makes a directory, or sets its mode, changes its time.
                    let own_doing = self.touched.contains(path)
                        || self
                            .touched
                            .iter()
                            .any(|touched| touched.parent().as_ref() == Some(path));
                    let stranger = names.keys().any(|name| {
                        path.join(name).is_ok_and(|child| {
                            !self.touched.contains(&child)
                                && !look.skips(&child)
                                && request.disk.node(&child).is_none_or(|(kind, row)| {
                                    // The times of a directory move with its own entries.
                                    let is_new = kind != NodeKind::Directory
                                        || request.disk.is_born_after(&child, request.stamp_ns);
                                    row.ctime_ns > request.stamp_ns && is_new
                                })
                        })
                    });
                    if stranger || !own_doing {
                        self.changed_meanwhile(path);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether a path is an index of which the entries are those that were seen before, though somebody
/// wrote it anew.
fn is_same_index(request: &SealRequest<'_>, path: &RelPath, state: &State) -> bool {
    let facts = request.observation.paths.get(path);
    let now = || match state {
        State::File { digest, .. } => Some(*digest),
        _ => None,
    };
    let index = git::Index {
        known: request.indexes,
        now: &now,
    };
    git::is_index(path.as_bytes()) && facts.is_some_and(|facts| index.is_as(&facts.first))
}

/// Whether the state at the seal is not the one the trace saw, for a path the step left alone.
fn disagrees(request: &SealRequest<'_>, path: &RelPath, state: &State) -> bool {
    let Some(facts) = request.observation.paths.get(path) else {
        return false;
    };
    let was_missing = matches!(facts.first, StateSeen::Missing);
    facts.change.is_none()
        && !(facts.seen.denied && *state == State::Denied)
        && was_missing != matches!(state, State::Missing | State::NoDirectory)
}
