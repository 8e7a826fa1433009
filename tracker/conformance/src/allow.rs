//! Differences that are no faults, each with its reason.
//!
//! What should have been reported is never left out here without something that says as much.

use vt_tracker::Change;

use crate::compare::{Difference, Fault};
use crate::expected::{Attempt, Look};

/// A difference that is no fault.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Its name.
    pub name: &'static str,
    /// Why it is no fault.
    pub reason: &'static str,
    applies: fn(&Difference) -> bool,
}

/// Every difference that is no fault.
pub const ALLOWANCES: &[Allowance] = &[
    Allowance {
        name: "failed change",
        reason: "a call is noted before its result is known, and these errors can't be foreseen: \
            the file is in use, there is no such attribute, there are no descriptors left. The \
            change says that the path was there",
        applies: |difference| match difference.fault {
            Fault::ChangeExtra(change) => failed(difference, |attempt| attempt.change == change),
            Fault::LookMissing(Look::Probed) => {
                failed(difference, |attempt| reports(difference, attempt.change))
            }
            _ => false,
        },
    },
    Allowance {
        name: "refused but there",
        reason: "where something was refused it is also said that it is, or is not, there",
        applies: |difference| {
            let is_refused = expects(difference, Look::Denied);
            let says_so = matches!(
                difference.fault,
                Fault::LookExtra(Look::Probed | Look::Missed)
            );
            is_refused && says_so
        },
    },
    Allowance {
        name: "unknown how far",
        reason: "the call failed, and how far it had come is not said",
        applies: |difference| {
            let look = match difference.fault {
                Fault::LookExtra(look) => look,
                Fault::Listed => Look::Listed,
                _ => return false,
            };
            let expected = difference.expected.as_ref();
            expected.is_some_and(|expected| expected.tolerated.contains(&look))
        },
    },
];

fn failed(difference: &Difference, is_it: impl Fn(&Attempt) -> bool) -> bool {
    let expected = difference.expected.as_ref();
    expected.is_some_and(|expected| expected.attempts.iter().any(is_it))
}

fn expects(difference: &Difference, look: Look) -> bool {
    let expected = difference.expected.as_ref();
    expected.is_some_and(|expected| expected.looks.contains(&look))
}

fn reports(difference: &Difference, change: Change) -> bool {
    let reported = difference.reported.as_ref();
    reported.is_some_and(|reported| reported.changes.contains(&change))
}

/// A fault of the tracker that is known: it is passed over where it shows, and nowhere else.
///
/// Once it shows no more, the comparison fails until it is taken off the list.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What is wrong.
    pub what: &'static str,
    /// Where it shows: a row, or a row and the rest of a path in its directory; `*` is any row.
    pub places: &'static [&'static str],
}

impl Known {
    /// Whether it shows at a path relative to where the command starts: `row.form/rest`.
    #[must_use]
    pub fn shows_at(&self, path: &[u8]) -> bool {
        let path = String::from_utf8_lossy(path);
        let (top, rest) = path.split_once('/').unwrap_or((&path, ""));
        let row = top.split('.').next().unwrap_or_default();
        self.places.iter().any(|place| {
            let (known, inside) = place.split_once('/').unwrap_or((place, ""));
            (known == "*" || known == row) && (inside.is_empty() || inside == rest)
        })
    }
}

/// The allowance for a difference, if there is one.
#[must_use]
pub fn allowance(difference: &Difference) -> Option<&'static Allowance> {
    ALLOWANCES
        .iter()
        .find(|allowance| (allowance.applies)(difference))
}
