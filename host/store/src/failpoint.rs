//! Named points at which a test may fail or kill this process. Outside tests they are nothing.

use std::io;

/// A point in the middle of something that must not be seen half done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Point {
    /// The disk is asked for something, and may refuse.
    Disk,
    /// A blob is complete but does not have its name yet.
    BlobBeforeName,
    /// Everything is put into the index but not committed.
    BeforeCommit,
    /// A result is unpacked and checked, and nothing of the tree is touched.
    BeforeJournal,
    /// The step of the swap with this number comes next.
    Swap(usize),
    /// The swap is done and its journal still there.
    BeforeJournalRemoval,
}

#[cfg(test)]
type Hook = Box<dyn FnMut(Point) -> io::Result<()>>;

#[cfg(test)]
thread_local! {
    static HOOK: std::cell::RefCell<Option<Hook>> = const { std::cell::RefCell::new(None) };
}

/// Sets what happens at the points this thread comes by.
#[cfg(test)]
pub(crate) fn set(hook: impl FnMut(Point) -> io::Result<()> + 'static) {
    HOOK.with(|slot| *slot.borrow_mut() = Some(Box::new(hook)));
}

/// Lets this thread pass all points again.
#[cfg(test)]
pub(crate) fn clear() {
    HOOK.with(|slot| *slot.borrow_mut() = None);
}

#[cfg(test)]
pub(crate) fn reach(point: Point) -> io::Result<()> {
    HOOK.with(|slot| {
        slot.borrow_mut()
            .as_mut()
            .map_or(Ok(()), |hook| hook(point))
    })
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "under test a point can fail")]
pub(crate) const fn reach(_point: Point) -> io::Result<()> {
    Ok(())
}
