//! `vt run --last-details`: everything about the last run, once more.

use anstream::println;

use crate::error::Error;
use crate::report::history::History;
use crate::report::wording;

/// Shows the last run.
pub(crate) fn show(history: &History) -> Result<i32, Error> {
    let last = history.load().into_iter().next();
    let last = last.ok_or(Error::NoRun)?;
    for line in wording::details(&last.summary) {
        println!("{line}");
    }
    Ok(0)
}
