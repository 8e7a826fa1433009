//! Finds what somebody else changed while the step ran.

use vt_base::RelPath;

use super::{SealRequest, Sealing};
use crate::classify::same_but_for_attributes;
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
                    && !is_same_file(request, path, state, row)
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

/// Whether a path is the very file that was seen before, not written since: it got a name more or less.
fn is_same_file(request: &SealRequest<'_>, path: &RelPath, state: &State, row: &StatRow) -> bool {
    let facts = request.observation.paths.get(path);
    let Some(StateSeen::Present(_, before)) = facts.map(|facts| facts.first) else {
        return false;
    };
    // Of a file that was digested before, the bytes decide.
    let is_other = match (state, request.disk.rows.get(&before)) {
        (State::File { digest, .. }, Some(known)) => *digest != known,
        _ => false,
    };
    // Written before the step started; and seen before, or plainly one of several names.
    let is_old = row.mtime_ns <= request.stamp_ns
        && (before.ctime_ns <= request.stamp_ns || request.disk.has_other_names(path));
    same_but_for_attributes(&before, row) && is_old && !is_other
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
