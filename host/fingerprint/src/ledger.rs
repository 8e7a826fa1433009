//! What each step left on this disk: path -> (step, state, created by the step or not).
//!
//! The ledger belongs to one real workspace root and is never shared. It says whether a path is
//! a step's own: its state on disk equals the row, and the row is this step's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vt_base::{Digest, RelPath};

use crate::disk::StatRow;
use crate::item::State;
use crate::observed::StateSeen;

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
}

/// The rows of one step.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger(pub BTreeMap<RelPath, LedgerRow>);

impl Ledger {
    /// The row of a path that was own when it was seen with this identity.
    ///
    /// Identity decides, not content: what was seen may be gone by now. A directory is own
    /// whatever it holds, as its times move with its entries.
    #[must_use]
    pub fn own(&self, path: &RelPath, seen: &StateSeen) -> Option<&LedgerRow> {
        let row = self.0.get(path)?;
        let same = match (seen, &row.state) {
            (StateSeen::Missing, _) => false,
            (StateSeen::Present(crate::NodeKind::Directory, _), State::Directory) => true,
            (StateSeen::Present(_, seen), _) => *seen == row.row,
        };
        same.then_some(row)
    }
}
