//! Where relative names start: the current directory, or one that is open.
//!
//! The current directory of the process is remembered, since asking for it costs as much as the
//! look itself. What is remembered holds for one process only, and as long as neither current
//! directories nor the names of directories change anywhere in the tree. A process that shares
//! the memory of its parent until it executes something has a current directory of its own; hence
//! the number of the process, unless the supervisor tells that there is no such process.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use vt_tracker_abi::LONGEST_TEXT;

use crate::arch::Call;
use crate::attach::Tracker;
use crate::name::{Buffer, number_path};
use crate::system::{AT_FDCWD, number};

const WORDS: usize = LONGEST_TEXT / 8;

/// What the remembered directory is true for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Moment {
    process: u32,
    names: u64,
    directories: u64,
    epoch: u64,
}

/// A directory that can be read while it is being written: then it is not there.
struct Remembered {
    /// Odd while somebody writes.
    sequence: AtomicU32,
    process: AtomicU32,
    names: AtomicU64,
    directories: AtomicU64,
    epoch: AtomicU64,
    length: AtomicUsize,
    text: [AtomicU64; WORDS],
}

static REMEMBERED: Remembered = Remembered::new();
/// How often this process has changed its current directory itself.
static EPOCH: AtomicU64 = AtomicU64::new(0);

impl Remembered {
    const fn new() -> Self {
        Self {
            sequence: AtomicU32::new(0),
            process: AtomicU32::new(0),
            names: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            length: AtomicUsize::new(0),
            text: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    fn recall(&self, moment: &Moment, buffer: &mut Buffer) -> Option<()> {
        let before = self.sequence.load(Ordering::Acquire);
        let found = Moment {
            process: self.process.load(Ordering::Relaxed),
            names: self.names.load(Ordering::Relaxed),
            directories: self.directories.load(Ordering::Relaxed),
            epoch: self.epoch.load(Ordering::Relaxed),
        };
        if !before.is_multiple_of(2) || before == 0 || found != *moment {
            return None;
        }
        let mut left = self.length.load(Ordering::Relaxed);
        buffer.fill(|_, _| Some(0))?;
        for word in &self.text {
            let bytes = word.load(Ordering::Relaxed).to_le_bytes();
            let wanted = left.min(bytes.len());
            buffer.push(bytes.get(..wanted)?)?;
            left -= wanted;
            if left == 0 {
                break;
            }
        }
        fence(Ordering::Acquire);
        (self.sequence.load(Ordering::Relaxed) == before).then_some(())
    }

    /// Does nothing if somebody is at it already; he may be the one that a signal interrupted.
    fn remember(&self, moment: &Moment, text: &[u8]) {
        let before = self.sequence.load(Ordering::Relaxed);
        if !before.is_multiple_of(2)
            || self
                .sequence
                .compare_exchange(
                    before,
                    before.wrapping_add(1),
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_err()
        {
            return;
        }
        fence(Ordering::Release);
        self.process.store(moment.process, Ordering::Relaxed);
        self.names.store(moment.names, Ordering::Relaxed);
        self.directories
            .store(moment.directories, Ordering::Relaxed);
        self.epoch.store(moment.epoch, Ordering::Relaxed);
        self.length.store(text.len(), Ordering::Relaxed);
        for (word, bytes) in self.text.iter().zip(text.chunks(8)) {
            let mut whole = [0; 8];
            for (to, from) in whole.iter_mut().zip(bytes) {
                *to = *from;
            }
            word.store(u64::from_le_bytes(whole), Ordering::Relaxed);
        }
        self.sequence
            .store(before.wrapping_add(2), Ordering::Release);
    }
}

/// Forgets the current directory. To be called before and after it is changed.
pub(crate) fn forget() {
    EPOCH.fetch_add(1, Ordering::SeqCst);
}

/// Writes the real path of the current directory and gives the state of current directories that
/// it is true for.
pub(crate) fn current(tracker: &Tracker, names: u64, buffer: &mut Buffer) -> Option<u64> {
    let directories = tracker.shared.directories()?;
    let process = if tracker.shared.is_memory_apart() {
        0
    } else {
        // SAFETY: takes no arguments.
        unsafe { Call::new(number::GETPID, []).plain() as u32 }
    };
    let moment = Moment {
        process,
        names,
        directories,
        epoch: EPOCH.load(Ordering::SeqCst),
    };
    if REMEMBERED.recall(&moment, buffer).is_none() {
        ask(buffer)?;
        // Not if it was changed meanwhile.
        if tracker.shared.directories() == Some(directories)
            && tracker.shared.names() == Some(names)
            && EPOCH.load(Ordering::SeqCst) == moment.epoch
        {
            REMEMBERED.remember(&moment, buffer.bytes());
        }
    }
    Some(directories)
}

fn ask(buffer: &mut Buffer) -> Option<()> {
    buffer.fill(|start, size| {
        let call = Call::new(number::GETCWD, [start.addr(), size]);
        // SAFETY: the kernel writes no more than the size, which it gives with the zero byte.
        let length = unsafe { call.plain() };
        (length > 0).then(|| length.cast_unsigned() - 1)
    })?;
    // Otherwise it can't be reached from the root.
    buffer.bytes().starts_with(b"/").then_some(())
}

/// Writes the real path of a directory that is open.
pub(crate) fn open(directory: i32, buffer: &mut Buffer) -> Option<()> {
    const DELETED: &[u8] = b" (deleted)";
    let mut name = [0; 40];
    // Threads may have descriptors of their own.
    let directory = u32::try_from(directory).ok()?;
    number_path(&mut name, &[b"/proc/thread-self/fd/"], &[directory])?;
    buffer.fill(|start, size| {
        let arguments = [AT_FDCWD as usize, name.as_ptr().addr(), start.addr(), size];
        let call = Call::new(number::READLINKAT, arguments);
        // SAFETY: the name ends in a zero byte, the buffer is that large. Whoever gets here has
        // found the memory, so there is a gate.
        let length = unsafe { call.gated() };
        // What fills the buffer may be longer.
        (length > 0 && length.cast_unsigned() < size).then_some(length.cast_unsigned())
    })?;
    let path = buffer.bytes();
    (path.starts_with(b"/") && !path.ends_with(DELETED)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Moment = Moment {
        process: 1,
        names: 2,
        directories: 4,
        epoch: 0,
    };

    fn recalled(remembered: &Remembered, moment: &Moment) -> Option<Vec<u8>> {
        let mut buffer = Buffer::new();
        remembered.recall(moment, &mut buffer)?;
        Some(buffer.bytes().to_vec())
    }

    #[test]
    fn a_directory_is_remembered_for_its_moment_only() {
        let remembered = Remembered::new();
        let nothing = Moment {
            process: 0,
            names: 0,
            directories: 0,
            epoch: 0,
        };
        assert_eq!(recalled(&remembered, &nothing), None);
        for length in [1, 7, 8, 9, LONGEST_TEXT] {
            let text = vec![b'/'; length];
            remembered.remember(&MOMENT, &text);
            assert_eq!(recalled(&remembered, &MOMENT), Some(text));
        }
        for other in [
            Moment {
                process: 2,
                ..MOMENT
            },
            Moment { names: 4, ..MOMENT },
            Moment {
                directories: 6,
                ..MOMENT
            },
            Moment { epoch: 1, ..MOMENT },
        ] {
            assert_eq!(recalled(&remembered, &other), None);
        }
    }

    #[test]
    fn an_interrupted_writer_leaves_nothing_to_recall_and_nobody_waits() {
        let remembered = Remembered::new();
        remembered.remember(&MOMENT, b"/a");
        remembered.sequence.fetch_add(1, Ordering::SeqCst);
        assert_eq!(recalled(&remembered, &MOMENT), None);
        remembered.remember(&MOMENT, b"/b");
        assert_eq!(recalled(&remembered, &MOMENT), None);
    }

    #[test]
    fn readers_never_see_half_of_one_directory_and_half_of_another() {
        static REMEMBERED: Remembered = Remembered::new();
        let texts = [vec![b'a'; 300], vec![b'b'; 200]];
        std::thread::scope(|scope| {
            for text in &texts {
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        REMEMBERED.remember(&MOMENT, text);
                    }
                });
            }
            for _ in 0..20_000 {
                if let Some(found) = recalled(&REMEMBERED, &MOMENT) {
                    assert!(texts.contains(&found));
                }
            }
        });
    }
}
