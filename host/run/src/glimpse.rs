//! One look into the store, for all that is read of it before a step is decided.

use std::sync::Arc;

use vt_store::{Snapshot, StoreError};

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

    /// What there is, for whoever reads on; `None` when nothing was ever written. Writers wait until it
    /// is dropped.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) fn go_on(self, opened: &Opened) -> Result<Option<Arc<Snapshot>>, StoreError> {
        match self.0 {
            None => opened.store.share(),
            begun => Ok(begun),
        }
    }
}
