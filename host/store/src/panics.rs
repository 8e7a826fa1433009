//! Turns panics of the index library into values.
//!
//! redb trusts its file: reading a page that was damaged on disk may panic. Every call into it
//! goes through [`guarded`].

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// Runs something that may panic on damaged data; `Err` has the message of the panic.
///
/// What the closure touched must not be used again after an `Err`.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    GUARDED.with(|depth| depth.set(depth.get() + 1));
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.with(|depth| depth.set(depth.get() - 1));
    outcome.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        text.or_else(|| {
            payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
        })
        .unwrap_or_else(|| "it panicked".to_owned())
    })
}

/// Keeps panics that this crate catches and handles from being printed. Every other panic goes to
/// the hook that was in place.
///
/// Changes the hook of the whole process, so only a program calls it, once, before other threads
/// run; a library never does.
pub fn silence_guarded_panics() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if GUARDED.with(Cell::get) == 0 {
            previous(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(guarded(|| 7), Ok(7));
        let number = 3;
        let caught = guarded(|| assert!(number == 4, "page {number} is gone"));
        assert_eq!(caught, Err("page 3 is gone".to_owned()));
        assert_eq!(guarded(|| 8), Ok(8));
    }
}
