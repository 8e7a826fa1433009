//! The last tier: no call stops. What processes write down themselves is read from time to time.
//!
//! Such a trace is for explanation only. Looks may be told in another order than they were made in,
//! changes are not written down at all, and nobody can tell whether processes are left.

use std::time::Duration;

use crate::system::control::{Control, Word};
use crate::system::note::Noting;

/// How often it is read: nobody tells when something was written, and there is room for a few
/// thousand records.
const PAUSE: Duration = Duration::from_millis(5);

/// Reads until the process that was spawned has ended, or nobody can tell any more.
pub(crate) fn attend(mut noting: Noting, control: &Control) {
    while control.last() < Word::MainEnded && !control.is_abandoned() {
        noting.read();
        if control.wait(Some(PAUSE)).is_err() {
            break;
        }
        control.acknowledge();
    }
    noting.end();
    let (sink, calls) = noting.into_sink();
    sink.finish(calls, None);
}
