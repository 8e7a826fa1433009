//! What each step left on this disk: path -> (step, state, created by the step or not).
//!
//! The ledger belongs to one real workspace root and is never shared. It says whether a path is
//! a step's own: its state on disk equals the row, and the row is this step's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vt_base::{Digest, RelPath};

use crate::item::State;
use crate::observed::StateSeen;
use crate::rows::StatRow;

/// What one step left at a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerRow {
    /// The state the step's last run or restore left.
    pub state: State,
    /// Its identity at that time.
    pub row: StatRow,
    /// Whether the step created it, or found it there.
    pub created: bool,
    /// The path set of the stored run that left it; none when that run was not stored.
    pub path_set: Option<Digest>,
    /// The weak key of the run or hit that left it.
    pub key: Digest,
    /// Whether the identity names the content: whether it was old enough when the content was known.
    /// A later write within the same tick of the clock would have left the same identity otherwise.
    pub settled: bool,
}

/// The rows of one step.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger(pub BTreeMap<RelPath, LedgerRow>);

impl Ledger {
    /// The row of a path that was own when it was seen with this identity.
    ///
    /// Identity decides, not content: what was seen may be gone by now. So an identity that is not
    /// settled says nothing. A directory is own whatever it holds, as its times move with its
    /// entries.
    #[must_use]
    pub fn own(&self, path: &RelPath, seen: &StateSeen) -> Option<&LedgerRow> {
        let row = self.0.get(path)?;
        let same = match (seen, &row.state) {
            (StateSeen::Missing, _) => false,
            (StateSeen::Present(crate::NodeKind::Directory, _), State::Directory) => true,
            (StateSeen::Present(_, seen), _) => row.settled && *seen == row.row,
        };
        same.then_some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeKind;

    #[test]
    fn an_identity_that_a_later_write_may_share_says_nothing_of_a_file() {
        let path = RelPath::new("a").unwrap();
        let row = StatRow {
            device: 1,
            inode: 2,
            size: 3,
            mtime_ns: 4,
            ctime_ns: 5,
            mode: 0o100_644,
        };
        let is_own = |state: State, kind, settled| {
            let row = LedgerRow {
                state,
                row,
                created: true,
                path_set: None,
                key: Digest::of(b""),
                settled,
            };
            let seen = StateSeen::Present(kind, row.row);
            Ledger([(path.clone(), row)].into())
                .own(&path, &seen)
                .is_some()
        };
        let file = || State::File {
            digest: Digest::of(b""),
            executable: false,
        };
        assert!(is_own(file(), NodeKind::File, true));
        assert!(!is_own(file(), NodeKind::File, false));
        // A directory is own whatever it holds.
        assert!(is_own(State::Directory, NodeKind::Directory, false));
    }
}
