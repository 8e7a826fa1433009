//! One look into the store, for all that is read of it before a step is decided.

use std::sync::Arc;

use vt_store::Snapshot;

use crate::context::Opened;

/// A look into the store that begins when something is first asked for and ends when something is
/// written: to open the index takes longer than to read all that a step needs of it.
#[derive(Default)]
pub(crate) struct Glimpse(Option<Arc<Snapshot>>);

impl Glimpse {
    /// What there is, or nothing if the store can't be read.
    pub(crate) fn get(&mut self, opened: &Opened) -> Option<&Snapshot> {
        if self.0.is_none() {
            self.0 = opened.store.share().ok().flatten();
        }
        self.0.as_deref()
    }

    /// What is left for whoever reads on. Writers wait until it is dropped.
    pub(crate) fn into_snapshot(self) -> Option<Arc<Snapshot>> {
        self.0
    }
}
