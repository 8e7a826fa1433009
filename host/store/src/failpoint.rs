//! Named points at which a test may fail or kill this process. Outside tests they are nothing.
//!
//! Tests of this crate say per thread what happens at a point. A whole process that was built for
//! debugging can be told once to die at one ([`die_at`]). In a release there is none of it.

use std::io;

/// A point in the middle of something that must not be seen half done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// The disk is asked for something, and may refuse.
    Disk,
    /// A command has ended, and nothing is known of what it did.
    AfterCommand,
    /// A blob is complete but does not have its name yet.
    BlobBeforeName,
    /// A blob has its name, and nothing names it.
    AfterBlob,
    /// Everything is put into the index but not committed.
    BeforeCommit,
    /// Everything is committed, and the index still open.
    AfterCommit,
    /// A file of a result is unpacked, and others are not.
    Unpacked,
    /// A result is unpacked and checked, and nothing of the tree is touched.
    BeforeJournal,
    /// The step of the swap with this number comes next.
    Swap(usize),
    /// A step found its target as it was, and moves it next.
    TargetChecked,
    /// The swap is done and its journal still there.
    BeforeJournalRemoval,
    /// A result is in place, and the ledger does not know.
    BeforeHitNoted,
    /// It is decided what a hit puts in place of what, and nothing is planned yet.
    Judged,
}

#[cfg(all(debug_assertions, not(test)))]
impl Point {
    /// What it is called where a process is told to die at it.
    const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::AfterCommand => "after-command",
            Self::BlobBeforeName => "blob-before-name",
            Self::AfterBlob => "after-blob",
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
            Self::Unpacked => "unpacked",
            Self::BeforeJournal => "before-journal",
            Self::Swap(_) => "swap",
            Self::TargetChecked => "target-checked",
            Self::BeforeJournalRemoval => "before-journal-removal",
            Self::BeforeHitNoted => "before-hit-noted",
            Self::Judged => "judged",
        }
    }
}

/// Where this process dies, or stops.
#[cfg(all(debug_assertions, not(test)))]
struct Deadly {
    name: String,
    signal: rustix::process::Signal,
    /// How many times it may still come by.
    left: std::sync::atomic::AtomicU64,
}

#[cfg(all(debug_assertions, not(test)))]
static DEADLY: std::sync::OnceLock<Deadly> = std::sync::OnceLock::new();

/// Makes this process kill itself at a point, at once and with nothing cleaned up: `swap` the
/// first time it comes by, `swap:3` the third time. With `stop-` before the name it only stops, until
/// it is told to continue.
#[cfg(all(debug_assertions, not(test)))]
pub fn die_at(point: &str) {
    use rustix::process::Signal;
    let (name, times) = point.split_once(':').unwrap_or((point, "1"));
    let (name, signal) = match name.strip_prefix("stop-") {
        Some(name) => (name, Signal::STOP),
        None => (name, Signal::KILL),
    };
    let deadly = Deadly {
        name: name.to_owned(),
        signal,
        left: times.parse().unwrap_or(1).into(),
    };
    // Said twice, the first stands.
    let _ = DEADLY.set(deadly);
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

/// Comes by a point.
///
/// # Errors
/// What a test says.
#[cfg(test)]
pub fn reach(point: Point) -> io::Result<()> {
    HOOK.with(|slot| {
        slot.borrow_mut()
            .as_mut()
            .map_or(Ok(()), |hook| hook(point))
    })
}

/// Comes by a point, and goes no further if this process is to die here.
///
/// # Errors
/// Only in tests of this crate.
#[cfg(all(debug_assertions, not(test)))]
pub fn reach(point: Point) -> io::Result<()> {
    use rustix::process::{getpid, kill_process};
    use std::sync::atomic::Ordering;
    if let Some(deadly) = DEADLY.get()
        && deadly.name == point.name()
        && deadly.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        kill_process(getpid(), deadly.signal)?;
        // Another thread may be the one that takes the signal, and this one must not go on until then.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Ok(())
}

/// Comes by a point.
///
/// # Errors
/// Only in tests of this crate.
#[cfg(not(any(test, debug_assertions)))]
pub const fn reach(_point: Point) -> io::Result<()> {
    Ok(())
}
